"""`--assay` in the settings of a project: paths from its root, ids that can be run again, markers, known failures."""

import pytest
from conftest import WRONG
from test_plugin import counts

SETTINGS = "[pytest]\naddopts = --strict-markers --assay tests/kernel.py --assay-clause SM-1,ALL-4\n"
BOTH = "dtypes = ('float32', 'float64')\n" + WRONG


@pytest.fixture
def project(terminal):
    """His project has the adapter among its tests, and names it in its settings."""
    (terminal.cwd / "tests").mkdir()
    files = {"pytest.ini": SETTINGS, "tests/kernel.py": BOTH, "tests/test_his.py": "def test_his(): pass\n"}
    for name, text in files.items():
        (terminal.cwd / name).write_text(text, encoding="utf-8")

    def run(*arguments, inside="."):
        script = "import os, sys, pytest; os.chdir(sys.argv[1]); sys.exit(pytest.main(sys.argv[2:]))"
        return terminal.python("-Bc", script, inside, "-p", "no:cacheprovider", *arguments)

    return run


def test_paths_are_those_of_the_root_wherever_he_stands(project):
    for inside in (".", "tests"):
        done = project(inside=inside)
        assert (done.returncode, counts(done)) == (1, {"failed": 2, "passed": 3}), done.stdout


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("tests/test_his.py",), {"passed": 1}),
        (("tests/test_his.py::test_his",), {"passed": 1}),
        (("tests",), {"failed": 2, "passed": 3}),
        (("tests/kernel.py", "-k", "ALL-4"), {"passed": 2, "deselected": 2}),
        (("-m", "assay"), {"failed": 2, "passed": 2, "deselected": 1}),
        (("-m", "not assay"), {"passed": 1, "deselected": 4}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_judged_follows_from_what_he_names(project, arguments, found):
    """Clauses of the settings do not run where he names a test of his own."""
    assert counts(project(*arguments)) == found


def test_as_many_tests_are_collected_as_are_listed(project):
    listed = project("--collect-only", "-q").stdout.splitlines()
    assert listed[-1].startswith("5 tests collected")
    assert len([line for line in listed if "::" in line]) == 5
    assert project("--collect-only", "-q", "-k", "SM-1").stdout.splitlines()[-1].startswith("2/5 tests collected")


def test_an_id_that_is_printed_can_be_run_again(project):
    """From the root or inside, with a worker and a typed --assay, and with a test of his own."""
    failed = [line.split()[1] for line in project().stdout.splitlines() if line.startswith("FAILED ")]
    assert failed == ["tests/kernel.py::SM-1[softmax-float32]", "tests/kernel.py::SM-1[softmax-float64]"]
    assert counts(project(failed[0])) == {"failed": 1}
    assert counts(project(*failed, "tests/test_his.py", "-n", "1")) == {"failed": 2, "passed": 1}
    assert counts(project(failed[1], "-n", "1", "--assay", "tests/kernel.py")) == {"failed": 1}
    assert counts(project("kernel.py::SM-1", inside="tests")) == {"failed": 2}


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("tests/kernel.py::SM-2", "tests/kernel.py::SM-2: nothing of that name is judged"),
        ("other.py::SM-1[x]", "other.py::SM-1[x]: it is of no adapter that is judged (tests/kernel.py)"),
    ],
)
def test_an_id_that_is_none_is_one_sentence(project, argument, says):
    done = project(argument, "tests")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {says}" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_failure_begins_with_what_was_found(project, terminal):
    done = project("tests/kernel.py::SM-1[softmax-float32]", "-rf")
    title = next(n for n, line in enumerate(done.stdout.splitlines()) if "SM-1[softmax-float32] ___" in line)
    found, who = done.stdout.splitlines()[title + 1 : title + 3]
    assert found.startswith("the probabilities of a row do not sum to one: result[")
    assert who == "tests/kernel.py: softmax in float32 violates SM-1"


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["", "with a worker"])
def test_known_failures_are_expected_and_entries_that_nothing_needs_told(project, terminal, workers):
    known = "SM-1 softmax reason=the kernel's\nALL-4 * float32\nALL-1\n"
    (terminal.cwd / "known.txt").write_text(known, encoding="utf-8")
    done = project("--assay-allow", "known.txt", "-rx", *workers, inside=".")
    assert (done.returncode, counts(done)) == (0, {"passed": 3, "xfailed": 2})
    assert "allowed: the kernel's" in done.stdout
    said = ["SM-1 softmax * is allowed to fail (SM-1 softmax float32, SM-1 softmax float64): the kernel's"]
    said += ["the allowed failure ALL-4 * float32 did not fail; take it off the list"]
    assert "\n".join(said) in done.stdout
    assert "ALL-1" not in done.stdout


def test_entries_that_nothing_needs_fail_a_whole_run_alone(project, terminal):
    (terminal.cwd / "known.txt").write_text("SM-1 softmax reason=the kernel's\nALL-4 * float32\n", encoding="utf-8")
    strict = project("--assay-allow", "known.txt", "--assay-strict")
    assert strict.returncode == 1
    assert "--assay-strict: 1 of the known failures are unused or have expired" in strict.stdout
    part = project("--assay-allow", "known.txt", "--assay-strict", "-k", "SM-1")
    assert part.returncode == 0


def test_a_mistake_in_the_list_is_a_usage_error(project, terminal):
    (terminal.cwd / "known.txt").write_text("SM-1 until=soon\n", encoding="utf-8")
    done = project("--assay-allow", "known.txt")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "known.txt, line 1: 'SM-1 until=soon' has no date of the form 2027-01-31, but 'soon'" in done.stderr
    assert "--assay-allow no.txt cannot be read" in project("--assay-allow", "no.txt").stderr
