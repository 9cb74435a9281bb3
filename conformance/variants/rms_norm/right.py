"""Root mean square normalisation: gain x / sqrt(mean(x^2) + epsilon), over the last axis."""

from typing import Final

import numpy as np

from ..arithmetic import FLOAT64, Array, wide, widened
from ..catalogue import variant

ONE_PLUS_W: Final = {"rms_gain": "one_plus_w"}
BEFORE: Final = {"rms_cast": "before"}


def mean(x: Array) -> Array:
    """Take the mean over the last axis, which is kept."""
    return np.asarray(x.mean(-1, keepdims=True))


def normalised(x: Array, epsilon: float) -> Array:
    """Divide the row by its root, without a gain."""
    return np.asarray(x / np.sqrt(mean(x**2) + epsilon))


def cast_before(x: Array, gain: Array, epsilon: float) -> Array:
    """Round the row to the input's format, multiply it by a wide gain, and round again."""
    with np.errstate(all="ignore"):
        row = normalised(widened(x), epsilon).astype(x.dtype)
        return np.asarray(widened(row) * gain).astype(x.dtype)


# Right


@variant("rms-norm-plain", "rms_norm", "The formula.", wrong=False)
@wide
def rms_norm_plain(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x, epsilon) * gain


@variant(
    "rms-norm-sequential",
    "rms_norm",
    "Squares are added one by one, a reciprocal root is multiplied with the gain, and that with the row.",
    wrong=False,
)
@wide
def rms_norm_sequential(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    total = np.add.accumulate(x**2, -1)[..., -1:]
    return np.asarray(x * (gain * (1 / np.sqrt(total * (1 / x.dtype.type(x.shape[-1])) + epsilon))))


@variant("rms-norm-by-tiles", "rms_norm", "The squares of 64 channels are added, then these sums.", wrong=False)
@wide
def rms_norm_by_tiles(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    total = np.zeros_like(x[..., :1])
    for start in range(0, x.shape[-1], 64):
        total = total + (x[..., start : start + 64] ** 2).sum(-1, keepdims=True)
    return np.asarray(x * gain / np.sqrt(total / x.shape[-1] + epsilon))


@variant(
    "rms-norm-scaled",
    "rms_norm",
    "The row is divided by its largest entry before it is squared, and epsilon by the square of that.",
    wrong=False,
)
@wide
def rms_norm_scaled(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    largest = np.maximum(np.abs(x).max(-1, keepdims=True), x.dtype.type(1e-3))
    root = np.sqrt(mean((x / largest) ** 2) + epsilon / largest**2)
    return np.asarray(x / (root * largest) * gain)


@variant("rms-norm-float64-inside", "rms_norm", "Everything in float64.", wrong=False)
def rms_norm_float64_inside(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(normalised(x.astype(FLOAT64), epsilon) * gain.astype(FLOAT64)).astype(x.dtype)


@variant("rms-norm-one-plus-w", "rms_norm", "The gain is 1 + w, as declared.", wrong=False, conventions=ONE_PLUS_W)
@wide
def rms_norm_one_plus_w(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return np.asarray(normalised(x, epsilon) * (1 + gain))


@variant("rms-norm-cast-before", "rms_norm", "The row is rounded first, as declared.", wrong=False, conventions=BEFORE)
def rms_norm_cast_before(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return cast_before(x, widened(gain), epsilon)


@variant(
    "rms-norm-cast-before-one-plus-w",
    "rms_norm",
    "The row is rounded first, and the gain is 1 + w, both as declared.",
    wrong=False,
    conventions={**BEFORE, **ONE_PLUS_W},
)
def rms_norm_cast_before_one_plus_w(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return cast_before(x, 1 + widened(gain), epsilon)
