"""Gradients of attention that are wrong in what a query sees, and in numbers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, FLOAT64, Array, largest, matmul, rounded
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients
from .gradients import (
    attention_gradient,
    backward,
    gradient,
    of_value,
    of_weights,
    through_softmax,
    transposed,
    weights,
)
from .gradients_wrong import by_call, wrong
from .right import Call, allowed, scores, softmax, visible

# What a query sees


def seeing(sees: Callable[[Call], Array]) -> Callable[[Call, Array], Gradients]:
    """P made again under another mask."""
    return by_call(lambda call: replace(call, mask=sees(call), causal=False))


def finite_bias(call: Call, g: Array) -> Gradients:
    """100 less for a score that is hidden."""
    sees = visible(call)
    p = softmax(scores(call) - np.where(sees, 0, 100).astype(g.dtype), sees | ~sees)
    return backward(call, g, p=p * sees.any(-1, keepdims=True))


def masked_after(call: Call, g: Array) -> Gradients:
    """dV of the masked weights, dS of all."""
    unmasked = replace(call, mask=None, causal=False)
    p = weights(unmasked)
    return backward(call, g, ds=through_softmax(p, of_weights(call, g)))


def nan_where_blind(call: Call, g: Array) -> Gradients:
    """Put the zeros in after the softmax, whose gradient is NaN."""
    score = np.where(visible(call), scores(call), -np.inf)
    e = np.exp(score - largest(score))
    p = e / e.sum(-1, keepdims=True)
    repaired = np.where(np.isnan(p), 0, p)
    return backward(call, g, p=repaired, ds=through_softmax(p, of_weights(call, g)))


def blind_is_mean(call: Call, g: Array) -> Gradients:
    """Give the values what would be theirs if the row held the mean."""
    p = weights(call)
    blind = ~visible(call).any(-1, keepdims=True)
    return backward(call, g, p=p, dv=of_value(np.where(blind, 1 / max(call.shape[3], 1), p).astype(p.dtype), g))


for _which in (
    (
        "attention-gradient-causal-missing",
        "The causal mask is missing on the way back.",
        "causal",
        seeing(allowed),
    ),
    (
        "attention-gradient-mask-ignored",
        "The mask is ignored on the way back.",
        "a mask",
        by_call(lambda call: replace(call, mask=None)),
    ),
    (
        "attention-gradient-causal-at-the-end",
        "On the way back, the causal mask is aligned at the last key.",
        "causal, L_q unlike L_k",
        seeing(lambda call: visible(call, call.shape[3] - call.shape[2])),
    ),
    (
        "attention-gradient-causal-strict",
        "On the way back, a query does not see the key of its own place.",
        "causal",
        seeing(lambda call: visible(call, -1)),
    ),
    (
        "attention-gradient-mask-of-first-head",
        "On the way back, the mask of the first head holds for all.",
        "a mask that differs from head to head",
        by_call(lambda call: replace(call, mask=None if call.mask is None else allowed(call)[:, :1])),
    ),
    (
        "attention-gradient-mask-of-first-item",
        "On the way back, the mask of the first batch item holds for all.",
        "a mask that differs from item to item",
        by_call(lambda call: replace(call, mask=None if call.mask is None else allowed(call)[:1])),
    ),
    (
        "attention-gradient-masked-by-100",
        "On the way back, masked scores are 100 less, not minus infinity.",
        "a mask; large scores, or float64",
        finite_bias,
    ),
    (
        "attention-gradient-masked-after",
        "The mask is applied to P for dV, and not to dS.",
        "a mask",
        masked_after,
    ),
    (
        "attention-gradient-nan-where-blind",
        "A row that sees no key is set to zero after the softmax, and has a gradient of NaN.",
        "a row that sees no key",
        nan_where_blind,
        "Xilinx/brevitas#1591",
    ),
    (
        "attention-gradient-blind-is-mean",
        "A row that sees no key holds zero, and passes its gradient to all values.",
        "a row that sees no key",
        blind_is_mean,
    ),
):
    wrong(*_which)


# Numbers


@gradient(
    "attention-gradient-saved-bfloat16",
    "P is kept in bfloat16 though the input is wide, undeclared.",
    needs="two keys or more",
    dtypes=WIDE,
)
@attention_gradient
def attention_gradient_saved_bfloat16(call: Call, g: Array) -> Gradients:
    return backward(call, g, p=rounded(weights(call), BFLOAT16))


@gradient(
    "attention-gradient-log-sum-narrow",
    "The log-sum-exp is kept in the 16-bit format of the input.",
    needs="a log-sum-exp of 4 or more",
    dtypes=NARROW,
)
@attention_gradient
def attention_gradient_log_sum_narrow(call: Call, g: Array) -> Gradients:
    score = np.where(visible(call), scores(call), -np.inf)
    peak = largest(score)
    peak = np.where(np.isneginf(peak), 0, peak)
    kept = rounded(peak + np.log(np.exp(score - peak).sum(-1, keepdims=True)), call.dtype)
    return backward(call, g, p=np.exp(score - np.where(np.isneginf(kept), 0, kept)))


@gradient(
    "attention-gradient-sum-narrow",
    "Keys and values take in one query after another in the 16-bit format of the input.",
    needs="17 queries or more",
    dtypes=NARROW,
)
@attention_gradient
def attention_gradient_sum_narrow(call: Call, g: Array) -> Gradients:
    p = weights(call)
    ds = through_softmax(p, of_weights(call, g))
    dk = matmul(transposed(ds), call.query * call.factor, call.dtype)
    return backward(call, g, p=p, ds=ds, dk=dk, dv=matmul(transposed(p), g, call.dtype))


@gradient("attention-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@attention_gradient
def attention_gradient_by_float32(call: Call, g: Array) -> Gradients:
    query, key, value = (each.astype(FLOAT32) for each in (call.query, call.key, call.value))
    return tuple(
        each.astype(FLOAT64) for each in backward(replace(call, query=query, key=key, value=value), g.astype(FLOAT32))
    )
