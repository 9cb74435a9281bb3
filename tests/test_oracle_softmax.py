"""Softmax and its bound: special entries, right implementations, slightly larger errors."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.softmax import softmax, softmax_bound, softmax_vjp_bound

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
RIGHT = variants("softmax", wrong=False)


def structured(n, rng):
    """Rows on which rounding errors go together."""
    yield np.zeros((4, n))
    yield np.round(rng.normal(size=(4, n)))
    yield np.sort(5 * rng.normal(size=(4, n))) + 100
    yield 50 * rng.normal(size=(4, n))
    yield np.linspace(0, 1, n)[None] * 1e-3
    yield np.eye(4, n) * 30


def test_special_entries():
    assert softmax(np.zeros((3, 0))).shape == (3, 0)
    assert softmax([2.0]) == 1
    np.testing.assert_array_equal(softmax([0.0, -np.inf]), [1, 0])
    for row in ([np.nan, 0], [np.inf, 0], [-np.inf, -np.inf]):
        assert np.isnan(softmax(row)).all()


def test_masked_entry_has_no_error():
    bound = softmax_bound([[1.0, -np.inf, 2.0]], numerics=precision_classes("float32")[-1][1])
    assert bound.expected[0, 1] == 0
    assert bound.worst[0, 1] < 1e-44  # half the smallest subnormal of float32


def test_bound_of_nothing_and_of_one_entry():
    numerics = precision_classes("float32")[-1][1]
    assert softmax_bound(np.zeros((2, 0)), numerics=numerics).worst.shape == (2, 0)
    # One entry is 1: a quotient, a sum, and half a unit in the last place are all that can go wrong.
    assert softmax_bound([[100.0]], numerics=numerics).worst.max() <= 8 * 2.0**-24


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variant", RIGHT, ids=lambda each: each.name)
def test_right_implementations_stay_within_the_bounds(variant, dtype):
    numerics = precision_classes(dtype, variant.numerics.get(dtype))[-1][1]
    rng = np.random.default_rng(5)
    for n in (1, 2, 17, 300):
        for x in structured(n, rng):
            x = x.astype(DTYPES[dtype])
            bound = softmax_bound(x, numerics=numerics)
            error = np.abs(variant.function(x.copy()).astype(float) - bound.expected)
            assert np.all(error <= bound.worst)
        x = rng.normal(size=(64, n)).astype(DTYPES[dtype])
        bound = softmax_bound(x, numerics=numerics)
        error = np.abs(variant.function(x.copy()).astype(float) - bound.expected)
        assert np.all(error <= bound.statistical)


@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.05), ("bfloat16", 0.9), ("float16", 0.9)])
def test_bound_is_tight(dtype, least):
    # From the validation of the bound: 0.1 in float32, where the errors of a row cancel; 1 where one rounding is all.
    x = np.random.default_rng(1).normal(size=(256, 64)).astype(DTYPES[dtype])
    bound = softmax_bound(x, numerics=precision_classes(dtype)[-1][1])
    assert max(ratio(each.function(x.copy()), bound) for each in RIGHT) > least


def ratio(actual, bound):
    return np.max(np.abs(actual.astype(float) - bound.expected) / bound.statistical)


@pytest.mark.parametrize("dtype", DTYPES)
def test_temperature_off_by_ten_bounds_is_caught(dtype):
    # d y / d log(temperature) = y (x - mean x): as large a change as shows in ten of the bounds.
    x = 2 * np.random.default_rng(2).normal(size=(16, 32)).astype(DTYPES[dtype]).astype(float)
    bound = softmax_bound(x, numerics=precision_classes(dtype)[-1][1])
    change = 10 * np.min(bound.statistical / np.abs(bound.sensitivities["temperature"]))
    assert np.any(np.abs(softmax(x * (1 + change)) - bound.expected) > bound.statistical)
    assert change < {"float64": 1e-13, "float32": 1e-5, "bfloat16": 0.05, "float16": 0.006}[dtype]


def test_gradients_whose_variance_float64_does_not_hold_have_only_the_worst_case():
    """p (g - d) of p = e^-480 with g near d: two products err by U p |g|, whose square is zero in float64."""
    x, g = np.array([[0.0, -480.0, -481.0]]), np.array([[1.5, 1.5 + 1e-5, 0.3]])
    numerics = precision_classes("float64")[-1][1]
    bound = softmax_vjp_bound(g, x, numerics=numerics)["x"]
    p = softmax(x)
    off = np.abs(p * g - p * (p * g).sum(-1, keepdims=True) - bound.expected)

    assert np.all(bound.sigma[0, 1:] == 0)
    assert np.all(bound.statistical[0, 1:] == bound.worst[0, 1:])
    assert np.all(off <= bound.statistical)
    assert bound.worst[0, 1] < 1e-7 * np.abs(bound.expected[0, 1])  # a slip of a ten-millionth is caught
