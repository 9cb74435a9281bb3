"""The user's own sizes are judged with everything that goes with them, and each mistake is a sentence."""

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import RIGHT

from assay.conformance import UserError, judge
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import PROFILES, profile_with
from assay.conformance.cases.sizes import drawn_for
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.schema import fault

OWN = {"B": 2, "H": 48, "H_kv": 2, "L_q": 1, "L_k": 4096, "d_k": 128, "d_v": 128}

WRONG_AT_777 = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    y = e / e.sum(-1, keepdims=True)
    return y[..., ::-1] if x.shape[-1] == 777 else y
"""
CALL = ("--component", "softmax", "--clause", "ALL-12", "--json", "report.json")


def cases(name, profile, clause="ALL-12", seed=0, sizes="all"):
    component = drawn_for(CLAUSES[clause], COMPONENTS[name], sizes, profile.shapes)
    return list(cases_of(CLAUSES[clause], component, "float32", profile, seed))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("sizes", ["all", "few"])
def test_own_sizes_are_drawn_with_every_pair_of_what_goes_with_them(profile, sizes):
    drawn = [
        case
        for case in cases("attention", profile_with(profile, [OWN]), sizes=sizes)
        if {name: case[name] for name in OWN} == OWN
    ]
    beside = COMPONENTS["attention"].at_size.beside

    for one, other in itertools.combinations(beside, 2):
        pairs = {(a[one], b[other]) for a in beside[one] for b in beside[other]}
        assert pairs <= {(case[one], case[other]) for case in drawn}
    assert {(name, case[name]) for case in drawn for name in OWN} == set(OWN.items())


def test_what_is_drawn_without_them_is_drawn_with_them():
    def alike(profile):
        return {tuple(case[name] for name in OWN) for case in cases("attention", profile)}

    assert alike(PROFILES["quick"]) | {tuple(OWN.values())} == alike(profile_with("quick", [OWN]))


def test_a_shape_goes_to_every_component_that_has_its_sizes_and_the_rest_is_plain():
    profile = profile_with("quick", [{"L_q": 7, "L_k": 600}])

    assert any((case["L_q"], case["L_k"], case["H"]) == (7, 600, 1) for case in cases("attention", profile))
    assert any((case["L_q"], case["L_k"]) == (7, 600) for case in cases("multi_head_attention", profile))
    assert cases("softmax", profile) == cases("softmax", PROFILES["quick"])


def test_what_is_wrong_at_one_size_alone_is_found_where_that_is_named(terminal):
    file = terminal.write("mine.py", WRONG_AT_777)

    assert terminal.assay("run", file, *CALL).returncode == 0
    assert "shapes" not in terminal.report()
    done = terminal.assay("run", file, *CALL, "--shape", "rows=5,n=776", "--shape", "rows=5,n=777", "-n", "2")
    assert done.returncode == 1
    assert "rows=1&n=777&regime=" in done.stdout
    assert "the sizes rows=5,n=776 and rows=5,n=777" in " ".join(done.stdout.split())
    report = terminal.report()
    assert report["shapes"] == [{"rows": 5, "n": 776}, {"rows": 5, "n": 777}]
    replayed = terminal.assay(
        "replay", report["results"][0]["failure"]["case"], "--adapter", file, "--clause", "ALL-12"
    )
    assert replayed.returncode == 1


def test_an_adapter_and_a_suite_may_name_them(terminal):
    file = terminal.write("mine.py", WRONG_AT_777 + 'shapes = [{"n": 777}]')
    other = terminal.write("other.py", WRONG_AT_777)

    assert terminal.assay("run", file, *CALL).returncode == 1
    assert terminal.report()["shapes"] == [{"n": 777}]
    chosen = ("--assay-component", "softmax", "--assay-clause", "ALL-12")
    assert terminal.python("-m", "pytest", "--assay", other, *chosen).returncode == 0
    assert terminal.python("-m", "pytest", "--assay", other, *chosen, "--assay-shape", "n=777").returncode == 1
    done = terminal.python("-m", "pytest", "--assay", other, *chosen, "--assay-shape", "L_k=777")
    assert "--assay-shape: the shape L_k=777 is of attention and multi_head_attention" in done.stderr


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


judged = functools.partial(judge, softmax, component="softmax", clauses="ALL-12")


def test_what_the_judge_has_no_memory_for_is_not_judged_and_the_rest_is():
    report = judged(shapes=[{"rows": 10**11}], memory=2**60)

    assert report.verdict == "conforms"
    assert "the judge has no memory for a case of this size" in report.results[0].reason


def test_own_sizes_that_do_not_fit_are_told_and_the_verdict_names_those_that_did(terminal):
    line = "    if x.shape[-1] > 40_000: raise MemoryError('Unable to allocate 64.0 GiB')\n"
    file = terminal.write("small.py", RIGHT.replace("(x):\n", "(x):\n" + line))
    done = terminal.assay("run", file, *CALL, "--shape", "n=50000")
    said = " ".join(done.stdout.split())

    assert done.returncode == 0
    assert ": conforms; softmax to n = 32,000: 0 violations" in said
    assert "cases are not judged, at rows=1,n=50000 and " in said
    assert "Unable to allocate 64.0 GiB" in said
    report = terminal.report()
    assert report["largest"] == {"softmax": {"rows": 65_537, "n": 32_000}}
    assert {"rows": 1, "n": 50_000} in report["results"][0]["unfit"]
    assert fault(report) is None


def test_sizes_that_take_too_long_are_tried_once(terminal):
    line = "    if x.shape[-1] == 5_001: open('calls', 'a').write('.'); time.sleep(60)\n"
    file = terminal.write("slow.py", "import time\n" + RIGHT.replace("(x):\n", "(x):\n" + line))
    done = terminal.assay("run", file, *CALL, "--shape", "n=5001", "--timeout", "2")

    assert (done.returncode, (terminal.cwd / "calls").read_text()) == (0, ".")
    assert ": conforms; softmax to n = 4,097: " in done.stdout  # none larger is tried
    assert "cases are not judged, at rows=1,n=5001 and " in " ".join(done.stdout.split())


def test_a_run_where_all_sizes_fit_says_nothing_of_them():
    report = judged()

    assert report.limits == {}
    assert report.largest == {"softmax": {"rows": 65_537, "n": 262_144}}


def test_a_shape_that_a_clause_has_no_time_for_is_named():
    adapter = SimpleNamespace(name="nothing", framework="torch", attention=lambda query, key, value, **rest: value)
    report = judge(adapter, clauses="GRAD-8", shapes=[OWN])

    assert report.results[0].reason.startswith("too large for this clause, which takes long: B=2,H=48,H_kv=2,")


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ([{"m": 3}], "no component has a size 'm'; there are "),
        ([{"row": 3}], "no component has a size 'row'; did you mean 'rows'?"),
        ([{"rows": 3, "L_k": 4}], "no component that is judged at the sizes of models has all of rows, L_k"),
        ([{"L_k": 4}], "the shape L_k=4 is of attention and multi_head_attention, of which this run judges nothing"),
        ([{"n": 0}], "the size n in shapes must be a whole number, from 1 to 10^12, not 0"),
        ([{"n": True}], "the size n in shapes must be a whole number, from 1 to 10^12, not True"),
        ({"n": 3}, "shapes must be a list such as"),
        (5, "shapes must be a list such as"),
        ([{}], "shapes must be a list such as"),
    ],
)
def test_each_mistake_in_a_shape_is_one_sentence(shapes, says):
    with pytest.raises(UserError) as error:
        judged(shapes=shapes)
    assert says in str(error.value)


def test_sizes_that_do_not_go_together_are_told():
    with pytest.raises(UserError, match=r"do not go together in attention: H is a multiple of H_kv$"):
        judge(lambda *a, **k: a[2], component="attention", clauses="ALL-12", shapes=[{"H": 3, "H_kv": 2}])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "should look like B=1,L_q=1,L_k=4096, not ''"),
        ("L_k", "should look like B=1,L_q=1,L_k=4096, not 'L_k'"),
        ("L_k=4,L_k=5", "names L_k twice"),
        ("L_k=-4", "the size L_k must be a whole number, from 1 to 10^12, in 'L_k=-4'"),
        ("L_k=" + "9" * 5000, "the size L_k must be a whole number, from 1 to 10^12, in 'L_k=999"),
    ],
)
def test_each_mistake_on_the_command_line_is_one_sentence(terminal, text, says):
    done = terminal.assay("run", "torch", "--shape", text)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
