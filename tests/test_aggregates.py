"""Statistics over a tensor, on bounds made by hand: rounding passes, and each kind of systematic error is caught."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.terms.aggregates import FEWEST_ELEMENTS, FEWEST_ROWS, LARGEST_Z, aggregates
from assay.oracle.rounding.bound import Bound
from assay.oracle.rounding.formats import FORMATS, half_ulp

NUMPY = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
SHAPE = (256, 64)


def bound_of(expected, sigma, dtype, *, coherent=0.0, **rest):
    """Make a bound whose error before rounding has a known deviation everywhere."""
    sigma, coherent = np.broadcast_to(sigma, expected.shape), np.broadcast_to(coherent, expected.shape)
    half = half_ulp(expected, FORMATS[dtype])
    worst = 100 * sigma + half
    return Bound(expected, worst, 6 * sigma + half, sigma, half, coherent, **rest)


def stored(values, dtype):
    """Round to the dtype."""
    return values.astype(NUMPY[dtype]).astype(np.float64)


def right(seed, dtype, share, shape=SHAPE):
    """Draw (the right answer, a right result, its bound): noise of a `share` of an ulp, then rounding."""
    generator = np.random.default_rng(seed)
    expected = generator.standard_normal(shape)
    sigma = share * 2 * half_ulp(expected, FORMATS[dtype])
    return (
        expected,
        stored(expected + sigma * generator.standard_normal(shape), dtype),
        bound_of(expected, sigma, dtype),
    )


def caught(actual, bound, dtype):
    """Name the aggregates outside their limits."""
    return {each.name for each in aggregates(actual, bound, dtype) if each.ratio > 1}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("share", [0.02, 0.5, 5.0])
def test_noise_of_rounding_passes(dtype, share):
    """Whether the rounding before the result is far smaller than an ulp or far larger."""
    for seed in range(5):
        _, actual, bound = right(seed, dtype, share)
        found = {each.name: each for each in aggregates(actual, bound, dtype)}
        assert {"noise", "flips", "bias", "gain"} <= found.keys()
        assert {"bias by row", "gain by column", "bias by size"} <= found.keys()
        assert {name for name, each in found.items() if each.ratio > 1} == set()


def test_a_perfect_result_passes():
    expected, _, bound = right(0, "float16", 0.5)
    assert caught(stored(expected, "float16"), bound, "float16") == set()


@pytest.mark.parametrize("share", [0.5, 5.0])
def test_a_bias_far_below_one_element_is_caught(share):
    """A twentieth of a deviation is t = sqrt(16384)/20 = 6.4 times as large as it stands: a fifth is beyond 7."""
    for sign in (1, -1):
        expected, _, bound = right(1, "float32", share)
        noise = bound.sigma * np.random.default_rng(2).standard_normal(SHAPE)
        biased = stored(expected + noise + sign * 0.2 * bound.deviation, "float32")
        assert (np.abs(biased - expected) <= bound.statistical + 0.2 * bound.deviation).all()
        assert "bias" in caught(biased, bound, "float32")


def test_a_gain_far_below_one_element_is_caught():
    """As a temperature or an epsilon that is slightly off gives."""
    expected, _, _ = right(3, "float32", 5.0)
    sigma = np.full(SHAPE, 1e-6)
    bound = bound_of(expected, sigma, "float32")
    noise = sigma * np.random.default_rng(4).standard_normal(SHAPE)
    for gain in (1 + 2e-7, 1 - 2e-7):
        scaled = stored(expected * gain + noise, "float32")
        assert "gain" in caught(scaled, bound, "float32")
    assert caught(stored(expected + noise, "float32"), bound, "float32") == set()


def test_a_bias_of_some_rows_alone_is_caught_by_the_bins():
    """A tile of sixteen rows that is off, where the mean over all is not."""
    expected, _, bound = right(5, "float32", 5.0)
    noise = bound.sigma * np.random.default_rng(6).standard_normal(SHAPE)
    columns = np.arange(64)
    tile = np.where(columns < 4, 1.0, 0.0) - np.where(columns >= 60, 1.0, 0.0)
    found = caught(stored(expected + noise + 0.4 * tile * bound.deviation, "float32"), bound, "float32")
    assert "bias by column" in found
    assert "bias" not in found


def test_more_noise_than_declared_is_caught():
    """A quarter more in every element, as one hidden rounding to a shorter format gives."""
    expected, _, bound = right(7, "float32", 5.0)
    noise = bound.sigma * np.random.default_rng(8).standard_normal(SHAPE)
    assert caught(stored(expected + 1.25 * noise, "float32"), bound, "float32") >= {"noise"}


def test_too_many_flips_are_caught():
    """One element of a hundred rounded the wrong way, where the error before rounding explains one of five hundred."""
    expected, _, bound = right(9, "bfloat16", 0.002)
    actual = stored(expected, "bfloat16")
    wrong_way = np.random.default_rng(10).random(SHAPE) < 0.02
    other = actual + np.where(expected > actual, 2, -2) * bound.half_ulp
    found = caught(np.where(wrong_way, other, actual), bound, "bfloat16")
    assert "flips" in found
    assert "noise" not in found


def test_what_may_be_coherent_is_no_bias():
    """The same constant error in every element, declared and not."""
    expected, _, bound = right(11, "float32", 5.0)
    noise = bound.sigma * np.random.default_rng(12).standard_normal(SHAPE)
    actual = stored(expected + noise + 0.5 * bound.sigma, "float32")
    declared = bound_of(expected, bound.sigma, "float32", coherent=0.5 * bound.sigma)
    assert "bias" in caught(actual, bound, "float32")
    assert caught(actual, declared, "float32") == set()


def test_directions_and_scores_of_the_component_are_tested_too():
    """A direction that neither bias nor gain has; a score of its own."""
    expected, _, plain = right(13, "float32", 5.0)
    checks = np.where((np.arange(SHAPE[0])[:, None] + np.arange(SHAPE[1])) % 2, 1.0, -1.0)
    noise = plain.sigma * np.random.default_rng(14).standard_normal(SHAPE)
    rest = {"sensitivities": {"checks": checks * plain.deviation}, "tests": {"score": lambda error: 8.0 * error.any()}}
    bound = bound_of(expected, plain.sigma, "float32", **rest)
    actual = stored(expected + noise + 0.2 * checks * plain.deviation, "float32")
    assert "bias" not in caught(actual, bound, "float32")
    assert caught(actual, bound, "float32") >= {"checks", "score"}
    assert caught(stored(expected, "float64"), bound, "float64") == set()


def names_of(shape, dtype="float32", **rest):
    """Which aggregates are valid on a right result of a shape."""
    expected, actual, bound = right(15, dtype, 0.5, shape)
    bound = bound_of(expected, bound.sigma, dtype, **rest)
    return {each.name for each in aggregates(actual, bound, dtype)}


def test_too_few_elements_rows_or_positions_give_no_statistic():
    assert names_of((FEWEST_ELEMENTS // 16 - 1, 16)) == set()
    assert names_of((FEWEST_ELEMENTS // 16, 16)) >= {"noise", "flips", "bias", "gain"}
    assert names_of((FEWEST_ROWS - 1, 64)) == {"noise", "flips"}
    assert names_of((FEWEST_ELEMENTS,)) == {"noise", "flips"}
    assert names_of(SHAPE, rows_independent=False) == {"noise", "flips"}
    # Seven values over and over: they round alike.
    expected = np.resize(np.random.default_rng(16).standard_normal(7), SHAPE)
    bound = bound_of(expected, np.full(SHAPE, 1e-7), "float32")
    assert [each.name for each in aggregates(stored(expected, "float32"), bound, "float32")] == ["noise"]


def test_elements_that_cannot_be_judged_are_left_out():
    """NaN, infinity, an infinite bound, a deviation of zero."""
    expected, actual, bound = right(17, "float32", 0.5)
    expected, actual, worst = expected.copy(), actual.copy(), bound.worst.copy()
    expected[0], actual[0], actual[1], actual[2], worst[2] = np.nan, np.nan, np.inf, 1e30, np.inf
    spoilt = Bound(expected, worst, bound.statistical, bound.sigma, bound.half_ulp, bound.coherent)
    assert aggregates(actual, spoilt, "float32") != []
    assert caught(actual, spoilt, "float32") == set()
    zero = np.zeros(SHAPE)
    assert aggregates(actual, Bound(bound.expected, zero, zero, zero, zero, zero), "float32") == []


def test_a_few_rows_that_carry_the_whole_sum_are_no_sample():
    """A bias of three rows is for the bounds of single elements to find."""
    _, _, bound = right(18, "float32", 0.5)
    actual = stored(bound.expected, "float32")
    actual[:3] += bound.half_ulp[:3] / 64
    found = {each.name: each.value for each in aggregates(actual, bound, "float32")}
    assert (found["bias"], found["gain"]) == (0.0, 0.0)
    assert LARGEST_Z == 7.0
