"""Memory: what runs out of it at the sizes of models is not judged, nor what needs more than the budget."""

import json
import sys

import pytest
from conftest import RIGHT
from platforms import POSIX

from assay.adapters import memory as memory_of_system
from assay.conformance import UserError, judge
from assay.conformance.components import COMPONENTS
from assay.conformance.interface.options import UsageError, memory
from assay.conformance.interface.schema import fault
from assay.conformance.judging import memory as of_judge
from assay.conformance.judging.memory import needs

OUT_OF_MEMORY = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "killed behind a shell": "os._exit(128 + signal.SIGKILL)",
    "error": "raise MemoryError('Unable to allocate 64.0 GiB')",
    "bad_alloc": """os.write(2, b"terminate called\\n  what():  std::bad_alloc\\n"); os.abort()""",
}


@pytest.fixture
def judged(tmp_path):
    """Judge a softmax that runs out of memory in one way for rows of so many."""

    def run(way, entries):
        line = f"    if x.shape[-1] == {entries}: {OUT_OF_MEMORY[way]}\n"
        file = tmp_path / "mine.py"
        file.write_text("import os, signal\n" + RIGHT.replace("(x):\n", "(x):\n" + line), encoding="utf-8")
        return judge(str(file), components="softmax", dtypes="float32", clauses="ALL-12")

    return run


@POSIX
@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("killed", "the worker was killed by SIGKILL; this is what a system does that runs out of memory"),
        ("killed behind a shell", "the worker exited with status 137; this is what a system does"),
        ("error", "Unable to allocate 64.0 GiB"),
        ("bad_alloc", "the worker was killed by SIGABRT: what(): std::bad_alloc"),
    ],
)
def test_at_the_sizes_of_models_it_is_not_judged_and_the_rest_is(judged, way, said):
    report = judged(way, 262_144)
    (result,) = report.results

    assert (report.verdict, result.unfit) == ("conforms", [{"rows": 2, "n": 262_144}])
    assert result.reason.startswith("1 cases are not judged, at rows=2,n=262144: a case at the sizes of models")
    assert said in " ".join(result.reason.split())
    assert result.largest["n"] == 131_072


@POSIX
@pytest.mark.parametrize("way", ["killed", "error"])
def test_at_a_size_of_the_small_cases_it_is_a_violation(judged, way):
    (result,) = judged(way, 300).results

    assert (result.status, result.unfit) == ("fail", None)
    assert "&n=300&" in result.failure.case


@POSIX
def test_sizes_at_which_it_was_killed_are_tried_once(tmp_path):
    line = (
        "    if x.shape[-1] == 5_001: open(__file__ + '.calls', 'a').write('.'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    file = tmp_path / "mine.py"
    file.write_text("import os, signal\n" + RIGHT.replace("(x):\n", "(x):\n" + line), encoding="utf-8")
    report = judge(str(file), components="softmax", dtypes="float32", clauses="ALL-12", shapes=[{"n": 5001}])

    assert (tmp_path / "mine.py.calls").read_text(encoding="utf-8") == "."
    assert report.verdict == "conforms"


CALL = ("--component", "softmax", "--clause", "ALL-12", "--dtype", "float32")


def test_what_needs_more_than_the_budget_is_not_judged(terminal):
    file = terminal.write("mine.py", RIGHT)
    done = terminal.assay("run", file, *CALL, "--memory", "150M", "--json", "report.json")
    report, said = terminal.report(), " ".join(done.stdout.split())

    assert done.returncode == 0
    assert ": conforms; softmax to n = 32,000, rows = 1,201: " in said
    assert fault(report) is None
    assert report["memory"]["budget"] == 150 * 2**20
    assert {"rows": 2, "n": 262_144} in report["results"][0]["unfit"]
    assert "a case of this size needs about " in report["results"][0]["reason"]
    assert "MiB, and 150 MiB are there (--memory)" in report["results"][0]["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has had")
def test_the_memory_of_judge_and_implementation_is_measured(terminal):
    file = terminal.write("mine.py", RIGHT.replace("e = ", "np.ones(2**25) if x.shape[-1] > 1000 else 0; e = "))
    terminal.assay("run", file, *CALL, "--json", "report.json", "-n", "2")
    found = terminal.report()["memory"]

    assert fault(terminal.report()) is None
    assert 2**28 < found["implementation"] < 2**30
    assert 2**25 < found["judge"] < found["budget"]


def test_a_suite_and_python_have_the_budget(terminal, tmp_path):
    file = terminal.write("mine.py", RIGHT)
    chosen = ("--assay-component", "softmax", "--assay-clause", "ALL-12", "--assay-dtype", "float32")
    done = terminal.python("-m", "pytest", "-rs", "--assay", file, *chosen, "--assay-memory", "1M")
    report = judge(file, components="softmax", dtypes="float32", clauses="ALL-12", memory=2**20)

    assert "a case of this size needs about 128 MiB, and 1 MiB are there (--memory)" in done.stdout
    assert report.verdict == "no-evidence"
    assert report.as_json()["memory"]["budget"] == 2**20
    with pytest.raises(UserError, match=r"memory must be a whole number of bytes above 0, not '1G'"):
        judge(file, memory="1G")


def test_a_case_that_needs_more_is_not_replayed(terminal):
    case = "softmax?dtype=float32&rows=1000000&n=1000000&regime=normal&layout=contiguous&seed=5"
    done = terminal.assay("replay", case, "--adapter", terminal.write("mine.py", RIGHT), "--memory", "2G")

    assert done.returncode == 2
    assert done.stderr.startswith(
        "assay: this case cannot be judged: a case of this size needs about 536,441.9 GiB, and 2.0 GiB "
    )


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 2**32), ("1.5 GiB", 3 * 2**29), ("512m", 2**29), ("1000", 1000), ("8589934592", 2**33)]
)
def test_an_amount_of_memory(text, size):
    assert memory(text) == size


