"""Whether errors are an argument times a number: what is added, left out, or counted otherwise than it is due."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from ..terms.rounding import Array
from .simple_numbers import simple_number

_FEWEST: Final = 3
"""Errors that one factor must explain: two are always in some proportion."""
_KNOWN: Final = 8
"""Times its allowance that an error must be, to tell of a factor."""
_SHOWN: Final = 3
"""Rows whose factor is told."""


def of_arguments(
    actual: Array, expected: Array, allowance: Array, arguments: Mapping[str, Array], words: Sequence[str]
) -> Iterator[str]:
    """Name the argument that errors are in proportion to, with the factor of all, or that of each row.

    It is broadcast to the result as by numpy, from the last axis on; `words` are for an index along each axis.
    """
    with np.errstate(all="ignore"):
        error = actual - expected
        known = np.isfinite(error) & np.isfinite(allowance)
        if not known.all():
            return
        for name, array in arguments.items():
            if array.size < _FEWEST or not _fits(array.shape, error.shape):
                continue
            whole = np.broadcast_to(array, error.shape)
            if (factor := _factor(error, whole, allowance)) is not None:
                yield f"the error is {_times(factor, name)}"
            elif array.ndim < error.ndim and len(words) == error.ndim:
                yield from _of_rows(error, whole, allowance, name, words[0])


def _fits(shape: tuple[int, ...], result: tuple[int, ...]) -> bool:
    """Say whether an array of this shape has a place in a result without being repeated along its own axes."""
    return 0 < len(shape) <= len(result) and shape == result[len(result) - len(shape) :]


def _of_rows(error: Array, whole: Array, allowance: Array, name: str, word: str) -> Iterator[str]:
    """Give the factor of each index along the first axis."""
    factors = [_factor(*each) for each in zip(error, whole, allowance, strict=True)]
    found = [_times(factor, name) + f" in {word} {row}" for row, factor in enumerate(factors) if factor is not None]
    if 1 < len(found) == len(factors):
        yield f"the error is {', '.join(found[:_SHOWN])}{', and so on' * (len(found) > _SHOWN)}"


def _factor(error: Array, array: Array, allowance: Array) -> tuple[float, float] | None:
    """Find the number times which the array is the error, and how well it is known; none where there is none."""
    if (np.abs(error) > _KNOWN * allowance).sum() < _FEWEST:
        return None
    best = np.unravel_index(np.argmax(np.abs(array)), array.shape)
    factor, known_to = float(error[best] / array[best]), float(allowance[best] / np.abs(array[best]))
    explained = np.abs(error - factor * array) <= allowance + np.abs(array) * known_to
    return (factor, known_to) if np.isfinite(factor) and explained.all() else None


def _times(factor: tuple[float, float], name: str) -> str:
    """Write `x`, `-x`, or `0.25 times x`."""
    number, known_to = abs(factor[0]), factor[1]
    sign = "-" * (factor[0] < 0)
    if abs(number - 1) <= known_to:
        return f"{sign}{name}"
    short = f"{number:.3g}"
    exact = abs(float(short) - number) <= known_to
    return f"{sign}{short if exact else simple_number(number, known_to / number) or short} times {name}"
