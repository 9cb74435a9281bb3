"""Masks of attention, by kind: True = may attend.

A mask comes in the smallest shape that holds it, as users pass it: (B, 1, 1, L_k) for padding, (L_q, L_k) where batch
items and heads share it. A kind may join two: `causal+padding-left`; both must allow a key. `causal` is no array but
the option of that name, whose alignment the adapter declares.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ..terms.case import Case
from ..terms.component import Array
from ..terms.generator import Generator
from .values import generator_of

# Lengths that differ from one item to the next.


def _padding_right(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    batch, _, _, keys = shape
    return np.arange(keys) < _lengths(generator, batch, keys)[:, None, None, None]


def _padding_left(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    batch, _, _, keys = shape
    return np.arange(keys) >= keys - _lengths(generator, batch, keys)[:, None, None, None]


def _lengths(generator: Generator, batch: int, keys: int) -> Array:
    """L_k, L_k - 1, ... (1 at the least, where there are keys), in any order over the batch."""
    return generator.permutation(np.maximum(keys - np.arange(batch), min(keys, 1)))


def _padding_uneven(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    """Give lengths that differ much: L_k, a quarter of it, a sixteenth, ... in any order over the batch."""
    batch, _, _, keys = shape
    lengths = generator.permutation(np.maximum(keys >> np.minimum(2 * np.arange(batch), 62), min(keys, 1)))
    return np.arange(keys) < lengths[:, None, None, None]


def _random(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    return _with_a_key(generator, generator.chance(0.6, shape[2:]))


def _per_head(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    _, heads, _, keys = shape
    return _with_a_key(generator, generator.random((1, heads, 1, keys)) < 0.5)


def _per_query(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    """Make a window that moves the other way than the causal one, and is no symmetric matrix."""
    batch, _, queries, keys = shape
    first = (keys - 1 - np.arange(queries)[:, None] * 2) % max(keys, 1)
    distance = (np.arange(keys) - first) % max(keys, 1)
    width = generator.integers(1, max(keys, 1) + 1, (batch, 1, 1, 1))
    return distance < width


def _blind_rows(generator: Generator, shape: tuple[int, int, int, int]) -> Array:
    mask = generator.chance(0.7, shape[2:])
    mask[generator.integers(0, 2, shape[2]) == 1] = False
    return mask


def _with_a_key(generator: Generator, mask: Array) -> Array:
    """Give each row a key."""
    keys = mask.shape[-1]
    if keys:
        np.put_along_axis(mask, generator.integers(0, keys, (*mask.shape[:-1], 1)), values=True, axis=-1)
    return mask


_KINDS: Final[Mapping[str, Callable[[Generator, tuple[int, int, int, int]], Array]]] = {
    "padding-right": _padding_right,
    "padding-left": _padding_left,
    "random": _random,
    "per-head": _per_head,
    "per-query": _per_query,
    "blind-rows": _blind_rows,
}

_AT_SIZE: Final[Mapping[str, Callable[[Generator, tuple[int, int, int, int]], Array]]] = {
    "padding-uneven": _padding_uneven,
}
"""Those that only cases at the sizes of models have."""

MASKS: Final = (
    "none",
    "causal",
    *_KINDS,
    *("+".join(pair) for pair in itertools.combinations(("causal", *_KINDS), 2)),
)
"""Every kind, the plainest first."""


def mask_of(case: Case, shape: tuple[int, int, int, int], parameter: str = "mask") -> Array | None:
    """Make the mask that a parameter of the case names, for (B, H, L_q, L_k); None if there is none."""
    mask: Array | None = None
    kinds = {**_KINDS, **_AT_SIZE}
    for kind in case[parameter].split("+"):
        if kind in kinds:
            one = kinds[kind](generator_of(case, parameter, kind), shape)
            mask = one if mask is None else mask & one
    return mask
