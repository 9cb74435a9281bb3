"""`pytest --assay my_kernel.py` in somebody's own suite: his tests and the clauses run together."""

import json

import pytest

SUITE = """
import pytest

@pytest.fixture
def number():
    return 4

def test_of_his_own(number):
    assert number == 4
"""
CONFTEST = "import hypothesis\n\nhypothesis.settings.register_profile('mine', max_examples=3)\n"
INI = "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n"
QUICKLY = ("--assay-component", "softmax", "--assay-clause", "SM-1,ALL-4", "--assay-clause", "ALL-11")


@pytest.fixture
def suite(terminal):
    """His suite lies where he stands."""
    for name, text in {"test_his.py": SUITE, "conftest.py": CONFTEST, "pytest.ini": INI}.items():
        (terminal.cwd / name).write_text(text, encoding="utf-8")

    def run(*arguments):
        return terminal.python("-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments)

    return run


def counts(done):
    """Read the last line as `{"passed": 3, "failed": 1}`."""
    words = done.stdout.splitlines()[-1].strip("= ").split(" in ")[0].split(", ")
    return {word: int(number) for number, word in (each.split() for each in words)}


def test_without_the_option_nothing_changes(suite):
    done = suite()
    assert (done.returncode, counts(done)) == (0, {"passed": 1})
    assert "judges" not in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["", "with a worker"])
def test_his_tests_and_the_clauses_both_run(suite, terminal, right, workers):
    done = suite("--assay", right, *QUICKLY, *workers)

    assert done.returncode == 0, done.stdout
    assert counts(done) == {"passed": 4}
    assert f"assay: {right} (numpy " in done.stdout
    for name in ("test_his.py::test_of_his_own", "SM-1[softmax-float32]", "ALL-4[softmax-float32]"):
        assert name in done.stdout
    assert terminal.left == ["conftest.py", "pytest.ini", "test_his.py"] or workers


def test_a_failing_clause_shows_five_facts_and_no_traceback(suite, wrong):
    from assay.conformance.components import CLAUSES

    done = suite("--assay", wrong, *QUICKLY)

    assert (done.returncode, counts(done)) == (1, {"failed": 1, "passed": 3})
    clause = CLAUSES["SM-1"]
    for fact in (
        "softmax in float32 violates SM-1",
        clause.sentence,
        f"{clause.formula} ({clause.source})",
        "the probabilities of a row do not sum to one: result[",
        "assay replay 'softmax?dtype=float32&rows=1&n=1&",
    ):
        assert fact in done.stdout
    assert "Traceback" not in done.stdout
    assert "judging.py" not in done.stdout


def test_an_advisory_failure_does_not_fail_the_suite(suite, terminal):
    """A NaN that vanishes is advisory; it is shown as an expected failure."""
    file = terminal.write(
        "deaf.py",
        "import numpy as np\ndef softmax(x):\n    e = np.exp(np.nan_to_num(x, nan=-1e9) - 1.0)\n"
        "    return np.where(np.isnan(e), 0, e / e.sum(-1, keepdims=True, initial=0)).astype(x.dtype)\n",
    )
    done = suite("--assay", file, "--assay-component", "softmax", "--assay-clause", "ALL-4,ALL-11", "-rx")

    assert (done.returncode, counts(done)) == (0, {"passed": 2, "xfailed": 1})
    assert "a nan in x[" in done.stdout


def test_what_is_unsupported_is_skipped_with_its_reason(suite, terminal):
    file = terminal.write("mine.py", "def softmax(x):\n    raise NotImplementedError('no kernel')\n")
    done = suite("--assay", file, *QUICKLY, "-rs")

    assert (done.returncode, counts(done)) == (0, {"passed": 1, "skipped": 3})
    assert "no kernel" in done.stdout


def test_several_adapters_are_told_apart(suite, right, wrong):
    done = suite("--assay", right, "--assay", wrong, *QUICKLY)

    assert (done.returncode, counts(done)) == (1, {"failed": 1, "passed": 6})
    assert "files/wrong.py::SM-1[softmax-float32] FAILED" in done.stdout
    assert "files/right.py::SM-1[softmax-float32] PASSED" in done.stdout


def test_his_own_selection_applies_to_the_clauses(suite, right):
    done = suite("--assay", right, *QUICKLY, "-k", "SM-1")
    assert (done.returncode, counts(done)) == (0, {"passed": 1, "deselected": 3})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--assay", "torhc"), "there is no adapter 'torhc'; did you mean 'torch'?"),
        (("--assay", "RIGHT", "--assay-component", "sofmax"), "did you mean 'softmax'?"),
        (("--assay", "RIGHT", "--assay-clause", "SM-99"), "there is no clause 'SM-99'"),
        (("--assay", "RIGHT", "--assay-dtype", "float61"), "there is no dtype 'float61'"),
        (("--assay", "RIGHT", "--assay-dtype", "float16"), "does not take float16"),
        (("--assay", "RIGHT", "--assay-seed", "-1"), "must be a whole number, 0 or more, or random, not '-1'"),
        (("--assay", "RIGHT", "--assay-timeout", "0"), "must be a number of seconds above 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_a_usage_error(terminal, right, arguments, says, monkeypatch, capsys):
    """Not a suite that passes because nothing was selected; it is told before pytest looks for tests."""
    monkeypatch.chdir(terminal.cwd)
    given = [right if word == "RIGHT" else word for word in arguments]
    status = pytest.main(["-p", "no:cacheprovider", *given])
    said = capsys.readouterr()

    assert status == pytest.ExitCode.USAGE_ERROR
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_each_clause_leaves_its_result_for_other_plugins(suite, terminal, right):
    """As a user property, which junit keeps."""
    from xml.etree import ElementTree

    suite("--assay", right, *QUICKLY, "--junit-xml", "junit.xml")
    properties = ElementTree.parse(terminal.cwd / "junit.xml").getroot().iter("property")
    results = [json.loads(each.get("value")) for each in properties if each.get("name") == "assay"]

    assert [(result["clause"], result["status"]) for result in results] == [
        ("ALL-4", "pass"),
        ("SM-1", "pass"),
        ("ALL-11", "pass"),
    ]
