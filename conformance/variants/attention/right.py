"""Attention, the right ones: softmax(query key^T scale) value, each in an order of its own.

`attend` is the formula, in steps that the other files of attention variants replace one at a time.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, matmul, rounded, widened
from ..catalogue import variant


@dataclass(frozen=True)
class Call:
    """One call, its arrays in the format of the arithmetic."""

    query: Array  # (B, H, L_q, d_k)
    key: Array  # (B, H_kv, L_k, d_k)
    value: Array  # (B, H_kv, L_k, d_v)
    mask: Array | None  # broadcastable to (B, H, L_q, L_k)
    causal: bool
    scale: float | None
    dtype: np.dtype[Any]
    """The format in which the arrays came."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """B, H, L_q, L_k."""
        return (*self.query.shape[:3], self.key.shape[2])

    @property
    def factor(self) -> float:
        """The scale: the given one, or 1/sqrt(d_k)."""
        return float(self.query.shape[-1] ** -0.5) if self.scale is None else self.scale


def kernel(function: Callable[[Call], Array]) -> Callable[..., Array]:
    """Make the contract's function: operands are widened, and the result is rounded once."""

    def attention(
        query: Array,
        key: Array,
        value: Array,
        *,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Array:
        call = Call(widened(query), widened(key), widened(value), mask, causal, scale, query.dtype)
        with np.errstate(all="ignore"):
            return function(call).astype(query.dtype)

    attention.__name__ = function.__name__
    return attention


def per_head(array: Array, heads: int) -> Array:
    """Repeat key or value heads: query head h gets head h // (H / H_kv)."""
    return np.repeat(array, heads // array.shape[1], axis=1)


def scores(call: Call) -> Array:
    """query key^T scale: (B, H, L_q, L_k)."""
    return call.query @ per_head(call.key, call.shape[1]).swapaxes(-1, -2) * call.factor


def allowed(call: Call) -> Array:
    """Give the mask a value for every score, (B, H, L_q, L_k): True where it lets the key through."""
    return np.broadcast_to(np.True_ if call.mask is None else call.mask, call.shape)


def visible(call: Call, offset: int = 0) -> Array:
    """Say which key each query sees; with a causal mask, query i sees keys up to i + offset."""
    return allowed(call) & np.tri(*call.shape[2:], offset, dtype=np.bool) if call.causal else allowed(call)


def exponentials(score: Array, sees: Array) -> Array:
    """exp(s - max s) over the keys seen, zero for the rest."""
    seen = np.where(sees, score, -np.inf)
    peak = largest(seen)
    return np.asarray(np.exp(seen - np.where(np.isneginf(peak), 0, peak)))


def divided(numerator: Array, total: Array) -> Array:
    """Divide, and give zero for a row that has seen no key."""
    return np.asarray(numerator / np.where(total == 0, 1, total))


EVERY_KEY: Final[Array] = np.array(True)


def softmax(score: Array, sees: Array) -> Array:
    """Compute the weights of the keys."""
    e = exponentials(score, sees)
    return divided(e, e.sum(-1, keepdims=True))


def attend(call: Call, *, score: Array | None = None, sees: Array | None = None) -> Array:
    """Compute softmax(scores) V, (B, H, L_q, d_v); the scores and what is seen may be given otherwise."""
    p = softmax(scores(call) if score is None else score, visible(call) if sees is None else sees)
    return p @ per_head(call.value, call.shape[1])


def tiles(length: int, size: int) -> list[slice]:
    """Cut the keys into ranges of `size`, the last one perhaps shorter."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def online(
    call: Call,
    key_tiles: Iterable[slice],
    cast: Callable[[Array], Array] = lambda p: p,
    score: Array | None = None,
) -> Array:
    """Pass once over tiles of keys, with a running maximum; `cast` rounds the weights before they meet the values."""
    given, value = scores(call) if score is None else score, per_head(call.value, call.shape[1])
    score = np.where(visible(call), given, -np.inf)
    peak = np.full((*call.shape[:3], 1), -np.inf, score.dtype)
    total, result = np.zeros_like(peak), np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)
    for tile in key_tiles:
        higher = np.maximum(peak, score[..., tile].max(-1, keepdims=True))
        shift = np.where(np.isneginf(higher), 0, higher)
        e, kept = np.exp(score[..., tile] - shift), np.exp(peak - shift)
        total = total * kept + e.sum(-1, keepdims=True)
        result = result * kept + cast(e) @ value[..., tile, :]
        peak = higher
    return divided(result, total)


@variant("attention-plain", "attention", "The formula, a step at a time.", wrong=False)
@kernel
def attention_plain(call: Call) -> Array:
    return attend(call)


@variant("attention-tiled-16", "attention", "Online softmax over tiles of 16 keys.", wrong=False)
@kernel
def attention_tiled_16(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 16))


@variant("attention-tiled-64", "attention", "Online softmax over tiles of 64 keys.", wrong=False)
@kernel
def attention_tiled_64(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 64))


@variant("attention-tiled-128", "attention", "Online softmax over tiles of 128 keys.", wrong=False)
@kernel
def attention_tiled_128(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 128))


@variant("attention-tiled-reversed", "attention", "Online softmax over tiles of 16 keys, the last first.", wrong=False)
@kernel
def attention_tiled_reversed(call: Call) -> Array:
    return online(call, reversed(tiles(call.shape[3], 16)))


@variant("attention-key-by-key", "attention", "Online softmax over single keys.", wrong=False)
@kernel
def attention_key_by_key(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 1))


@variant("attention-query-blocks", "attention", "Sixteen queries at a time.", wrong=False)
@kernel
def attention_query_blocks(call: Call) -> Array:
    score, sees, value = scores(call), visible(call), per_head(call.value, call.shape[1])
    result = np.empty((*call.shape[:3], value.shape[-1]), value.dtype)
    for rows in tiles(call.shape[2], 16):
        result[..., rows, :] = softmax(score[..., rows, :], sees[..., rows, :]) @ value
    return result


@variant("attention-exp2", "attention", "exp2 of scores whose scale holds the factor log2(e).", wrong=False)
@kernel
def attention_exp2(call: Call) -> Array:
    score = np.where(visible(call), scores(replace(call, scale=call.factor * math.log2(math.e))), -np.inf)
    peak = largest(score)
    e = np.exp2(score - np.where(np.isneginf(peak), 0, peak))
    return divided(e @ per_head(call.value, call.shape[1]), e.sum(-1, keepdims=True))


@variant("attention-scale-on-query", "attention", "The query is scaled before it meets the keys.", wrong=False)
@kernel
def attention_scale_on_query(call: Call) -> Array:
    return attend(replace(call, query=call.query * call.factor, scale=1.0))


@variant("attention-scale-split", "attention", "Query and key are each scaled by the root.", wrong=False)
@kernel
def attention_scale_split(call: Call) -> Array:
    root = abs(call.factor) ** 0.5
    query = call.query * np.copysign(root, call.factor).item()
    return attend(replace(call, query=query, key=call.key * root, scale=1.0))


@variant(
    "attention-probabilities-rounded",
    "attention",
    "Normalised probabilities are rounded to the input's format before they meet the values.",
    wrong=False,
)
@kernel
def attention_probabilities_rounded(call: Call) -> Array:
    p = softmax(scores(call), visible(call))
    return rounded(p, call.dtype) @ per_head(call.value, call.shape[1])


@variant(
    "attention-exponentials-rounded",
    "attention",
    "Exponentials are rounded to the input's format tile by tile, and normalised at the end.",
    wrong=False,
)
@kernel
def attention_exponentials_rounded(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 64), cast=lambda e: rounded(e, call.dtype))


def split(call: Call, parts: int) -> Array:
    """Attention over each part of the keys, merged by their log-sum-exp."""
    score, value = np.where(visible(call), scores(call), -np.inf), per_head(call.value, call.shape[1])
    results, sizes = [], []
    for part in tiles(call.shape[3], max(-(-call.shape[3] // parts), 1)):
        e = exponentials(score[..., part], EVERY_KEY)
        total = e.sum(-1, keepdims=True)
        results.append(divided(e @ value[..., part, :], total))
        sizes.append(score[..., part].max(-1, keepdims=True) + np.log(total))
    if not results:
        return np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)
    shares = softmax(np.stack(sizes, -1), np.isfinite(np.stack(sizes, -1)))
    return np.asarray((np.stack(results, -1) * shares).sum(-1))


@variant("attention-split-2", "attention", "Two halves of the keys, merged by log-sum-exp.", wrong=False)
@kernel
def attention_split_2(call: Call) -> Array:
    return split(call, 2)


@variant("attention-split-4", "attention", "Four parts of the keys, merged by log-sum-exp.", wrong=False)
@kernel
def attention_split_4(call: Call) -> Array:
    return split(call, 4)


@variant("attention-one-exp", "attention", "exp((s - max) - log(sum)): weights without a division.", wrong=False)
@kernel
def attention_one_exp(call: Call) -> Array:
    score = np.where(visible(call), scores(call), -np.inf)
    peak = largest(score)
    shifted = score - np.where(np.isneginf(peak), 0, peak)
    total = np.exp(shifted).sum(-1, keepdims=True)
    return np.asarray(np.exp(shifted - np.log(np.where(total == 0, 1, total))) @ per_head(call.value, call.shape[1]))


@variant("attention-keys-reversed", "attention", "The keys and their values are taken from the last.", wrong=False)
@kernel
def attention_keys_reversed(call: Call) -> Array:
    p = softmax(scores(call)[..., ::-1], visible(call)[..., ::-1])
    return p @ per_head(call.value, call.shape[1])[..., ::-1, :]


@variant("attention-sequential", "attention", "Every sum goes one by one.", wrong=False)
@kernel
def attention_sequential(call: Call) -> Array:
    key, value = (per_head(each, call.shape[1]) for each in (call.key, call.value))
    e = exponentials(matmul(call.query, key.swapaxes(-1, -2), key.dtype) * call.factor, visible(call))
    total = matmul(e, np.ones((call.shape[3], 1), e.dtype), e.dtype)
    return divided(matmul(e, value, e.dtype), total)


@variant("attention-float64-inside", "attention", "Everything in float64.", wrong=False)
@kernel
def attention_float64_inside(call: Call) -> Array:
    query, key, value = (each.astype(FLOAT64) for each in (call.query, call.key, call.value))
    return attend(replace(call, query=query, key=key, value=value))


@variant("attention-separate-scale-mask", "attention", "Scores, scale and mask are three passes.", wrong=False)
@kernel
def attention_separate_scale_mask(call: Call) -> Array:
    score = scores(replace(call, scale=1.0))
    score *= call.factor
    bias = np.where(visible(call), 0, -np.inf).astype(score.dtype)
    return attend(call, score=score + bias)
