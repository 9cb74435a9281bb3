"""Tensors as an implementation computes them: the right values, and how far off it may be.

`bound.py` has the meaning of error, variance and coherent. Here are the operations between tensors that carry them: the
errors of the arguments go through, and the rounding of the operation is added. With sizes |a| + E_a, so that nothing is
left out beyond the first order. Variances add up, also where two tensors are made of one: the generic weights between
them give what they have in common any sign.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..shapes import Array, checked_arrays, row_of
from .bound import VARIANCE_OF_ROUNDING, Bound, Errors, Z, broadcast, finish, is_zero, stored, sum_variance
from .formats import FORMATS, half_ulp
from .numerics import Numerics


class Common(NamedTuple):
    """An error that a row has in common: weight_ij delta_i. Sums over j see it as one, not as many."""

    weight: Array
    """(..., L_q, L_k)."""
    error: Array
    """Of delta: (..., L_q, 1)."""
    variance: Array


class Anywhere(NamedTuple):
    """An error of a row that falls to any of some elements, or is shared out among them."""

    where: Array
    """(..., L_q, L_k)."""
    error: Array
    """(..., L_q, 1)."""
    variance: Array


@dataclass(frozen=True, eq=False)
class Computed:
    """A tensor and the errors that it may have; each broadcasts to the shape of the values."""

    value: Array
    error: Any = 0.0
    variance: Any = 0.0
    coherent: Any = 0.0
    common: Common | None = None
    anywhere: Anywhere | None = None

    @property
    def errors(self) -> Errors:
        """Give the errors of each element, the part that is common to a row taken as independent."""
        error, variance = self.error, self.variance
        if self.common is not None:
            weight, e_row, v_row = self.common
            error, variance = error + np.abs(weight) * e_row, variance + np.square(weight) * v_row
        if self.anywhere is not None:
            where, e_row, v_row = self.anywhere
            error, variance = error + where * e_row, variance + where * v_row
        return Errors(error, variance, self.coherent)

    @property
    def exact(self) -> bool:
        """Whether it has no error at all."""
        return is_zero(self.error) and not (self.common or self.anywhere)

    def mapped(self, function: Callable[[Array], Array]) -> "Computed":
        """Give the same elements in another order or shape."""
        shape = self.value.shape
        error, variance, coherent = (0.0 if is_zero(each) else function(broadcast(each, shape)) for each in self.errors)
        return Computed(function(self.value), error, variance, coherent)

    @property
    def transposed(self) -> "Computed":
        """The last two axes exchanged."""
        return self.mapped(lambda array: array.swapaxes(-1, -2))


def stored_in(a: Computed, form: str | None) -> Computed:
    """Keep the tensor in a format: half an ulp more, of its largest size and of its likely one."""
    if form is None:
        return a
    kept = stored(a.value, Errors(a.error, 0.0), form)
    likely = np.fmin(Z * np.sqrt(a.variance) + a.coherent, a.error)
    size = np.abs(a.value) + likely
    half = np.where(size > FORMATS[form].largest, np.inf, half_ulp(size, FORMATS[form]))
    return replace(a, error=kept.error, variance=a.variance + VARIANCE_OF_ROUNDING * np.square(half))


def product(a: Computed, b: Computed, numerics: Numerics, chunks: int = 1, terms_in: str | None = None) -> Computed:
    """Give a @ b over the last two axes.

        E = n U A + |a| E_b + E_a |b| + E_a E_b + n eta,   A = (|a| + E_a) (|b| + E_b)
        V = sum_variance + (U^2/3) Q + a^2 V_b + V_a b^2 + V_a V_b

    An error weight_ij delta_i that rows of a have in common adds (weight b)_i delta_i, and one that falls to any of
    some elements the largest |b| + E_b of these. So many `chunks` of the sum are
    rounded to the output's format: (chunks - 1) (u_out A + eta_out) more. Terms that are kept in a format before
    they are summed add u A + n eta of it.
    """
    unit, n = numerics.unit, numerics.roundings(a.value.shape[-1])
    abs_a, abs_b, squares_a, squares_b = np.abs(a.value), np.abs(b.value), np.square(a.value), np.square(b.value)
    y, squares = a.value @ b.value, squares_a @ squares_b
    e_a, v_a, c_a = (broadcast(each, a.value.shape) for each in (a.error, a.variance, a.coherent))
    e_b, v_b, c_b = (broadcast(each, b.value.shape) for each in b.errors)
    most_b = abs_b + e_b
    magnitude = (abs_a + e_a) @ most_b
    error = n * unit * magnitude + n * numerics.underflow
    variance = sum_variance(n, y, squares, unit) + VARIANCE_OF_ROUNDING * unit**2 * squares
    error = np.where(magnitude > FORMATS[numerics.accumulate].largest, np.inf, error)
    coherent = error if numerics.rounding == "toward-zero" else np.zeros_like(y)
    if not is_zero(a.error):
        error = error + e_a @ most_b
        variance = variance + v_a @ (squares_b + v_b)
        coherent = coherent if is_zero(a.coherent) else coherent + c_a @ abs_b
    if not is_zero(e_b):
        error = error + abs_a @ e_b
        variance = variance + squares_a @ v_b
        coherent = coherent if is_zero(c_b) else coherent + abs_a @ c_b
    if a.common is not None:
        weight, e_row, v_row = a.common
        through = weight @ b.value
        error = error + e_row * (np.abs(through) + np.abs(weight) @ e_b)
        variance = variance + v_row * np.square(through)
    if a.anywhere is not None:
        where, e_row, v_row = a.anywhere
        most = _largest(where, most_b)
        error, variance = error + e_row * most, variance + v_row * np.square(most)
    if numerics.operands is not None:
        u_o = FORMATS[numerics.operands].unit_roundoff
        error = error + (2 * u_o + u_o**2) * magnitude
        variance = variance + 2 * VARIANCE_OF_ROUNDING * u_o**2 * squares
    if terms_in is not None:
        u, tiny, k = FORMATS[terms_in].unit_roundoff, FORMATS[terms_in].half_smallest_subnormal, a.value.shape[-1]
        error = error + u * magnitude + k * tiny
        variance = variance + VARIANCE_OF_ROUNDING * (u**2 * squares + k * tiny**2)
    if chunks > 1:
        form = FORMATS[numerics.output]
        u_out, eta_out = form.unit_roundoff, form.half_smallest_subnormal
        error = error + (chunks - 1) * (u_out * magnitude + eta_out)
        partial = u_out**2 * (np.square(y) / 3 + squares / 6) + eta_out**2
        variance = variance + VARIANCE_OF_ROUNDING * (chunks - 1) * partial
    return Computed(y, error, variance, coherent)


def _largest(where: Array, size: Array) -> Array:
    """Give the largest of the rows that are meant: (..., L_q, d) of (..., L_q, L_k) and (..., L_k, d)."""
    if not where.shape[-1]:
        return np.zeros((*where.shape[:-1], size.shape[-1]))
    largest = np.take_along_axis(size, where.argmax(-1)[..., None], -2)
    several = where & (where.sum(-1, keepdims=True) > 1)
    for j in np.flatnonzero(several.any(tuple(range(where.ndim - 1)))):
        largest = np.maximum(largest, np.where(several[..., j, None], size[..., None, j, :], 0))
    return largest


def times(a: Computed, b: Computed, numerics: Numerics) -> Computed:
    """Multiply element by element."""
    y, unit = a.value * b.value, numerics.unit
    (e_a, v_a, c_a), (e_b, v_b, c_b) = a.errors, b.errors
    through = np.abs(a.value) * e_b + e_a * (np.abs(b.value) + e_b)
    error = through + unit * (np.abs(y) + through) + numerics.underflow
    variance = a.value**2 * v_b + v_a * (b.value**2 + v_b) + VARIANCE_OF_ROUNDING * unit**2 * y**2
    return Computed(y, error, variance, np.abs(a.value) * c_b + c_a * np.abs(b.value))


def scaled(a: Computed, factor: float, numerics: Numerics) -> Computed:
    """Give the product with a constant that is rounded itself: 2 U, one of them common to all elements."""
    y, unit, size = factor * a.value, numerics.unit, abs(factor)
    e, v, c = (broadcast(each, y.shape) for each in (a.error, a.variance, a.coherent))
    error = size * e + unit * (2 + unit) * (np.abs(y) + size * e) + numerics.underflow * max(1.0, size)
    common = a.common and a.common._replace(weight=factor * a.common.weight)
    anywhere = a.anywhere and Anywhere(a.anywhere.where, size * a.anywhere.error, size**2 * a.anywhere.variance)
    variance = size**2 * v + VARIANCE_OF_ROUNDING * (unit * y) ** 2
    return Computed(y, error, variance, size * c + unit * np.abs(y), common, anywhere)


def added(a: Computed, b: Computed, numerics: Numerics) -> Computed:
    """Add two."""
    y, unit = a.value + b.value, numerics.unit
    (e_a, v_a, c_a), (e_b, v_b, c_b) = a.errors, b.errors
    error = (1 + unit) * (e_a + e_b) + unit * np.abs(y) + numerics.underflow
    variance = v_a + v_b + VARIANCE_OF_ROUNDING * unit**2 * y**2
    return Computed(y, error, variance, c_a + c_b)


def total(a: Computed, axis: int | tuple[int, ...], numerics: Numerics, chunks: int = 1) -> Computed:
    """Give the sum along some axes, which are kept: n U sum (|a| + E) + sum E."""
    shape = a.value.shape
    axes = axis if isinstance(axis, tuple) else (axis,)
    y = a.value.sum(axes, keepdims=True)
    n, unit = int(np.prod([shape[each] for each in axes])), numerics.unit
    e, v, c = (broadcast(each, shape).sum(axes, keepdims=True) for each in a.errors)
    magnitude, squares = np.abs(a.value).sum(axes, keepdims=True) + e, np.square(a.value).sum(axes, keepdims=True)
    error = e + n * unit * magnitude + n * numerics.underflow
    variance = v + sum_variance(n, y, squares, unit)
    if numerics.rounding == "toward-zero":
        c = c + error
    if chunks > 1:
        form = FORMATS[numerics.output]
        error = error + (chunks - 1) * (form.unit_roundoff * magnitude + form.half_smallest_subnormal)
        variance = variance + VARIANCE_OF_ROUNDING * (chunks - 1) * form.unit_roundoff**2 * (y**2 / 3 + squares / 6)
    return Computed(y, error, variance, c)


def larger(one: Computed, other: Computed) -> Computed:
    """Give the larger errors of two ways to compute one tensor, both of which are right."""
    errors = (np.maximum(*each) for each in zip(one.errors, other.errors, strict=True))
    return Computed(one.value, *errors)


def from_bound(bound: Bound) -> Computed:
    """Give what a bound says of a result as what the next computation begins with."""
    return Computed(bound.expected, bound.worst, np.square(bound.deviation), bound.coherent)


def bounded(a: Computed, numerics: Numerics, **fields: Any) -> Bound:
    """Give the bound of a result, its final rounding included; a NaN error becomes an infinite bound: not judged."""
    errors = Errors(*(np.where(np.isnan(each), np.inf, each) for each in a.errors))
    return finish(a.value, errors, numerics, **fields)


def exact_arguments(function: str, *given: ArrayLike) -> dict[str, Computed]:
    """Give the arrays of a call by name, checked: they are exact in the formats in which they come."""
    arrays = zip(row_of(function).arrays, checked_arrays(function, *given), strict=True)
    return {name: Computed(array) for name, array in arrays}
