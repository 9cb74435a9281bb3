"""Root mean square normalisation: Zhang and Sennrich 2019, section 3, equation 4.

    y = gain x / sqrt(q + epsilon),   q = mean(x^2)   over the last axis

    x (..., d)   gain (d,)

Where the paper is silent, or libraries differ:

    1   epsilon, which the paper does not have, stands under the root.
    2   `rms_gain`: the row is multiplied by the gain (`w`), or by 1 + gain (`one_plus_w`, as in Gemma).
    3   `rms_cast`: the result is rounded to the input's format after the product with the gain (`after`), or the row
        z = x / sqrt(q + epsilon) is rounded to it before, and the product again (`before`, as in Llama). The formula
        has no formats: this widens the bounds and nothing else.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .layer_norm_bound import error_of_root, format_of_statistics
from .options import check_conventions, check_number
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, Z, broadcast, stored, sum_variance
from .rounding.computed import Computed, added, bounded, scaled, stored_in, times, total
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array, checked_arrays, checked_cotangent
from .spec_error import SpecError


def rms_norm(
    x: ArrayLike, gain: ArrayLike, *, epsilon: float = 1e-6, rms_gain: str = "w", rms_cast: str = "after"
) -> Array:
    """Give gain x / sqrt(mean(x^2) + epsilon): (..., d). NaN where mean(x^2) + epsilon is 0.

    SpecError if the shapes do not fit, an argument holds no real numbers, epsilon is negative or a convention unknown.
    """
    x, gain = _arguments(x, gain, epsilon, rms_gain=rms_gain, rms_cast=rms_cast)
    with np.errstate(all="ignore"):
        return np.asarray(_factor(gain, rms_gain) * (x * _reciprocal_root(x, epsilon)))  # (..., d)


def rms_norm_vjp(
    cotangent: ArrayLike,
    x: ArrayLike,
    gain: ArrayLike,
    *,
    epsilon: float = 1e-6,
    rms_gain: str = "w",
    rms_cast: str = "after",
) -> tuple[Array, Array]:
    """Give the gradients of sum(g rms_norm(x)) with respect to x and gain, in their shapes.

        z = x r,   r = 1 / sqrt(q + epsilon),   a = g gain, or g (1 + gain)
        dx = r (a - z mean(a z))    dgain = sum g z      over all rows

    SpecError as of `rms_norm`, or where the cotangent g has not the shape of the result.
    """
    x, gain = _arguments(x, gain, epsilon, rms_gain=rms_gain, rms_cast=rms_cast)
    g = checked_cotangent("rms_norm_vjp", cotangent, x.shape)
    with np.errstate(all="ignore"):
        r = _reciprocal_root(x, epsilon)  # (..., 1)
        z, a = x * r, g * _factor(gain, rms_gain)  # (..., d)
        dx = r * (a - z * np.mean(a * z, -1, keepdims=True))  # (..., d)
        return np.asarray(dx), np.asarray((g * z).sum(tuple(range(x.ndim - 1))))


def rms_norm_bound(
    x: ArrayLike,
    gain: ArrayLike,
    *,
    epsilon: float = 1e-6,
    rms_gain: str = "w",
    rms_cast: str = "after",
    numerics: Numerics,
) -> Bound:
    """Bound how far from `rms_norm` a right implementation may be: the errors of `rms_norm_step`, and its rounding.

    Of a whole tensor, an epsilon that is slightly wrong shows by the sensitivity y / (q + epsilon).
    """
    x, gain = _arguments(x, gain, epsilon, rms_gain=rms_gain, rms_cast=rms_cast)
    with np.errstate(all="ignore"):
        y = rms_norm_step(Tape(numerics), Computed(x), Computed(gain), epsilon, rms_gain, rms_cast)
        along = y.value * np.square(_reciprocal_root(x, epsilon))
        return bounded(y, numerics, sensitivities={"epsilon": along})


def rms_norm_vjp_bound(
    cotangent: ArrayLike,
    x: ArrayLike,
    gain: ArrayLike,
    *,
    epsilon: float = 1e-6,
    rms_gain: str = "w",
    rms_cast: str = "after",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Bound the gradients of `rms_norm_step`, whose row and root are those of the value, or are made again."""
    x, gain = _arguments(x, gain, epsilon, rms_gain=rms_gain, rms_cast=rms_cast)
    of = {"x": Computed(x), "gain": Computed(gain)}
    tape = Tape(replace(numerics, hidden=None))
    with np.errstate(all="ignore"):
        y = rms_norm_step(tape, of["x"], of["gain"], epsilon, rms_gain, rms_cast)
        return tape.bounds(y, checked_cotangent("rms_norm_vjp_bound", cotangent, x.shape), of)


