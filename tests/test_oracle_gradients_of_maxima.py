"""What rounding puts on the largest score, where a gradient goes through the maximum of a row: there, and no more."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.terms.comparison import ratios
from assay.conformance.variants.attention.gradients import (
    attention_gradient,
    backward,
    of_weights,
    through_softmax,
    weights,
)
from assay.conformance.variants.attention.gradients_maximum import of_cast_exponentials
from assay.conformance.variants.attention.right import scores
from assay.oracle import general_attention_tape
from assay.oracle.attention_bound import attention_vjp_bound
from assay.oracle.cross_entropy_bound import cross_entropy_vjp_bound
from assay.oracle.log_softmax import log_softmax_vjp_bound
from assay.oracle.rounding.computed import Anywhere, Computed, product
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.softmax import softmax_vjp_bound

FLOAT32 = precision_classes("float32")[0][1]
DTYPES = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}


def with_a_larger_error(factor):
    """Make a backward pass that is right, but for what comes back to the maximum: its error is multiplied."""

    def function(call, g):
        s = scores(call)
        ds, dv = of_cast_exponentials(s, call.value, g, call.dtype)
        detached = through_softmax(weights(call), of_weights(call, g))
        more = np.where(s == s.max(-1, keepdims=True), (factor - 1) * (ds - detached), 0)
        return backward(call, g, ds=ds + more, dv=dv)

    return attention_gradient(function)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("factor", "least", "most"), [(1, 0.3, 1), (16, 1, 16)])
def test_what_comes_back_to_the_maximum_is_within_and_a_larger_error_is_not(dtype, factor, least, most):
    """With cast exponentials, of which the sum is not cast."""
    numerics, found = precision_classes(dtype)[-1][1], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        g, query, key, value = (rng.normal(size=(1, 1, n, 4)).astype(DTYPES[dtype]) for n in (3, 3, 128, 128))
        exact = [each.astype(np.float64) for each in (g, query, key, value)]
        bounds = attention_vjp_bound(*exact, numerics=numerics)
        gradients = with_a_larger_error(factor)(g, query, key, value)
        for name, actual in zip(("query", "key"), gradients, strict=False):
            found.append(ratios(actual.astype(np.float64), bounds[name], dtype, statistical=True).max())
    assert least < max(found) <= most


def test_only_keys_that_a_query_likes_best_are_granted_it(monkeypatch):
    rng, numerics = np.random.default_rng(1), precision_classes("bfloat16")[-1][1]
    g, query, key, value = (rng.normal(size=(1, 1, n, 4)) for n in (3, 3, 64, 64))
    granted = attention_vjp_bound(g, query, key, value, numerics=numerics)
    best = np.isin(np.arange(64), (query @ key.swapaxes(-1, -2)).argmax(-1))
    monkeypatch.setattr(general_attention_tape, "_largest", lambda weights, _: np.zeros(weights.p.shape, bool))
    without = attention_vjp_bound(g, query, key, value, numerics=numerics)
    more = granted["key"].sigma / without["key"].sigma
    np.testing.assert_allclose(more[0, 0, ~best], 1, rtol=1e-12)
    assert (more[0, 0, best] > 1.1).any()
    np.testing.assert_array_equal(granted["value"].worst, without["value"].worst)


def test_an_error_anywhere_is_seen_as_one_by_a_product():
    """It falls to one of two rows, so the larger counts, not both."""
    where = np.array([[True, True, False]])
    a = Computed(np.zeros((1, 3)), anywhere=Anywhere(where, np.array([[1.0]]), np.array([[1.0]])))
    b = Computed(np.array([[3.0], [-4.0], [9.0]]))
    assert product(a, b, FLOAT32).error.item() == pytest.approx(4, rel=1e-5)
    assert product(a, b, FLOAT32).variance.item() == pytest.approx(16, rel=1e-5)
    assert a.errors.error.tolist() == [[1.0, 1.0, 0.0]]
    assert product(a, Computed(np.zeros((3, 0))), FLOAT32).value.shape == (1, 0)


@pytest.mark.parametrize("component", ["softmax", "log_softmax", "cross_entropy"])
def test_other_entries_than_the_largest_are_granted_nothing(component):
    """In a row where only the first entry has weight, all others have bounds far below its own."""
    x, g = np.array([[4.0, 1.0, -30.0, -30.0]]), np.array([[1.0, 2.0, 3.0, 4.0]])
    bound = {
        "softmax": lambda: softmax_vjp_bound(g, x, numerics=FLOAT32)["x"],
        "log_softmax": lambda: log_softmax_vjp_bound(g, x, numerics=FLOAT32)["x"],
        "cross_entropy": lambda: cross_entropy_vjp_bound(1.0, x, [1], numerics=FLOAT32)["logits"],
    }[component]()
    before = bound.worst - bound.half_ulp
    assert (before[0, 2:] < before[0, 0] / 4).all()
    assert before[0, 0] < 2.0**-12
