"""Dropout whose share of kept elements is another at rates that it cannot count: right, or nearly, at common ones."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import Array, wide
from ..catalogue import variant
from .values import dropped

Keeps = Callable[[np.random.Generator, tuple[int, ...], float], Array]
"""Say which elements are kept, of a shape, at a rate."""


def _wrong(name: str, sentence: str, needs: str) -> Callable[[Keeps], Keeps]:
    """Put a dropout into the catalogue that keeps these."""

    def register(keeps: Keeps) -> Keeps:
        @variant(name, "dropout", sentence, needs=needs)
        @wide
        def function(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
            if not training or not rate:
                return x.copy()
            return dropped(x, keeps(np.random.default_rng(seed), x.shape, rate), 1 / (1 - rate))

        return keeps

    return register


@_wrong(
    "dropout-random-bytes",
    "A random byte is compared with 255 (1 - rate), so that an element more of 256 is kept than there should be.",
    "training, a rate near 0 or 1",
)
def _bytes(generator: np.random.Generator, shape: tuple[int, ...], rate: float) -> Array:
    return np.asarray(generator.integers(0, 256, shape) <= np.floor((1 - rate) * 255))


@_wrong(
    "dropout-rate-in-percent",
    "The rate is rounded to a whole number of percent.",
    "training, a rate between two percents",
)
def _percent(generator: np.random.Generator, shape: tuple[int, ...], rate: float) -> Array:
    return np.asarray(100 * generator.random(shape) >= round(100 * rate))
