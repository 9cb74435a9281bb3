"""Gradients of attention: dP = g V^T, dS = P (dP - sum P dP), dQ = scale dS K, dK = scale dS^T Q, dV = P^T g.

`backward` is the formula, in steps that `gradients_wrong.py` replaces one at a time. A query that sees no key
has a row of zeros in P, and so none in dS.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, rounded, widened
from ..gradients import Gradients, gradients_of
from .right import Call, attend, attention_plain, kernel, per_head, scores, softmax, tiles, visible

gradient = gradients_of("attention", attention_plain)

Cast = Callable[[Array], Array]


def attention_gradient(function: Callable[[Call, Array], Gradients]) -> Callable[..., Gradients]:
    """Make the contract's function: operands are widened, and each gradient is rounded once."""

    def attention_vjp(
        cotangent: Array,
        query: Array,
        key: Array,
        value: Array,
        *,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Gradients:
        call = Call(widened(query), widened(key), widened(value), mask, causal, scale, query.dtype)
        with np.errstate(all="ignore"):
            return tuple(each.astype(query.dtype) for each in function(call, widened(cotangent)))

    attention_vjp.__name__ = function.__name__
    return attention_vjp


def transposed(array: Array) -> Array:
    """Transpose the last two axes."""
    return array.swapaxes(-1, -2)


def split_heads(call: Call, array: Array) -> Array:
    """(B, H, ...) as (B, H_kv, H / H_kv, ...)."""
    batch, heads = array.shape[:2]
    groups = call.key.shape[1]
    return array.reshape(batch, groups, heads // groups, *array.shape[2:])


def of_group(call: Call, array: Array) -> Array:
    """Sum over the query heads that a key head serves."""
    return np.asarray(split_heads(call, array).sum(2))


def weights(call: Call) -> Array:
    """P."""
    return softmax(scores(call), visible(call))


def of_weights(call: Call, g: Array) -> Array:
    """dP: (B, H, L_q, L_k)."""
    return g @ transposed(per_head(call.value, call.shape[1]))


def row_sum(array: Array) -> Array:
    """Sum over the last axis, which is kept."""
    return np.asarray(array.sum(-1, keepdims=True))


def through_softmax(p: Array, dp: Array, delta: Array | None = None) -> Array:
    """dS; delta is sum P dP."""
    return np.asarray(p * (dp - (row_sum(p * dp) if delta is None else delta)))


def of_query(call: Call, ds: Array) -> Array:
    """dQ."""
    return ds @ per_head(call.key, call.shape[1]) * call.factor


def of_key(call: Call, ds: Array) -> Array:
    """dK, of each query head."""
    return transposed(ds) @ call.query * call.factor


def of_value(p: Array, g: Array) -> Array:
    """dV, of each query head."""
    return transposed(p) @ g


def backward(
    call: Call,
    g: Array,
    *,
    p: Array | None = None,
    ds: Array | None = None,
    dq: Array | None = None,
    dk: Array | None = None,
    dv: Array | None = None,
    gathered: Callable[[Call, Array], Array] = of_group,
) -> Gradients:
    """Compute dQ, dK and dV; a piece may be given otherwise, dk and dv then for each query head."""
    p = weights(call) if p is None else p
    ds = through_softmax(p, of_weights(call, g)) if ds is None else ds
    return (
        of_query(call, ds) if dq is None else dq,
        gathered(call, of_key(call, ds) if dk is None else dk),
        gathered(call, of_value(p, g) if dv is None else dv),
    )


@gradient("attention-gradient-plain", "The formula, a step at a time.", wrong=False)
@attention_gradient
def attention_gradient_plain(call: Call, g: Array) -> Gradients:
    return backward(call, g)


def delta_of_result(call: Call, g: Array) -> Array:
    """Sum P dP = sum g O, from the result as it was rounded."""
    return row_sum(g * rounded(attend(call), call.dtype))


@gradient("attention-gradient-delta-of-result", "delta = sum g O, from the rounded result.", wrong=False)
@attention_gradient
def attention_gradient_delta_of_result(call: Call, g: Array) -> Gradients:
    p = weights(call)
    return backward(call, g, p=p, ds=through_softmax(p, of_weights(call, g), delta_of_result(call, g)))


@gradient("attention-gradient-cast", "P and dS are rounded to the input's format for the products.", wrong=False)
@attention_gradient
def attention_gradient_cast(call: Call, g: Array) -> Gradients:
    p = weights(call)
    ds = through_softmax(p, of_weights(call, g))
    return backward(call, g, p=rounded(p, call.dtype), ds=rounded(ds, call.dtype))


def flash(
    call: Call,
    g: Array,
    key_tiles: Iterable[slice],
    query_tiles: Iterable[slice],
    cast: Cast = lambda array: array,
) -> Gradients:
    """Go through one tile of keys after another, and for each through the tiles of queries.

    P is made again from the log-sum-exp of each row, which the forward pass kept beside its rounded result (Dao et al.
    2022, algorithm 4; Dao 2023, algorithm 2: exp2).
    """
    key, value = (per_head(each, call.shape[1]) for each in (call.key, call.value))
    score = np.where(visible(call), scores(call) * math.log2(math.e), -np.inf).astype(g.dtype)
    peak = largest(score)
    peak = np.where(np.isneginf(peak), 0, peak)
    kept = peak + np.log2(np.exp2(score - peak).sum(-1, keepdims=True))
    kept = np.where(np.isneginf(kept), 0, kept)
    delta = delta_of_result(call, g)
    dq, dk, dv = np.zeros_like(call.query), np.zeros_like(key), np.zeros_like(value)
    every_query = list(query_tiles)
    for keys in key_tiles:
        for rows in every_query:
            p = np.exp2(score[..., rows, keys] - kept[..., rows, :])
            dp = g[..., rows, :] @ transposed(value[..., keys, :])
            ds = cast(p * (dp - delta[..., rows, :]))
            dv[..., keys, :] += transposed(cast(p)) @ g[..., rows, :]
            dk[..., keys, :] += transposed(ds) @ call.query[..., rows, :]
            dq[..., rows, :] += ds @ key[..., keys, :]
    return dq * call.factor, of_group(call, dk * call.factor), of_group(call, dv)


@gradient(
    "attention-gradient-flash",
    "P made again from the log-sum-exp, in tiles of 16 keys and 16 queries; P and dS rounded for the products.",
    wrong=False,
)
@attention_gradient
def attention_gradient_flash(call: Call, g: Array) -> Gradients:
    return flash(call, g, tiles(call.shape[3], 16), tiles(call.shape[2], 16), lambda array: rounded(array, call.dtype))


@gradient(
    "attention-gradient-flash-reversed",
    "P made again from the log-sum-exp; tiles of 64 keys and 32 queries, the last ones first.",
    wrong=False,
)
@attention_gradient
def attention_gradient_flash_reversed(call: Call, g: Array) -> Gradients:
    return flash(call, g, reversed(tiles(call.shape[3], 64)), reversed(tiles(call.shape[2], 32)))


@gradient("attention-gradient-row-by-row", "Keys and values take in one query after another.", wrong=False)
@attention_gradient
def attention_gradient_row_by_row(call: Call, g: Array) -> Gradients:
    return flash(call, g, tiles(call.shape[3], max(call.shape[3], 1)), tiles(call.shape[2], 1))


@gradient(
    "attention-gradient-group-at-once",
    "The query heads of a group are one long list of queries, summed over in the product.",
    wrong=False,
)
@attention_gradient
def attention_gradient_group_at_once(call: Call, g: Array) -> Gradients:
    p = weights(call)
    ds = through_softmax(p, of_weights(call, g))

    def long(array: Array) -> Array:
        split = split_heads(call, array)
        return split.reshape(*split.shape[:2], split.shape[2] * split.shape[3], split.shape[4])

    return (
        of_query(call, ds),
        transposed(long(ds)) @ long(call.query) * call.factor,
        transposed(long(p)) @ long(g),
    )


@gradient("attention-gradient-scaled-query", "The query is scaled first; dQ is scaled at the end.", wrong=False)
@attention_gradient
def attention_gradient_scaled_query(call: Call, g: Array) -> Gradients:
    scaled = replace(call, query=call.query * call.factor, scale=1.0)
    dq, dk, dv = backward(scaled, g)
    return dq * call.factor, dk, dv


@gradient(
    "attention-gradient-heads-rounded",
    "The gradient of each query head is stored in the input's format before those of a group are added.",
    wrong=False,
)
@attention_gradient
def attention_gradient_heads_rounded(call: Call, g: Array) -> Gradients:
    return backward(call, g, gathered=lambda call, array: of_group(call, rounded(array, call.dtype)))


@gradient("attention-gradient-float64-inside", "Everything in float64.", wrong=False)
@attention_gradient
def attention_gradient_float64_inside(call: Call, g: Array) -> Gradients:
    query, key, value = (each.astype(FLOAT64) for each in (call.query, call.key, call.value))
    return backward(replace(call, query=query, key=key, value=value), g.astype(FLOAT64))


def last_query_sees_all(call: Call) -> Call:
    """Turn the causal triangle into a mask, aligned at the end."""
    sees = visible(call, call.shape[3] - call.shape[2])
    return replace(call, mask=sees, causal=False)


@kernel
def attention_bottom_right(call: Call) -> Array:
    return attend(last_query_sees_all(call))


@gradients_of("attention", attention_bottom_right)(
    "attention-gradient-bottom-right",
    "The causal mask is aligned at the last key, as declared.",
    wrong=False,
    conventions={"causal_alignment": "bottom-right"},
)
@attention_gradient
def attention_gradient_bottom_right(call: Call, g: Array) -> Gradients:
    return backward(last_query_sees_all(call), g)


def evenly(call: Call, p: Array) -> Array:
    """P, where a row that sees no key has the same weight for each."""
    blind = ~visible(call).any(-1, keepdims=True)
    return np.where(blind, 1 / max(call.shape[3], 1), p).astype(p.dtype)


@kernel
def attention_mean(call: Call) -> Array:
    return evenly(call, weights(call)) @ per_head(call.value, call.shape[1])


@gradients_of("attention", attention_mean)(
    "attention-gradient-masked-row-mean",
    "A row that sees no key holds the mean, as declared: its gradient goes to the values alone.",
    wrong=False,
    conventions={"masked_row": "mean"},
)
@attention_gradient
def attention_gradient_masked_row_mean(call: Call, g: Array) -> Gradients:
    p = weights(call)
    return backward(call, g, p=p, dv=of_value(evenly(call, p), g))
