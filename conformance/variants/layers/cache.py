"""Layers of the decoder that are wrong in what they keep from step to step."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..arithmetic import Array
from ..attention.right import Call
from .residual import wrong
from .right import Cache, Cached, Layers, Weights

_STEPS = "two positions"


def of_cache(call: Call, key: Array, value: Array) -> Call:
    """Copy the call with other keys and values."""
    return Call(call.query, key, value, None, False, None, call.dtype)


def reading(name: str, sentence: str, needs: str, change: Callable[[Call], Call], *seen_in: str) -> None:
    """Put a decoder into the catalogue whose attention sees something else than the cache."""

    class Reading(Cached):
        def read(self, call: Call) -> Call:
            return change(call)

    wrong(name, sentence, needs, *seen_in)(Reading)


def window(call: Call, first: int, last: int | None) -> Call:
    """Keep only some positions of the cache."""
    return of_cache(call, call.key[:, :, first:last], call.value[:, :, first:last])


reading(
    "decoder-layer-cache-stale",
    "A step sees the cache as the last step left it: not its own position.",
    _STEPS,
    lambda call: window(call, 0, -1) if call.key.shape[2] > 1 else call,
    "cool-japan/oxibonsai#10",
)
reading(
    "decoder-layer-cache-of-four",
    "The cache holds four positions, and forgets those before, unasked.",
    "five positions",
    lambda call: window(call, -4, None),
)
reading(
    "decoder-layer-cache-values-rolled",
    "A key meets the value of the position before it.",
    _STEPS,
    lambda call: of_cache(call, call.key, np.roll(call.value, 1, 2)),
)
reading(
    "decoder-layer-cache-of-first-item",
    "All items read the cache of the first.",
    "two items",
    lambda call: of_cache(call, *(np.repeat(each[:1], len(each), 0) for each in (call.key, call.value))),
)
reading(
    "decoder-layer-cache-ring-of-four",
    "The fifth position is written over the first, but counted as one more.",
    "five positions",
    lambda call: of_cache(call, *(ring(each, 4) for each in (call.key, call.value))),
    "tenstorrent/tt-metal#45193",
)


def ring(array: Array, size: int) -> Array:
    """Fill each position with the last one that was written there."""
    length = array.shape[2]
    last = [max(range(j % size, length, size)) for j in range(length)]
    return array[:, :, last]


@wrong(
    "decoder-layer-cache-ahead",
    "A cache that is filled beforehand is read one position too far: into the future.",
    _STEPS,
)
class _Ahead(Layers):
    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        sees = np.tri(x.shape[1], k=1, dtype=bool)
        return super().attended(x, w, sees if mask is None else mask & sees)


@wrong("decoder-layer-cache-last-only", "The cache is overwritten, not grown.", _STEPS)
class _Overwritten(Cached):
    def grown(self, old: Call | None, new: Call) -> Call:
        return new


@wrong(
    "decoder-layer-cache-unmasked",
    "Steps leave the mask aside, as if a cache held nothing to be hidden.",
    "a mask",
    "pytorch/pytorch#164702",
)
class _Unmasked(Cached):
    def over(self, call: Call, mask: Array) -> Array:
        return super().over(call, np.ones((1, 1), bool))


@wrong(
    "decoder-layer-memory-of-first-call",
    "Keys and values of the memory are those of the first call of their shape.",
    "two calls",
)
class _Remembered(Cached):
    remembered: ClassVar[dict[Any, Call]] = {}

    def step(self, x: Array, memory: Array, w: Weights, cache: Cache, t: int, *masks: Array) -> Array:
        shapes = (self.dtype, self.heads, memory.shape, *(each.shape for each in w.values()))
        cache.of_memory = self.remembered.get(shapes)
        y = super().step(x, memory, w, cache, t, *masks)
        if cache.of_memory is not None:
            self.remembered[shapes] = cache.of_memory
        return y
