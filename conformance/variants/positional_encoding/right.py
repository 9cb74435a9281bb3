"""Positional encoding: sin(pos / 10000^(2i/d)) in channel 2i, the cosine in channel 2i + 1.

There is no dtype of the input: each variant is judged in the format that it returns, which is what it declares.
"""

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, Array
from ..catalogue import WIDEST, variant


def exponents(d_model: int) -> Array:
    """2i/d for each pair of channels; with an odd d, the last pair has no cosine."""
    return np.arange(0, d_model, 2) / d_model


def interleaved(sines: Array, cosines: Array, d_model: int) -> Array:
    """Sines in the even channels, cosines in the odd ones."""
    table = np.empty((sines.shape[0], d_model), sines.dtype)
    table[:, 0::2], table[:, 1::2] = sines, cosines[:, : d_model // 2]
    return table


def table_of(angle: Array, d_model: int) -> Array:
    """Sine and cosine of the angles: (length, d_model)."""
    return interleaved(np.sin(angle), np.cos(angle), d_model)


def angles(length: int, d_model: int, base: float = 1e4) -> Array:
    """pos / base^(2i/d): (length, pairs)."""
    return np.arange(length)[:, None] / base ** exponents(d_model)


def encoding(length: int, d_model: int) -> Array:
    """Compute sin and cos of pos / 10000^(2i / d_model) in float64."""
    return table_of(angles(length, d_model), d_model)


# Right


@variant("positional-plain", "positional_encoding", "The formula in float64.", wrong=False, dtypes=WIDEST)
def positional_plain(length: int, d_model: int) -> Array:
    return encoding(length, d_model)


@variant("positional-by-exp", "positional_encoding", "exp(-ln(10000) 2i/d).", wrong=False, dtypes=WIDEST)
def positional_by_exp(length: int, d_model: int) -> Array:
    frequency = np.exp(exponents(d_model) * -np.log(1e4))
    return table_of(np.arange(length)[:, None] * frequency, d_model)


@variant(
    "positional-by-reciprocal", "positional_encoding", "1 / 10000^(2i/d), then a product.", wrong=False, dtypes=WIDEST
)
def positional_by_reciprocal(length: int, d_model: int) -> Array:
    return table_of(np.arange(length)[:, None] * (1 / 1e4 ** exponents(d_model)), d_model)


@variant(
    "positional-float32-table",
    "positional_encoding",
    "The table is computed in float64 and rounded to float32.",
    wrong=False,
    dtypes=("float32",),
)
def positional_float32_table(length: int, d_model: int) -> Array:
    return encoding(length, d_model).astype(FLOAT32)


@variant(
    "positional-bfloat16-table",
    "positional_encoding",
    "The table is computed in float64 and rounded to bfloat16.",
    wrong=False,
    dtypes=("bfloat16",),
)
def positional_bfloat16_table(length: int, d_model: int) -> Array:
    return encoding(length, d_model).astype(FLOAT32).astype(BFLOAT16)


@variant(
    "positional-float32",
    "positional_encoding",
    "Everything in float32.",
    wrong=False,
    dtypes=("float32",),
)
def positional_float32(length: int, d_model: int) -> Array:
    frequency = np.exp(exponents(d_model).astype(FLOAT32) * np.float32(-np.log(1e4)))
    return table_of(np.arange(length, dtype=FLOAT32)[:, None] * frequency, d_model)


@variant(
    "positional-concatenated",
    "positional_encoding",
    "The sines, then the cosines, as declared.",
    wrong=False,
    conventions={"positional_layout": "concatenated"},
    dtypes=WIDEST,
)
def positional_concatenated(length: int, d_model: int) -> Array:
    table = encoding(length, d_model)
    return np.concatenate([table[:, 0::2], table[:, 1::2]], -1)
