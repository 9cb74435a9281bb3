"""Layer normalisation: Ba, Kiros and Hinton 2016, section 3.1; "Attention Is All You Need", section 3.1.

    y = gain (x - mu) / sqrt(v + epsilon) + bias
    mu = mean(x)   v = mean((x - mu)^2)   over the last axis

    x (..., d)   gain (d,)   bias (d,)

Where the papers are silent, as every framework has it:

    1   v is the biased variance: the sum of squares is divided by d, not d - 1.
    2   epsilon stands under the root.
"""

import numpy as np
from numpy.typing import ArrayLike

from .options import check_number
from .shapes import Array, checked_arrays, checked_cotangent
from .spec_error import SpecError


def layer_norm(x: ArrayLike, gain: ArrayLike, bias: ArrayLike, *, epsilon: float = 1e-5) -> Array:
    """Give the row normalised, gain (x - mu) / sqrt(v + epsilon) + bias: (..., d). NaN if v + epsilon is 0.

    SpecError if the shapes do not fit, an argument holds no real numbers, or epsilon is negative.
    """
    x, gain, bias = arguments(x, gain, bias, epsilon)
    with np.errstate(all="ignore"):
        _, c, v = moments(x)  # (..., 1), (..., d), (..., 1)
        z = c / np.sqrt(v + epsilon)  # (..., d)
        return np.asarray(gain * z + bias)  # (..., d)


def layer_norm_vjp(
    cotangent: ArrayLike, x: ArrayLike, gain: ArrayLike, bias: ArrayLike, *, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Give the gradients of sum(g layer_norm(x)) with respect to x, gain and bias, in their shapes.

        z = (x - mu) r,   r = 1 / sqrt(v + epsilon),   a = g gain
        dx = r (a - mean(a) - z mean(a z))    dgain = sum g z    dbias = sum g      sums over all rows

    SpecError as of `layer_norm`, or where the cotangent g has not the shape of the result.
    """
    x, gain, bias = arguments(x, gain, bias, epsilon)
    g = checked_cotangent("layer_norm_vjp", cotangent, x.shape)
    with np.errstate(all="ignore"):
        _, c, v = moments(x)
        r = 1 / np.sqrt(v + epsilon)  # (..., 1)
        z, a = c * r, g * gain  # (..., d)
        dx = r * (a - a.mean(-1, keepdims=True) - z * (a * z).mean(-1, keepdims=True))  # (..., d)
        rows = tuple(range(x.ndim - 1))
        return dx, (g * z).sum(rows), g.sum(rows)


def arguments(x: ArrayLike, gain: ArrayLike, bias: ArrayLike, epsilon: float) -> tuple[Array, Array, Array]:
    """Check shapes and epsilon, and give the arrays in float64."""
    x, gain, bias = checked_arrays("layer_norm", x, gain, bias)
    check_number("layer_norm", "epsilon", epsilon, "0 or more", lambda number: number >= 0)
    if x.shape[-1] == 0:
        raise SpecError(f"layer_norm: x has the shape {x.shape}, but should have at least one channel (d >= 1)")
    return x, gain, bias


def moments(x: Array) -> tuple[Array, Array, Array]:
    """Give mu, x - mu and v, the last axis kept."""
    mu = x.mean(-1, keepdims=True)
    c = x - mu
    return mu, c, np.mean(c * c, -1, keepdims=True)
