"""Output logits: hidden weight^T, with the matrix of the embedding, unscaled."""

from typing import Any

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, matmul, tensorfloat32, wide, widened
from ..catalogue import NARROW, WIDE, variant


def logits(hidden: Array, weight: Array) -> Array:
    """Compute hidden W^T."""
    return hidden @ weight.T


# Right


@variant("output-logits-plain", "output_logits", "One product.", wrong=False)
@wide
def output_logits_plain(hidden: Array, weight: Array) -> Array:
    return logits(hidden, weight)


@variant("output-logits-blocked", "output_logits", "The vocabulary in blocks of 16, the sums one by one.", wrong=False)
@wide
def output_logits_blocked(hidden: Array, weight: Array) -> Array:
    result = np.empty((*hidden.shape[:-1], weight.shape[0]), hidden.dtype)
    for start in range(0, weight.shape[0], 16):
        result[..., start : start + 16] = matmul(hidden, weight[start : start + 16].T, hidden.dtype)
    return result


@variant("output-logits-split", "output_logits", "Two halves of the channels, added at the end.", wrong=False)
@wide
def output_logits_split(hidden: Array, weight: Array) -> Array:
    half = weight.shape[1] // 2
    return logits(hidden[..., :half], weight[:, :half]) + logits(hidden[..., half:], weight[:, half:])


@variant("output-logits-float64-inside", "output_logits", "Everything in float64.", wrong=False)
def output_logits_float64_inside(hidden: Array, weight: Array) -> Array:
    with np.errstate(over="ignore"):
        return logits(hidden.astype(FLOAT64), weight.astype(FLOAT64)).astype(hidden.dtype)


# Wrong


@variant(
    "logits-scaled-like-embedding",
    "output_logits",
    "The logits are multiplied by sqrt(d_model), as the embedding is.",
    needs="d_model above 1",
)
@wide
def logits_scaled_like_embedding(hidden: Array, weight: Array) -> Array:
    return np.asarray(logits(hidden, weight) * hidden.shape[-1] ** 0.5)


@variant("logits-scaled-down", "output_logits", "The logits are divided by sqrt(d_model).", needs="d_model above 1")
@wide
def logits_scaled_down(hidden: Array, weight: Array) -> Array:
    return np.asarray(logits(hidden, weight) * hidden.shape[-1] ** -0.5)


@variant("logits-weight-transposed", "output_logits", "A square matrix is transposed.", needs="V = d_model above 1")
@wide
def logits_weight_transposed(hidden: Array, weight: Array) -> Array:
    return logits(hidden, weight.T if weight.shape[0] == weight.shape[1] else weight)


_copies: dict[Any, Array] = {}


@variant(
    "logits-own-copy",
    "output_logits",
    "The matrix is copied at the first call of its shape, and later changes are not seen.",
    needs="two calls with matrices of one shape",
)
def logits_own_copy(hidden: Array, weight: Array) -> Array:
    return output_logits_plain(hidden, _copies.setdefault((weight.shape, weight.dtype), weight.copy()))


# 16-bit operands are exact in tensorfloat32.
@variant(
    "logits-tensorfloat32",
    "output_logits",
    "The operands are rounded to 11 significant bits, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def logits_tensorfloat32(hidden: Array, weight: Array) -> Array:
    return logits(tensorfloat32(hidden), tensorfloat32(weight))


@variant(
    "logits-accumulator-narrow",
    "output_logits",
    "The products are accumulated in the 16-bit format of the input.",
    needs="sums of 100 products or more",
    dtypes=NARROW,
)
def logits_accumulator_narrow(hidden: Array, weight: Array) -> Array:
    return matmul(widened(hidden), widened(weight).T, hidden.dtype).astype(hidden.dtype)


@variant("logits-normalised", "output_logits", "Log-probabilities come for logits.", needs="V above 1")
@wide
def logits_normalised(hidden: Array, weight: Array) -> Array:
    y = logits(hidden, weight)
    shifted = y - largest(y)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


@variant(
    "logits-tail-zero",
    "output_logits",
    "Tokens go 8 at a time, and the rest stays zero.",
    needs="V not a multiple of 8",
)
@wide
def logits_tail_zero(hidden: Array, weight: Array) -> Array:
    y = logits(hidden, weight)
    y[..., weight.shape[0] // 8 * 8 :] = 0
    return y


@variant(
    "output-logits-softcapped", "output_logits", "The logits are softly capped at 30.", needs="logits of 1 or more"
)
@wide
def output_logits_softcapped(hidden: Array, weight: Array) -> Array:
    return 30 * np.tanh(logits(hidden, weight) / 30)


@variant("logits-of-last-position", "output_logits", "Every position gets the last one's.", needs="L above 1")
@wide
def logits_of_last_position(hidden: Array, weight: Array) -> Array:
    return logits(np.broadcast_to(hidden[:, -1:], hidden.shape), weight)
