"""From the errors made inside a computation to the bound on its result.

Every component hands over three numbers an element, all before the result is rounded to its format:

    error       E: no order of operations gives more, on any input
    variance    V: of the error on generic inputs (random around zero, neither sorted nor tied nor constant)
    coherent    what may be common to many elements, and so does not average out: rounded constants, a biased exp

and gets back (h: half the distance of neighbours in the output's format)

    W = E + h(|y| + E)                                              the worst case
    S = min(W, pre + h(|y| + pre)),  pre = min(Z sqrt(V) + coherent, E),  Z = 6

Z = 6: a normal error exceeds it with probability 2e-9, so once in 5e8 elements. S is not sound for constant, tied or
sorted data, whose rounding errors are correlated; use it on generic cases only.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from ..shapes import Array
from .formats import FORMATS, half_ulp
from .numerics import Numerics

Z: Final = 6.0

SMALLEST_ROOT: Final = 2.0**-510
"""Its square is a normal number of float64."""

TINY: Final = 2.0**-400
"""Errors below it may have a deviation below `SMALLEST_ROOT`, whose square, the variance, is lost to underflow."""

VARIANCE_OF_ROUNDING: Final = 1.0 / 3.0
"""kappa^2: the variance of one rounding error is at most u^2/3, reached where every significand is just above 1."""


class Errors(NamedTuple):
    """The error of an intermediate result, element by element, before it is rounded to a format."""

    error: Any
    variance: Any
    coherent: Any = 0.0


EXACT: Final = Errors(0.0, 0.0, 0.0)


def is_zero(values: Any) -> bool:
    """Tell whether all of it is zero."""
    return not (values.any() if isinstance(values, np.ndarray) else values)


def broadcast(values: Any, shape: tuple[int, ...]) -> Array:
    """Give the values in a shape that they broadcast to; what has it already, as it is."""
    if isinstance(values, np.ndarray):
        return values if values.shape == shape else np.broadcast_to(values, shape)
    return np.full(shape, values)


@dataclass(frozen=True)
class Bound:
    """The right result, and how far from it a right implementation may be. All arrays have the result's shape."""

    expected: Array
    """y, in float64."""
    worst: Array
    """W."""
    statistical: Array
    """S, for generic inputs only."""
    sigma: Array
    """The standard deviation of the error before the result is rounded."""
    half_ulp: Array
    """h(|y|)."""
    coherent: Array
    sensitivities: Mapping[str, Array] = field(default_factory=dict)
    """How the result changes under a mistake of this component, such as a wrong temperature: its derivative."""
    rows_independent: bool = True
    """Whether the rows (all axes but the last) make their rounding errors independently."""
    tests: Mapping[str, Callable[[Array], float]] = field(default_factory=dict)
    """Further tests of this component on a tensor of errors (actual - expected); each gives a z."""

    or_nan: bool = False
    """Whether NaN is right as well, in any element."""

    @property
    def deviation(self) -> Array:
        """The standard deviation of the error, the final rounding included: it is uniform over +-h."""
        return np.sqrt(self.sigma**2 + self.half_ulp**2 / 3)

    @functools.cached_property
    def scale(self) -> Array:
        """The natural scale of each element: |y|, or the root mean square of its row, the last axis, if larger."""
        magnitude = np.abs(np.asarray(self.expected, np.float64))
        if not magnitude.ndim or not magnitude.size:
            return magnitude
        # Scaled first, since squares of large and of small numbers leave the range; what is not finite is no part of a
        # row.
        finite = np.where(np.isfinite(magnitude), magnitude, 0.0)
        largest = finite.max(-1, keepdims=True)
        of_row = np.sqrt(np.mean((finite / np.where(largest > 0, largest, 1.0)) ** 2, -1, keepdims=True)) * largest
        return np.asarray(np.maximum(magnitude, of_row))


