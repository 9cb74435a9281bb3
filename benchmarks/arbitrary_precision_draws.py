"""The draws of the certificate: the arguments of a call, and what a regime does to an array."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

Generator = np.random.Generator
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


_FACTORS: Final = {"large": 30.0, "saturated": 1000.0, "tiny": 1e-60, "subnormal": 2.0**-1060, "limit": 1e150}


_OF_WEIGHTS: Final = ("cancelling", "spread", "constant", "zeros")


def draw(rng: Generator, regime: str, *shape: int, along: int = -1, sign: float = -1.0) -> Array:
    """Draw normal numbers, changed as the regime says.

    cancelling: the second half along an axis is the first, nearly, times `sign`; a sum of products of two such arrays,
    one with each sign, loses 9 digits.
    """
    x = rng.standard_normal(shape)
    match regime:
        case "cancelling":
            x = np.moveaxis(x, along, -1)
            half = x.shape[-1] // 2
            x[..., half : 2 * half] = sign * x[..., :half] * (1 + 1e-9 * x[..., half : 2 * half])
            return np.moveaxis(x, -1, along)
        case "offset":
            return 1e6 + x
        case "spread":
            return x * 10.0 ** rng.uniform(-8, 8, shape)
        case "constant":
            return np.full(shape, 1 / 3)
        case "zeros":
            return x * rng.integers(0, 2, shape)
    return _FACTORS.get(regime, 1.0) * x


def weight(rng: Generator, regime: str, *shape: int, along: int = -1) -> Array:
    """Draw a matrix or vector of weights, which is normal where the regime is one of the data."""
    return draw(rng, regime if regime in _OF_WEIGHTS else "normal", *shape, along=along, sign=1.0)


def sizes(rng: Generator, count: int, largest: int = 5) -> list[int]:
    """Draw so many sizes from 1 on."""
    return [int(n) for n in rng.integers(1, largest + 1, count)]


def one_of(rng: Generator, *choices: Any) -> Any:
    """Draw one of the choices."""
    return choices[rng.integers(len(choices))]
