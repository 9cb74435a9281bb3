"""Gradients of the output logits: g weight for the hidden states, g^T hidden for the matrix."""

import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, tensorfloat32, widened
from ..attention.calls import without_strides
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients, first_row, gradients_in, gradients_of, never_cleared, summed_in, wide_gradients
from .right import output_logits_plain

gradient = gradients_of("output_logits", output_logits_plain)


def rows(x: Array) -> Array:
    """Put the positions of all batch items one below the other: (B L, d)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def backward(g: Array, hidden: Array, weight: Array) -> Gradients:
    """Compute g W and g^T hidden."""
    return g @ weight, rows(g).T @ rows(hidden)


# Right


@gradient("output-logits-gradient-plain", "Two products; that of the matrix is over all positions.", wrong=False)
@wide_gradients
def output_logits_gradient_plain(g: Array, hidden: Array, weight: Array) -> Gradients:
    return backward(g, hidden, weight)


@gradient("output-logits-gradient-by-item", "A product for each batch item, added up.", wrong=False)
@wide_gradients
def output_logits_gradient_by_item(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g @ weight, (g.swapaxes(-1, -2) @ hidden).sum(0)


@gradient("output-logits-gradient-by-position", "An outer product for each position, the last first.", wrong=False)
@wide_gradients
def output_logits_gradient_by_position(g: Array, hidden: Array, weight: Array) -> Gradients:
    total = np.zeros_like(weight)
    for one, h in zip(rows(g)[::-1], rows(hidden)[::-1], strict=True):
        total = total + np.outer(one, h)
    return g @ weight, total


@gradient("output-logits-gradient-blocked", "The vocabulary in blocks of 16.", wrong=False)
@wide_gradients
def output_logits_gradient_blocked(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = np.zeros_like(hidden), np.empty_like(weight)
    for start in range(0, len(weight), 16):
        block = slice(start, start + 16)
        of_hidden += g[..., block] @ weight[block]
        of_weight[block] = rows(g)[:, block].T @ rows(hidden)
    return of_hidden, of_weight


@gradient("output-logits-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def output_logits_gradient_float64_inside(*arrays: Array) -> Gradients:
    return backward(*arrays)


# Wrong: the matrix


@gradient("output-logits-gradient-of-first-item", "The matrix gets that of the first batch item.", needs="B above 1")
@wide_gradients
def output_logits_gradient_of_first_item(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g @ weight, rows(g[:1]).T @ rows(hidden[:1])


@gradient(
    "output-logits-gradient-of-last-position",
    "The matrix gets that of the last position of each sequence.",
    needs="L above 1",
)
@wide_gradients
def output_logits_gradient_of_last_position(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g @ weight, g[:, -1:].sum(1).T @ hidden[:, -1:].sum(1)


@gradient("output-logits-gradient-mean", "The matrix gets the mean over the positions.", needs="two positions or more")
@wide_gradients
def output_logits_gradient_mean(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = backward(g, hidden, weight)
    return of_hidden, of_weight / max(len(rows(g)), 1)


@gradient(
    "output-logits-gradient-of-sums",
    "g and the hidden states are each summed over the positions before they are multiplied.",
    needs="two positions or more",
)
@wide_gradients
def output_logits_gradient_of_sums(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g @ weight, np.outer(rows(g).sum(0), rows(hidden).sum(0))


@gradient("output-logits-gradient-transposed", "That of a square matrix is transposed.", needs="V = d_model, above 1")
@wide_gradients
def output_logits_gradient_transposed(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = backward(g, hidden, weight)
    return of_hidden, of_weight.T if weight.shape[0] == weight.shape[1] else of_weight


@gradient("output-logits-gradient-frozen", "The tied matrix is taken as constant: it gets none.", needs="any input")
@wide_gradients
def output_logits_gradient_frozen(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g @ weight, np.zeros_like(weight)


@gradient(
    "output-logits-gradient-scaled",
    "The matrix gets sqrt(d_model) times its gradient, as if the embedding had used it.",
    needs="d_model above 1",
)
@wide_gradients
def output_logits_gradient_scaled(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = backward(g, hidden, weight)
    return of_hidden, of_weight * weight.shape[1] ** 0.5


@gradient(
    "output-logits-gradient-tail-lost",
    "The vocabulary goes by whole blocks of 8 on the way back, and the rest gets none.",
    needs="V unlike a multiple of 8",
)
@wide_gradients
def output_logits_gradient_tail_lost(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = backward(g, hidden, weight)
    of_weight[len(weight) // 8 * 8 :] = 0
    return of_hidden, of_weight


# Wrong: the hidden states


@gradient(
    "output-logits-gradient-weight-transposed",
    "g weight^T where the matrix is square: the forward product once more.",
    needs="V = d_model, above 1",
)
@wide_gradients
def output_logits_gradient_weight_transposed(g: Array, hidden: Array, weight: Array) -> Gradients:
    of_hidden, of_weight = backward(g, hidden, weight)
    return g @ weight.T if weight.shape[0] == weight.shape[1] else of_hidden, of_weight


@gradient("output-logits-gradient-last-token-lost", "The last token sends none to the states.", needs="any input")
@wide_gradients
def output_logits_gradient_last_token_lost(g: Array, hidden: Array, weight: Array) -> Gradients:
    return g[..., :-1] @ weight[:-1], rows(g).T @ rows(hidden)


@gradient("output-logits-gradient-centred", "g less its mean comes back.", needs="V above 1")
@wide_gradients
def output_logits_gradient_centred(g: Array, hidden: Array, weight: Array) -> Gradients:
    return backward(g - g.mean(-1, keepdims=True), hidden, weight)


# Wrong: the cotangent, and what is kept


@gradient("output-logits-gradient-clipped", "Gradients end at -1 and 1.", needs="a gradient above 1")
@wide_gradients
def output_logits_gradient_clipped(g: Array, hidden: Array, weight: Array) -> Gradients:
    return tuple(each.clip(-1, 1) for each in backward(g, hidden, weight))


@gradient(
    "output-logits-gradient-of-first-position",
    "Each position has the cotangent of the first.",
    needs="two positions or more",
    seen_in=("linkedin/Liger-Kernel#968", "linkedin/Liger-Kernel#1298"),
)
@wide_gradients
def output_logits_gradient_of_first_position(g: Array, hidden: Array, weight: Array) -> Gradients:
    return backward(first_row(g), hidden, weight)


@gradient(
    "output-logits-gradient-memory-order",
    "The cotangent is read as if it were contiguous.",
    needs="a cotangent that is a transposed or strided view",
)
def output_logits_gradient_memory_order(g: Array, hidden: Array, weight: Array) -> Gradients:
    return output_logits_gradient_plain(without_strides(g), hidden, weight)


@gradient("output-logits-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def output_logits_gradient_never_cleared(g: Array, hidden: Array, weight: Array) -> Gradients:
    return output_logits_gradient_plain(g, hidden, weight)


# Wrong: the numbers


@gradient(
    "output-logits-gradient-sum-narrow",
    "The gradient of the matrix is accumulated position by position in its 16-bit format.",
    needs="10 positions or more",
    dtypes=NARROW,
)
def output_logits_gradient_sum_narrow(g: Array, hidden: Array, weight: Array) -> Gradients:
    outer = rows(widened(g))[:, :, None] * rows(widened(hidden))[:, None]
    return output_logits_gradient_plain(g, hidden, weight)[0], summed_in(weight.dtype, outer).astype(weight.dtype)


# 16-bit operands are exact in tensorfloat32.
@gradient(
    "output-logits-gradient-tensorfloat32",
    "Operands are rounded to 11 significant bits on the way back, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide_gradients
def output_logits_gradient_tensorfloat32(*arrays: Array) -> Gradients:
    return backward(*map(tensorfloat32, arrays))


@gradient("output-logits-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def output_logits_gradient_by_float32(*arrays: Array) -> Gradients:
    return backward(*arrays)
