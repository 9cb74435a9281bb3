"""Gradients of softmax: p (g - sum p g), p = softmax(x)."""

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, FLOAT64, Array, largest, normalised, rounded, through_maximum, widened
from ..attention.calls import without_strides
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients, first_row, gradients_in, gradients_of, never_cleared, summed_in, wide_gradients
from .right import softmax, softmax_plain

gradient = gradients_of("softmax", softmax_plain)


def row_sum(x: Array) -> Array:
    """Sum over the last axis, which is kept."""
    return np.asarray(x.sum(-1, keepdims=True))


def through(p: Array, g: Array) -> Array:
    """Compute p (g - sum p g)."""
    return np.asarray(p * (g - row_sum(p * g)))


# Right


@gradient("softmax-gradient-plain", "The formula, the probabilities in the accumulator's format.", wrong=False)
@wide_gradients
def softmax_gradient_plain(g: Array, x: Array) -> Gradients:
    return (through(softmax(x), g),)


@gradient("softmax-gradient-through-maximum", "Through the maximum, to the largest entry, too.", wrong=False)
@wide_gradients
def softmax_gradient_through_maximum(g: Array, x: Array) -> Gradients:
    e = np.exp(x - largest(x))
    total = row_sum(e)
    return (through_maximum(x, e * (g / total - row_sum(g * e) / (total * total))),)


@gradient("softmax-gradient-from-result", "From the probabilities as the forward pass rounded them.", wrong=False)
def softmax_gradient_from_result(g: Array, x: Array) -> Gradients:
    return (through(widened(softmax_plain(x)), widened(g)).astype(x.dtype),)


