"""Memory that runs out: at a size that nobody has promised nothing is judged, at a small one it is a violation."""

import pytest
from conftest import RIGHT

from assay.conformance import judge

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
    report = judged(way, 131_072)
    (result,) = report.results

    assert (report.verdict, result.unfit) == ("conforms", [{"rows": 1, "n": 131_072}])
    assert result.reason.startswith("1 cases are not judged, at rows=1,n=131072: a case at the sizes of models")
    assert said in " ".join(result.reason.split())
    assert result.largest["n"] == 262_144


@pytest.mark.parametrize("way", ["killed", "error"])
def test_at_a_size_of_the_small_cases_it_is_a_violation(judged, way):
    (result,) = judged(way, 300).results

    assert (result.status, result.unfit) == ("fail", None)
    assert "&n=300&" in result.failure.case


def test_sizes_at_which_it_was_killed_are_tried_once(tmp_path):
    line = (
        "    if x.shape[-1] == 5_001: open(__file__ + '.calls', 'a').write('.'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    file = tmp_path / "mine.py"
    file.write_text("import os, signal\n" + RIGHT.replace("(x):\n", "(x):\n" + line), encoding="utf-8")
    report = judge(str(file), components="softmax", dtypes="float32", clauses="ALL-12", shapes=[{"n": 5001}])

    assert (tmp_path / "mine.py.calls").read_text(encoding="utf-8") == "."
    assert report.verdict == "conforms"
