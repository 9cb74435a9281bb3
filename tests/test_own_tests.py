"""`assay.conformance.tests(...)` in somebody's own file: single tests, as any others."""

import pytest
from test_plugin import counts

import assay.conformance
from assay.conformance import UserError

FILE = """
import numpy as np
import assay.conformance

def right(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)

def wrong(x):
    return (right(x) * 1.001).astype(x.dtype)

test_right = assay.conformance.tests("softmax", right, dtypes=("float32", "float64"), clauses=("SM-1", "ALL-1"))
test_wrong = assay.conformance.tests("softmax", wrong, clauses=("SM-1", "ALL-4", "ALL-11"))
"""


@pytest.fixture
def own(terminal):
    (terminal.cwd / "test_own.py").write_text(FILE, encoding="utf-8")
    (terminal.cwd / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", encoding="utf-8")
    return lambda *arguments: terminal.python("-B", "-m", "pytest", "-p", "no:cacheprovider", *arguments)


def test_each_clause_is_a_test_with_an_id(own):
    listed = own("--collect-only", "-q").stdout.splitlines()
    both = [f"{clause}-{dtype}" for dtype in ("float32", "float64") for clause in ("ALL-1", "SM-1")]
    ids = [f"test_own.py::test_right[{each}]" for each in both]
    ids += [f"test_own.py::test_wrong[{clause}-float32]" for clause in ("ALL-4", "SM-1", "ALL-11")]
    assert [line for line in listed if "::" in line] == ids
    done = own(ids[-2])
    assert (done.returncode, counts(done)) == (1, {"failed": 1})
    assert "FAILED test_own.py::test_wrong[SM-1-float32] - " in done.stdout
    assert "the probabilities of a row do not sum to one: result[" in done.stdout
    assert "Traceback" not in done.stdout
    assert "judging.py" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("-k", "SM-1 and float32"), {"failed": 1, "passed": 1, "deselected": 5}),
        (("-m", "not assay"), {"deselected": 7}),
        (("-n", "1", "-k", "right"), {"passed": 4}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_they_are_chosen_and_shared_out_as_any_others(own, arguments, found):
    assert counts(own(*arguments)) == found


@pytest.mark.parametrize(
    ("component", "options", "says"),
    [
        ("sofmax", {}, "did you mean 'softmax'?"),
        ("softmax", {"dtypes": "float61"}, "there is no dtype 'float61'"),
        ("softmax", {"clauses": "SM-99"}, "there is no clause 'SM-99'"),
        ("softmax", {"profile": "fast"}, "there is no profile 'fast'"),
        ("softmax", {"conventions": {"masked": "zero"}}, "conventions names 'masked', which is not a convention"),
    ],
)
def test_a_mistake_is_one_sentence(component, options, says):
    with pytest.raises(UserError, match=says.replace("?", r"\\?")):
        assay.conformance.tests(component, lambda x: x, **options)
