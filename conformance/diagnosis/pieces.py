"""Pieces of a row in each of which every element is off by one factor, or one number: what tiles and chunks leave."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from ..terms.rounding import Array

_MOST: Final = 8
"""Pieces that are told."""
_SHORTEST: Final = 3
"""Elements of a piece: two are always in some proportion."""
_TILE: Final = 8
"""Behind pieces that end at a multiple of it, the last one may be shorter: tiles leave a rest."""
_KNOWN: Final = 8
"""Times its allowance that an element must be, to tell of a factor, and that a number must be by which it is off."""

Piece = tuple[int, int, float, float]
"""The first index, the last one, and between which numbers the factor lies, or the number by which it is off."""


def pieces(actual: Array, expected: Array, allowance: Array, indices: Sequence[str]) -> Iterator[str]:
    """Describe the pieces of the row that the element lies in which is furthest off, along the last axis first.

    `indices` has the words for those along each axis.
    """
    error = np.abs(actual - expected) / np.maximum(allowance, np.finfo(np.float64).tiny)
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    for axis in reversed(range(actual.ndim)):
        row = tuple(slice(None) if k == axis else worst[k] for k in range(actual.ndim))
        arrays = actual[row], expected[row], allowance[row]
        for found, in_words in ((_factors(*arrays), _times), (_shifts(*arrays), _off)):
            if len(found) > 1 and _are_long(found) and (len(found) <= _MOST or in_words is _times):
                told = _listed(found, in_words) if len(found) <= _MOST else _counted(found)
                yield f"of the {indices[axis]} of a row, {told}"
                return


def _factors(actual: Array, expected: Array, allowance: Array) -> list[Piece]:
    """Cut a row where no factor is that of the elements before, as far as roundings tell."""
    known = np.flatnonzero(np.abs(expected) > _KNOWN * allowance)
    with np.errstate(all="ignore"):
        ratio = (actual / expected)[known]
        return _cut(known, ratio, (allowance / np.abs(expected))[known] * (1 + np.abs(ratio)))


def _shifts(actual: Array, expected: Array, allowance: Array) -> list[Piece]:
    """Cut a row where it is off by another number.

    Nothing, where a number is hardly more than roundings, or no tile ends at a cut: that may be chance.
    """
    found = _cut(np.arange(actual.size), actual - expected, allowance)
    told = all(
        (low <= 0 <= high or abs(low + high) > _KNOWN * (high - low)) and first % _TILE == 0
        for first, _, low, high in found
    )
    return found if told else []


def _cut(places: Array, numbers: Array, reaches: Array) -> list[Piece]:
    """Cut a row of numbers, each known so far, where none is that of all since the last cut."""
    found: list[Piece] = []
    for index, number, reach in zip(places.tolist(), numbers.tolist(), reaches.tolist(), strict=True):
        low, high = number - reach, number + reach
        if found and max(low, found[-1][2]) <= min(high, found[-1][3]):
            first, _, lowest, highest = found[-1]
            found[-1] = first, index, max(low, lowest), min(high, highest)
        else:
            found.append((index, index, low, high))
    return found


def _are_long(found: Sequence[Piece]) -> bool:
    """Say whether pieces are too long to be in proportion by chance, and where they are many, of one length."""
    *others, (first, last, *_) = found
    rest = last - first + 1 >= _SHORTEST or first % _TILE == 0
    long = rest and all(last - first + 1 >= _SHORTEST for first, last, *_ in others)
    return long and (len(found) <= _MOST or math.gcd(*(first for first, *_ in found)) >= _TILE)


def _listed(found: Sequence[Piece], in_words: Callable[[float, float], str]) -> str:
    return ", ".join(
        f"{first} to {last} are {in_words(low, high)}" if last > first else f"{first} is {in_words(low, high)}"
        for first, last, low, high in found
    )


def _counted(found: Sequence[Piece]) -> str:
    factors = sorted((low + high) / 2 for *_, low, high in found)
    length = math.gcd(*(first for first, *_ in found))
    return f"each {length} have a factor of their own, from {factors[0]:.4g} to {factors[-1]:.4g} times what is due"


def _times(low: float, high: float) -> str:
    return "right" if low <= 1 <= high else f"{(low + high) / 2:.4g} times what is due"


def _off(low: float, high: float) -> str:
    return "right" if low <= 0 <= high else f"{abs(low + high) / 2:.3g} too {'large' if low > 0 else 'small'}"
