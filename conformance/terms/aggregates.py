"""Aggregates: figures over a whole result, which show systematic errors that are too small for any element to show.

With e = actual - y, e' = actual - RN(y) (the noise that even a perfect result has is gone), sigma_tot from the bound:

    noise       sqrt(mean(max(|e| - coherent, 0)^2 / sigma_tot^2))                      at most 1.15 + 4/sqrt(N)
    flips       the excess of sum (e'/ulp)^2 over 1.32 times its expectation            in deviations, at most 7
    bias, gain  t = (|sum_i r_i| - sum |w| coherent) / sqrt(sum r_i^2),  r_i = sum over row i of w e'
    directions  the same along the ways in which a mistake of the component would change the result
    bins        bias and gain of each sixteenth of the elements, by row, by column and by size of y

The t need no model of the variance, only independent rows and errors of either sign: self-normalised sums are
sub-Gaussian, and 7 deviations have probability 5e-11. 1.15: the model of the noise is good to 4 % (measured on right
implementations: 1.00 +- 0.04), and 4/sqrt(N) is more than five deviations of a mean of N squares.

They are valid on generic cases only, and where the guards below hold.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...oracle.rounding.bound import Bound
from .rounding import NUMPY, Array

FEWEST_ELEMENTS: Final = 1024
FEWEST_ROWS: Final = 64
"""Fewer rows, and a sum of them is not near normal."""
FEWEST_POSITIONS: Final = 4096
"""Elements that sit at the same place between two numbers of the format round alike: distinct places must abound."""
LARGEST_Z: Final = 7.0
_BINS: Final = 16


@dataclass(frozen=True)
class Aggregate:
    """One figure over a result, and the most that a right implementation reaches."""

    name: str
    value: float
    limit: float

    @property
    def ratio(self) -> float:
        """At most 1 for a right implementation."""
        return self.value / self.limit


def aggregates(actual: Array, bound: Bound, dtype: str) -> list[Aggregate]:
    """Compute every aggregate that is valid on this result; none if it is too small."""
    deviation = bound.deviation
    with np.errstate(invalid="ignore"):
        judged = np.isfinite(actual) & np.isfinite(bound.expected) & np.isfinite(bound.worst) & (deviation > 0)
    count = int(judged.sum())
    if count < FEWEST_ELEMENTS:
        return []
    scale = np.where(judged, deviation, 1.0)
    expected = np.where(judged, bound.expected, 0.0)
    error = np.where(judged, actual - expected, 0.0)
    coherent = np.where(judged, bound.coherent, 0.0)
    found = [Aggregate("noise", noise(error, coherent, scale, count), noisiest(count))]
    for name, score in bound.tests.items():
        found.append(Aggregate(name, float(score(np.where(judged, error, 0.0))), LARGEST_Z))

    nearest = expected.astype(NUMPY[dtype]).astype(np.float64)
    half = np.where(judged, bound.half_ulp, 1.0)
    # 2^22 places between two neighbours tell apart what float64 can.
    positions = np.unique(np.rint((expected - nearest)[judged] / half[judged] * 2.0**22)).size
    if positions < min(count / 4, FEWEST_POSITIONS):
        return found
    error = np.where(judged, actual - nearest, 0.0)
    found.append(Aggregate("flips", _flips(error, bound, coherent, half, judged, count / positions), LARGEST_Z))
    if not bound.rows_independent or error.ndim < 2 or error.size // error.shape[-1] < FEWEST_ROWS:
        return found
    weights = {"bias": np.where(judged, 1 / scale, 0.0), "gain": np.where(judged, expected / scale**2, 0.0)}
    found += [Aggregate(name, _t(error, coherent, weight), LARGEST_Z) for name, weight in weights.items()]
    for name, direction in bound.sensitivities.items():
        weight = np.where(judged, direction / scale**2, 0.0)
        found.append(Aggregate(name, _t(error, coherent, weight), LARGEST_Z))
    if count >= 256 * _BINS:
        for axis, place in _places(expected).items():
            edges = np.unique(np.quantile(place[judged], np.linspace(0, 1, _BINS + 1)[1:-1]))
            bins = np.searchsorted(edges, place, side="right")
            for name, weight in weights.items():
                t = max(_t(error, coherent, weight * (bins == k)) for k in range(len(edges) + 1))
                found.append(Aggregate(f"{name} by {axis}", t, LARGEST_Z))
    return found


def noise(error: Array, coherent: Array, deviation: Array, count: int) -> float:
    """Compute the root mean square of what of the errors is not coherent, in deviations."""
    beyond = np.maximum(np.abs(error) - coherent, 0.0) / deviation
    return float(np.sqrt((beyond**2).sum() / count))


def noisiest(count: int) -> float:
    """Give the most noise that a right implementation has over so many elements."""
    return float(1.15 + 4 / np.sqrt(count))


def _flips(error: Array, bound: Bound, coherent: Array, half: Array, judged: Array, repeats: float) -> float:
    """Compute how far the roundings that went the other way exceed what the error before rounding explains.

    An error of deviation sigma moves a result across a rounding boundary with probability about sigma/ulp, so e'^2
    has the expectation ulp (0.8 sigma + coherent), at most ulp^2/4, on top of the error itself.
    """
    ulp, sigma = 2 * half, np.where(judged, bound.sigma, 0.0)
    variance = sigma**2 + coherent**2 + np.minimum(ulp * (0.8 * sigma + coherent), ulp**2 / 4)
    found, due = float((error**2 / ulp**2).sum()), float(np.where(judged, variance / ulp**2, 0.0).sum())
    largest = max(1.0, float((sigma / ulp).max()) ** 2) * repeats
    return max(0.0, (found - 1.32 * due) / float(np.sqrt(due * largest) + 2 * largest))


def _t(error: Array, coherent: Array, weight: Array) -> float:
    """Compute the self-normalised sum over rows, after taking off what may be coherent."""
    with np.errstate(over="ignore"):
        rows = (weight * error).reshape(-1, error.shape[-1]).sum(-1)
        allowed = float((np.abs(weight) * coherent).sum())
        spread = float(np.sqrt((rows**2).sum()))
    # A handful of rows that carry the whole sum are no sample, whatever t they give.
    if np.count_nonzero(rows) < FEWEST_ROWS or spread == 0:
        return 0.0
    return max(0.0, abs(float(rows.sum())) - allowed) / spread


def _places(expected: Array) -> dict[str, Array]:
    rows = np.arange(expected.shape[-2])[:, None]
    return {
        "row": np.broadcast_to(rows, expected.shape),
        "column": np.broadcast_to(np.arange(expected.shape[-1]), expected.shape),
        "size": expected,
    }