@pytest.mark.parametrize("text", ["0", "", "G", "4X", "-1G", "4GG", "nan", "1e400", "9" * 5000])
def test_what_is_no_amount_of_memory(text):
    with pytest.raises(UsageError, match=r"must be an amount of memory such as 4G or 512M, not "):
        memory(text)


@pytest.mark.parametrize(
    ("limit", "used", "due"), [("max", "5", 2**33), (str(2**32), str(2**31), 2**29), (str(2**32), str(2**33), 0)]
)
def test_by_default_it_is_a_quarter_of_what_the_system_or_the_container_has_left(monkeypatch, limit, used, due):
    said = {
        "/proc/meminfo": f"MemTotal: {2**26} kB\nMemAvailable:   {2**25} kB\n",
        "/sys/fs/cgroup/memory.max": limit,
        "/sys/fs/cgroup/memory.current": used,
    }
    monkeypatch.setattr(memory_of_system, "_read", said.__getitem__)

    assert of_judge.budget_by_default() == due


MEASURE = """
import json, os, sys
from assay.adapters import peak_of
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.judging import judge_case
from assay.adapters.in_process import open_object
from assay.conformance.variants import find
for line, variant, clause in json.loads(sys.argv[1]):
    if not os.fork():
        component = line.partition("?")[0]
        case = COMPONENTS[component].parse(dict(pair.split("=") for pair in line.partition("?")[2].split("&")))
        adapter, before = open_object(find(variant).adapter(), variant), peak_of()
        assert judge_case(adapter, CLAUSES[clause], case).passed
        print(peak_of() - before, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has had")
def test_a_case_needs_about_what_is_estimated(terminal):
    cases = [
        ("attention", "attention-plain", "ALL-12", {"H": 48, "H_kv": 2, "L_q": 1, "L_k": 1000, "d_k": 128, "d_v": 128}),
        ("log_softmax", "log-softmax-through-maximum", "ALL-12", {"axes": 3, "rows": 2, "n": 262_144}),
        ("layer_norm", "layer-norm-two-pass", "ALL-12", {"axes": 2, "B": 1, "L": 1_000_003, "d": 2}),
    ]
    lines = [(COMPONENTS[name].plainest("float32").but(**sizes).id, *rest) for name, *rest, sizes in cases]
    measured = terminal.python("-c", MEASURE, json.dumps(lines)).stdout.split()
    estimated = [needs(COMPONENTS[name].plainest("float32").but(**sizes)) for name, *_, sizes in cases]

    assert len(measured) == len(cases)
    for size, estimate in zip(map(int, measured), estimated, strict=True):
        assert estimate / 4 < size < estimate
