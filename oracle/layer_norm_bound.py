"""How far from `layer_norm` and its gradient a right implementation may be.

Every error here comes from those of the statistics: `errors_of_moments` has the mean and the variance, and
`error_of_root` the reciprocal root. The gradient goes back through `layer_norm_step`, which encoder and decoder layers
record on their tapes, too.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from .layer_norm import arguments, layer_norm, moments
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, Z, broadcast, finish, stored, sum_variance
from .rounding.computed import Computed, scaled, times, total
from .rounding.formats import FORMATS, Format
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array, checked_cotangent


def layer_norm_bound(
    x: ArrayLike, gain: ArrayLike, bias: ArrayLike, *, epsilon: float = 1e-5, numerics: Numerics
) -> Bound:
    """Say how far from `layer_norm` a right implementation may be.

    With r = 1/sqrt(v + epsilon), z = (x - mu) r, and E_mu and E_v of `errors_of_moments`:

        E_c = E_mu + U (2 |x| + 3 |mu|)
        E   = |gain| ((1 + rho) r E_c + rho |z|) + U (|bias| + |y|)

    rho is the relative error of r, by `error_of_root`.
    E_c holds for (x - mu) r as for x r - mu r, and for x (gain r) + (bias - mu gain r), as in Keras: hence U |bias|.
    """
    y = layer_norm(x, gain, bias, epsilon=epsilon)
    x, gain, bias = arguments(x, gain, bias, epsilon)
    unit, eta = numerics.unit, numerics.underflow
    form, u_s = format_of_statistics(numerics)
    with np.errstate(all="ignore"):
        mu, c, v = moments(x)
        of_mu, of_v = errors_of_moments(x, numerics)
        total = v + epsilon
        r = 1 / np.sqrt(total)
        scale, z = np.abs(gain) * r, np.abs(gain * c * r)
        rho = error_of_root(v, of_v.error, epsilon, numerics)
        e_c = of_mu.error + unit * (2 * np.abs(x) + 3 * np.abs(mu)) + eta
        error = (1 + rho) * scale * e_c + rho * z + unit * (np.abs(bias) + np.abs(y)) + eta * (np.abs(gain) + 2)
        # What overflows is left open.
        largest = np.maximum(np.abs(mu) + of_mu.error, np.maximum(v + of_v.error, (1 + rho) * r))
        error = np.where(largest > form.largest, np.inf, error)
        # dr/r <= 1/2 t (1 - t)^-3/2 where t = |dv|/(v + epsilon); within Z deviations t is at most:
        t = Z * np.sqrt(of_v.variance) / total
        stretch = np.where(t < 1, (1 - t) ** -3, np.inf)
        once = VARIANCE_OF_ROUNDING * unit**2
        v_r = stretch * of_v.variance / (4 * total**2) + 4 * once + VARIANCE_OF_ROUNDING * u_s**2
        v_c = stretch * (of_mu.variance + 2 * once * (x**2 + mu**2))
        variance = scale**2 * v_c + z**2 * v_r + once * (bias**2 + y**2)
    # Common to many elements: a reciprocal root that errs to one side, and the last sum.
    coherent = unit * (z + np.abs(y))
    # A NaN, from 0/0 or infinity times 0, becomes an infinite bound: the element is not judged.
    errors = Errors(*(np.where(np.isnan(each), np.inf, each) for each in (error, variance, coherent)))
    return finish(y, errors, numerics, sensitivities={"gain": y - bias})


def layer_norm_vjp_bound(
    cotangent: ArrayLike, x: ArrayLike, gain: ArrayLike, bias: ArrayLike, *, epsilon: float = 1e-5, numerics: Numerics
) -> dict[str, Bound]:
    """Say how far from `layer_norm_vjp` a right implementation may be.

    From the statistics, or from those made again: `layer_norm_step`.
    """
    x, gain, bias = arguments(x, gain, bias, epsilon)
    of = {"x": Computed(x), "gain": Computed(gain), "bias": Computed(bias)}
    tape = Tape(replace(numerics, hidden=None))
    with np.errstate(all="ignore"):
        y = layer_norm_step(tape, of["x"], of["gain"], of["bias"], epsilon)
        return tape.bounds(y, checked_cotangent("layer_norm_vjp_bound", cotangent, y.value.shape), of)


def errors_of_moments(x: Array, numerics: Numerics) -> tuple[Errors, Errors]:
    """Give the errors of mu and of v, for sums in any order and for Welford's recurrence.

        E_1  = U ((n - 1) mean |x| + 2 |mu| + 3 sqrt(2 v))
        E_mu = max(E_1, U (n mean |x - mu| + |mu|) + (n + 3) U E_1)
        E_v  = U v (n + 4 + 12 sqrt(ln n)) + 4/3 (n + 2) U sqrt(v (v + mu^2)) + E_mu^2       two-pass
        E_v  = U ((n + 2) (v + mu^2) + mu^2 + v) + 2 |mu| E_mu + E_mu^2                      one-pass

    n - 1 sums, 2 for the division by n (it may be a product with a rounded 1/n). A sum of squares about a wrong mean
    is too large by n E_mu^2; its terms have 3 roundings, and 2 again for the division.

    Welford: d_k = x_k - m_(k-1), m_k = m_(k-1) + d_k/k. The errors e_k of m_k fulfil k e_k = (k - 1) e_(k-1) + k f_k,
    |f_k| <= U (|m_k| + 3 |d_k|/k). As k |m_k| <= sum |x| and sum d_k^2 <= 2 n v (k > 1; m_1 = x_1 is exact), this is
    E_mu. The sum of squares errs by sum |d_k| (|e_(k-1)| + |e_k|); k |m_k|^2 <= n (v + mu^2) and Cauchy-Schwarz give
    4/3 (n + 2) and 12 sqrt(ln n). (Chan, Golub and LeVeque 1983 have the same n U kappa, kappa^2 = 1 + mu^2/v.)

    E_mu: the mean may be computed twice, and that of x - m_1 added to the first, m_1. This takes the error of m_1 away,
    and adds that of the second sum, (n - 1) U, and of its terms, U |x - m_1|. If x is of a narrower format than the
    accumulator, these roundings are not independent: the last bits of all terms are those of m_1, so that x - m_1, and
    each partial sum s_k of it, is rounded by the same share of an ulp. E s_k^2 is n v / 6 on average over a random
    order, and the mean of errors with one sign has

        V_mu = V of independent roundings + (U^2/3) v (1 + sqrt(n / 6))^2
    """
    n, unit, eta = x.shape[-1], numerics.unit, numerics.underflow
    mu, c, v = moments(x)
    q = v + mu**2  # mean(x^2)
    once = VARIANCE_OF_ROUNDING * unit**2

    e_1 = unit * ((n - 1) * np.mean(np.abs(x), -1, keepdims=True) + 2 * np.abs(mu) + 3 * np.sqrt(2 * v)) + 2 * eta
    twice = unit * (n * np.mean(np.abs(c), -1, keepdims=True) + np.abs(mu) + (n + 3) * e_1) + 2 * eta
    v_mu = sum_variance(n, n * mu, n * q, unit) / n**2 + 2 * once * mu**2
    if FORMATS[numerics.input].precision < FORMATS[numerics.accumulate].precision:
        v_mu = v_mu + once * v * (1 + math.sqrt(n / 6)) ** 2
    of_mu = stored(mu, Errors(np.maximum(e_1, twice), v_mu), numerics.statistics)

    if numerics.variance == "one-pass":
        e_v = unit * ((n + 2) * q + mu**2 + v) + 2 * np.abs(mu) * of_mu.error
        v_v = sum_variance(n, n * q, np.sum(x**4, -1, keepdims=True), unit) / n**2
        v_v = v_v + once * (4 * q**2 + mu**4) + 4 * mu**2 * of_mu.variance
        squares = n * q
    else:
        e_v = unit * (v * (n + 4 + 12 * math.sqrt(math.log(n))) + 4 / 3 * (n + 2) * np.sqrt(v) * np.sqrt(q))
        v_v = sum_variance(n, n * v, np.sum(c**4, -1, keepdims=True), unit) / n**2
        # Random errors of the running mean: their share is 2/3 mu^2 v.
        v_v = v_v + once * (6 * v**2 + 2 / 3 * mu**2 * v)
        squares = n * v
    # The square of the mean's error has one sign, and reaches Z^2 V_mu within Z deviations.
    of_v = Errors(e_v + (1 + (n + 4) * unit) * of_mu.error**2 + 2 * eta, v_v + (Z * of_mu.variance) ** 2)
    beyond = 2 * squares > FORMATS[numerics.accumulate].largest
    return of_mu, stored(v, Errors(np.where(beyond, np.inf, of_v.error), of_v.variance), numerics.statistics)


def error_of_root(v: Array, error: Array, epsilon: float, numerics: Numerics) -> Array:
    """Give rho, the relative error of r = 1/sqrt(v + epsilon) where v errs by E_v.

        rho  = max(sqrt((v + epsilon) / low) (1 + U)^6 - 1, 1 - sqrt((v + epsilon) / high) (1 - U)^6)
        low  = max(v + epsilon - E_v - 2 U (v + epsilon), epsilon (1 - U))
        high = v + epsilon + E_v + 2 U (v + epsilon)

    This is no first order: r is largest where v + epsilon is smallest, and without limit if that is 0. epsilon is left
    whatever the error, for a mean of squares is not negative, and mean(x^2) - mean(x)^2 is cut at 0. Where epsilon
    alone is left, r can be smaller by more than it can be larger.
    (1 + U)^6: a reciprocal root (rsqrt of graphics cards errs by 2 ulp, 4 U), two products.
    """
    unit, total = numerics.unit, v + epsilon
    _, u_s = format_of_statistics(numerics)
    floor = max(epsilon * (1 - unit) - numerics.underflow, 0.0)
    low = np.maximum(total - error - 2 * unit * total, floor)
    high = total + error + 2 * unit * total
    up = np.sqrt(total / low) * (1 + unit) ** 6 * (1 + u_s) - 1
    down = 1 - np.sqrt(total / high) * (1 - unit) ** 6 * (1 - u_s)
    return np.asarray(np.maximum(up, down))


def format_of_statistics(numerics: Numerics) -> tuple[Format, float]:
    """Give the format in which r is kept, and its unit roundoff where it is one more rounding."""
    if numerics.statistics is None:
        return FORMATS[numerics.accumulate], 0.0
    form = FORMATS[numerics.statistics]
    return form, form.unit_roundoff


def layer_norm_step(tape: Tape, x: Computed, gain: Computed, bias: Computed, epsilon: float) -> Computed:
    """Record layer normalisation of a tensor that may have errors, and the way back; gain and bias are exact.

        y = gain z + bias,   z = (x - mu) r,   r = 1 / sqrt(v + epsilon)
        a = g gain      dx = r (a - mean(a) - z mean(a z))      dgain = sum g z      dbias = sum g

    Errors E of x move the mean by at most mean(E), and the variance by 2 mean(|x - mu| E) + mean(E^2); what rounding
    adds to both is in `errors_of_moments`, and rho, the relative error of r, in `error_of_root`. So

        E_z = (1 + rho) r (E + mean(E) + E_mu + U (2 |x| + 3 |mu|)) + rho |z|

    and at most |z| + sqrt(n), where the variance is a sum of squares: whatever the row, sum z^2 <= n. Where it is
    mean(x^2) - mean(x)^2 and may be cut at 0 (v <= E_v), z mean(a z) may be missing of dx.

    Sums of a z may be made as r (sum a x - mu sum a), and z as x r - mu r, so that their terms have the size
    (|x| + |mu|) r, not |z|; and a product g (x - mu) that is flushed to zero before r multiplies it loses r eta.
    """
    numerics, unit = tape.numerics, tape.numerics.unit
    a = tape.read(x)
    z, r, size, cut = _normalised(a, epsilon, numerics)
    scaled_z = times(z, gain, numerics)
    y = scaled_z.value + bias.value
    error = (1 + unit) * scaled_z.error + unit * (np.abs(bias.value) + np.abs(y)) + numerics.underflow
    variance = scaled_z.variance + VARIANCE_OF_ROUNDING * unit**2 * (np.square(bias.value) + np.square(y))
    result = Computed(y, error, variance, scaled_z.coherent + unit * np.abs(y))

    def backward(g: Computed) -> tuple[Computed, Computed, Computed]:
        chunks = numerics.gradient_chunks
        terms = times(g, _with_size(z, size, unit), numerics)
        terms = replace(terms, error=terms.error + r.value * numerics.underflow)
        axes = tuple(range(g.value.ndim - 1))
        of_gain, of_bias = total(terms, axes, numerics, chunks), total(g, axes, numerics, chunks)
        d = gain.value.shape
        of_gain, of_bias = (each.mapped(lambda array: array.reshape(d)) for each in (of_gain, of_bias))
        return _through(g, gain, z, r, size, cut, numerics), of_gain, of_bias

    return tape.record(result, (x, gain, bias), backward)


def _normalised(x: Computed, epsilon: float, numerics: Numerics) -> tuple[Computed, Computed, Array, Array]:
    """Give z, r, (|x| + |mu|) r, and whether the variance may be cut at 0."""
    unit, eta, n = numerics.unit, numerics.underflow, x.value.shape[-1]
    e, v_x, c_x = (broadcast(each, x.value.shape) for each in x.errors)
    mu, c, v = moments(x.value)
    of_mu, of_v = errors_of_moments(x.value, numerics)
    _, u_s = format_of_statistics(numerics)
    mean_e = e.mean(-1, keepdims=True)
    # The sums are those of x + E, too.
    growth = unit * (n + 20)
    e_mu = of_mu.error + (1 + growth) * mean_e
    moved = 2 * np.mean(np.abs(c) * e, -1, keepdims=True) + np.mean(np.square(e), -1, keepdims=True)
    e_v = of_v.error + (1 + growth) * moved + growth * 2 * np.abs(mu) * mean_e
    spread = v + epsilon
    rho = error_of_root(v, e_v, epsilon, numerics)
    r = 1 / np.sqrt(spread)
    z, size = c * r, (np.abs(x.value) + np.abs(mu)) * r
    error = (1 + rho) * r * (e + e_mu + unit * (2 * np.abs(x.value) + 3 * np.abs(mu)) + eta) + rho * np.abs(z)
    if numerics.variance == "two-pass":
        most = np.abs(z) + np.sqrt(n) * (1 + (n + 20) * unit)
        # Not of a row that may overflow: an infinity in it makes a NaN.
        error = np.where(np.isfinite(e).all(-1, keepdims=True), np.fmin(error, most), np.inf)
    once = VARIANCE_OF_ROUNDING * unit**2
    v_mu = of_mu.variance + v_x.sum(-1, keepdims=True) / n**2
    v_v = of_v.variance + 4 * np.sum(np.square(c) * v_x, -1, keepdims=True) / n**2
    v_r = v_v / (4 * np.square(spread)) + 4 * once + VARIANCE_OF_ROUNDING * u_s**2
    variance = np.square(r) * (v_x + v_mu + 2 * once * (np.square(x.value) + np.square(mu))) + np.square(z) * v_r
    moved_together = r * (c_x + c_x.mean(-1, keepdims=True))
    moved_together = moved_together + np.abs(z) * r * np.mean(np.abs(z) * c_x, -1, keepdims=True)
    return (
        Computed(z, error, variance, moved_together + 2 * unit * np.abs(z)),
        Computed(r, rho * r, np.square(r) * v_r, unit * r),
        size,
        np.asarray((numerics.variance == "one-pass") & (v <= e_v)),
    )


def _with_size(z: Computed, size: Array, unit: float) -> Computed:
    """Give z with the rounding of a product of the folded terms."""
    return Computed(
        z.value, z.error + 2 * unit * size, z.variance + VARIANCE_OF_ROUNDING * (unit * size) ** 2, z.coherent
    )


def _through(
    g: Computed, gain: Computed, z: Computed, r: Computed, size: Array, cut: Array, numerics: Numerics
) -> Computed:
    """Give dx."""
    unit, n = numerics.unit, size.shape[-1]
    a = times(g, gain, numerics)
    first = scaled(total(a, -1, numerics), 1 / n, numerics)
    az = times(a, z, numerics)
    second = total(az, -1, numerics)
    folded = (np.abs(a.value) + a.error) * size
    more = n * unit * folded.sum(-1, keepdims=True)
    squares = np.square(a.value * size)
    more_v = sum_variance(n, second.value, squares.sum(-1, keepdims=True), unit)
    second = scaled(
        Computed(second.value, second.error + more, second.variance + more_v, second.coherent), 1 / n, numerics
    )
    back = times(z, second, numerics)
    inner = a.value - first.value - back.value
    magnitude = np.abs(a.value) + np.abs(first.value) + size * np.abs(second.value)
    errors = zip(a.errors, first.errors, back.errors, strict=True)
    error, variance, coherent = (sum(each) for each in errors)
    once = VARIANCE_OF_ROUNDING * unit**2
    # Nothing comes back through a variance that was cut.
    lost = np.where(cut, np.abs(back.value), 0.0)
    error, coherent = error + lost, coherent + lost
    error = error + 8 * unit * (magnitude + error)
    variance = variance + 4 * once * np.square(magnitude)
    return times(Computed(inner, error, variance, coherent), r, numerics)
