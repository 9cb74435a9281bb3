"""Positional encoding: within 1 unit in the last place, the bound against right variants and slight bugs."""

import math

import ml_dtypes
import mpmath
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.positional_encoding import (
    positional_encoding,
    positional_encoding_at,
    positional_encoding_bound,
    positional_encoding_bound_at,
)
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}

# Numerators of the continued fraction of pi: their sines are as small as sines of such numbers get.
NEAR_PI = [22, 355, 103993, 104348, 208341, 312689, 833719, 1146408, 4272943, 5419351]
FAR_NEAR_PI = [80143857, 245850922, 6167950454, 21053343141, 8958937768937, 428224593349304, 6134899525417045]


def held_to(dtype):
    return precision_classes(dtype)[-1][1]


def exactly(position, channel, d_model):
    """Compute the formula in the precision of mpmath."""
    angle = position * mpmath.mpf(10000) ** (-mpmath.mpf(channel // 2 * 2) / d_model)
    return mpmath.cos(angle) if channel % 2 else mpmath.sin(angle)


def assert_within_one_unit(positions, d_model, channels):
    """In the last place, each."""
    table = positional_encoding_at(positions, d_model)
    with mpmath.workprec(300):
        for row, position in zip(table, positions, strict=True):
            for channel in channels:
                value = float(row[channel])
                assert abs(value - exactly(int(position), int(channel), d_model)) <= math.ulp(value)


@pytest.mark.parametrize("d_model", [1, 2, 3, 7, 64, 512, 1023])
def test_the_values_are_within_one_unit_in_the_last_place(d_model):
    """At positions up to 10^7."""
    rng = np.random.default_rng(d_model)
    positions = np.concatenate([[0, 1, 2, 511, 10**7 - 1, 10**7], rng.integers(0, 10**7, 30)])

    assert_within_one_unit(positions, d_model, rng.permutation(d_model)[:40])


def test_the_values_are_within_one_unit_where_the_sine_is_smallest():
    """At multiples of pi, very nearly, up to 6e15; and at the largest position."""
    assert_within_one_unit(NEAR_PI + FAR_NEAR_PI + [2**63 - 1], 2, [0, 1])


@pytest.mark.parametrize("d_model", [1, 2, 5, 8])
def test_the_layouts_hold_the_same_channels(d_model):
    """With an odd d_model, one more sine than cosines; the first row has sines of 0 and cosines of 1."""
    interleaved = positional_encoding(6, d_model)
    concatenated = positional_encoding(6, d_model, positional_layout="concatenated")

    assert np.array_equal(concatenated, np.concatenate([interleaved[:, 0::2], interleaved[:, 1::2]], 1))
    assert np.array_equal(interleaved[0], np.arange(d_model) % 2)
    assert np.array_equal(interleaved, positional_encoding_at(np.arange(6), d_model))


@pytest.mark.parametrize("d_model", [7, 64])
@pytest.mark.parametrize("variant", variants("positional_encoding", wrong=False), ids=lambda each: each.name)
def test_a_right_variant_is_within_the_bound(variant, d_model):
    """In the format in which the result comes."""
    table = variant.function(600, d_model)
    bound = positional_encoding_bound(600, d_model, **variant.conventions, numerics=held_to(table.dtype.name))

    assert np.all(np.abs(table.astype(np.float64) - bound.expected) <= bound.statistical)


FREQUENCIES = {
    "exponential": lambda channel, d, number: np.exp(channel * number(-np.log(1e4) / d)),
    "power": lambda channel, d, number: number(1e4) ** -(channel / d),
    "reciprocal": lambda channel, d, number: 1 / number(1e4) ** (channel / d),
}


@pytest.mark.parametrize("frequency", FREQUENCIES.values(), ids=FREQUENCIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d_model", [2, 33, 128])
def test_angles_in_the_accumulator_are_within_the_bound(frequency, dtype, d_model):
    """At positions up to 10^8, where float32 has not every whole number."""
    number = np.float64 if dtype == "float64" else np.float32
    positions = np.concatenate([np.arange(100), np.geomspace(100, 10**8, 200).astype(int), [2**24 + 1]])
    channel = np.arange(0, d_model, 2).astype(number)
    angle = positions.astype(number)[:, None] * frequency(channel, number(d_model), number)
    table = np.empty((len(positions), d_model), number)
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)[:, : d_model // 2]
    bound = positional_encoding_bound_at(positions, d_model, numerics=held_to(dtype))

    assert np.all(np.abs(table.astype(DTYPES[dtype]).astype(np.float64) - bound.expected) <= bound.worst)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The base is 10001; the positions start at 1; the exponent is 2i/(d - 2)."""
    bound = positional_encoding_bound(512, 64, numerics=held_to(dtype))
    position, pair = np.arange(512)[:, None], np.arange(32)

    for angle in (position / 10001 ** (pair / 32), (position + 1) / 1e4 ** (pair / 32), position / 1e4 ** (pair / 31)):
        wrong = np.stack([np.sin(angle), np.cos(angle)], -1).reshape(512, 64)
        assert np.any(np.abs(wrong - bound.expected) > bound.worst)


def test_angles_of_16_bits_are_beyond_the_bound():
    """Even if the result has 16 bits."""
    bound = positional_encoding_bound(512, 8, numerics=held_to("bfloat16"))
    angle = (np.arange(512)[:, None] / 1e4 ** (np.arange(4) / 4)).astype(ml_dtypes.bfloat16).astype(np.float64)
    wrong = np.stack([np.sin(angle), np.cos(angle)], -1).reshape(512, 8)

    assert np.mean(np.abs(wrong - bound.expected) > bound.worst) > 0.2


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_no_positions_give_an_empty_result(layout):
    """Of the right shape."""
    bound = positional_encoding_bound(0, 5, positional_layout=layout, numerics=held_to("float32"))

    assert positional_encoding(0, 5, positional_layout=layout).shape == bound.worst.shape == (0, 5)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((-1, 4), {}, "length is -1"),
        ((4, 0), {}, "d_model is 0"),
        ((4, 4), {"positional_layout": "mixed"}, "should be 'interleaved' or 'concatenated'"),
    ],
)
def test_what_the_formula_does_not_define_is_refused(arguments, options, sentence):
    """The sentence names the argument."""
    with pytest.raises(SpecError, match=sentence):
        positional_encoding(*arguments, **options)
    with pytest.raises(SpecError, match="positions holds -3"):
        positional_encoding_at([-3], 4)
