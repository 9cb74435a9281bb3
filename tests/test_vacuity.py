"""The guard against vacuous cases: zeros, a mean, the input and noise fail every clause that judges values.

A test whose inputs let such an answer pass says nothing. Today's kernel tests have let zeros pass, and attention that
ignores its queries.
"""

import inspect
import re

import numpy as np
import pytest

from assay.adapters import Offer, Reply
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of
from assay.conformance.judging.catalogue import tried_by_each
from assay.conformance.judging.sharing import sharing
from assay.conformance.terms.component import Inputs
from assay.conformance.terms.rounding import rounded

DTYPES = ("float64", "float32", "bfloat16", "float16")
KINDS = ("zeros", "mean", "input", "noise")

_JUDGES = re.compile(
    r"\.judge|within_bounds\(|_worst\(|\.aggregates\(|_wrong_step\(|require_\w+\([^\n]*(expected|first, due)"
)
"""What the check of a clause calls that compares with the oracle's answer, not with another answer of its own."""

RIGHT = {
    ("ALL-12", "dropout", "input"): "in evaluation, dropout is the identity",
    ("ALL-3", "log_softmax", "zeros"): "the exact logarithms are those of 1",
    ("ALL-3", "log_softmax", "input"): "where one probability is 1, its logarithm is the entry itself, 0",
    ("ALL-3", "rms_norm", "zeros"): "without a bias, the exact rows are those of zeros and of gains of zero",
    ("ALL-3", "cross_entropy", "zeros"): "the exact losses are logarithms of 1",
    ("ALL-3", "adam", "input"): "a zero gradient leaves the parameters as they are",
    ("ADD-4", "additive_attention", "mean"): "the mean over one key is its value",
    ("BIL-4", "bilinear_attention", "mean"): "the mean over one key is its value",
    ("DROP-1", "dropout", "zeros"): "each element may be dropped; that not all are is for DROP-3",
    ("ALL-1", "dropout", "input"): "what has no random numbers is the evaluation, which is the identity",
    ("ALL-3", "dropout", "input"): "the identity is exact",
}
"""Where a vacuous answer is right by the formula."""


def judges_values(clause):
    return _JUDGES.search(inspect.getsource(clause.check)) is not None


VALUE_CLAUSES = [
    pytest.param(name, clause, id=f"{name}-{clause.id}", marks=pytest.mark.catalogue(name))
    for name, component in COMPONENTS.items()
    if not component.gives_data
    for clause in clauses_of(component)
    if judges_values(clause)
]


class Vacuous:
    """An implementation that has not looked at the formula."""

    def __init__(self, kind):
        """Offer everything."""
        self.kind, functions = kind, tuple(COMPONENTS)
        self.offer = Offer(kind, "none", "", "", "cpu", DTYPES, functions, gradients=functions)

    def call(self, function, arrays, options, *, dtype, layouts=None, cotangent=None, wrt=None):
        """Answer in the right shape and dtype."""
        dtype = dtype or "float64"
        if cotangent is None:
            shape = COMPONENTS[function].shape(Inputs(arrays, options))
            return Reply("ok", {"result": self.answer(shape, arrays, dtype)}, {"result": dtype})
        given = cotangent if self.kind == "mean" else None
        gradients = {
            name: self.answer(array.shape, given or {name: array}, dtype)
            for name, array in arrays.items()
            if array.dtype.kind == "f" and (wrt is None or name in wrt)
        }
        return Reply("ok", gradients=gradients, dtypes=dict.fromkeys(gradients, dtype))

    def sequence(self, calls):
        """Each by itself."""
        return [
            self.call(each.function, each.arrays, each.options, dtype=each.dtype, cotangent=each.cotangents or None)
            for each in calls
        ]

    def answer(self, shape, arrays, dtype):
        """Of one array, from those that were given."""
        # A function of plain numbers has those alone to give back.
        first = next((array for array in arrays.values() if array.dtype.kind == "f"), np.arange(1.0, 4.0))
        if self.kind == "noise":
            return rounded(np.random.default_rng(0).standard_normal(shape), dtype)
        if self.kind == "zeros" or not first.size:
            return np.zeros(shape)
        if self.kind == "input":
            return rounded(np.resize(first, shape), dtype)
        return rounded(np.broadcast_to(mean_of_values(arrays.get("value"), shape, first), shape), dtype)


