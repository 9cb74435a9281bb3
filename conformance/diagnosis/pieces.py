"""Pieces of a row in each of which every element is what it should be times one number: what tiles and chunks leave."""

import math
from collections.abc import Iterator, Sequence
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
"""Times its allowance that an element must be, to tell of a factor."""

Piece = tuple[int, int, float, float]
"""The first index, the last one, and between which numbers the factor lies."""


def pieces(actual: Array, expected: Array, allowance: Array, indices: Sequence[str]) -> Iterator[str]:
    """Describe the pieces of the row that the element lies in which is furthest off, along the last axis first.

    `indices` has the words for those along each axis.
    """
    error = np.abs(actual - expected) / np.maximum(allowance, np.finfo(np.float64).tiny)
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    for axis in reversed(range(actual.ndim)):
        row = tuple(slice(None) if k == axis else worst[k] for k in range(actual.ndim))
        found = _cut(actual[row], expected[row], allowance[row])
        if len(found) > 1 and _are_long(found):
            yield f"of the {indices[axis]} of a row, {_listed(found) if len(found) <= _MOST else _counted(found)}"
            return


def _cut(actual: Array, expected: Array, allowance: Array) -> list[Piece]:
    """Cut a row where no factor is that of the elements before, as far as roundings tell."""
    known = np.flatnonzero(np.abs(expected) > _KNOWN * allowance)
    with np.errstate(all="ignore"):
        ratio, error = actual / expected, allowance / np.abs(expected)
    found: list[Piece] = []
    for index in map(int, known):
        reach = float(error[index] * (1 + abs(ratio[index])))
        low, high = float(ratio[index]) - reach, float(ratio[index]) + reach
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


def _listed(found: Sequence[Piece]) -> str:
    return ", ".join(
        f"{first}{f' to {last}' if last > first else ''} {_in_words(low, high, one=first == last)}"
        for first, last, low, high in found
    )


def _counted(found: Sequence[Piece]) -> str:
    factors = sorted((low + high) / 2 for *_, low, high in found)
    length = math.gcd(*(first for first, *_ in found))
    return f"each {length} have a factor of their own, from {factors[0]:.4g} to {factors[-1]:.4g} times what is due"


def _in_words(low: float, high: float, *, one: bool = False) -> str:
    verb = "is" if one else "are"
    return f"{verb} right" if low <= 1 <= high else f"{verb} {(low + high) / 2:.4g} times what is due"
