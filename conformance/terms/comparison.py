"""One result against its bound: classes of values first, then numbers; the outcome is an error ratio an element.

    ratio = |actual - expected| / allowance        at most 1 for a right implementation

Classes: NaN where and only where NaN is due, or right as well (`Bound.or_nan`). An infinity is due where y - W or y + W
lies beyond the largest finite number by half an ulp, from where rounding to nearest gives infinity; it is accepted
where the interval reaches that point. An element whose bound is infinite cannot be judged, and is not.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from .around import Around, around
from .rounding import Array
from .verdict import How

_TELLING: Final = 1000
"""Times what is allowed, beyond which the number of times tells nothing."""


@dataclass(frozen=True)
class Worst:
    """The element that is furthest off."""

    ratio: float
    where: tuple[int, ...]
    actual: float
    expected: float
    allowance: float
    outside: int
    """How many elements have a ratio above 1."""
    judged: int
    of: str = "result"
    """What it is an element of."""
    expected_is_due: bool = True
    """Whether what is expected is right; what an implementation answers otherwise may be the wrong one of the two."""
    around: Around | None = field(default=None, compare=False, repr=False)
    """What lies around it, to look at; None where nothing is outside."""

    @property
    def how(self) -> How:
        """How it is wrong: as a number, or as none."""
        if np.isnan(self.actual) != np.isnan(self.expected):
            return "nan"
        return "infinity" if np.isinf(self.actual) else "value"

    @property
    def sentence(self) -> str:
        """Where, actual and expected, error and allowance."""
        share = f"; {self.outside} of {self.judged} elements are outside" if self.judged > 1 else ""
        error = abs(self.actual - self.expected)
        but, differ = ("but should be", "the error is") if self.expected_is_due else ("and not", "they differ by")
        numbers = f"{place(self.where, self.of)} is {self.actual:.9g}, {but} {self.expected:.9g}"
        return (
            f"{numbers}: {differ} {error:.3g}, {self._beside(error)}{share}" if np.isfinite(error) else numbers + share
        )

    def _beside(self, error: float) -> str:
        """Say how large an error is: beside what is allowed, or where that tells nothing beside what is due."""
        if not self.allowance > 0:
            return "and none is allowed"
        if self.ratio <= _TELLING:
            return f"{self.ratio:.3g} times the {self.allowance:.3g} allowed"
        if error <= _TELLING * abs(self.expected):
            share, whole = 100 * error / abs(self.expected), "what is due" if self.expected_is_due else "the second"
            return f"{share:.2g} % of {whole}" if share < 10 else f"{share:.0f} % of {whole}"
        return f"and {self.allowance:.3g} is allowed"


def place(where: tuple[int, ...], of: str = "result") -> str:
    """`result[0, 2]`."""
    return f"{of}[{', '.join(map(str, where))}]" if where else f"the {of}"


def ratios(actual: Array, bound: Bound, dtype: str, *, statistical: bool) -> Array:
    """Compute the error ratio of each element; it is infinity where the class of the value is wrong."""
    expected, worst, overflow = bound.expected, bound.worst, _overflow(dtype)
    allowance = bound.statistical if statistical else worst
    with np.errstate(all="ignore"):
        ratio = _shares(np.abs(actual - expected), allowance)
        finite = np.isfinite(actual)
        may_overflow = np.where(actual > 0, expected + worst >= overflow, expected - worst <= -overflow)
        must_overflow = (expected - worst >= overflow) | (expected + worst <= -overflow)
    ratio = np.where(finite & ~must_overflow, ratio, np.inf)
    ratio = np.where(np.isinf(actual) & may_overflow, 0.0, ratio)
    ratio = np.where(np.isfinite(expected) & ~np.isfinite(worst), 0.0, ratio)
    ratio = np.where(np.isinf(expected), np.where(actual == expected, 0.0, np.inf), ratio)
    ratio = np.where(np.isnan(expected), np.where(np.isnan(actual), 0.0, np.inf), ratio)
    return np.where(np.isnan(actual), 0.0, ratio) if bound.or_nan else ratio


def _shares(error: Array, allowance: Array) -> Array:
    """Return the part of its allowance that each error takes; what is no positive number allows nothing."""
    ratio = np.where(allowance > 0, error / allowance, np.inf)
    return np.where(error == 0, 0.0, np.where(np.isnan(ratio), np.inf, ratio))


def _overflow(dtype: str) -> float:
    """Return where rounding to nearest begins to give infinity: half an ulp beyond the largest finite number.

    Beyond that of float64, the oracle has overflowed, too.
    """
    if dtype in ("", "float64"):
        return np.inf
    form = FORMATS[dtype]
    return form.largest + math.ldexp(1.0, math.frexp(form.largest)[1] - 1 - form.precision)


def worst_of(ratio: Array, actual: Array, expected: Array, allowance: Array) -> Worst:
    """Describe the element of the largest ratio; in a result without elements, nothing is off."""
    if ratio.size == 0:
        return Worst(0.0, (), 0.0, 0.0, 0.0, 0, 0)
    where = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return Worst(
        float(ratio[where]),
        tuple(map(int, where)),
        float(actual[where]),
        float(np.broadcast_to(expected, ratio.shape)[where]),
        float(np.broadcast_to(allowance, ratio.shape)[where]),
        outside := int((ratio > 1).sum()),
        ratio.size,
        around=around(ratio, actual, expected, allowance) if outside else None,
    )


def against_bound(actual: Array, bound: Bound, dtype: str, *, statistical: bool) -> Worst:
    """Find the element that is furthest outside its bound, or closest to it."""
    ratio = ratios(actual, bound, dtype, statistical=statistical)
    allowance = bound.statistical if statistical else bound.worst
    return worst_of(ratio, actual, bound.expected, allowance)


def same_within(actual: Array, other: Array, allowance: Array, dtype: str) -> Worst:
    """Compare two results of the implementation that should be equal up to both their roundings.

    One may overflow where the other does not: an infinity is what any number from the point of overflow on becomes, so
    it is no further from a number than that point is.
    """
    reach, either = _overflow(dtype), np.isinf(actual) | np.isinf(other)
    with np.errstate(all="ignore"):
        error = np.abs(actual - other)
        error = np.where(either, np.abs(np.clip(actual, -reach, reach) - np.clip(other, -reach, reach)), error)
        ratio = _shares(error, allowance)
    # Of equal classes: both NaN, or the same infinity. An infinite allowance judges nothing.
    equal = (np.isnan(actual) & np.isnan(other)) | (actual == other) | ~np.isfinite(allowance)
    ratio = np.where(equal, 0.0, np.where(np.isfinite(ratio), ratio, np.inf))
    return replace(worst_of(ratio, actual, other, allowance), expected_is_due=False)


def bit_for_bit(actual: Array, other: Array, chosen: Array | None = None) -> Worst:
    """Compare the chosen elements of two results without any allowance; -0 counts as 0."""
    equal = (actual == other) | (np.isnan(actual) & np.isnan(other))
    ratio = np.where(equal if chosen is None else equal | ~chosen, 0.0, np.inf)
    return replace(worst_of(ratio, actual, other, np.zeros_like(ratio)), expected_is_due=False)
