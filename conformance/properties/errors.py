"""How far a result is from the formula, beside its bounds: the numbers that plots against a size are made of.

Each element has a bound of its own. So an error is told as the largest error ratio, and drawn as this times the bound's
root mean square, in units of the result's: what is drawn above the curve of S has an element outside S.
"""

import math
from dataclasses import dataclass

import numpy as np

from ...oracle.rounding.bound import Bound
from ..terms.comparison import ratios
from ..terms.rounding import Array


@dataclass(frozen=True)
class Off:
    """One result beside its bound."""

    of_worst: float
    """The largest |e| / W; infinite where a value is NaN or infinite and should not be, or the reverse."""
    of_statistical: float
    """The largest |e| / S."""
    worst: float
    """W: its root mean square over that of the result."""
    statistical: float
    """S, likewise."""

    @property
    def drawn(self) -> float:
        """Where the largest error stands beside the curve of S."""
        return self.of_statistical * self.statistical

    @property
    def is_number(self) -> bool:
        """Whether every element is a number where one is due, or as infinite as it should be."""
        return math.isfinite(self.of_worst)

    @property
    def words(self) -> str:
        """What the bounds say of it."""
        if not self.is_number:
            return "no number"
        if self.of_worst > 1:
            return "outside W"
        return "outside S" if self.of_statistical > 1 else "within"


def off(actual: Array, bound: Bound, dtype: str) -> Off:
    """Compare a result in float64 with the oracle's."""
    size = _size(bound.expected)
    of_worst, of_statistical = (
        np.max(ratios(actual, bound, dtype, statistical=of), initial=0.0) for of in (False, True)
    )
    return Off(float(of_worst), float(of_statistical), _size(bound.worst) / size, _size(bound.statistical) / size)


def _size(values: Array) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
