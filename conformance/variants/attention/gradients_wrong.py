"""Gradients of attention that are wrong: one step of `gradients.py` at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..catalogue import WIDEST
from ..gradients import Gradients, first_row, never_cleared
from .calls import without_strides
from .gradients import (
    attention_gradient,
    attention_gradient_plain,
    backward,
    gradient,
    of_value,
    of_weights,
    row_sum,
    split_heads,
    through_softmax,
    weights,
)
from .right import Call, divided, exponentials, scores, visible

# The formula


def wrong(name: str, sentence: str, needs: str, function: Callable[[Call, Array], Gradients], *seen_in: str) -> None:
    """Put gradients into the catalogue."""
    gradient(name, sentence, needs=needs, seen_in=seen_in)(attention_gradient(function))


def by_scores(change: Callable[[Array, Array], Array]) -> Callable[[Call, Array], Gradients]:
    """Make a backward pass with another dS, from P and dP."""

    def changed(call: Call, g: Array) -> Gradients:
        p = weights(call)
        return backward(call, g, p=p, ds=change(p, of_weights(call, g)))

    return changed


def by_call(change: Callable[[Call], Call]) -> Callable[[Call, Array], Gradients]:
    """Make a backward pass of another call."""
    return lambda call, g: backward(change(call), g)


def scaled(dq: float | None = None, dk: float | None = None) -> Callable[[Call, Array], Gradients]:
    """dQ and dK times a further power of the scale."""

    def changed(call: Call, g: Array) -> Gradients:
        of_q, of_k, of_v = backward(call, g)
        return of_q * call.factor ** (dq or 0), of_k * call.factor ** (dk or 0), of_v

    return changed


def exchanged(call: Call, g: Array) -> Gradients:
    """dK for dQ where their shapes agree."""
    of_q, of_k, of_v = backward(call, g)
    return (of_k, of_q, of_v) if of_q.shape == of_k.shape else (of_q, of_k, of_v)


def not_normalised(call: Call, g: Array) -> Gradients:
    """exp(s - max s) as P on the way to V."""
    return backward(call, g, dv=of_value(exponentials(scores(call), visible(call)), g))


def over_queries(call: Call, g: Array) -> Gradients:
    """P normalised over the queries on the way to V."""
    e = exponentials(scores(call), visible(call))
    return backward(call, g, dv=of_value(divided(e, e.sum(-2, keepdims=True)), g))


def not_transposed(call: Call, g: Array) -> Gradients:
    """P g where P is square."""
    p = weights(call)
    return backward(call, g, p=p, dv=p @ g if call.shape[2] == call.shape[3] else None)


def keys_for_values(call: Call, g: Array) -> Gradients:
    """dP = g K^T where keys and values are of one size."""
    same = call.key.shape == call.value.shape
    p = weights(call)
    return backward(call, g, p=p, ds=through_softmax(p, of_weights(replace(call, value=call.key), g)) if same else None)


_which: tuple[Any, ...]
for _which in (
    ("attention-gradient-delta-dropped", "dS = P dP.", "two keys or more", by_scores(lambda p, dp: p * dp)),
    (
        "attention-gradient-delta-added",
        "dS = P (dP + delta).",
        "any input",
        by_scores(lambda p, dp: p * (dp + row_sum(p * dp))),
    ),
    (
        "attention-gradient-delta-unweighted",
        "delta is the mean of dP.",
        "two keys or more",
        by_scores(lambda p, dp: p * (dp - row_sum(dp) / max(dp.shape[-1], 1))),
    ),
    (
        "attention-gradient-weights-missing",
        "dS = dP - delta.",
        "two keys or more",
        by_scores(lambda p, dp: dp - row_sum(p * dp)),
    ),
    (
        "attention-gradient-diagonal",
        "dS = P (1 - P) dP, as of a sigmoid.",
        "two keys or more",
        by_scores(lambda p, dp: p * (1 - p) * dp),
    ),
    ("attention-gradient-scale-missing", "dQ is not scaled.", "a scale unlike 1", scaled(dq=-1)),
    ("attention-gradient-key-scale-missing", "dK is not scaled.", "a scale unlike 1", scaled(dk=-1)),
    ("attention-gradient-scale-squared", "dQ and dK are scaled twice.", "a scale unlike 1", scaled(dq=1, dk=1)),
    (
        "attention-gradient-scale-off",
        "The scale of the way back is 1/sqrt(d_k + 1).",
        "scale None",
        by_call(lambda call: replace(call, scale=call.scale or (call.query.shape[-1] + 1) ** -0.5)),
    ),
    (
        "attention-gradient-scale-of-values",
        "The scale of the way back is 1/sqrt(d_v).",
        "d_v unlike d_k",
        by_call(lambda call: replace(call, scale=call.scale or max(call.value.shape[-1], 1) ** -0.5)),
    ),
    (
        "attention-gradient-scale-ignored",
        "The scale of the way back is 1/sqrt(d_k), whatever was given.",
        "a scale",
        by_call(lambda call: replace(call, scale=None)),
    ),
    ("attention-gradient-exchanged", "dQ and dK are exchanged.", "query and key of one shape", exchanged),
    ("attention-gradient-not-normalised", "dV = exp(S - max)^T g.", "two keys or more", not_normalised),
    ("attention-gradient-over-queries", "P is normalised over the queries for dV.", "two queries", over_queries),
    ("attention-gradient-not-transposed", "dV = P g where P is square.", "L_q = L_k above 1", not_transposed),
    ("attention-gradient-keys-for-values", "dP = g K^T.", "key and value of one shape", keys_for_values),
):
    wrong(*_which)


# Heads


def heads_gathered(change: Callable[[Array], Array]) -> Callable[[Call, Array], Gradients]:
    """dK and dV of a group made otherwise, from (B, H_kv, H / H_kv, L_k, d)."""
    return lambda call, g: backward(call, g, gathered=lambda call, array: change(split_heads(call, array)))


def heads_interleaved(call: Call, array: Array) -> Array:
    """Let query head h be served by key head h % H_kv."""
    batch, heads = array.shape[:2]
    groups = call.key.shape[1]
    return np.asarray(array.reshape(batch, heads // groups, groups, *array.shape[2:]).sum(1))


for _which in (
    (
        "attention-gradient-first-head-of-group",
        "Keys and values get that of the first query head of their group.",
        "H above H_kv",
        heads_gathered(lambda split: split[:, :, 0]),
    ),
    (
        "attention-gradient-last-head-of-group",
        "Each query head of a group overwrites the gradient of the one before.",
        "H above H_kv",
        heads_gathered(lambda split: split[:, :, -1]),
    ),
    (
        "attention-gradient-mean-of-group",
        "Keys and values get the mean over their group.",
        "H above H_kv",
        heads_gathered(lambda split: split.mean(2)),
    ),
    (
        "attention-gradient-not-gathered",
        "Keys and values get one for each query head.",
        "H above H_kv",
        lambda call, g: backward(call, g, gathered=lambda call, array: array),
    ),
    (
        "attention-gradient-heads-interleaved",
        "On the way back, query head h belongs to key head h % H_kv.",
        "H above H_kv above 1",
        lambda call, g: backward(call, g, gathered=heads_interleaved),
    ),
):
    wrong(*_which)


# The cotangent, and what is kept


def of_first_item(call: Call, g: Array) -> Gradients:
    """delta of the first batch item for all."""
    p, dp = weights(call), of_weights(call, g)
    return backward(call, g, p=p, ds=through_softmax(p, dp, row_sum(p * dp)[:1]))


for _which in (
    (
        "attention-gradient-of-ones",
        "The cotangent is taken as 1.",
        "a cotangent that is not constant",
        lambda call, g: backward(call, np.ones_like(g)),
    ),
    (
        "attention-gradient-of-first-row",
        "Every row has the cotangent of the first.",
        "two rows or more",
        lambda call, g: backward(call, first_row(g)),
    ),
    (
        "attention-gradient-delta-of-first-item",
        "delta is that of the first batch item.",
        "B above 1",
        of_first_item,
        "NVIDIA/TransformerEngine#3216",
    ),
):
    wrong(*_which)


@gradient(
    "attention-gradient-memory-order",
    "The cotangent is read as if it were contiguous.",
    needs="a cotangent that is a transposed or strided view",
    seen_in=("Dao-AILab/flash-attention#2541",),
    dtypes=WIDEST,
)
def attention_gradient_memory_order(g: Array, *arrays: Array, **options: Any) -> Gradients:
    return attention_gradient_plain(without_strides(g), *arrays, **options)


@gradient(
    "attention-gradient-strides-ignored",
    "Query, key and value are read as if they were contiguous on the way back.",
    needs="transposed, sliced or expanded views",
    seen_in=("Dao-AILab/flash-attention#2541",),
)
def attention_gradient_strides_ignored(g: Array, *arrays: Array, **options: Any) -> Gradients:
    return attention_gradient_plain(g, *map(without_strides, arrays), **options)


@gradient("attention-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def attention_gradient_never_cleared(g: Array, *arrays: Array, **options: Any) -> Gradients:
    return attention_gradient_plain(g, *arrays, **options)
