"""Random numbers that are the same with every numpy on every machine.

numpy promises no stream of its `Generator` (NEP 19), but it does promise the raw words of its bit generators. Philox
(Salmon, Moraes, Dror and Shaw 2011) is keyed here by what the numbers are for, and its words become values by whole
numbers and by operations that IEEE 754 defines exactly: + - * / sqrt, comparison, powers of two. Inputs of a case may
not be made with others: exp, log, sin and pow differ between processors, as do sums in an order of numpy's choice.
"""

import functools
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from .elementary import log
from .rounding import Array

_Size: TypeAlias = int | tuple[int, ...]

_BLOCK: Final = 2**14
"""Words that are drawn at a time where it is not known how many are needed."""

_PIECE: Final = 2**12
"""Words of which numbers are made at a time, so that these stay in the processor's cache."""

_SHORT: Final = 2**13
"""Normal numbers that are kept where they are the first of their key: a case has the same in each dtype."""

_KEPT: Final = 2**12
"""Keys whose first normal numbers are kept, the latest."""

SEEDS: Final = 2**31
"""The seed of a case is below it."""


class _Key(np.random.SeedSequence):
    """A key of Philox; for one that is given as a number, numpy asks the system for random bits and drops them."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> Array:
        """Give the two words of the key."""
        return np.frombuffer(self._digest, "<u8").astype(np.uint64)


class Generator:
    """A stream of random numbers; its methods have the names and the meaning of numpy's.

    Without a size they return arrays of no axis.
    """

    def __init__(self, *key: object) -> None:
        """Begin the stream of a key: the words and numbers that say what the random numbers are for.

        The key of Philox is the BLAKE2b hash, in 128 bits, of the key's texts as a JSON array.
        """
        self._digest = hashlib.blake2b(json.dumps([str(each) for each in key]).encode(), digest_size=16).digest()
        self._passed = 0
        """The first words, of which numbers have been made before."""

    @functools.cached_property
    def _philox(self) -> np.random.Philox:
        philox = np.random.Philox(_Key(self._digest))
        philox.random_raw(self._passed, output=False)
        return philox

    def _words(self, size: _Size) -> Array:
        shape = (size,) if isinstance(size, int) else size
        return np.asarray(self._philox.random_raw(math.prod(shape))).reshape(shape)

    def integers(self, low: int, high: int | None = None, size: _Size = ()) -> Array:
        """Draw whole numbers from `low` to `high` - 1; from 0 to `low` - 1 where there is no `high`."""
        low, high = (0, low) if high is None else (low, high)
        words = self._words(size)
        if low >= high and words.size:
            raise ValueError(f"no whole number is at least {low} and less than {high}")
        # The remainder prefers small numbers by (high - low)/2^64, which nobody can see.
        return np.asarray(low + (words % np.uint64(max(high - low, 1))).astype(np.int64))

    def random(self, size: _Size = ()) -> Array:
        """Draw multiples of 2^-53 from [0, 1)."""
        return np.asarray((self._words(size) >> np.uint64(11)) * 2.0**-53)

    def chance(self, probability: float, size: _Size) -> Array:
        """Say of each place whether it is chosen, as `random(size) < probability` does, a piece at a time."""
        shape = (size,) if isinstance(size, int) else size
        limit = np.uint64(math.ceil(probability * 2.0**53) << 11)
        chosen = np.empty(math.prod(shape), bool)
        for start in range(0, len(chosen), _PIECE):
            part = chosen[start : start + _PIECE]
            np.less(self._words(len(part)), limit, out=part)
        return chosen.reshape(shape)

    def uniform(self, low: float, high: float, size: _Size = ()) -> Array:
        """Draw numbers between `low` and `high`."""
        return np.asarray(low + (high - low) * self.random(size))

    def standard_normal(self, size: _Size = ()) -> Array:
        """Draw normal numbers of mean 0 and variance 1, by the polar method (Marsaglia and Bray 1964)."""
        shape = (size,) if isinstance(size, int) else size
        count = math.prod(shape)
        if self._passed or "_philox" in vars(self) or count > _SHORT:
            np.empty(shape)  # more than memory holds is refused before the work, not after it
            return _normals(self._philox, count)[0].reshape(shape)
        numbers, self._passed = _first_normals(self._digest, count)
        return numbers.reshape(shape).copy()

    def permutation(self, of: int | Array) -> Array:
        """Shuffle the rows of an array, or the whole numbers below one."""
        order = np.argsort(self._words(of if isinstance(of, int) else len(of)), kind="stable")
        return order if isinstance(of, int) else of[order]

    def choice(self, values: Sequence[Any] | Array, size: _Size = (), *, replace: bool = True) -> Array:
        """Draw some of the values; without `replace` so many different ones."""
        of = np.asarray(values)
        return of[self.integers(len(of), size=size)] if replace else self.permutation(of)[:size]


@functools.lru_cache(maxsize=_KEPT)
def _first_normals(digest: bytes, count: int) -> tuple[Array, int]:
    """Give the first normal numbers of a key, and how many words they take."""
    return _normals(np.random.Philox(_Key(digest)), count)


def _normals(philox: np.random.Philox, count: int) -> tuple[Array, int]:
    """Give so many normal numbers, and how many words they take."""
    missing, taken, found = count, 0, [np.empty(0)]
    while missing > 0:
        # Two numbers of each point of a square that lies in its circle, as pi/4 of them do.
        words = np.asarray(philox.random_raw(min(int(0.66 * missing) + 8, _BLOCK)))
        of_pieces = [_normal(words[start : start + _PIECE]) for start in range(0, len(words), _PIECE)]
        missing -= sum(map(len, of_pieces))
        taken += len(words)
        found += of_pieces
    return np.concatenate(found)[:count], taken


def _normal(words: Array) -> Array:
    """Give two normal numbers of each word whose halves are a point in the circle."""
    x, y = (half * 2.0**-31 - (1 - 2.0**-32) for half in (words >> np.uint64(32), words & np.uint64(2**32 - 1)))
    square = x * x
    square += y * y
    inside = np.flatnonzero(square < 1)
    square = square[inside]
    factor = np.sqrt(-2 * log(square) / square)
    return np.stack([x[inside] * factor, y[inside] * factor], axis=1).ravel()
