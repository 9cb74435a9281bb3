"""Output logits with wrong values."""

from typing import Any

import numpy as np

from ..arithmetic import Array, largest, matmul, tensorfloat32, wide, widened
from ..catalogue import NARROW, WIDE, variant
from .right import logits, output_logits_plain


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