def rms_norm_step(
    tape: Tape, x: Computed, gain: Computed, epsilon: float, rms_gain: str = "w", rms_cast: str = "after"
) -> Computed:
    """Record G z over the last axis, of a tensor that may have errors; the gain is exact.

    Forwards, with z and r of `_normalised` and the factor G, which is the gain, or 1 + gain with a rounding of its own:

        E_y = |G| E_z + |z| E_G + U |y| + (r + |x|) eta,    E_z under `before`: half an ulp of the input's format more

    as a product of the gain with x or with r may come first, and be flushed to zero. What overflows on the way, in any
    order of the products, is left open.
    """
    numerics = tape.numerics
    a = tape.read(x)
    z, r = _normalised(a, epsilon, numerics)
    z = stored_in(z, _format_of_row(numerics, rms_cast))
    factor = gain
    if rms_gain == "one_plus_w":
        factor = added(Computed(np.ones_like(gain.value)), gain, numerics)
    y = times(z, factor, numerics)
    flushed = numerics.underflow * (r.value + np.abs(a.value))
    largest = np.abs(factor.value) * np.maximum(np.abs(a.value), r.value)
    beyond = largest > FORMATS[numerics.accumulate].largest
    y = replace(y, error=np.where(beyond, np.inf, y.error + flushed))

    def backward(g: Computed) -> tuple[Computed, Computed]:
        of_x, of_gain = _back(g, a, z, r, factor, numerics, _format_of_row(numerics, rms_cast))
        return of_x, of_gain.mapped(lambda array: array.reshape(gain.value.shape))

    return tape.record(y, (x, gain), backward)


def _normalised(x: Computed, epsilon: float, numerics: Numerics) -> tuple[Computed, Computed]:
    """Give z = x r and r = 1 / sqrt(q + epsilon), n = d; rho, the relative error of r, is that of `error_of_root`.

        E_q = q ((1 + U)^(n + 4) - 1) + 3 eta + (1 + n U) mean(2 |x| E + E^2)
        V_q = sum_variance(x^2) / n^2 + (U^2/3) (3 mean(x^4) / n + 2 q^2) + 4 sum x^2 V / n^2
        E_z = (1 + rho) r (E + eta) + rho |z|,    V_z = z^2 V_r / r^2 + r^2 V
        V_r = r^2 (1 - t)^-3 V_q / (4 (q + epsilon)^2) + 4 (U^2/3) r^2,    t = Z sqrt(V_q) / (q + epsilon)

    n - 1 sums in any order; up to 3 roundings of a square, since x may be divided by its largest entry first; 2 for the
    division by n, which may be a product with a rounded 1/n. All terms are positive: no error is larger than its part
    of the sum. Squares, sums and the mean may be flushed to zero, and subnormal x with them.
    No first order for 1/sqrt: it grows without limit where q + epsilon may be 0. Its first derivative at the deviation
    t is larger by (1 - t)^(-3/2). 1/n rounded moves all r alike by U/2, a reciprocal root that errs to one side by U,
    and squares of numbers of few bits by half of `bias_of_squares`.
    """
    unit, eta, n = numerics.unit, numerics.underflow, x.value.shape[-1]
    form, u_s = format_of_statistics(numerics)
    e, v, c = (broadcast(each, x.value.shape) for each in x.errors)
    squares = np.square(x.value)
    q = squares.mean(-1, keepdims=True)  # (..., 1)
    moved = np.mean(2 * np.abs(x.value) * e + np.square(e), -1, keepdims=True)
    e_q = q * np.expm1((n + 4) * np.log1p(unit)) + 3 * eta + (1 + (n + 4) * unit) * moved
    once = VARIANCE_OF_ROUNDING * unit**2
    fourth = np.square(squares).sum(-1, keepdims=True) / n**2
    v_q = sum_variance(n, n * q, n**2 * fourth, unit) / n**2 + once * (3 * fourth + 2 * np.square(q))
    v_q = v_q + 4 * (squares * v).sum(-1, keepdims=True) / n**2
    e_q = np.where(2 * n * q > FORMATS[numerics.accumulate].largest, np.inf, e_q)
    of_q = stored(q, Errors(e_q, v_q), numerics.statistics)

    spread = q + epsilon
    rho = error_of_root(q, of_q.error, epsilon, numerics)
    r = 1 / np.sqrt(spread)
    # What overflows is left open.
    rho = np.where(np.isinf(of_q.error) | ((1 + rho) * r > form.largest), np.inf, rho)
    z = x.value * r
    t = Z * np.sqrt(of_q.variance) / spread
    stretch = np.where(t < 1, (1 - t) ** -3, np.inf)
    relative = stretch * of_q.variance / (4 * np.square(spread)) + 4 * once + VARIANCE_OF_ROUNDING * u_s**2
    # What all elements of a row have in common, and all rows.
    together = 1.5 * unit + bias_of_squares(n, numerics) / 2 + np.mean(np.abs(z) * r * c, -1, keepdims=True)
    if numerics.rounding == "toward-zero":
        together = together + rho
    e_z = (1 + rho) * r * (e + eta) + rho * np.abs(z)
    v_z = np.square(z) * relative + np.square(r) * v
    return (
        Computed(z, e_z, v_z, together * np.abs(z) + r * c),
        Computed(r, rho * r, np.square(r) * relative, together * r),
    )


