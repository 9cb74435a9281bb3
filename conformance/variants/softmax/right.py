"""Softmax: exp(x_i - max x) / sum_j exp(x_j - max x) over the last axis."""

import math

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, normalised, wide
from ..catalogue import ROUNDED_SHIFT, variant


def softmax(x: Array) -> Array:
    """Compute exp(x - max x) over its sum."""
    e = np.exp(x - largest(x))
    return normalised(e)


# Right


@variant("softmax-plain", "softmax", "The formula with the largest entry subtracted.", wrong=False)
@wide
def softmax_plain(x: Array) -> Array:
    return softmax(x)


@variant("softmax-log-sum-exp", "softmax", "exp((x - max) - log(sum)): a subtraction for the division.", wrong=False)
@wide
def softmax_log_sum_exp(x: Array) -> Array:
    shifted = x - largest(x)
    return np.asarray(np.exp(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))))


@variant(
    "softmax-base-two",
    "softmax",
    "exp2 of the entries times log2(e), before the maximum is taken off, as declared.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
)
@wide
def softmax_base_two(x: Array) -> Array:
    y = x * math.log2(math.e)
    e = np.exp2(y - largest(y))
    return normalised(e)


@variant("softmax-reciprocal", "softmax", "One reciprocal a row, then products; the sum goes one by one.", wrong=False)
@wide
def softmax_reciprocal(x: Array) -> Array:
    e = np.exp(x - largest(x))
    return np.asarray(e * (1 / np.add.accumulate(e, axis=-1)[..., -1:]))


@variant("softmax-float64-inside", "softmax", "Everything in float64.", wrong=False)
def softmax_float64_inside(x: Array) -> Array:
    return softmax(x.astype(FLOAT64)).astype(x.dtype)
