"""Attention that is wrong at size in a few rows, heads or keys amid many: who looks at some of them misses it."""

from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .gradients import attention_gradient, backward, gradient
from .right import Call, attend, kernel, visible


def _rows(name: str, sentence: str, needs: str, tile: slice, least: int, wrong: str) -> None:
    """Put a kernel into the catalogue that is wrong in one tile of queries, from so many queries on."""

    @kernel
    def function(call: Call) -> Array:
        found = attend(call)
        if call.shape[2] < least:
            return found
        query, sees = call.query[:, :, tile], visible(call)[:, :, tile]
        if wrong == "query":
            query = call.query[:, :, tile.start - 64 : tile.start]
        else:
            sees = sees & (np.arange(call.shape[3]) < call.shape[3] // 2 + 1)
        of_tile = replace(call, query=query, mask=sees, causal=False)
        found = found.copy()
        found[:, :, tile] = attend(of_tile)
        return found

    variant(name, "attention", sentence, needs=needs)(function)


_rows(
    "attention-query-tile-read-twice-amid-1024",
    "From 1,024 queries on, those from 704 to 767 are answered as those before them.",
    "1,024 queries, and a look at the rows from 704 to 767",
    slice(704, 768),
    1024,
    "query",
)
_rows(
    "attention-query-tile-read-twice-amid-4096",
    "From 4,096 queries on, those from 2,368 to 2,431 are answered as those before them.",
    "4,096 queries, and a look at the rows from 2,368 to 2,431",
    slice(2368, 2432),
    4096,
    "query",
)
_rows(
    "attention-half-of-the-keys-amid-1024",
    "From 1,024 queries on, those from 832 to 847 meet the first half of the keys alone.",
    "1,024 queries, and a look at the rows from 832 to 847",
    slice(832, 848),
    1024,
    "keys",
)
_rows(
    "attention-half-of-the-keys-amid-8192",
    "From 8,192 queries on, those from 6,464 to 6,479 meet the first half of the keys alone.",
    "8,192 queries, and a look at the rows from 6,464 to 6,479",
    slice(6464, 6480),
    8192,
    "keys",
)


@variant(
    "attention-head-of-its-neighbour-amid-1024",
    "attention",
    "In a batch of more than 1,024, the head 11 of the item 777 meets the keys of the item before.",
    needs="more than 1,024 items, and a look at the item 777",
)
@kernel
def attention_head_of_its_neighbour_amid_1024(call: Call) -> Array:
    batch, heads, _, _ = call.shape
    found = attend(call)
    if batch <= 1024 or heads <= 11:
        return found
    group = 11 // (heads // call.key.shape[1])
    mask = None if call.mask is None else np.broadcast_to(call.mask, call.shape)[777:778, 11:12]
    one = replace(
        call,
        query=call.query[777:778, 11:12],
        key=call.key[776:777, group : group + 1],
        value=call.value[777:778, group : group + 1],
        mask=mask,
    )
    found = found.copy()
    found[777, 11] = attend(one)[0, 0]
    return found


def _gradient(name: str, sentence: str, needs: str, which: tuple[int, ...], keys: slice, least: int) -> None:
    """Put gradients into the catalogue: some keys get nothing from the second half of many queries."""

    @attention_gradient
    def function(call: Call, g: Array) -> tuple[Array, ...]:
        found = list(backward(call, g))
        if call.shape[2] < least:
            return tuple(found)
        g = g.copy()
        g[:, :, call.shape[2] // 2 :] = 0
        lost = backward(call, g)
        for each in which:
            found[each] = found[each].copy()
            found[each][:, :, keys] = lost[each][:, :, keys]
        return tuple(found)

    gradient(name, sentence, needs=needs)(function)


_gradient(
    "attention-gradient-values-of-half-the-queries-amid-1024",
    "From 1,024 queries on, the values from 200 to 215 get nothing from the second half of them.",
    "1,024 queries, and a look at the gradients of the values from 200 to 215",
    (2,),
    slice(200, 216),
    1024,
)
_gradient(
    "attention-gradient-keys-of-half-the-queries-amid-2048",
    "From 2,048 queries on, the keys from 128 to 159 get nothing from the second half of them.",
    "2,048 queries, and a look at the gradients of the keys from 128 to 159",
    (1,),
    slice(128, 160),
    2048,
)
_gradient(
    "attention-gradient-keys-and-values-of-half-the-queries-amid-4096",
    "From 4,096 queries on, all keys and values get nothing from the second half of them.",
    "4,096 queries",
    (1, 2),
    slice(None),
    4096,
)
