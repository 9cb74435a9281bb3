"""Softmax with wrong values."""

import math

import numpy as np

from ..arithmetic import Array, fast_exp, largest, normalised, wide, widened
from ..catalogue import NARROW, WIDE, variant
from .right import softmax, softmax_plain


@variant(
    "softmax-first-axis",
    "softmax",
    "It is normalised over the first axis, not the last.",
    needs="two axes or more",
    seen_in=("PetrochukM/PyTorch-NLP#2",),
)
@wide
def softmax_first_axis(x: Array) -> Array:
    return np.moveaxis(softmax(np.moveaxis(x, 0, -1)), -1, 0)


@variant(
    "softmax-whole-tensor",
    "softmax",
    "It is normalised over the whole tensor.",
    needs="two rows or more",
    seen_in=("nntrainer/nntrainer#430",),
)
@wide
def softmax_whole_tensor(x: Array) -> Array:
    return softmax(x.reshape(-1)).reshape(x.shape)


@variant(
    "softmax-without-max",
    "softmax",
    "No largest entry is subtracted, so exp overflows.",
    needs="entries above 89 (float32 arithmetic) or 710 (float64), or all far below zero",
    seen_in=("pytorch/executorch#18407",),
)
@wide
def softmax_without_max(x: Array) -> Array:
    e = np.exp(x)
    return normalised(e)


@variant(
    "softmax-max-of-tensor",
    "softmax",
    "The largest entry of the whole tensor is subtracted, so other rows vanish.",
    needs="a row more than 104 (float32 arithmetic) or 746 (float64) below another",
)
@wide
def softmax_max_of_tensor(x: Array) -> Array:
    e = np.exp(x - x.max(initial=-np.inf))
    return normalised(e)


@variant(
    "softmax-padding-counted",
    "softmax",
    "The row is padded with zeros to a multiple of 8, and they count in the sum.",
    needs="n not a multiple of 8",
)
@wide
def softmax_padding_counted(x: Array) -> Array:
    n = x.shape[-1]
    return softmax(np.concatenate([x, np.zeros((*x.shape[:-1], -n % 8), x.dtype)], -1))[..., :n]


@variant(
    "softmax-tail-lost",
    "softmax",
    "Entries go 8 at a time, and the rest is missing from the sum.",
    needs="9 entries or more, no multiple of 8",
)
@wide
def softmax_tail_lost(x: Array) -> Array:
    n = x.shape[-1]
    e = np.exp(x - largest(x))
    return np.asarray(e / e[..., : n // 8 * 8 or n].sum(-1, keepdims=True))


# In float32 arithmetic an error of 1e-4 is half a unit of float16 at most: only an average would tell.
@variant(
    "softmax-fast-exp",
    "softmax",
    "exp is a cubic with an error of 1e-4, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def softmax_fast_exp(x: Array) -> Array:
    e = fast_exp(x - largest(x))
    return normalised(e)


@variant(
    "softmax-narrow-sum",
    "softmax",
    "The sum is accumulated in the 16-bit format of the input.",
    needs="rows of 100 entries or more",
    dtypes=NARROW,
)
def softmax_narrow_sum(x: Array) -> Array:
    y = widened(x)
    e = np.exp(y - largest(y))
    return np.asarray((e / widened(np.add.accumulate(e.astype(x.dtype), -1)[..., -1:])).astype(x.dtype))


# The sum is at least 1, so the relative change is 1e-6 at most: below a unit of either 16-bit format.
@variant(
    "softmax-epsilon", "softmax", "1e-6 is added to the sum against division by zero.", needs="any input", dtypes=WIDE
)
@wide
def softmax_epsilon(x: Array) -> Array:
    e = np.exp(x - largest(x))
    return np.asarray(e / (e.sum(-1, keepdims=True) + 1e-6))


# Entries below 1e-7 are subnormal in float16, and no relative accuracy is due to them in bfloat16's neighbours of zero.
@variant(
    "softmax-clipped",
    "softmax",
    "Probabilities below 1e-7 are raised to it, for the logarithm that follows.",
    needs="an entry more than 17 below the largest",
    dtypes=WIDE,
)
@wide
def softmax_clipped(x: Array) -> Array:
    return np.clip(softmax(x), 1e-7, 1)


@variant("softmax-temperature", "softmax", "Entries are divided by sqrt(n) first.", needs="n above 1")
@wide
def softmax_temperature(x: Array) -> Array:
    return softmax(x / max(x.shape[-1], 1) ** 0.5)


@variant("softmax-powers-of-two", "softmax", "exp2 without the factor log2(e).", needs="entries that differ")
@wide
def softmax_powers_of_two(x: Array) -> Array:
    return softmax(x * math.log(2))


@variant("softmax-in-place", "softmax", "The input is overwritten with the result.", needs="a look at the input after")
def softmax_in_place(x: Array) -> Array:
    x[...] = softmax_plain(x)
    return x.copy()
