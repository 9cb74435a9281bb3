"""What must have been judged: an implementation that refuses all but the easiest cases has no evidence."""

import numpy as np
import pytest

from assay.adapters import open_object
from assay.conformance.cases.drawing import covering_cases
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.judge import judge
from assay.conformance.interface.schema import fault
from assay.conformance.judging.coverage import FEWEST
from assay.conformance.judging.result import Result, lack_of_evidence
from assay.conformance.terms.cheap_answers import is_telling
from assay.conformance.terms.checking import check
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial


def right(query, key, value, *, mask=None, causal=False, scale=None):
    """Compute attention in numpy, in float64 inside."""
    groups = query.shape[1] // key.shape[1] if key.shape[1] else 1
    key, value = np.repeat(key, groups, 1), np.repeat(value, groups, 1)
    scores = query.astype(float) @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    seen = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if causal:
        seen = seen & np.tril(np.ones(scores.shape[-2:], bool))
    scores = np.where(seen, scores, -np.inf)
    largest = scores.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
    total = e.sum(-1, keepdims=True)
    return (e / np.where(total, total, 1) @ value).astype(query.dtype)


LOG_SOFTMAX = """
import numpy as np

def log_softmax(x):
    shifted = x - x.max(-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
"""


class Refusing:
    """It is right, and refuses what `accepts` does not accept."""

    sizes = "few"

    def __init__(self, accepts):
        """Accept what that does."""
        self.accepts = accepts

    def attention(self, query, key, value, *, mask=None, causal=False, scale=None):
        """Refuse, or be right."""
        if not self.accepts(query, key, value, mask, causal):
            raise NotImplementedError("not this")
        return right(query, key, value, mask=mask, causal=causal, scale=scale)


def full(query, key, value):
    return 0 not in (*query.shape, *key.shape, *value.shape)


def covered(accepts, *clauses):
    return judge(Refusing(accepts), clauses=clauses or ("ALL-1", "ALL-12"), memory=2**29)


EASY = {
    "empty arrays": lambda q, k, v: not full(q, k, v),
    "values of zero": lambda q, k, v: not v.any(),
    "equal scores": lambda q, k, v: not q.any() or not k.any(),
    "one key": lambda q, k, v: k.shape[2] <= 1,
    "one channel": lambda q, k, v: v.shape[3] == 1,
}


def test_cases_tell_whose_answer_takes_computing():
    component, told = COMPONENTS["attention"], {True: 0, False: 0}
    adapter = open_object(Refusing(lambda *_: True), "right")
    easy = dict.fromkeys(EASY, 0)
    for case in covering_cases(component, "float32", 0)[:150]:
        trial = Trial(Subject(adapter), component, case)
        assert check(CLAUSES["ALL-1"], trial).passed
        telling, arrays = is_telling(trial), [trial.inputs.arrays[name] for name in ("query", "key", "value")]
        told[telling] += 1
        for name, is_easy in EASY.items():
            assert not (telling and is_easy(*arrays)), (name, case.id)
            easy[name] += is_easy(*arrays)

    assert min(told.values()) > 5
    assert min(easy.values()) > 0


@pytest.mark.parametrize("easy", ["empty arrays", "one key"])
def test_the_easiest_cases_alone_are_no_evidence(easy):
    report = covered(lambda q, k, v, mask, causal: EASY[easy](q, k, v), "ALL-1")

    assert report.verdict == "no-evidence"
    (why,) = report.unseen.values()
    assert why.endswith(f"; none of these takes computing, and {FEWEST} have to")


@pytest.mark.parametrize(
    "accepts",
    [
        lambda q, k, v, mask, causal: q.shape[2] % 16 == k.shape[2] % 16 == 0 and full(q, k, v),
        # What sageattention and pallas-gpu-decode take.
        lambda q, k, v, mask, causal: (
            mask is None and q.shape[3] in (64, 96, 128) and v.shape[3] == q.shape[3] and full(q, k, v)
        ),
        lambda q, k, v, mask, causal: (
            mask is None and not causal and q.shape[2] == 1 and k.shape[2] >= 16 and v.shape[3] == q.shape[3]
        ),
    ],
    ids=["lengths by 16", "8 bits", "decoding"],
)
def test_what_honest_kernels_take_is_evidence(accepts):
    report = covered(accepts)

    assert (report.verdict, report.unseen) == ("conforms", {})
    assert fault(report.as_json()) is None


def test_the_report_says_what_was_asked_answered_and_refused():
    report = covered(lambda q, k, v, mask, causal: mask is None, "ALL-1")

    found = report.as_json()["coverage"]["attention"]["float32"]
    assert found["asked"] == found["answered"] + sum(found["refused"].values())
    assert 0 < found["answered"] < found["asked"]
    assert found["plainer"] > 0
    assert found["telling"] == FEWEST
    assert list(found["refused"]) == ["not this"]
    assert found["options"]["mask"]["answered"] < found["options"]["mask"]["asked"]


class Tired(Refusing):
    """It answers some calls, and no more."""

    def __init__(self, calls):
        """Begin with so many calls."""
        super().__init__(self.left)
        self.calls = calls

    def left(self, *_):
        """Take one."""
        self.calls -= 1
        return self.calls >= 0


def test_what_was_answered_may_not_be_refused_later():
    """Three clauses are answered, and no more; the last looks at the same calls."""
    report = judge(Tired(600), clauses=("ALL-1", "ALL-4", "ALL-5", "ALL-6"))

    assert report.verdict == "no-evidence"
    (why,) = report.unseen.values()
    assert why.endswith("calls are refused that were answered before")
    assert sum(result.withdrawn or 0 for result in report.results) > 0


EMPTY = "def softmax(x):\n    if x.size: raise NotImplementedError('only nothing')\n    return x.copy()\n"


@pytest.mark.parametrize(("text", "status"), [(EMPTY, 1), (EMPTY + LOG_SOFTMAX, 0)], ids=["alone", "beside another"])
def test_a_suite_says_why_there_is_no_evidence(terminal, text, status):
    """It fails where there is evidence of nothing, as a run does."""
    done = terminal.python(
        *("-m", "pytest", "-p", "no:cacheprovider", "--assay", terminal.write("empty.py", text)),
        *("--assay-clause", "ALL-1", "--assay-dtype", "float32"),
    )

    assert (done.returncode, "no evidence of softmax in float32: of " in done.stdout) == (status, True)


def test_a_run_says_why_there_is_no_evidence(terminal):
    empty = terminal.write("empty.py", EMPTY)
    done = terminal.assay("run", empty, "--json", "report.json")

    assert done.returncode == 3
    assert "no evidence of softmax in float32: of " in done.stdout
    assert terminal.report()["verdict"] == "no-evidence"
    assert terminal.report()["coverage"]["softmax"]["float32"]["telling"] == 0


def test_a_violation_goes_before_what_is_missing():
    failed = Result("ALL-1", "required", "softmax", "float32", "fail")
    covered = {"asked": 9, "answered": 1, "plainer": 0, "telling": 0}

    assert lack_of_evidence([Result("ALL-1", "required", "softmax", "float32", "pass", coverage=covered)])
    assert not lack_of_evidence([failed, Result("ALL-12", "required", "softmax", "float32", "pass", coverage=covered)])
