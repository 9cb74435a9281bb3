"""Log-softmax, its gradient and their bounds: against 200 bits, special entries, right implementations, slight bugs."""

import ml_dtypes
import mpmath
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.log_softmax import log_softmax, log_softmax_bound, log_softmax_vjp, log_softmax_vjp_bound, rescalings
from assay.oracle.rounding.numerics import precision_classes

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
EPS = np.finfo(float).eps
RIGHT = variants("log_softmax", wrong=False)


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


def structured(n, rng):
    """Rows on which rounding errors go together, and rows that one entry dominates."""
    yield np.zeros((4, n))
    yield np.round(rng.normal(size=(4, n)))
    yield np.sort(5 * rng.normal(size=(4, n))) + 100
    yield 50 * rng.normal(size=(4, n))
    yield np.linspace(0, 1, n)[None] * 1e-3
    yield np.eye(4, n) * 30
    yield np.eye(4, n) * 9 + 1e-2 * rng.normal(size=(4, n))


def exact(row):
    """x - log sum exp x of one row, as mpmath numbers."""
    x = [mpmath.mpf(float(each)) for each in row]
    lse = mpmath.log(mpmath.fsum(map(mpmath.exp, x)))
    return [each - lse for each in x]


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_log_probabilities_agree_with_200_bits(n):
    """To a few roundings of themselves, even next to zero: an entry that is 30 ahead has -1e-13, not 0."""
    for x in structured(n, np.random.default_rng(n)):
        y = log_softmax(x)
        # The exponents x - max x are rounded: half an eps of them.
        roundings = 8 + np.ptp(x, -1)
        with mpmath.workprec(200):
            for row, actual, allowed in zip(x, y, roundings, strict=True):
                for due, found in zip(exact(row), actual, strict=True):
                    assert abs(due - float(found)) <= allowed * EPS * abs(due) + 2**-180


def test_no_logarithm_is_lost_where_the_probability_underflows():
    np.testing.assert_array_equal(log_softmax([0.0, -1e4, 2e4]), [-2e4, -3e4, 0])


def test_special_entries():
    assert log_softmax(np.zeros((3, 0))).shape == (3, 0)
    assert log_softmax([2.0]) == 0
    np.testing.assert_array_equal(log_softmax([0.0, -np.inf]), [0, -np.inf])
    for row in ([np.nan, 0], [np.inf, 0], [-np.inf, -np.inf]):
        assert np.isnan(log_softmax(row)).all()


def test_an_entry_is_rescaled_once_for_each_larger_one():
    """Ties are none, and masked entries neither rescale nor are rescaled."""
    x = np.array([[3.0, 2.0, 2.0, -np.inf, 1.0]])
    seen = np.isfinite(x)
    gap = np.where(seen, 3 - x, 0)
    np.testing.assert_array_equal(rescalings(gap, seen), [[0, 1, 1, 0, 3]])


def test_masked_and_single_entries_have_no_error():
    bound = log_softmax_bound([[1.0, -np.inf]], numerics=held_to("float32"))
    np.testing.assert_array_equal(bound.expected, [[0, -np.inf]])
    assert bound.worst[0, 0] < 1e-44  # half the smallest subnormal of float32
    assert log_softmax_bound([[100.0]], numerics=held_to("bfloat16")).worst.max() < 1e-40
    assert log_softmax_bound(np.zeros((2, 0)), numerics=held_to("float32")).worst.shape == (2, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variant", RIGHT, ids=lambda each: each.name)
def test_right_implementations_stay_within_the_bounds(variant, dtype):
    """Values and, where they have one, gradients: within W always, within S on random rows."""
    numerics = held_to(dtype, variant.numerics.get(dtype))
    rng = np.random.default_rng(5)
    for n in (1, 2, 17, 300):
        random = rng.normal(size=(64, n))
        for x in (*structured(n, rng), random):
            generic = x is random
            x = x.astype(DTYPES[dtype])
            g = rng.normal(size=x.shape).astype(DTYPES[dtype])
            within(variant.function(x.copy()), log_softmax_bound(x, numerics=numerics), generic)
            if variant.vjp:
                within(variant.vjp(g, x.copy()), log_softmax_vjp_bound(g, x, numerics=numerics)["x"], generic)


def within(actual, bound, generic):
    assert np.all(np.abs(actual.astype(float) - bound.expected) <= (bound.statistical if generic else bound.worst))


@pytest.mark.parametrize(
    ("dtype", "least"), [("float64", 0.05), ("float32", 0.05), ("bfloat16", 0.9), ("float16", 0.9)]
)
def test_bounds_are_tight(dtype, least):
    """0.1 in float32, where the errors of a row average out; 1 where one rounding is all."""
    rng = np.random.default_rng(1)
    x, g = (rng.normal(size=(256, 64)).astype(DTYPES[dtype]) for _ in range(2))
    strict = precision_classes(dtype)[0][1]
    of_value, of_gradient = log_softmax_bound(x, numerics=strict), log_softmax_vjp_bound(g, x, numerics=strict)["x"]
    assert max(ratio(each.function(x.copy()), of_value) for each in RIGHT) > least
    assert ratio(RIGHT[0].vjp(g, x), of_gradient) > least


def ratio(actual, bound):
    return np.max(np.abs(actual.astype(float) - bound.expected) / bound.statistical)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_off_by_ten_bounds_is_caught(dtype):
    """All logarithms move by as much as l does relatively; a row that one entry dominates shows the least of it."""
    x = np.random.default_rng(2).normal(size=(16, 32)) + 9 * np.eye(16, 32)
    bound = log_softmax_bound(x.astype(DTYPES[dtype]), numerics=held_to(dtype))
    change = 10 * bound.statistical.min()
    assert np.all((change > bound.statistical).any(-1) == (bound.statistical.min(-1) < change))
    assert change < {"float64": 3e-13, "float32": 2e-4, "bfloat16": 3e-3, "float16": 4e-4}[dtype]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_sum_of_16_bits_is_beyond_the_bound_unless_declared(dtype):
    """exp(-8) is lost: the largest entry gets 0 for -3e-4."""
    x = np.array([[8.0, 0.0]])
    narrow = np.array([[0.0, -8.0]])
    undeclared = log_softmax_bound(x, numerics=held_to(dtype))
    declared = log_softmax_bound(x, numerics=held_to(dtype, {"statistics": dtype}))
    assert np.abs(narrow - undeclared.expected)[0, 0] > 30 * undeclared.worst[0, 0]
    assert np.all(np.abs(narrow - declared.expected) <= declared.worst)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slightly_wrong_gradient_is_beyond_the_bound(dtype):
    """The cotangent's sum lacks its last term; the probabilities have another temperature, by 3 %."""
    rng = np.random.default_rng(3)
    x, g = (rng.normal(size=(32, 5)).astype(DTYPES[dtype]).astype(float) for _ in range(2))
    bound = log_softmax_vjp_bound(g, x, numerics=held_to(dtype))["x"]
    p = np.exp(log_softmax(x))
    for wrong in (g - p * g[:, :-1].sum(-1, keepdims=True), log_softmax_vjp(g, 1.03 * x)):
        assert np.mean(np.abs(wrong - bound.expected) > bound.worst) > 0.4