def finish(
    expected: Array,
    errors: Errors,
    numerics: Numerics,
    *,
    sensitivities: Mapping[str, Array] | None = None,
    rows_independent: bool = True,
    or_nan: bool = False,
) -> Bound:
    """Add the final rounding."""
    form = FORMATS[numerics.output]
    shape = np.shape(expected)
    error, variance, coherent = (broadcast(each, shape).astype(np.float64, copy=False) for each in errors)
    half = half_ulp(expected, form)
    slack: Any = 0.0
    if numerics.accumulate == "float64":
        # The oracle computes in the same format, and so may be off by as much again, its own final rounding included.
        error, variance, coherent = 2 * error, 2 * variance, 2 * coherent
        slack = half if numerics.output == "float64" else 0.0
    sigma = np.sqrt(variance)
    # Where float64 has no square of the deviation, there is only the worst case.
    coherent = np.where((sigma < SMALLEST_ROOT) & (error < TINY), error, np.minimum(coherent, error))
    before = np.minimum(Z * sigma + coherent, error)
    size = np.abs(expected)
    with np.errstate(over="ignore", invalid="ignore"):
        worst = error + half_ulp(size + error, form) + slack
        statistical = np.minimum(worst, before + half_ulp(size + before, form) + slack)
    about = sensitivities or {}, rows_independent
    return Bound(expected, worst, statistical, sigma, half, coherent, *about, or_nan=or_nan)


def sum_variance(terms: Any, total: Any, squares: Any, unit: float) -> Any:
    """Give the variance of the rounding error of a sum of exchangeable terms, in any fixed order.

        V = (U^2/3) (n S^2/3 + (n + 1) Q/6),   S = sum x, Q = sum x^2

    It is kappa^2 U^2 E[sum_k s_k^2] over the partial sums s_k of a random permutation; one term after another is the
    worst tree. (Higham and Mary 2019 have the same independence, but bound |s_k| by sum |x| and lose cancellation.)
    """
    return VARIANCE_OF_ROUNDING * unit**2 * (terms * np.square(total) / 3 + (terms + 1) * squares / 6)


def matrix_product(a: Array, b: Array, numerics: Numerics) -> tuple[Array, Errors]:
    """Give a @ b, and the errors of computing it from exact factors.

        E = n U A + n eta,   A = |a| |b|       any order, fused or not; n U needs no 1/(1 - n U), Jeannerod & Rump 2013
        V = sum_variance + (U^2/3) Q           Q = a^2 b^2; the last term is that of the products

    A truncating accumulator errs always to the same side: its error is coherent. Rounded operands (u_o) add
    (2 u_o + u_o^2) A.
    """
    unit, n = numerics.unit, numerics.roundings(a.shape[-1])
    product, magnitude, squares = a @ b, np.abs(a) @ np.abs(b), (a * a) @ (b * b)
    error = n * unit * magnitude + n * numerics.underflow
    variance = sum_variance(n, product, squares, unit) + VARIANCE_OF_ROUNDING * unit**2 * squares
    error = np.where(magnitude > FORMATS[numerics.accumulate].largest, np.inf, error)
    coherent = error if numerics.rounding == "toward-zero" else np.zeros_like(error)
    if numerics.operands is not None:
        u_o = FORMATS[numerics.operands].unit_roundoff
        error = error + (2 * u_o + u_o**2) * magnitude
        variance = variance + 2 * VARIANCE_OF_ROUNDING * u_o**2 * squares
    return product, Errors(error, variance, coherent)


def stored(values: Array, errors: Errors, form: str | None) -> Errors:
    """Store a tensor in a format: its errors have half an ulp more, independent of the rest.

    Infinite where a number may be beyond the format's largest.
    """
    if form is None:
        return errors
    size = np.abs(values) + errors.error
    half = np.where(size > FORMATS[form].largest, np.inf, half_ulp(size, FORMATS[form]))
    return Errors(errors.error + half, errors.variance + half**2 / 3, errors.coherent)
