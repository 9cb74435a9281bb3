"""Values of arrays, by regime. Everything is made in float64 from a seeded generator and rounded to the dtype, so the
oracle sees exactly what the implementation sees.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ...oracle.rounding.formats import FORMATS
from ..terms.case import Case
from ..terms.component import Array
from ..terms.generator import Generator
from ..terms.rounding import rounded


def generator_of(case: Case, *purpose: str) -> Generator:
    """Return the random numbers of one argument of a case, or of a part of it: no two of them share any."""
    return Generator(case.component, case["seed"], "argument", *purpose)


def tiny(dtype: str) -> float:
    """Return 2^10 times the smallest normal number: its products with numbers near one stay normal."""
    return FORMATS[dtype].smallest_normal * 2.0**10


def hidden(dtype: str) -> float:
    """Return a masked logit of a vocabulary, finite in every base of the exponential: -2^100, in float16 -2^14."""
    return -(2.0**14) if dtype == "float16" else -(2.0**100)


def draw(case: Case, name: str, shape: tuple[int, ...], regime: str, dtype: str) -> Array:
    """Draw an array of a regime, rounded to the dtype."""
    return rounded(_REGIMES[regime](generator_of(case, name), shape, dtype), dtype)


def _ties(generator: Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Draw from three values, none of which is an integer."""
    return generator.choice([-0.75, 0.3, 1.7], shape)


def _cancelling(generator: Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Draw pairs along the last axis that cancel but for a thousandth."""
    values = generator.standard_normal(shape)
    half = shape[-1] // 2
    values[..., half : 2 * half] = -values[..., :half] * (1 + 1e-3 * generator.standard_normal((*shape[:-1], half)))
    return values


_REGIMES: Final[Mapping[str, Callable[[Generator, tuple[int, ...], str], Array]]] = {
    "normal": lambda generator, shape, dtype: generator.standard_normal(shape),
    "uniform": lambda generator, shape, dtype: generator.uniform(-1, 1, shape),
    # Sums of a few hundred products of integers up to 3 are exact in every accumulator.
    "integers": lambda generator, shape, dtype: generator.integers(-3, 4, shape),
    "zero": lambda generator, shape, dtype: np.zeros(shape),
    "ties": _ties,
    "cancelling": _cancelling,
    "offset": lambda generator, shape, dtype: 100 + generator.standard_normal(shape),
    "tiny": lambda generator, shape, dtype: tiny(dtype) * generator.standard_normal(shape),
    "subnormal": lambda generator, shape, dtype: FORMATS[dtype].smallest_normal / 16 * generator.standard_normal(shape),
    "large": lambda generator, shape, dtype: 100 * generator.standard_normal(shape),
}