@gradient("softmax-gradient-two-products", "p g - p sum(p g): the product comes before the difference.", wrong=False)
@wide_gradients
def softmax_gradient_two_products(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (p * g - p * row_sum(p * g),)


@gradient("softmax-gradient-jacobian", "The matrix diag(p) - p p^T of each row, times g.", wrong=False)
@wide_gradients
def softmax_gradient_jacobian(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    jacobian = np.eye(x.shape[-1], dtype=x.dtype) * p[..., None] - p[..., None] * p[..., None, :]
    return ((jacobian @ g[..., None])[..., 0],)


@gradient("softmax-gradient-backwards", "Both sums go one by one, from the last entry.", wrong=False)
@wide_gradients
def softmax_gradient_backwards(g: Array, x: Array) -> Gradients:
    p = softmax(x[..., ::-1])[..., ::-1]
    return (p * (g - np.add.accumulate((p * g)[..., ::-1], -1)[..., -1:]),)


@gradient("softmax-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def softmax_gradient_float64_inside(g: Array, x: Array) -> Gradients:
    return (through(softmax(x), g),)


# Wrong: the formula


@gradient("softmax-gradient-sum-missing", "p g: the sum is not taken off.", needs="two entries or more")
@wide_gradients
def softmax_gradient_sum_missing(g: Array, x: Array) -> Gradients:
    return (softmax(x) * g,)


@gradient("softmax-gradient-diagonal", "p (1 - p) g, as of a sigmoid.", needs="two entries or more")
@wide_gradients
def softmax_gradient_diagonal(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (p * (1 - p) * g,)


@gradient("softmax-gradient-sum-unweighted", "The sum is that of g, not of p g.", needs="two entries or more")
@wide_gradients
def softmax_gradient_sum_unweighted(g: Array, x: Array) -> Gradients:
    return (softmax(x) * (g - row_sum(g)),)


@gradient("softmax-gradient-of-log", "g - p sum(g): the gradient of log-softmax.", needs="two entries or more")
@wide_gradients
def softmax_gradient_of_log(g: Array, x: Array) -> Gradients:
    return (g - softmax(x) * row_sum(g),)


@gradient("softmax-gradient-mean", "The mean of p g stands for the sum.", needs="two entries or more")
@wide_gradients
def softmax_gradient_mean(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (p * (g - row_sum(p * g) / x.shape[-1]),)


@gradient("softmax-gradient-first-axis", "The sum is over the first axis.", needs="two rows or more")
@wide_gradients
def softmax_gradient_first_axis(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (p * (g - (p * g).sum(0, keepdims=True)),)


@gradient("softmax-gradient-of-logits", "x, which was saved, stands for p.", needs="any input")
@wide_gradients
def softmax_gradient_of_logits(g: Array, x: Array) -> Gradients:
    return (through(x, g),)


@gradient("softmax-gradient-twice", "Softmax is taken of p again.", needs="two entries or more")
@wide_gradients
def softmax_gradient_twice(g: Array, x: Array) -> Gradients:
    return (through(softmax(softmax(x)), g),)


@gradient("softmax-gradient-negative", "p (sum(p g) - g): the sign is the other.", needs="two entries or more")
@wide_gradients
def softmax_gradient_negative(g: Array, x: Array) -> Gradients:
    return (-through(softmax(x), g),)


# Wrong: what comes back, and what is kept


@gradient("softmax-gradient-of-ones", "The cotangent is taken as 1.", needs="a cotangent that is not constant")
@wide_gradients
def softmax_gradient_of_ones(g: Array, x: Array) -> Gradients:
    return (through(softmax(x), np.ones_like(g)),)


@gradient(
    "softmax-gradient-of-first-row",
    "The cotangent of the first row is used for every row.",
    needs="two rows or more",
)
@wide_gradients
def softmax_gradient_of_first_row(g: Array, x: Array) -> Gradients:
    return (through(softmax(x), first_row(g)),)


@gradient(
    "softmax-gradient-memory-order",
    "The cotangent is read as if it were contiguous.",
    needs="a cotangent that is a transposed or strided view",
)
def softmax_gradient_memory_order(g: Array, x: Array) -> Gradients:
    return softmax_gradient_plain(without_strides(g), x)


@gradient("softmax-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def softmax_gradient_never_cleared(g: Array, x: Array) -> Gradients:
    return softmax_gradient_plain(g, x)


@gradient(
    "softmax-gradient-in-place",
    "The gradient is written over the argument.",
    needs="a look at the argument after, or a second call with it",
    seen_in=("linkedin/Liger-Kernel#262",),
)
def softmax_gradient_in_place(g: Array, x: Array) -> Gradients:
    x[...] = softmax_gradient_plain(g, x)[0]
    return (x.copy(),)


# Wrong: sizes and numbers


@gradient(
    "softmax-gradient-tail-dropped",
    "The sum goes over whole tiles of 16, and loses the rest.",
    needs="n unlike a multiple of 16",
)
@wide_gradients
def softmax_gradient_tail_dropped(g: Array, x: Array) -> Gradients:
    p, kept = softmax(x), x.shape[-1] // 16 * 16
    return (p * (g - row_sum((p * g)[..., :kept])),)


@gradient(
    "softmax-gradient-padded",
    "Made again for the way back, rows are filled up with zeros to a power of two, and these count.",
    needs="n unlike a power of two",
)
@wide_gradients
def softmax_gradient_padded(g: Array, x: Array) -> Gradients:
    n = x.shape[-1]
    lanes = 2 ** max(n - 1, 0).bit_length()
    p = softmax(np.concatenate([x, np.zeros((*x.shape[:-1], lanes - n), x.dtype)], -1))
    return (through(p[..., :n], g),)


@gradient(
    "softmax-gradient-unshifted",
    "Made again for the way back, the exponentials overflow: the largest entry is not taken off.",
    needs="entries above 89, in float64 above 709",
)
@wide_gradients
def softmax_gradient_unshifted(g: Array, x: Array) -> Gradients:
    return (through(normalised(np.exp(x)), g),)


@gradient(
    "softmax-gradient-by-division",
    "The gradient of log p is divided by p, which may be 0.",
    needs="a probability that underflows",
)
@wide_gradients
def softmax_gradient_by_division(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (through(p, g * p / p),)


@gradient(
    "softmax-gradient-sum-narrow",
    "The sum of p g is accumulated in the 16-bit format of the input.",
    needs="sums of 100 products or more",
    dtypes=NARROW,
)
def softmax_gradient_sum_narrow(g: Array, x: Array) -> Gradients:
    h, p = widened(g), softmax(widened(x))
    total = summed_in(x.dtype, np.moveaxis(p * h, -1, 0))
    return ((p * (h - total[..., None])).astype(x.dtype),)


@gradient(
    "softmax-gradient-saved-bfloat16",
    "The probabilities are kept in bfloat16 though the input is wide, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide_gradients
def softmax_gradient_saved_bfloat16(g: Array, x: Array) -> Gradients:
    return (through(rounded(softmax(x), BFLOAT16), g),)


@gradient("softmax-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def softmax_gradient_by_float32(g: Array, x: Array) -> Gradients:
    return (through(softmax(x), g),)
