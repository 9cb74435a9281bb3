"""What a claim and a measurement are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """A number that supports or refutes a claim; the same at every call."""

    name: str
    measure: Callable[[], float]
    least: float
    most: float
    """Within these the verdict holds."""
    of_rounding: bool = False
    """Whether it is made of rounding errors alone, so that another library of linear algebra gives another."""


@dataclass(frozen=True)
class Claim:
    """What the notes claim, and whether it holds."""

    number: str
    claimed: str
    source: str
    """Paper, section; or `notes`, where the paper says nothing of it."""
    verdict: Literal["true", "half true", "false"]
    holds: str
    """The sentence of what holds."""
    measurements: tuple[Measurement, ...]


def random(seed: int) -> np.random.Generator:
    """Return the random numbers of one measurement: numpy's, as a claim is measured, not replayed."""
    return np.random.default_rng(seed)