def mean_of_values(value, shape, first):
    """Compute the mean over the keys, what attention gives that ignores its queries; without keys, of everything."""
    if value is not None and value.ndim == len(shape) and value.shape[-2] and value.shape[-1] == shape[-1]:
        each = value.mean(-2, keepdims=True)
        return np.repeat(each, shape[1] // each.shape[1], axis=1) if value.ndim == 4 else each
    return first.mean()


def verdict(clause, component, adapter, dtype):
    """`fail` at the first case that shows it."""
    (found,) = tried_by_each(clause, component, dtype, PROFILES["quick"], 0, [adapter])
    return "fail" if found.failure is not None else "pass" if found.examples else "not judged"


SHARING = {name: sharing(component) for name, component in COMPONENTS.items()}


@pytest.mark.parametrize(("name", "clause"), VALUE_CLAUSES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_vacuous_answer_fails_every_clause_that_judges_values(name, clause, kind):
    component = SHARING[name]
    words = {
        dtype: verdict(clause, component, Vacuous(kind), dtype) for dtype in (DTYPES if component.has_dtype else ("",))
    }
    right = (clause.id, name, kind) in RIGHT

    assert set(words.values()) == {"pass" if right else "fail"}, complaint(clause, name, kind, words, right=right)


def complaint(clause, name, kind, words, *, right):
    """Say what a contributor is to do about it."""
    found, entry = ", ".join(f"{dtype} {word}" for dtype, word in words.items()), (clause.id, name, kind)
    if right:
        return (
            f"{found}: a case of {clause.id} tells this answer ({kind}) from the right one: take {entry} out of RIGHT"
        )
    return (
        f"{found}: no case of {clause.id} tells this answer ({kind}) from the right one: widen what its cases are "
        f"drawn from (for ALL-3 `exact` of the component), or say in RIGHT why it is right: {entry}"
    )


def test_who_adds_a_component_is_told_what_to_do_about_a_vacuous_answer_that_passes():
    said = complaint(CLAUSES["ALL-3"], "softmax", "zeros", {"float64": "pass", "float32": "fail"}, right=False)

    assert "no case of ALL-3 tells this answer (zeros) from the right one: widen" in said
    assert "say in RIGHT why it is right: ('ALL-3', 'softmax', 'zeros')" in said


def test_what_judges_values_is_known_by_its_code():
    found = {each.values[1].id for each in VALUE_CLAUSES}

    assert {"ALL-1", "ALL-2", "ALL-3", "GRAD-1", "SDPA-10", "ADAM-9", "PE-5"} <= found
    assert found.isdisjoint({"ALL-4", "ALL-6", "GRAD-3"})


@pytest.mark.parametrize(
    ("name", "answers"),
    {
        "beam_search": ([], [[[0], 0.0]], [[[0, 1], 0.0]]),
        "tokenize": ([], ["a"]),
        "detokenize": ("", "a"),
        "learn_merges": ([], [["a", "b"]]),
    }.items(),
)
def test_an_empty_or_constant_list_fails(name, answers):
    for answer in answers:
        adapter = Vacuous("data")
        adapter.call = lambda *_, answer=answer, **__: Reply("ok", data=answer)
        failed = [
            clause.id
            for clause in clauses_of(COMPONENTS[name])
            if verdict(clause, COMPONENTS[name], adapter, "float64" if COMPONENTS[name].has_dtype else "") == "fail"
        ]

        assert failed, answer
