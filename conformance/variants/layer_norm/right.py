"""Layer normalisation: gain (x - mean) / sqrt(variance + epsilon) + bias, over the last axis."""

import numpy as np

from ..arithmetic import FLOAT64, Array, wide
from ..catalogue import variant

ONE_PASS = {dtype: {"variance": "one-pass"} for dtype in ("float64", "float32", "bfloat16", "float16")}


def mean(x: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Compute the mean, and keep its axis."""
    return np.asarray(x.mean(axis, keepdims=True))


def norm(x: Array, gain: Array, bias: Array, epsilon: float, axis: int | tuple[int, ...] = -1) -> Array:
    """Compute gain (x - mean x) / sqrt(var x + epsilon) + bias."""
    centred = x - mean(x, axis)
    return np.asarray(gain * (centred / np.sqrt(mean(centred**2, axis) + epsilon)) + bias)


def one_pass(x: Array, gain: Array, bias: Array, epsilon: float) -> Array:
    """Compute the variance as mean(x^2) - mean(x)^2, cut off at zero."""
    variance = np.maximum(mean(x**2) - mean(x) ** 2, 0)
    return np.asarray(gain * ((x - mean(x)) / np.sqrt(variance + epsilon)) + bias)


# Right


@variant("layer-norm-two-pass", "layer_norm", "The formula: the mean first, then the variance.", wrong=False)
@wide
def layer_norm_two_pass(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, epsilon)


@variant("layer-norm-welford", "layer_norm", "Mean and variance by Welford's recurrence.", wrong=False)
@wide
def layer_norm_welford(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    centre, squares = np.zeros_like(x[..., :1]), np.zeros_like(x[..., :1])
    for k in range(x.shape[-1]):
        step = x[..., k : k + 1] - centre
        centre = centre + step / (k + 1)
        squares = squares + step * (x[..., k : k + 1] - centre)
    return np.asarray(gain * ((x - centre) / np.sqrt(squares / x.shape[-1] + epsilon)) + bias)


@variant("layer-norm-sequential", "layer_norm", "Both sums go one by one; a reciprocal root at the end.", wrong=False)
@wide
def layer_norm_sequential(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    centred = x - np.add.accumulate(x, -1)[..., -1:] / x.shape[-1]
    variance = np.add.accumulate(centred**2, -1)[..., -1:] / x.shape[-1]
    return np.asarray(gain * (centred * (1 / np.sqrt(variance + epsilon))) + bias)


@variant("layer-norm-mean-twice", "layer_norm", "What the mean leaves has a mean, which is added to it.", wrong=False)
@wide
def layer_norm_mean_twice(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    first = np.add.accumulate(x, -1)[..., -1:] / x.shape[-1]
    centred = x - (first + np.add.accumulate(x - first, -1)[..., -1:] / x.shape[-1])
    return np.asarray(gain * (centred / np.sqrt(mean(centred**2) + epsilon)) + bias)


@variant(
    "layer-norm-one-pass-declared",
    "layer_norm",
    "The variance is mean(x^2) - mean(x)^2, as declared.",
    wrong=False,
    numerics=ONE_PASS,
)
@wide
def layer_norm_one_pass_declared(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return one_pass(x, gain, bias, epsilon)


@variant("layer-norm-float64-inside", "layer_norm", "Everything in float64.", wrong=False)
def layer_norm_float64_inside(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x.astype(FLOAT64), gain.astype(FLOAT64), bias.astype(FLOAT64), epsilon).astype(x.dtype)
