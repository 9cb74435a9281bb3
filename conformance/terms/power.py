"""Power: how much a comparison with a bound could have seen.

The natural scale of an element is the larger of |expected| and the root mean square of its row (`Bound.scale`): an
answer of zeros is off by that much or more somewhere in the row, and an element that happens to be near zero does not
count as unseen. A bound below 2^-3 of the scale is informative. Only a histogram is kept, in quarters of an octave.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...oracle.rounding.bound import Bound
from .rounding import Array

INFORMATIVE: Final = -3
"""Bounds below 2 to this power of the scale are informative."""

_OCTAVE: Final = 4
"""Bins to a factor of two."""

_REACH: Final = 128
"""Bounds beyond 2^-128 and 2^128 of the scale are counted as those."""


@dataclass
class Power:
    """How many elements were compared with a bound of which size."""

    counts: Array = field(default_factory=lambda: np.zeros(2 * _REACH * _OCTAVE + 1, np.int64))

    def take(self, bound: Bound, *, statistical: bool) -> None:
        """Count the elements of one result; NaN, infinities and rows of zeros have no scale."""
        size = bound.scale
        allowance = np.broadcast_to(bound.statistical if statistical else bound.worst, size.shape)
        judged = np.isfinite(size) & (size > 0)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            octaves = np.log2(allowance[judged] / size[judged])
        bins = np.floor(np.clip(np.nan_to_num(octaves, nan=_REACH, posinf=_REACH), -_REACH, _REACH) * _OCTAVE)
        self.counts += np.bincount(bins.astype(np.int64) + _REACH * _OCTAVE, minlength=self.counts.size)

    def add(self, other: "Power") -> None:
        """Count what another has counted, too."""
        self.counts += other.counts

    def as_json(self) -> dict[str, float] | None:
        """Give the share of informative bounds, and the median of bound over scale; None where there was no bound."""
        total = int(self.counts.sum())
        if not total:
            return None
        informative = int(self.counts[: (INFORMATIVE + _REACH) * _OCTAVE].sum()) / total
        median = int(np.searchsorted(np.cumsum(self.counts), total / 2))
        # The middle of the bin; there are no sharper figures.
        return {"informative": informative, "median": float(2.0 ** ((median + 0.5) / _OCTAVE - _REACH))}
