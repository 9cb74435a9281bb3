"""What gradients are taken along, by kind: random numbers, or those on which a backward pass may stumble."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .generator import Generator
from .rounding import Array

Draw = Callable[[Generator, tuple[int, ...]], Array]


def _normal(generator: Generator, shape: tuple[int, ...]) -> Array:
    return generator.standard_normal(shape)


def _one_hot(generator: Generator, shape: tuple[int, ...]) -> Array:
    """Keep one number of each row."""
    if not shape:
        return _normal(generator, shape)
    chosen = generator.integers(max(shape[-1], 1), size=(*shape[:-1], 1))
    return np.where(np.arange(shape[-1]) == chosen, _normal(generator, shape), 0)


def _zero_rows(generator: Generator, shape: tuple[int, ...]) -> Array:
    """Keep every other row, the second among them; of a single row, every other number."""
    g = _normal(generator, shape)
    rows = g.reshape(-1, max(shape[-1], 1)) if len(shape) > 1 else g.reshape(-1)
    rows[::2] = 0
    return g


_KINDS: Final[Mapping[str, Draw]] = {
    "normal": _normal,
    "positive": lambda generator, shape: np.abs(_normal(generator, shape)),
    # Of one sign, so that sums of a hundred leave float16.
    "thousand": lambda generator, shape: generator.uniform(500, 1500, shape),
    "one-hot": _one_hot,
    "constant": lambda generator, shape: np.full(shape, -0.75),
    "tiny": lambda generator, shape: 1e-6 * _normal(generator, shape),
    "zero-rows": _zero_rows,
}

KINDS: Final = tuple(_KINDS)[1:]
"""Those that a case may name; one that names none has random numbers around zero."""


def cotangent(kind: str, generator: Generator, shape: tuple[int, ...]) -> Array:
    """Draw a cotangent of a kind, for a result of a shape."""
    return _KINDS[kind](generator, shape)
