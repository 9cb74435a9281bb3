"""Attention, wrong in how the work is cut: tiles, tails, the running maximum, the parts that are merged."""

import itertools
from dataclasses import replace

import numpy as np

from ..arithmetic import Array, largest
from ..catalogue import variant
from .right import Call, attend, divided, exponentials, kernel, online, per_head, scores, softmax, tiles, visible


def without(call: Call, unseen: Array) -> Array:
    """Attention that misses some keys, given as a mask over L_k."""
    return attend(call, sees=visible(call) & ~unseen)


@variant("last-key-of-odd", "attention", "Keys go in pairs, and the last of an odd number is lost.", needs="L_k odd")
@kernel
def last_key_of_odd(call: Call) -> Array:
    return without(call, np.arange(call.shape[3]) >= call.shape[3] // 2 * 2)


@variant(
    "keys-tail-dropped",
    "attention",
    "Tiles of 16 keys are counted by floor division, and the partial last one is lost.",
    needs="L_k above 16 and not a multiple of it",
)
@kernel
def keys_tail_dropped(call: Call) -> Array:
    length = call.shape[3]
    return without(call, np.arange(length) >= (length // 16 * 16 or length))


@variant("keys-beyond-128", "attention", "Keys beyond the first 128 are lost.", needs="L_k above 128")
@kernel
def keys_beyond_128(call: Call) -> Array:
    return without(call, np.arange(call.shape[3]) >= 128)


@variant(
    "keys-padding-counted",
    "attention",
    "The keys are padded with zeros to a multiple of 16, and the padding is not masked.",
    needs="L_k not a multiple of 16",
)
@kernel
def keys_padding_counted(call: Call) -> Array:
    more = -call.shape[3] % 16
    score, sees = ([(0, 0)] * 3 + [(0, more)] for _ in range(2))
    p = softmax(np.pad(scores(call), score), np.pad(visible(call), sees, constant_values=True))
    return p[..., : call.shape[3]] @ per_head(call.value, call.shape[1])


@variant("queries-tail-zero", "attention", "The partial last tile of 16 queries is not written.", needs="L_q above 16")
@kernel
def queries_tail_zero(call: Call) -> Array:
    result, length = attend(call), call.shape[2]
    result[:, :, length // 16 * 16 or length :] = 0
    return result


@variant(
    "one-query-of-first-item",
    "attention",
    "With one query, the grid has no axis for the batch: items after the first are not computed.",
    needs="L_q = 1, two batch items or more",
    seen_in=("ml-explore/mlx#3494", "oxiglade/mlx-rs#359"),
)
@kernel
def one_query_of_first_item(call: Call) -> Array:
    result = attend(call)
    if call.shape[2] == 1:
        result[1:] = 0
    return result


@variant("queries-beyond-128", "attention", "Queries beyond the first 128 are not computed.", needs="L_q above 128")
@kernel
def queries_beyond_128(call: Call) -> Array:
    result = attend(call)
    result[:, :, 128:] = 0
    return result


@variant(
    "heads-beyond-8",
    "attention",
    "Heads beyond the first 8 are not computed.",
    needs="H above 8",
)
@kernel
def heads_beyond_8(call: Call) -> Array:
    result = attend(call)
    result[:, 8:] = 0
    return result


def careless(call: Call, *, result_kept: bool = True, total_kept: bool = True, first_kept: bool = True) -> Array:
    """Online softmax over tiles of 16 keys that does not rescale what it should, or loses the first tile."""
    score, value = np.where(visible(call), scores(call), -np.inf), per_head(call.value, call.shape[1])
    peak = np.full((*call.shape[:3], 1), -np.inf, score.dtype)
    total, result = np.zeros_like(peak), np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)
    for number, tile in enumerate(tiles(call.shape[3], 16)):
        higher = np.maximum(peak, score[..., tile].max(-1, keepdims=True))
        shift = np.where(np.isneginf(higher), 0, higher)
        e, kept = np.exp(score[..., tile] - shift), np.exp(peak - shift)
        if number == 1 and not first_kept:
            kept = np.zeros_like(kept)
        total = total * (kept if total_kept else 1) + e.sum(-1, keepdims=True)
        result = result * (kept if result_kept else 1) + e @ value[..., tile, :]
        peak = higher
    return divided(result, total)


@variant(
    "rescale-of-result-missing",
    "attention",
    "The accumulated result is not rescaled when a later tile raises the maximum.",
    needs="more than 16 keys, the largest logit not among the first 16",
)
@kernel
def rescale_of_result_missing(call: Call) -> Array:
    return careless(call, result_kept=False)


@variant(
    "rescale-of-sum-missing",
    "attention",
    "The accumulated sum is not rescaled when a later tile raises the maximum.",
    needs="more than 16 keys, the largest logit not among the first 16",
)
@kernel
def rescale_of_sum_missing(call: Call) -> Array:
    return careless(call, total_kept=False)


@variant(
    "first-tile-lost",
    "attention",
    "The second tile overwrites what the first accumulated.",
    needs="more than 16 keys",
)
@kernel
def first_tile_lost(call: Call) -> Array:
    return careless(call, first_kept=False)


@variant(
    "max-of-first-tile",
    "attention",
    "The maximum of the first 16 keys is never raised, so that exp overflows.",
    needs="more than 16 keys, a later logit 89 (float32 arithmetic) or 710 (float64) above the first 16",
)
@kernel
def max_of_first_tile(call: Call) -> Array:
    score = np.where(visible(call), scores(call), -np.inf)
    peak = largest(score[..., :16])
    e = np.exp(score - np.where(np.isneginf(peak), 0, peak))
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


@variant(
    "parts-averaged",
    "attention",
    "The results of two halves of the keys are averaged, not weighted by their sums.",
    needs="two keys or more",
)
@kernel
def parts_averaged(call: Call) -> Array:
    half = -(-call.shape[3] // 2)
    if not half:
        return attend(call)
    return (
        (online(call, [slice(0, half)]) + online(call, [slice(half, None)])) / 2 if call.shape[3] > 1 else attend(call)
    )


@variant(
    "parts-merged-by-max",
    "attention",
    "Two halves of the keys are merged by their maxima, without the logarithms of their sums.",
    needs="L_k odd, or logits that are spread",
)
@kernel
def parts_merged_by_max(call: Call) -> Array:
    score, half = np.where(visible(call), scores(call), -np.inf), -(-call.shape[3] // 2)
    if call.shape[3] < 2:
        return attend(call)
    parts = [slice(0, half), slice(half, None)]
    peaks = np.concatenate([score[..., part].max(-1, keepdims=True) for part in parts], -1)
    shares = softmax(peaks, np.isfinite(peaks))
    return sum((online(call, [part]) * shares[..., [i]] for i, part in enumerate(parts)), np.zeros(1, score.dtype))


@variant(
    "normaliser-misses-key",
    "attention",
    "The sum of the exponentials misses the last key.",
    needs="a last key that is seen and counts",
)
@kernel
def normaliser_misses_key(call: Call) -> Array:
    e = exponentials(scores(call), visible(call))
    return divided(e, e[..., : call.shape[3] - 1].sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


@variant("first-key-twice", "attention", "Tiles overlap, and the first key counts twice.", needs="two keys or more")
@kernel
def first_key_twice(call: Call) -> Array:
    twice = [0, *range(call.shape[3])] if call.shape[3] else []
    doubled = replace(call, key=call.key[:, :, twice], value=call.value[:, :, twice])
    return attend(doubled, sees=visible(call)[..., twice])


@variant(
    "values-one-off",
    "attention",
    "In tiles after the first, the weights meet the values of the key before.",
    needs="more than 16 keys",
)
@kernel
def values_one_off(call: Call) -> Array:
    order = [*range(min(16, call.shape[3])), *(j - 1 for j in range(16, call.shape[3]))]
    return attend(replace(call, value=call.value[:, :, order]))


@variant(
    "last-query-of-tile",
    "attention",
    "The last query of each full tile of 16 gets the result of the one before.",
    needs="16 queries or more",
)
@kernel
def last_query_of_tile(call: Call) -> Array:
    result = attend(call)
    for last in itertools.takewhile(lambda i: i < call.shape[2], itertools.count(15, 16)):
        result[:, :, last] = result[:, :, last - 1]
    return result
