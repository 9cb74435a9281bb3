"""The part of a comparison that can be looked at: the last two axes of an array, around the element furthest off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .rounding import Array

WIDEST: Final = 16
"""Rows and columns that are kept."""


@dataclass(frozen=True)
class Around:
    """A few rows and columns of what was compared."""

    shape: tuple[int, ...]
    """That of the whole array."""
    before: tuple[int, ...]
    """Where it is along the axes before the last two."""
    rows: Sequence[int]
    columns: Sequence[int]
    """The indices of its rows and columns; an array of one axis is a row."""
    actual: Array
    expected: Array
    allowed: Array
    ratio: Array

    def as_json(self, name: str) -> dict[str, Any]:
        """Write it as lists of rows; what is no number is a word. Indices are told where they are not in a row."""
        first = [*self.before, *(each[0] if each else 0 for each in (self.rows, self.columns))]
        told: dict[str, Any] = {"name": name, "shape": list(self.shape), "first": first}
        for word, indices in (("rows", self.rows), ("columns", self.columns)):
            if indices and list(indices) != list(range(indices[0], indices[0] + len(indices))):
                told[word] = list(indices)
        return told | {word: _rows(getattr(self, word)) for word in ("actual", "expected", "allowed", "ratio")}


def around(ratio: Array, actual: Array, expected: Array, allowance: Array) -> Around:
    """Cut out what lies around the largest ratio; a copy, since the whole may be large."""
    whole = [np.atleast_2d(each) for each in np.broadcast_arrays(actual, expected, allowance, ratio)]
    shape = whole[0].shape
    worst = int(np.argmax(whole[3])) if whole[3].size else 0
    where = tuple(map(int, np.unravel_index(worst, shape))) if whole[3].size else (0,) * len(shape)
    starts = [max(0, min(at - WIDEST // 2, size - WIDEST)) for at, size in zip(where, shape, strict=True)]
    rows, columns = (range(start, min(start + WIDEST, size)) for start, size in [*zip(starts, shape, strict=True)][-2:])
    cut = [each[where[:-2]][rows.start : rows.stop, columns.start : columns.stop].copy() for each in whole]
    return Around(np.shape(actual), where[:-2], rows, columns, *cut)


def _rows(array: Array) -> list[list[float | str]]:
    return [[float(value) if np.isfinite(value) else str(value) for value in row] for row in array]
