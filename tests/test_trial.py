"""A trial: what is asked, what is kept, and how the precision class moves."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.terms.checking import check
from assay.conformance.terms.clause import Clause
from assay.conformance.terms.component import Inputs
from assay.conformance.terms.held import Held
from assay.conformance.terms.recent import RecentReplies
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial, UnknownDtype
from assay.conformance.terms.verdict import Inapplicable, NotOffered, Outcome, Unsupported, Violation
from assay.oracle.positional_encoding import positional_encoding

SOFTMAX, ENCODING = COMPONENTS["softmax"], COMPONENTS["positional_encoding"]


def implementation(**functions):
    """Open an implementation that counts its calls."""
    calls = []

    def counted(function):
        return lambda *given, **options: (calls.append(function), function(*given, **options))[1]

    made = {name: counted(function) for name, function in functions.items()}
    return open_object(SimpleNamespace(**made), "counted"), calls


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


def test_a_bound_calls_nothing():
    adapter, calls = implementation(softmax=softmax)
    trial = Trial(Subject(adapter), SOFTMAX, SOFTMAX.plainest("float32"))

    assert trial.bound().worst.shape == SOFTMAX.shape(trial.inputs)
    assert calls == []


def test_a_bound_without_a_dtype_is_a_clear_mistake_of_the_judge_and_calls_nothing():
    adapter, calls = implementation(positional_encoding=positional_encoding)
    trial = Trial(Subject(adapter), ENCODING, ENCODING.plainest("float32"))

    with pytest.raises(UnknownDtype, match="a bound of positional_encoding depends on the dtype of its result"):
        trial.bound()
    assert calls == []

    trial.call()
    assert trial.bound().expected.shape == ENCODING.shape(trial.inputs)
    assert len(calls) == 1


def test_the_bound_of_the_case_is_computed_once_for_each_set_of_conventions():
    computed = []

    def bound(inputs, numerics, conventions):
        computed.append(conventions)
        return ENCODING.bound(inputs, numerics, conventions)

    adapter, _ = implementation(positional_encoding=positional_encoding)
    trial = Trial(Subject(adapter), replace(ENCODING, bound=bound), ENCODING.plainest("float32"))
    trial.call()
    other = {**trial.conventions, "positional_layout": "concatenated"}

    assert trial.bound() is trial.bound()
    assert trial.bound(conventions=other) is trial.bound(conventions=other)
    assert computed == [trial.conventions, other]


def test_a_class_that_was_ruled_out_stays_so():
    held = Held.to("bfloat16", {"scores": "bfloat16"})
    numbers = [number for number, _ in held.classes]
    asked = []

    def attempt(numerics):
        asked.append(numerics)
        return numerics == held.classes[1][1]

    found, after = held.strictest(attempt, lambda found: found)
    assert numbers == [1, 2, 3]
    assert (found, after.met, after.took) == (True, 2, "")
    assert asked == [held.classes[0][1], held.classes[1][1]]
    assert (held.met, held.ruled_out) == (0, 0)

    found, last = after.strictest(lambda numerics: False, lambda found: found)
    assert (found, last.met, last.took) == (False, 3, "scores = bfloat16")


def test_each_dtype_of_a_result_has_classes_of_its_own():
    """A component without floating-point arguments may answer in one format now and in another then."""
    adapter, _ = implementation(softmax=softmax)
    subject = Subject(adapter)
    subject.hold("bfloat16", lambda numerics: 2.0, lambda ratio: ratio <= 1)

    assert subject.met == 2
    assert subject.hold("float32", lambda numerics: 0.5, lambda ratio: ratio <= 1) == 0.5
    assert subject.held("float32").met == 1


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (Inapplicable(), Outcome("inapplicable")),
        (Unsupported("not here"), Outcome("unsupported", reason="not here")),
        (NotOffered("no gradient"), Outcome("not-offered", reason="no gradient")),
        (Violation("it is wrong", 3.0), Outcome("fail", 3.0, "it is wrong")),
    ],
)
def test_what_a_clause_raises_becomes_an_outcome(raised, outcome):
    def raises(trial):
        raise raised

    adapter, _ = implementation(softmax=softmax)
    clause: Clause = replace(CLAUSES["ALL-6"], check=raises)

    assert check(clause, Trial(Subject(adapter), SOFTMAX, SOFTMAX.plainest("float32"))) == outcome
    assert outcome.failed == isinstance(raised, Violation)


def test_replies_are_kept_for_one_component_and_dtype_within_the_memory_set_aside():
    adapter, calls = implementation(softmax=softmax)
    kept = RecentReplies()

    def look(recent, component=SOFTMAX, dtype="float32"):
        Trial(Subject(adapter, recent), component, component.plainest(dtype)).recent_reply()
        return len(calls)

    assert [look(kept), look(kept)] == [1, 1]
    # A component of the same name that makes other arguments is another component.
    assert look(kept, replace(SOFTMAX, inputs=lambda case: Inputs({"x": np.zeros((1, 2))}))) == 2
    assert [look(kept), look(kept, dtype="float64"), look(kept)] == [3, 4, 5]
    assert [look(RecentReplies(0)), look(RecentReplies(0))] == [6, 7]


def test_the_arguments_of_a_reply_that_is_kept_are_made_once():
    adapter, _ = implementation(softmax=lambda x: x)
    case, kept = SOFTMAX.plainest("float32"), RecentReplies()
    first = Trial(Subject(adapter, kept), SOFTMAX, case)
    first.recent_reply()

    def inputs(component, case):
        return Trial(Subject(adapter, kept), component, case).inputs

    assert inputs(SOFTMAX, case) is first.inputs
    assert inputs(SOFTMAX, case.but(seed=1)) is not first.inputs
    other = Inputs({"x": np.zeros((1, 2))})
    assert inputs(replace(SOFTMAX, inputs=lambda case: other), case) is other


def test_another_function_of_the_implementation_is_called_by_its_name():
    adapter, _ = implementation(
        detokenize=lambda tokens, merges: "".join(tokens), tokenize=lambda text, merges: list(text)
    )
    detokenize = COMPONENTS["detokenize"]
    trial = Trial(Subject(adapter), detokenize, detokenize.plainest("float32"))

    assert trial.other("tokenize", Inputs({}, {"text": "ab", "merges": []})) == ["a", "b"]
    with pytest.raises(Unsupported, match="learn_merges is not offered"):
        trial.other("learn_merges", Inputs({}, {"text": "ab", "count": 1}))