def bias_of_squares(n: int, numerics: Numerics) -> float:
    """Give what the roundings of a sum of n squares may have in common, relative to the sum.

        B = n U min(1, 2^(1 - m/2)),    m = 2 (p - 1) - (P - 1) + log2 n    (m <= 0: 0, for such a sum is exact)

    p and P are the bits of the input's format and of the accumulator's. A square of p bits has m of its bits below the
    last place of a sum that is n times as large, and what is rounded there is no random number: a square ends in
    4^k (8 u + 1), k with the frequency 2^-(k + 1), which errs by 3 4^k / 2^m of a place on the mean. The sum over k, as
    far as 4^k reaches within the m bits, and half a place for the rest, is below 2^(1 - m/2) places, of at most 2 U of
    the partial sum each, and n / 2 sums is what partial sums come to. One sum after another of 65,536
    squares of bfloat16 errs by 5e-5 in float32, always upwards: ten deviations of independent roundings.
    """
    bits, of_sum = FORMATS[numerics.input].precision, FORMATS[numerics.accumulate].precision
    below = 2 * (bits - 1) - (of_sum - 1) + np.log2(max(n, 1))
    return n * numerics.unit * min(1.0, 2.0 ** (1 - below / 2)) if below > 0 else 0.0


def _back(
    g: Computed, x: Computed, z: Computed, r: Computed, factor: Computed, numerics: Numerics, kept_in: str | None
) -> tuple[Computed, Computed]:
    """Give dx = r (a - z mean(a z)), a = g G, and dgain = sum g z, whose axes are kept.

    No order of the formula has larger terms: z mean(a z) may be x r^3 mean(a x) / r, with 8 roundings in all. A product
    g x or a x that is flushed before r multiplies it loses r eta, and an r^3 that is flushed loses eta |x| mean |a x|.
    Under `before`, the products a and g z, of numbers in the input's format, are stored in it.
    """
    unit, n = numerics.unit, x.value.shape[-1]
    lost = r.value * numerics.underflow
    terms = times(g, z, numerics)
    terms = stored_in(replace(terms, error=terms.error + lost), kept_in)
    of_gain = total(terms, tuple(range(g.value.ndim - 1)), numerics, numerics.gradient_chunks)
    a = stored_in(times(g, factor, numerics), kept_in)
    products = times(a, z, numerics)
    products = replace(products, error=products.error + lost)
    back = times(z, scaled(total(products, -1, numerics), 1 / n, numerics), numerics)
    cube = numerics.underflow * np.abs(x.value) * np.mean(np.abs(a.value * x.value), -1, keepdims=True) / r.value
    size = np.abs(a.value) + np.abs(back.value)
    error, variance, coherent = (one + other for one, other in zip(a.errors, back.errors, strict=True))
    error = error + 8 * unit * (size + error) + cube
    error = np.where(r.value**3 > FORMATS[numerics.accumulate].largest, np.inf, error)
    variance = variance + 4 * VARIANCE_OF_ROUNDING * np.square(unit * size)
    return times(Computed(a.value - back.value, error, variance, coherent), r, numerics), of_gain


def _format_of_row(numerics: Numerics, rms_cast: str) -> str | None:
    """Give the format in which the normalised row is kept; None where that rounds no more than the accumulator."""
    narrower = FORMATS[numerics.input].precision < FORMATS[numerics.accumulate].precision
    return numerics.input if rms_cast == "before" and narrower else None


def _arguments(x: ArrayLike, gain: ArrayLike, epsilon: float, **conventions: str) -> tuple[Array, Array]:
    """Give the arrays in float64, their shapes, epsilon and the conventions checked."""
    x, gain = checked_arrays("rms_norm", x, gain)
    check_number("rms_norm", "epsilon", epsilon, "0 or more", lambda number: number >= 0)
    check_conventions("rms_norm", **conventions)
    if x.shape[-1] == 0:
        raise SpecError(f"rms_norm: x has the shape {x.shape}, but should have at least one channel (d >= 1)")
    return x, gain


def _reciprocal_root(x: Array, epsilon: float) -> Array:
    """Give r = 1 / sqrt(mean(x^2) + epsilon): (..., 1)."""
    return np.asarray(1 / np.sqrt(np.mean(np.square(x), -1, keepdims=True) + epsilon))


def _factor(gain: Array, rms_gain: str) -> Array:
    """Give what the row is multiplied by: (d,)."""
    return 1 + gain if rms_gain == "one_plus_w" else gain
