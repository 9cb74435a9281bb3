"""Log-softmax with wrong values, and what is right where it is declared."""

import math

import numpy as np

from ..arithmetic import Array, fast_exp, largest, wide, widened
from ..catalogue import NARROW, WIDE, variant
from .right import log_softmax, log_softmax_plain, softmax


@variant(
    "log-softmax-implicit-axis",
    "log_softmax",
    "The axis is the first where there are three, as torch chooses when none is given.",
    needs="three axes",
)
@wide
def log_softmax_implicit_axis(x: Array) -> Array:
    return log_softmax(x) if x.ndim != 3 else np.moveaxis(log_softmax(np.moveaxis(x, 0, -1)), -1, 0)


@variant(
    "log-softmax-whole-tensor",
    "log_softmax",
    "It is normalised over the whole tensor.",
    needs="two rows or more",
)
@wide
def log_softmax_whole_tensor(x: Array) -> Array:
    return log_softmax(x.reshape(-1)).reshape(x.shape)


@variant(
    "log-softmax-without-max",
    "log_softmax",
    "No largest entry is subtracted, so exp overflows.",
    needs="entries above 89 (float32 arithmetic) or 710 (float64), or all far below zero",
)
@wide
def log_softmax_without_max(x: Array) -> Array:
    return np.asarray(x - np.log(np.exp(x).sum(-1, keepdims=True)))


@variant(
    "log-softmax-max-of-tensor",
    "log_softmax",
    "The largest entry of the whole tensor is subtracted, so other rows vanish.",
    needs="a row more than 104 (float32 arithmetic) or 746 (float64) below another",
)
@wide
def log_softmax_max_of_tensor(x: Array) -> Array:
    shifted = x - x.max(initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


@variant(
    "log-softmax-of-softmax",
    "log_softmax",
    "It is the logarithm of a softmax, -inf where that underflows.",
    needs="an entry more than 104 (float32 arithmetic) or 746 (float64) below the largest",
    seen_in=("harvardnlp/annotated-transformer#38", "harvardnlp/annotated-transformer#115"),
)
@wide
def log_softmax_of_softmax(x: Array) -> Array:
    return np.asarray(np.log(softmax(x)))


@variant(
    "log-softmax-of-clipped",
    "log_softmax",
    "It is the logarithm of a softmax that is clipped to 1e-7 and more.",
    needs="an entry more than 17 below the largest",
)
@wide
def log_softmax_of_clipped(x: Array) -> Array:
    return np.asarray(np.log(np.clip(softmax(x), 1e-7, 1)))


@variant(
    "log-softmax-narrow-sum",
    "log_softmax",
    "The sum of exponentials is rounded to the 16-bit format of the input before its logarithm.",
    needs="any input; worst where one entry dominates",
    dtypes=NARROW,
)
def log_softmax_narrow_sum(x: Array) -> Array:
    wide_x = widened(x)
    with np.errstate(all="ignore"):
        shifted = wide_x - largest(wide_x)
        total = widened(np.exp(shifted).sum(-1, keepdims=True).astype(x.dtype))
        return np.asarray(shifted - np.log(total)).astype(x.dtype)


variant(
    "log-softmax-narrow-sum-declared",
    "log_softmax",
    "The same, declared.",
    wrong=False,
    numerics={dtype: {"statistics": dtype} for dtype in NARROW},
    dtypes=NARROW,
)(log_softmax_narrow_sum)


@variant(
    "log-softmax-narrow-accumulator",
    "log_softmax",
    "The exponentials are added one by one in the 16-bit format of the input.",
    needs="rows of 100 entries or more",
    dtypes=NARROW,
)
def log_softmax_narrow_accumulator(x: Array) -> Array:
    wide_x = widened(x)
    with np.errstate(all="ignore"):
        shifted = wide_x - largest(wide_x)
        if not x.shape[-1]:
            return x.copy()
        total = widened(np.add.accumulate(np.exp(shifted).astype(x.dtype), -1)[..., -1:])
        return np.asarray(shifted - np.log(total)).astype(x.dtype)


@variant(
    "log-softmax-tail-lost",
    "log_softmax",
    "Entries go 8 at a time, and the rest is missing from the sum.",
    needs="n above 8 that is no multiple of it",
)
@wide
def log_softmax_tail_lost(x: Array) -> Array:
    n = x.shape[-1]
    shifted = x - largest(x)
    return np.asarray(shifted - np.log(np.exp(shifted[..., : n // 8 * 8 or n]).sum(-1, keepdims=True)))


@variant(
    "log-softmax-padding-counted",
    "log_softmax",
    "The row is padded with zeros to a multiple of 8, and they count in the sum.",
    needs="n not a multiple of 8",
)
@wide
def log_softmax_padding_counted(x: Array) -> Array:
    n = x.shape[-1]
    return log_softmax(np.concatenate([x, np.zeros((*x.shape[:-1], -n % 8), x.dtype)], -1))[..., :n]


@variant("log-softmax-base-confused", "log_softmax", "The logarithm has base 2.", needs="n above 1")
@wide
def log_softmax_base_confused(x: Array) -> Array:
    return np.asarray(log_softmax(x) / math.log(2))


# In 16 bits an error of 1e-4 is within half a unit of all but the logarithms near zero.
@variant(
    "log-softmax-fast-exp",
    "log_softmax",
    "exp is a cubic with an error of 1e-4, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def log_softmax_fast_exp(x: Array) -> Array:
    shifted = x - largest(x)
    return np.asarray(shifted - np.log(fast_exp(shifted).sum(-1, keepdims=True)))


@variant(
    "log-softmax-finite-mask",
    "log_softmax",
    "Entries below -1e4 are raised to it, the number that stands for a mask.",
    needs="a masked entry, or one below -1e4",
    seen_in=("flashinfer-ai/flashinfer#4452",),
)
@wide
def log_softmax_finite_mask(x: Array) -> Array:
    return log_softmax(np.maximum(x, -1e4))


@variant(
    "log-softmax-in-place",
    "log_softmax",
    "The input is overwritten with the result.",
    needs="a look at the input after",
)
def log_softmax_in_place(x: Array) -> Array:
    x[...] = log_softmax_plain(x)
    return x.copy()
