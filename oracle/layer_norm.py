"""Layer normalisation: Ba, Kiros and Hinton 2016, section 3.1; "Attention Is All You Need", section 3.1.

    y = gain (x - mu) / sqrt(v + epsilon) + bias
    mu = mean(x)   v = mean((x - mu)^2)   over the last axis

    x (..., d)   gain (d,)   bias (d,)

Where the papers are silent, as every framework has it:

    1   v is the biased variance: the sum of squares is divided by d, not d - 1.
    2   epsilon stands under the root.
"""

import math
from typing import Any

import numpy as np

from .bound import VARIANCE_OF_ROUNDING, Bound, Errors, Z, finish, stored, sum_variance
from .formats import FORMATS, Format
from .numerics import Numerics
from .shapes import check, real, same_shape
from .spec_error import SpecError

Array = np.ndarray[Any, np.dtype[Any]]


def layer_norm(x: Any, gain: Any, bias: Any, *, epsilon: float = 1e-5) -> Array:
    """The row normalised, gain (x - mu) / sqrt(v + epsilon) + bias: (..., d). NaN if v + epsilon is 0.

    SpecError if the shapes do not fit, an argument holds no real numbers, or epsilon is negative.
    """
    x, gain, bias = _arguments(x, gain, bias, epsilon)
    with np.errstate(all="ignore"):
        _, c, v = moments(x)  # (..., 1), (..., d), (..., 1)
        z = c / np.sqrt(v + epsilon)  # (..., d)
        return np.asarray(gain * z + bias)  # (..., d)


def layer_norm_vjp(
    cotangent: Any, x: Any, gain: Any, bias: Any, *, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """The gradients of sum(g layer_norm(x)) with respect to x, gain and bias, in their shapes.

        z = (x - mu) r,   r = 1 / sqrt(v + epsilon),   a = g gain
        dx = r (a - mean(a) - z mean(a z))    dgain = sum g z    dbias = sum g      sums over all rows

    SpecError as of `layer_norm`, or where the cotangent g has not the shape of the result.
    """
    x, gain, bias = _arguments(x, gain, bias, epsilon)
    g = real("layer_norm_vjp", "cotangent", cotangent)
    same_shape("layer_norm_vjp", g, x.shape)
    with np.errstate(all="ignore"):
        _, c, v = moments(x)
        r = 1 / np.sqrt(v + epsilon)  # (..., 1)
        z, a = c * r, g * gain  # (..., d)
        dx = r * (a - a.mean(-1, keepdims=True) - z * (a * z).mean(-1, keepdims=True))  # (..., d)
        rows = tuple(range(x.ndim - 1))
        return dx, (g * z).sum(rows), g.sum(rows)


def layer_norm_bound(x: Any, gain: Any, bias: Any, *, epsilon: float = 1e-5, numerics: Numerics) -> Bound:
    """How far from `layer_norm` a right implementation may be.

    With r = 1/sqrt(v + epsilon), z = (x - mu) r, and E_mu and E_v of `errors_of_moments`:

        E_c = E_mu + U (2 |x| + 3 |mu|)
        E   = |gain| ((1 + rho) r E_c + rho |z|) + U (|bias| + |y|)

    rho is the relative error of r, by `error_of_root`.
    E_c holds for (x - mu) r as for x r - mu r, and for x (gain r) + (bias - mu gain r), as in Keras: hence U |bias|.
    """
    y = layer_norm(x, gain, bias, epsilon=epsilon)
    x, gain, bias = _arguments(x, gain, bias, epsilon)
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
    # What is no number, as 0/0 or infinity times 0, sets no limit.
    errors = Errors(*(np.where(np.isnan(each), np.inf, each) for each in (error, variance, coherent)))
    return finish(y, errors, numerics, directions={"gain": y - bias})


def _arguments(x: Any, gain: Any, bias: Any, epsilon: float) -> tuple[Array, Array, Array]:
    """The arrays in float64, their shapes and epsilon checked."""
    x, gain, bias = (real("layer_norm", name, a) for name, a in (("x", x), ("gain", gain), ("bias", bias)))
    check("layer_norm", {"x": (x, "... d"), "gain": (gain, "d"), "bias": (bias, "d")})
    if not epsilon >= 0:
        raise SpecError(f"layer_norm: epsilon is {epsilon}, but should be 0 or more")
    if x.shape[-1] == 0:
        raise SpecError(f"layer_norm: x has the shape {x.shape}, but should have at least one channel (d >= 1)")
    return x, gain, bias


def moments(x: Array) -> tuple[Array, Array, Array]:
    """mu, x - mu and v, the last axis kept."""
    mu = x.mean(-1, keepdims=True)
    c = x - mu
    return mu, c, np.mean(c * c, -1, keepdims=True)


def error_of_root(v: Array, error: Array, epsilon: float, numerics: Numerics) -> Array:
    """rho, the relative error of r = 1/sqrt(v + epsilon) where v errs by E_v.

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
    """That in which r is kept, and its unit roundoff where it is one more rounding."""
    if numerics.statistics is None:
        return FORMATS[numerics.accumulate], 0.0
    form = FORMATS[numerics.statistics]
    return form, form.unit_roundoff


def errors_of_moments(x: Array, numerics: Numerics) -> tuple[Errors, Errors]:
    """The errors of mu and of v, for sums in any order and for Welford's recurrence.

        E_mu = U ((n - 1) mean |x| + 2 |mu| + 3 sqrt(2 v))
        E_v  = U v (n + 4 + 12 sqrt(ln n)) + 4/3 (n + 2) U sqrt(v (v + mu^2)) + E_mu^2       two-pass
        E_v  = U ((n + 2) (v + mu^2) + mu^2 + v) + 2 |mu| E_mu + E_mu^2                      one-pass

    n - 1 sums, 2 for the division by n (it may be a product with a rounded 1/n). A sum of squares about a wrong mean
    is too large by n E_mu^2; its terms have 3 roundings, and 2 again for the division.

    Welford: d_k = x_k - m_(k-1), m_k = m_(k-1) + d_k/k. The errors e_k of m_k fulfil k e_k = (k - 1) e_(k-1) + k f_k,
    |f_k| <= U (|m_k| + 3 |d_k|/k). As k |m_k| <= sum |x| and sum d_k^2 <= 2 n v (k > 1; m_1 = x_1 is exact), this is
    E_mu. The sum of squares errs by sum |d_k| (|e_(k-1)| + |e_k|); k |m_k|^2 <= n (v + mu^2) and Cauchy-Schwarz give
    4/3 (n + 2) and 12 sqrt(ln n). (Chan, Golub and LeVeque 1983 have the same n U kappa, kappa^2 = 1 + mu^2/v.)
    """
    n, unit, eta = x.shape[-1], numerics.unit, numerics.underflow
    mu, c, v = moments(x)
    q = v + mu**2  # mean(x^2)
    once = VARIANCE_OF_ROUNDING * unit**2

    e_mu = unit * ((n - 1) * np.mean(np.abs(x), -1, keepdims=True) + 2 * np.abs(mu) + 3 * np.sqrt(2 * v)) + 2 * eta
    v_mu = sum_variance(n, n * mu, n * q, unit) / n**2 + 2 * once * mu**2
    of_mu = stored(mu, Errors(e_mu, v_mu), numerics.statistics)

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
