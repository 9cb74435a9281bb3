"""The learning rate: within 1 unit in the last place, the bound against right variants and slight bugs."""

import math

import ml_dtypes
import mpmath
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.learning_rate import learning_rate, learning_rate_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
STEPS = np.unique(np.concatenate([np.arange(1, 50), np.geomspace(50, 10**7, 200).astype(int), [3999, 4000, 4001]]))
SIZES = [(512, 4000), (1, 1), (8, 10), (1000, 12345), (12288, 10**6)]


def held_to(dtype):
    return precision_classes(dtype)[-1][1]


def exactly(step, d_model, warmup):
    """Equation 3, in the precision of mpmath."""
    falling, rising = mpmath.mpf(step) ** -0.5, step * mpmath.mpf(warmup) ** mpmath.mpf("-1.5")
    return min(falling, rising) / mpmath.sqrt(d_model)


@pytest.mark.parametrize(("d_model", "warmup"), SIZES)
def test_the_values_are_within_one_unit_in_the_last_place(d_model, warmup):
    """At 10^12 and 2^62 too."""
    steps = [*STEPS.tolist(), 10**12, 2**62]
    rates = learning_rate(steps, d_model=d_model, warmup=warmup)

    with mpmath.workprec(200):
        for step, rate in zip(steps, rates.tolist(), strict=True):
            assert abs(rate - exactly(step, d_model, warmup)) <= 0.501 * math.ulp(rate)


def in_format(steps, d_model, warmup, arithmetic):
    """Equation 3 by powers in one format."""
    s, d, w = steps.astype(arithmetic), arithmetic(d_model), arithmetic(warmup)
    return d ** arithmetic(-0.5) * np.minimum(s ** arithmetic(-0.5), s * w ** arithmetic(-1.5))


@pytest.mark.parametrize(("d_model", "warmup"), SIZES)
@pytest.mark.parametrize("variant", variants("learning_rate", wrong=False), ids=lambda each: each.name)
def test_a_right_variant_is_within_the_bound(variant, d_model, warmup):
    """In the format in which the result comes."""
    rates = variant.function(STEPS, d_model=d_model, warmup=warmup)
    bound = learning_rate_bound(STEPS, d_model=d_model, warmup=warmup, numerics=held_to(rates.dtype.name))

    assert np.all(np.abs(rates.astype(np.float64) - bound.expected) <= bound.statistical)


@pytest.mark.parametrize(("d_model", "warmup"), SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_in_the_accumulator_are_within_the_bound(dtype, d_model, warmup):
    """Steps beyond 2^24 are rounded before they are raised."""
    steps = np.concatenate([STEPS, [2**24 + 1, 10**9 + 7]])
    arithmetic = np.float64 if dtype == "float64" else np.float32
    rates = in_format(steps, d_model, warmup, arithmetic).astype(DTYPES[dtype])
    bound = learning_rate_bound(steps, d_model=d_model, warmup=warmup, numerics=held_to(dtype))

    assert np.all(np.abs(rates.astype(np.float64) - bound.expected) <= bound.worst)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The first step counts as 2; warmup, or d_model, is one off."""
    right = {"d_model": 512, "warmup": 4000}
    bound = learning_rate_bound(STEPS, **right, numerics=held_to(dtype))
    early, late = STEPS < 4000, STEPS >= 4000

    assert np.all(np.abs(learning_rate(STEPS + 1, **right) - bound.expected)[STEPS < 1e5] > bound.worst[STEPS < 1e5])
    assert np.all(np.abs(learning_rate(STEPS, d_model=512, warmup=4001) - bound.expected)[early] > bound.worst[early])
    assert np.all(np.abs(learning_rate(STEPS, d_model=513, warmup=4000) - bound.expected)[late] > bound.worst[late])


def test_no_steps_give_an_empty_result():
    """Of the right shape."""
    assert learning_rate(np.empty(0, int), d_model=512, warmup=4000).shape == (0,)
    assert learning_rate_bound([], d_model=512, warmup=4000, numerics=held_to("float32")).worst.shape == (0,)


@pytest.mark.parametrize(
    ("steps", "sizes", "sentence"),
    [
        ([0, 1], {}, "steps holds 0, but the first step is 1"),
        ([0.5], {}, "whole numbers"),
        ([1], {"warmup": 0}, "warmup is 0"),
        ([1], {"d_model": 2.5}, "d_model is 2.5"),
    ],
)
def test_what_the_formula_does_not_define_is_refused(steps, sizes, sentence):
    """The sentence names the argument."""
    with pytest.raises(SpecError, match=sentence):
        learning_rate(steps, **{"d_model": 512, "warmup": 4000, **sizes})
