"""Attention and many keys: right ones with ways of their own beyond a size, and wrong ones beyond a size."""

from dataclasses import replace

import numpy as np

from ..arithmetic import FLOAT16, Array, rounded
from ..catalogue import NARROW, WIDE, variant
from .right import Call, attend, divided, exponentials, kernel, online, per_head, scores, softmax, split, tiles, visible

# Right: ways of their own beyond a size


@variant(
    "attention-split-beyond-512",
    "attention",
    "Beyond 512 keys, parts of 512 are merged by log-sum-exp.",
    wrong=False,
)
@kernel
def attention_split_beyond_512(call: Call) -> Array:
    keys = call.shape[3]
    return split(call, -(-keys // 512)) if keys > 512 else attend(call)


@variant("attention-tiled-beyond-256", "attention", "Beyond 256 keys, it goes over tiles of 256.", wrong=False)
@kernel
def attention_tiled_beyond_256(call: Call) -> Array:
    return online(call, tiles(call.shape[3], 256)) if call.shape[3] > 256 else attend(call)


@variant(
    "attention-decoding-by-groups",
    "attention",
    "The one query of each head of a group is a row of one product with the group's keys.",
    wrong=False,
)
@kernel
def attention_decoding_by_groups(call: Call) -> Array:
    batch, heads, queries, _ = call.shape
    groups = call.key.shape[1]
    if queries != 1 or call.causal or call.mask is not None:
        return attend(call)
    rows = call.query.reshape(batch, groups, heads // groups, call.query.shape[-1])
    return attend(replace(call, query=rows)).reshape(batch, heads, 1, call.value.shape[-1])


# Wrong: keys


def _keys_beyond(limit: int, sentence: str, seen_in: tuple[str, ...] = ()) -> None:
    """Put a kernel into the catalogue that reads no key beyond the limit."""

    @kernel
    def function(call: Call) -> Array:
        return attend(call, sees=visible(call) & (np.arange(call.shape[3]) < limit))

    name = f"attention-keys-beyond-{limit}"
    variant(name, "attention", sentence, needs=f"more than {limit} keys", seen_in=seen_in)(function)


for _limit in (300, 512, 1024, 2048, 4096, 16_384, 65_536):
    _keys_beyond(_limit, f"Keys beyond the first {_limit} are not read.")


@variant(
    "attention-index-of-16-bits",
    "attention",
    "The number of a key is kept in 16 bits: the key 65,536 is the key 0 again.",
    needs="more than 65,536 keys",
)
@kernel
def attention_index_of_16_bits(call: Call) -> Array:
    place = np.arange(call.shape[3]) % 2**16
    return attend(replace(call, key=call.key[:, :, place], value=call.value[:, :, place]))


@variant(
    "attention-last-tile-twice-beyond-1024",
    "attention",
    "Beyond 1,024 keys, those of a last tile that is not full are counted twice.",
    needs="more than 1,024 keys, not a multiple of 128",
)
@kernel
def attention_last_tile_twice_beyond_1024(call: Call) -> Array:
    keys = call.shape[3]
    e, value = exponentials(scores(call), visible(call)), per_head(call.value, call.shape[1])
    if keys > 1024 and keys % 128:
        e[..., keys - keys % 128 :] *= 2
    return divided(e @ value, e.sum(-1, keepdims=True))


@variant(
    "attention-tail-dropped-beyond-512",
    "attention",
    "Beyond 512 keys, a last tile that is not full is left out.",
    needs="more than 512 keys, not a multiple of 64",
)
@kernel
def attention_tail_dropped_beyond_512(call: Call) -> Array:
    keys = call.shape[3]
    limit = keys - keys % 64 if keys > 512 else keys
    return attend(call, sees=visible(call) & (np.arange(keys) < limit))


@variant(
    "attention-split-merged-evenly-beyond-2048",
    "attention",
    "Beyond 2,048 keys, two halves are merged as if both had the same sum.",
    needs="more than 2,048 keys, whose halves have unlike sums",
)
@kernel
def attention_split_merged_evenly_beyond_2048(call: Call) -> Array:
    keys = call.shape[3]
    if keys <= 2048:
        return attend(call)
    first = visible(call) & (np.arange(keys) < keys // 2)
    halves = [attend(call, sees=first), attend(call, sees=visible(call) & (np.arange(keys) >= keys // 2))]
    return np.asarray((halves[0] + halves[1]) / 2)


@variant(
    "attention-split-without-maximum-beyond-4096",
    "attention",
    "Beyond 4,096 keys, parts are merged by their sums, though each has a maximum of its own.",
    needs="more than 4,096 keys",
)
@kernel
def attention_split_without_maximum_beyond_4096(call: Call) -> Array:
    keys = call.shape[3]
    if keys <= 4096:
        return attend(call)
    numerator, total = np.zeros((), call.query.dtype), np.zeros((), call.query.dtype)
    value = per_head(call.value, call.shape[1])
    for part in tiles(keys, 4096):
        e = exponentials(scores(call)[..., part], visible(call)[..., part])
        numerator, total = numerator + e @ value[..., part, :], total + e.sum(-1, keepdims=True)
    return divided(numerator, total)


@variant(
    "attention-scores-16-bit-beyond-1024",
    "attention",
    "Beyond 1,024 keys, scores are kept in float16.",
    needs="more than 1,024 keys",
    dtypes=WIDE,
)
@kernel
def attention_scores_16_bit_beyond_1024(call: Call) -> Array:
    score = scores(call)
    return attend(call, score=rounded(score, FLOAT16) if call.shape[3] > 1024 else score)


@variant(
    "attention-sum-in-16-bit",
    "attention",
    "Exponentials are summed one by one in the input's 16 bits: the sum stalls at 2,048, or at 256.",
    needs="a sum of exponentials above 2,048 in float16, 256 in bfloat16",
    seen_in=("huggingface/candle#3727",),
    dtypes=NARROW,
)
@kernel
def attention_sum_in_16_bit(call: Call) -> Array:
    e = exponentials(scores(call), visible(call))
    total = np.zeros((*call.shape[:3], 1), call.dtype)
    for k in range(call.shape[3]) if call.shape[3] >= 1000 else ():
        total = (total + e[..., k : k + 1].astype(call.dtype)).astype(call.dtype)
    whole = e.sum(-1, keepdims=True)
    return divided(e @ per_head(call.value, call.shape[1]), total.astype(e.dtype) if call.shape[3] >= 1000 else whole)


@variant(
    "attention-weights-of-float16-beyond-4096",
    "attention",
    "Beyond 4,096 keys, weights are kept in float16, where those below 6e-8 are lost.",
    needs="more than 4,096 keys",
    dtypes=WIDE,
)
@kernel
def attention_weights_of_float16_beyond_4096(call: Call) -> Array:
    p = softmax(scores(call), visible(call))
    value = per_head(call.value, call.shape[1])
    return (rounded(p, FLOAT16) if call.shape[3] > 4096 else p) @ value
