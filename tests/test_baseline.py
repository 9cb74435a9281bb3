"""`--baseline`: a run fails on what got worse since a report of before, and on nothing else."""

import copy
import re

import pytest
from conftest import RIGHT, WRONG
from test_bad_input import complaint
from test_plugin import counts

from assay.conformance.interface.baseline import compare, compare_results

QUICKLY = ("--component", "softmax", "--clause", "SM-1,ALL-1,ALL-4")


@pytest.fixture(scope="module")
def before(shared_terminal):
    """Judge a wrong and a right adapter of one name."""
    terminal = shared_terminal
    for folder, text in {"wrong": WRONG, "right": RIGHT}.items():
        file = terminal.write(f"{folder}/kernel.py", text)
        terminal.assay("run", file, *QUICKLY, "--json", f"{folder}.json")
    return terminal


def test_a_failure_of_before_fails_no_run_and_one_that_is_new_does(before):
    right, wrong = (str(before.files / name / "kernel.py") for name in ("right", "wrong"))
    same = before.assay("run", wrong, *QUICKLY, "--baseline", "wrong.json", "--json", "now.json")
    assert (same.returncode, before.report("now.json")["verdict"]) == (0, "violates")
    assert before.report("now.json")["baseline"] == {"worse": [], "mended": []}
    assert "nothing got worse, and nothing was mended" in same.stdout

    mended = before.assay("run", right, *QUICKLY, "--baseline", "wrong.json", "--markdown", "now.md")
    assert mended.returncode == 0
    assert re.search(r"mended: the cause [\w.-]+: .*, ALL-1 softmax float32, SM-1 softmax float32\n", mended.stdout)
    assert "mended" in (before.cwd / "now.md").read_text(encoding="utf-8")

    worse = before.assay("run", wrong, *QUICKLY, "--baseline", "right.json")
    assert worse.returncode == 1
    assert "worse than before: the verdict was conforms, and is violates" in worse.stdout
    assert "worse than before: SM-1 softmax float32 fails: the probabilities of a row do not sum to one" in worse.stdout


def test_errors_that_grow_beyond_the_factor_are_worse(before, terminal):
    """They are still within the bound."""
    text = RIGHT.replace("return e /", "return np.float32(1 + 2.0**-22) * e /")
    done = before.assay("run", before.write("grown/kernel.py", text), *QUICKLY, "--baseline", "right.json")
    assert done.returncode == 1
    assert "worse than before: the largest error of softmax float32 is " in done.stdout
    file = str(before.files / "grown/kernel.py")
    assert before.assay("run", file, *QUICKLY, "--baseline", "right.json", "--worse-by", "1e6").returncode == 0


def test_what_is_refused_where_it_was_answered_is_worse(before):
    text = RIGHT.replace("    e =", "    if x.shape[-1] == 5: raise NotImplementedError\n    e =")
    done = before.assay("run", before.write("less/kernel.py", text), *QUICKLY, "--baseline", "right.json")
    assert done.returncode == 1
    assert "worse than before: ALL-1 softmax float32 has lost power: answered are" in done.stdout


RESULT = {"clause": "ALL-1", "level": "required", "component": "softmax", "dtype": "float32", "status": "pass"}
RESULT |= {"worst_ratio": 0.5, "reason": None, "failure": None, "power": {"informative": 1.0, "median": 0.1}}
FAILED = RESULT | {"status": "fail", "failure": {"message": "it is wrong", "ratio": 4.0}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, []),
        ({"worst_ratio": 1.0}, []),
        ({"worst_ratio": 1.01}, ["the largest error of softmax float32 is 1.01 times the allowed, and was 0.5 times"]),
        ({"status": "unsupported", "reason": "no"}, ["ALL-1 softmax float32 is judged no more: unsupported, no"]),
        ({"status": "vacuous", "reason": "wide"}, ["ALL-1 softmax float32 is judged no more: vacuous, wide"]),
        ({"power": {"informative": 0.4, "median": 0.1}}, ["its bounds see 40% of the elements, and saw 100%"]),
        ({"power": {"informative": 1.0, "median": 0.3}}, ["its bounds are 3 times as wide"]),
        ({"level": "advisory", "status": "fail", "failure": FAILED["failure"]}, []),
        ({"status": "allowed", "failure": FAILED["failure"]}, []),
    ],
)
def test_what_is_worse_in_a_line(change, says):
    found = compare_results([RESULT], [RESULT | change], 2.0)
    assert len(found.worse) == len(says)
    assert all(each in sentence for each, sentence in zip(says, found.worse, strict=True))
    assert found.mended == []


def test_a_failure_that_grows_and_one_in_a_line_that_is_new():
    grown = FAILED | {"failure": {"message": "it is wrong", "ratio": 9.0}}
    assert compare_results([FAILED], [grown], 2.0).worse == [
        "ALL-1 softmax float32 fails by 9 times the allowed, and did by 4 times"
    ]
    assert compare_results([FAILED], [grown], 3.0).worse == []
    assert compare_results([], [FAILED], 2.0).worse == [
        "ALL-1 softmax float32 fails, and was not judged before: it is wrong"
    ]


def test_a_new_cause_is_worse_though_its_lines_failed_before():
    cause = {"id": "a1", "sentence": "rows are tiled"}
    report = {"verdict": "violates", "results": [FAILED], "causes": [cause]}
    other = copy.deepcopy(report) | {"causes": [cause | {"id": "b2"}]}
    assert compare(report, report, 2.0).worse == []
    found = compare(report, other, 2.0)
    assert found.worse == ["a new cause (b2): rows are tiled"]
    assert found.mended == ["the cause a1: rows are tiled"]


def test_a_baseline_that_does_not_fit_is_refused(before, capsys, terminal, right):
    file = str(before.cwd / "right.json")
    assert complaint(capsys, "run", right, "--baseline", file) == f"the baseline {file} is of kernel, and not of right"
    text = (before.cwd / "right.json").read_text(encoding="utf-8").replace('"results"', '"incomplete": true, "results"')
    half = terminal.write("half.json", text)
    kernel = str(before.files / "right/kernel.py")
    assert complaint(capsys, "run", kernel, "--baseline", half).endswith("is the report of a run that was interrupted")
    assert "must be a number from 1 on, not '0.5'" in complaint(capsys, "run", "--worse-by", "0.5")


def test_pytest_knows_the_baseline(before):
    """What fails as before is expected; what is worse fails the session, even where each test passes."""
    wrong = str(before.files / "wrong/kernel.py")
    chosen = ("--assay-component", "softmax", "--assay-clause", "SM-1,ALL-1,ALL-4")
    session = ("-B", "-m", "pytest", "-p", "no:cacheprovider")
    same = before.python(*session, "--assay", wrong, *chosen, "--assay-baseline", "wrong.json", "-rx")
    assert (same.returncode, counts(same)) == (0, {"passed": 1, "xfailed": 2}), same.stdout
    assert "as in the baseline: " in same.stdout
    new = before.python(*session, "--assay", wrong, *chosen, "--assay-baseline", "right.json", "-n", "1")
    assert (new.returncode, counts(new)) == (1, {"passed": 1, "failed": 2})
    text = RIGHT.replace("return e /", "return np.float32(1 + 2.0**-22) * e /")
    grown = before.write("grown/kernel.py", text)
    done = before.python(*session, "--assay", grown, *chosen, "--assay-baseline", "right.json")
    assert (done.returncode, counts(done)) == (1, {"passed": 3})
    assert "worse than before: the largest error of softmax float32" in done.stdout
