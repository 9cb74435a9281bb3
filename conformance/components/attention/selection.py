"""Attention that selects keys by their class: every row of the result, and of the gradients, is known without scores.

Key j of a head is beta times the unit vector of its class, query i alpha times that of its own:

    q_i = alpha e_r(i)    k_j = beta e_r(j)    r(i) = (i + h + b) mod m    r(j) = (j + b + 3 g) mod m
    alpha beta scale >= 128: exp(-128) < 3e-56 is what a key of another class weighs

So the keys of a query's class share its weight evenly. Values mark blocks of keys and cotangents blocks of queries by
unit vectors; then a result is the share of a block among the keys selected, and the gradient of a value is a sum of
such shares. Both are differences of running counts, which take O(L_q + L_k) instead of O(L_q L_k). Heads and items of a
batch are marked unlike each other, and the number of classes is a prime, so that rows, tiles, heads and items that are
taken for others give other shares.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ...terms.component import Array, Conventions, Inputs

_LEAST_SCORE: Final = 128.0
LEAK: Final = math.exp(-_LEAST_SCORE)
"""What a key of another class weighs, relative to one of the query's own."""
_CLASSES: Final = (7, 5, 3, 2, 1)


@dataclass(frozen=True)
class Selection:
    """The inputs of one call, and what they give."""

    of: Inputs
    """A call of these sizes, whose mask is none, or the same for every query of an item."""
    conventions: Conventions

    def __post_init__(self) -> None:
        """Refuse a mask that treats queries unlike each other."""
        mask = self.of.arrays.get("mask")
        if mask is not None and (mask.ndim != 4 or mask.shape[1:3] != (1, 1)):
            raise ValueError(f"mask has shape {mask.shape}; a selection needs one of (B, 1, 1, L_k)")

    @cached_property
    def sizes(self) -> tuple[int, int, int, int, int, int, int]:
        """B, H, H_kv, L_q, L_k, d_k and d_v."""
        query, value = self.of.arrays["query"], self.of.arrays["value"]
        return (*query.shape[:2], value.shape[1], query.shape[2], value.shape[2], query.shape[3], value.shape[3])

    @property
    def scale(self) -> float:
        """The scale of the scores."""
        given: float | None = self.of.options.get("scale")
        return self.sizes[5] ** -0.5 if given is None else given

    @cached_property
    def entries(self) -> tuple[float, float]:
        """Alpha and beta: powers of two, exact in every format."""
        power = math.ceil(math.log2(_LEAST_SCORE / self.scale))
        return 2.0 ** (power // 2), 2.0 ** (power - power // 2)

    @property
    def score(self) -> float:
        """The score of a key that is selected."""
        return self.entries[0] * self.entries[1] * self.scale

    @cached_property
    def classes(self) -> int:
        """M, how many classes there are."""
        return next(m for m in _CLASSES if m <= min(self.sizes[4], self.sizes[5]))

    @cached_property
    def class_of_query(self) -> Array:
        """Return r(i): (B, H, L_q)."""
        batch, heads, _, queries, *_ = self.sizes
        return (np.arange(queries) + np.arange(heads)[:, None] + np.arange(batch)[:, None, None]) % self.classes

    @cached_property
    def class_of_key(self) -> Array:
        """Return r(j): (B, H_kv, L_k)."""
        batch, _, groups, _, keys, *_ = self.sizes
        return (np.arange(keys) + 3 * np.arange(groups)[:, None] + np.arange(batch)[:, None, None]) % self.classes

    @cached_property
    def group(self) -> Array:
        """Say which key/value head a query head meets: (H,)."""
        return np.arange(self.sizes[1]) // (self.sizes[1] // self.sizes[2])

    def _channel(self, blocks: Array, heads: Array) -> Array:
        """Give the channel that marks a block: they are turned by the head and by the item of the batch."""
        turned = heads[:, None] + np.arange(self.sizes[0])[:, None, None]
        return np.asarray((blocks + turned) % self.sizes[6])

    @cached_property
    def channel_of_key(self) -> Array:
        """Which channel of its value is one: (B, H_kv, L_k)."""
        return self._channel(np.arange(self.sizes[4]) * self.sizes[6] // self.sizes[4], 3 * np.arange(self.sizes[2]))

    @cached_property
    def channel_of_query(self) -> Array:
        """Which channel of its cotangent is one: (B, H, L_q)."""
        return self._channel(np.arange(self.sizes[3]) * self.sizes[6] // self.sizes[3], np.arange(self.sizes[1]))

    @cached_property
    def inputs(self) -> Inputs:
        """The call."""
        alpha, beta = self.entries
        channels = np.arange(self.sizes[5])
        query = alpha * (self.class_of_query[..., None] == channels)
        key = beta * (self.class_of_key[..., None] == channels)
        value = (self.channel_of_key[..., None] == np.arange(self.sizes[6])).astype(float)
        return self.of.but(query=query, key=key, value=value)

    @cached_property
    def cotangent(self) -> Array:
        """The cotangent: (B, H, L_q, d_v)."""
        return np.asarray((self.channel_of_query[..., None] == np.arange(self.sizes[6])).astype(float))

    @cached_property
    def kept(self) -> Array:
        """Which keys the mask lets through: (B, H_kv, L_k)."""
        mask = self.of.arrays.get("mask")
        return np.broadcast_to(np.asarray(True if mask is None else mask[:, :, 0]), self.class_of_key.shape)

    @cached_property
    def _offset(self) -> int:
        *_, queries, keys, _, _ = self.sizes
        return keys - queries if self.conventions["causal_alignment"] == "bottom-right" else 0

    @cached_property
    def end_of_keys(self) -> Array:
        """How many keys a query may see, the mask aside: (L_q,)."""
        *_, queries, keys, _, _ = self.sizes
        if not self.of.options["causal"]:
            return np.full(queries, keys)
        return np.asarray(np.clip(np.arange(queries) + 1 + self._offset, 0, keys))

    @cached_property
    def start_of_queries(self) -> Array:
        """From which query on a key may be seen, the mask aside: (L_k,)."""
        *_, queries, keys, _, _ = self.sizes
        if not self.of.options["causal"]:
            return np.zeros(keys, int)
        return np.asarray(np.clip(np.arange(keys) - self._offset, 0, queries))

    @cached_property
    def _counts(self) -> Array:
        """How many keys of each class are kept before each place: (B, H_kv, m, L_k + 1)."""
        of_class = (self.class_of_key[:, :, None] == np.arange(self.classes)[:, None]) & self.kept[:, :, None]
        return _running(of_class.astype(int))

    def _selected_before(self, ends: Array) -> Array:
        """Count the keys that each query selects among those before `ends`, (L_q, any): (B, H, L_q, any)."""
        batch, heads, *_ = self.sizes
        b, h = np.arange(batch)[:, None, None, None], self.group[:, None, None]
        return np.asarray(self._counts[b[:batch], h[:heads], self.class_of_query[..., None], ends])

    @cached_property
    def selected(self) -> Array:
        """How many keys each query selects: (B, H, L_q)."""
        return self._selected_before(self.end_of_keys[:, None])[..., 0]

    @cached_property
    def result(self) -> Array:
        """The share of each block among the keys that a query selects, NaN where it selects none."""
        borders = np.minimum(_borders(self.sizes[4], self.sizes[6]), self.end_of_keys[:, None])  # (L_q, d_v + 1)
        counts = np.diff(self._selected_before(borders))  # (B, H, L_q, d_v), by block
        with np.errstate(all="ignore"):
            shares = np.where(self.selected[..., None], counts / self.selected[..., None], np.nan)
        return _turned(shares, 3 * self.group)

    @cached_property
    def _weights(self) -> Array:
        """The weight of each key that a query selects: (B, H, L_q)."""
        with np.errstate(all="ignore"):
            return np.where(self.selected, 1 / self.selected, 0.0)

    @cached_property
    def share_of_cotangent(self) -> Array:
        """Return g_i o_i, the share of the block that a query's cotangent marks: (B, H, L_q); 0 where nothing is."""
        picked = np.take_along_axis(self.result, self.channel_of_query[..., None], -1)[..., 0]
        return np.where(self.selected, picked, 0.0)

    def _over_queries(self, of_query: Array, borders: Array) -> Array:
        """Sum over the queries that select a key, between borders, (L_k, n + 1): (B, H, L_k, n)."""
        batch, heads, *_ = self.sizes
        of_class = np.where(
            self.class_of_query[:, :, None] == np.arange(self.classes)[:, None], of_query[:, :, None], 0
        )
        running = _running(of_class)  # (B, H, m, L_q + 1)
        b, h = np.arange(batch)[:, None, None, None], np.arange(heads)[:, None, None]
        sums = np.diff(running[b, h, self.class_of_key[:, self.group, :, None], borders])
        return np.where(self.kept[:, self.group, :, None], sums, 0.0)

    def _of_groups(self, of_heads: Array) -> Array:
        """Add up the query heads of each key/value head."""
        batch, _, groups, *_ = self.sizes
        return np.asarray(of_heads.reshape(batch, groups, -1, *of_heads.shape[2:]).sum(2))

    @cached_property
    def of_value(self) -> Array:
        """The gradient of value: sums of 1/n_i over the queries of a block that select the key."""
        borders = np.maximum(_borders(self.sizes[3], self.sizes[6]), self.start_of_queries[:, None])
        sums = self._over_queries(self._weights, borders)
        return self._of_groups(_turned(sums, np.arange(self.sizes[1])))

    @cached_property
    def pushes(self) -> tuple[Array, Array]:
        """What raises the score of a key, and what lowers it, the sums of p g v and of p g o: (B, H_kv, L_k)."""
        up = np.take_along_axis(self.of_value, self.channel_of_key[..., None], -1)[..., 0]
        starts = np.stack([self.start_of_queries, np.full(self.sizes[4], self.sizes[3])], -1)
        down = self._over_queries(self._weights * self.share_of_cotangent, starts)[..., 0]
        return up, self._of_groups(down)

    def along(self, of_keys: Array) -> Array:
        """Give the gradient of key, from numbers for each key: scale alpha times them along its class."""
        unit = self.class_of_key[..., None] == np.arange(self.sizes[5])
        return np.asarray(self.scale * self.entries[0] * unit * of_keys[..., None])


def _running(array: Array) -> Array:
    """Sum what is before each place of the last axis."""
    return np.concatenate([np.zeros((*array.shape[:-1], 1), array.dtype), np.cumsum(array, -1)], -1)


def _borders(length: int, blocks: int) -> Array:
    """Give the first place of each block, and the end of the last: block(place) = place blocks // length."""
    return -(-np.arange(blocks + 1) * length // blocks)


def _turned(by_block: Array, heads: Array) -> Array:
    """Put each block where the head and the item of the batch mark it; the inverse of `_channel`."""
    batch, _, _, channels = by_block.shape
    turned = (heads[:, None] + np.arange(batch)[:, None, None])[..., None]  # (B, H, 1, 1)
    return np.take_along_axis(by_block, (np.arange(channels) - turned) % channels, -1)
