"""Dropout: the distribution of what is kept, exactly; the bound on what is kept; its tests on right and wrong masks."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import find, variants
from assay.oracle.dropout import (
    dropout,
    dropout_bound,
    dropout_vjp,
    dropout_vjp_bound,
    kept_distribution,
    kept_probability,
    kept_range,
)
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}


def held_to(dtype):
    return precision_classes(dtype)[-1][1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("of", [0, 1, 7, 100, 300])
def test_the_distribution_is_binomial(rate, of):
    """In whole numbers; the rate is the fraction that the float is."""
    drop = Fraction(rate)
    exact = [float(math.comb(of, k) * (1 - drop) ** k * drop ** (of - k)) for k in range(of + 1)]
    assert kept_distribution(of, rate) == pytest.approx(exact, rel=1e-10, abs=1e-300)


def test_a_distribution_of_many_sums_to_one():
    """As far as the logarithms are right."""
    for rate in (0.1, 0.5, 0.9):
        assert abs(kept_distribution(100_000, rate).sum() - 1) < 1e-8


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.3])
@pytest.mark.parametrize("error", [0.01, 1e-6, 1e-13])
def test_a_test_fails_a_right_mask_with_no_more_than_its_probability(rate, error):
    """Summed over all outcomes that it fails; the range is that of those that it passes."""
    of = 500
    probability = kept_distribution(of, rate)
    failed = [k for k in range(of + 1) if kept_probability(k, of, rate) < error]
    least, most = kept_range(of, rate, error)

    assert 0 < sum(probability[failed]) <= error
    assert failed == [*range(least), *range(most + 1, of + 1)]


def test_a_rate_of_0_keeps_everything():
    assert kept_range(9, 0.0, 1e-13) == (9, 9)
    assert kept_probability(9, 9, 0.0) == 1
    assert kept_probability(8, 9, 0.0) == 0


def test_in_evaluation_nothing_changes_and_nothing_may():
    x = np.random.default_rng(0).standard_normal((3, 4))
    bound = dropout_bound(x, rate=0.3, numerics=held_to("bfloat16"))

    assert np.array_equal(dropout(x, rate=0.3), x)
    assert np.array_equal(bound.expected, x)
    assert not bound.worst.any()


def test_in_training_an_element_is_dropped_or_scaled():
    x = np.random.default_rng(0).standard_normal((100, 100))
    y = dropout(x, rate=0.1, training=True, seed=5)

    assert np.array_equal(y[y != 0], (x / 0.9)[y != 0])
    assert kept_probability(int((y != 0).sum()), y.size, 0.1) > 1e-6
    assert np.array_equal(y, dropout(x, rate=0.1, training=True, seed=5))
    assert not np.array_equal(y, dropout(x, rate=0.1, training=True, seed=6))


def test_the_gradient_has_the_mask_of_the_value_whatever_the_value_is():
    x, g = np.random.default_rng(1).standard_normal((2, 40, 50))
    options = {"rate": 0.3, "training": True, "seed": 7}
    (gradient,) = dropout_vjp(g, np.where(x < 0, 0, x), **options)

    assert np.array_equal(gradient, np.where(dropout(np.ones_like(x), **options) != 0, g / 0.7, 0))
    assert np.array_equal(dropout_vjp(g, x, rate=0.3)[0], g)


@pytest.mark.parametrize(
    ("variant", "dtype"),
    [(each, dtype) for each in variants("dropout", wrong=False) if each.vjp for dtype in each.dtypes],
)
def test_the_gradient_of_a_right_variant_is_within_its_bound_and_a_slightly_larger_one_is_not(variant, dtype):
    x, g = (each.astype(DTYPES[dtype]) for each in np.random.default_rng(2).standard_normal((2, 40, 50)))
    options = {"rate": 0.3, "training": True, "seed": 1}
    bound = dropout_vjp_bound(g, x, **options, numerics=held_to(dtype))["x"]
    gradient = variant.vjp(g, x, **options)[0].astype(np.float64)

    assert np.all((np.abs(gradient - bound.expected) <= bound.worst) | (gradient == 0))
    assert np.mean(np.abs(1.02 * bound.expected - bound.expected) > bound.worst) > 0.5


@pytest.mark.parametrize(
    ("variant", "dtype"), [(each, dtype) for each in variants("dropout", wrong=False) for dtype in each.dtypes]
)
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.9, 0.999])
def test_what_a_right_variant_keeps_is_within_the_bound(variant, rate, dtype):
    x = np.random.default_rng(1).standard_normal((40, 50)).astype(DTYPES[dtype])
    bound = dropout_bound(x, rate=rate, training=True, numerics=held_to(dtype))
    y = variant.function(x, rate=rate, training=True, seed=1).astype(np.float64)

    assert np.all((np.abs(y - bound.expected) <= bound.worst) | (y == 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slightly_other_scale_is_beyond_the_bound(dtype):
    """That of a rate whose 1 - rate is 2 in 100 larger; in wide formats, one that is rounded to bfloat16."""
    x = np.random.default_rng(2).standard_normal((40, 50)).astype(DTYPES[dtype])
    bound = dropout_bound(x, rate=0.3, training=True, numerics=held_to(dtype))
    assert np.mean(np.abs(x.astype(np.float64) / (0.7 * 1.02) - bound.expected) > bound.worst) > 0.5

    if dtype in find("dropout-scale-bfloat16").dtypes:
        y = find("dropout-scale-bfloat16").function(x, rate=0.3, training=True, seed=1).astype(np.float64)
        assert np.mean(np.abs(y - bound.expected)[y != 0] > bound.worst[y != 0]) > 0.5


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(SpecError, match=r"dropout: rate is .*, but should be at least 0 and below 1"):
        dropout(np.ones(3), rate=rate)
