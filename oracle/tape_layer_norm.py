"""A step of a recorded computation: layer normalisation of a tensor that may have errors, and the way back.

    y = gain z + bias,   z = (x - mu) r,   r = 1 / sqrt(v + epsilon)
    a = g gain      dx = r (a - mean(a) - z mean(a z))      dgain = sum g z      dbias = sum g

Errors E of x move the mean by at most mean(E), and the variance by 2 mean(|x - mu| E) + mean(E^2); what rounding adds
to both is in `layer_norm.py`, as is rho, the relative error of r. So

    E_z = (1 + rho) r (E + mean(E) + E_mu + U (2 |x| + 3 |mu|)) + rho |z|

and at most |z| + sqrt(n), where the variance is a sum of squares: whatever the row, sum z^2 <= n. Where it is
mean(x^2) - mean(x)^2 and may be cut at 0 (v <= E_v), z mean(a z) may be missing of dx.

Sums of a z may be made as r (sum a x - mu sum a), and z as x r - mu r, so that their terms have the size
(|x| + |mu|) r, not |z|; and a product g (x - mu) that is flushed to zero before r multiplies it loses r eta.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from .bound import VARIANCE_OF_ROUNDING, sum_variance
from .computed import Computed, scaled, times, total
from .layer_norm import error_of_root, errors_of_moments, format_of_statistics, moments
from .numerics import Numerics
from .tape import Tape

Array = np.ndarray[Any, np.dtype[Any]]


def layer_norm_step(tape: Tape, x: Computed, gain: Computed, bias: Computed, epsilon: float) -> Computed:
    """gain z + bias over the last axis; gain and bias are exact."""
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
    """z, r, (|x| + |mu|) r, and whether the variance may be cut at 0."""
    unit, eta, n = numerics.unit, numerics.underflow, x.value.shape[-1]
    e, v_x, c_x = (np.broadcast_to(each, x.value.shape) for each in x.errors)
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
    """z, with the rounding of a product of the folded terms."""
    return Computed(
        z.value, z.error + 2 * unit * size, z.variance + VARIANCE_OF_ROUNDING * (unit * size) ** 2, z.coherent
    )


def _through(
    g: Computed, gain: Computed, z: Computed, r: Computed, size: Array, cut: Array, numerics: Numerics
) -> Computed:
    """dx."""
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
