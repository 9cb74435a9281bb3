"""Attention that is wrong beyond so many queries, heads, items or channels, or in a path of its own for one query."""

from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import Call, attend, kernel, per_head, visible


@variant(
    "attention-queries-beyond-4096",
    "attention",
    "Queries beyond the first 4,096 have zeros.",
    needs="more than 4,096 queries",
)
@kernel
def attention_queries_beyond_4096(call: Call) -> Array:
    result = attend(call)
    result[:, :, 4096:] = 0
    return result


@variant(
    "attention-causal-border-beyond-512",
    "attention",
    "Beyond 512 queries, the causal mask is that of whole tiles: a query sees the rest of its tile of 16.",
    needs="more than 512 queries, causal",
)
@kernel
def attention_causal_border_beyond_512(call: Call) -> Array:
    queries, keys = call.shape[2:]
    if not call.causal or queries <= 512:
        return attend(call)
    last = np.arange(queries)[:, None] // 16 * 16 + 15
    return attend(call, sees=visible(replace(call, causal=False)) & (np.arange(keys) <= last))


@variant(
    "attention-grid-of-65535",
    "attention",
    "Heads of all items are one axis of the grid, which has 65,535 places: the others keep zeros.",
    needs="more than 65,535 heads in all items",
)
@kernel
def attention_grid_of_65535(call: Call) -> Array:
    result, (batch, heads) = attend(call), call.shape[:2]
    result[np.arange(batch * heads).reshape(batch, heads) >= 65_535] = 0
    return result


@variant(
    "attention-heads-beyond-64",
    "attention",
    "The heads beyond the 64th read the keys of the first ones again.",
    needs="more than 64 heads",
)
@kernel
def attention_heads_beyond_64(call: Call) -> Array:
    heads = call.shape[1]
    which = np.arange(heads) % 64
    key, value = (per_head(each, heads)[:, which] for each in (call.key, call.value))
    return attend(replace(call, key=key, value=value))


@variant(
    "attention-groups-cut-by-16",
    "attention",
    "With one query, tiles of 16 heads are cut over all heads, and each tile takes the group of its first head.",
    needs="one query, and groups of query heads that are no multiple of 16",
    seen_in=("FlashML-org/FreeToken#177",),
)
@kernel
def attention_groups_cut_by_16(call: Call) -> Array:
    heads, groups = call.shape[1], call.key.shape[1]
    if call.shape[2] != 1 or heads // max(groups, 1) <= 16:
        return attend(call)
    group = np.arange(heads) // 16 * 16 // (heads // groups)
    return attend(replace(call, key=call.key[:, group], value=call.value[:, group]))


@variant(
    "attention-decoding-mask-of-first-item",
    "attention",
    "One query over more than 512 keys has a path of its own, which takes the mask of the first item for all.",
    needs="one query, more than 512 keys, a mask that differs between items",
)
@kernel
def attention_decoding_mask_of_first_item(call: Call) -> Array:
    if call.shape[2] != 1 or call.shape[3] <= 512 or call.mask is None or call.mask.ndim < 4:
        return attend(call)
    return attend(replace(call, mask=call.mask[:1]))


@variant(
    "attention-decoding-without-mask",
    "attention",
    "One query over more than 256 keys has a path of its own, which knows no mask.",
    needs="one query, more than 256 keys, and a mask",
)
@kernel
def attention_decoding_without_mask(call: Call) -> Array:
    long = call.shape[2] == 1 and call.shape[3] > 256
    return attend(replace(call, mask=None) if long else call)


# Wrong: large heads


def _channels_of_keys(limit: int) -> None:
    """Put a kernel into the catalogue whose products go over so many channels at most."""

    @kernel
    def function(call: Call) -> Array:
        first = slice(0, limit)
        cut = replace(call, query=call.query[..., first], key=call.key[..., first], scale=call.factor)
        return attend(cut)

    sentence = f"Products of queries and keys go over the first {limit} channels."
    variant(f"attention-channels-beyond-{limit}", "attention", sentence, needs=f"d_k above {limit}")(function)


for _limit in (128, 256):
    _channels_of_keys(_limit)


@variant(
    "attention-values-beyond-128",
    "attention",
    "Channels of the values beyond the 128th are zero.",
    needs="d_v above 128",
)
@kernel
def attention_values_beyond_128(call: Call) -> Array:
    result = attend(call)
    result[..., 128:] = 0
    return result


@variant(
    "attention-values-of-key-channels",
    "attention",
    "Heads of more than 64 channels have a tile for the values as wide as the keys': further channels are zero.",
    needs="d_v above d_k, and d_k from 64 on",
)
@kernel
def attention_values_of_key_channels(call: Call) -> Array:
    result, d_k = attend(call), call.query.shape[-1]
    if d_k >= 64:
        result[..., d_k:] = 0
    return result
