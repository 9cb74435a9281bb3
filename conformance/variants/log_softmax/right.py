"""Log-softmax: x - max x - log sum exp(x - max x) over the last axis."""

import math

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, normalised, through_maximum, wide, widened
from ..catalogue import ROUNDED_SHIFT, variant


def log_softmax(x: Array) -> Array:
    """Compute (x - max x) - log(sum of exp(x - max x))."""
    shifted = x - largest(x)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def softmax(x: Array) -> Array:
    """Compute the probabilities."""
    return normalised(np.exp(x - largest(x)))


@wide
def log_softmax_vjp(g: Array, x: Array) -> Array:
    """g - p sum g, with the softmax made again."""
    return np.asarray(g - softmax(x) * g.sum(-1, keepdims=True))


def of_kept(g: Array, x: Array) -> Array:
    """Compute g - exp(y) sum g from the result y as it was kept in the format of x."""
    y = log_softmax_plain(x)
    wide_g = widened(g)
    with np.errstate(all="ignore"):
        gradient = wide_g - np.exp(widened(y)) * wide_g.sum(-1, keepdims=True)
    return np.asarray(gradient).astype(x.dtype)


@wide
def through_the_maximum(g: Array, x: Array) -> Array:
    """g + e times what comes back to the sum of e = exp(x - m); the rest goes through m to the largest entry."""
    e = np.exp(x - largest(x))
    return through_maximum(x, g - e * (g.sum(-1, keepdims=True) / e.sum(-1, keepdims=True)))


# Right


@variant(
    "log-softmax-through-maximum",
    "log_softmax",
    "The gradient goes through the maximum, to the largest entry, too.",
    wrong=False,
    vjp=through_the_maximum,
)
@wide
def log_softmax_through_maximum(x: Array) -> Array:
    return log_softmax(x)


@variant("log-softmax-plain", "log_softmax", "(x - max) - log(sum).", wrong=False, vjp=log_softmax_vjp)
@wide
def log_softmax_plain(x: Array) -> Array:
    return log_softmax(x)


@variant(
    "log-softmax-kept",
    "log_softmax",
    "x - lse, as declared; the backward pass takes exp of the rounded result.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
    vjp=of_kept,
)
@wide
def log_softmax_kept(x: Array) -> Array:
    m = largest(x)
    return np.asarray(x - (m + np.log(np.exp(x - m).sum(-1, keepdims=True))))


@variant(
    "log-softmax-base-two",
    "log_softmax",
    "exp2 and log2, with factors log2(e), before the maximum is taken off, as declared, and log(2).",
    wrong=False,
    numerics=ROUNDED_SHIFT,
)
@wide
def log_softmax_base_two(x: Array) -> Array:
    y = x * math.log2(math.e)
    m = largest(y)
    return np.asarray((y - (m + np.log2(np.exp2(y - m).sum(-1, keepdims=True)))) * math.log(2))


@variant("log-softmax-base-two-shifted", "log_softmax", "The same, but the maximum goes first.", wrong=False)
@wide
def log_softmax_base_two_shifted(x: Array) -> Array:
    y = (x - largest(x)) * math.log2(math.e)
    return np.asarray((y - np.log2(np.exp2(y).sum(-1, keepdims=True))) * math.log(2))


@variant("log-softmax-online", "log_softmax", "Tiles of 8; the sum is rescaled at each new maximum.", wrong=False)
@wide
def log_softmax_online(x: Array) -> Array:
    m = np.full((*x.shape[:-1], 1), -np.inf, x.dtype)
    total = np.zeros_like(m)
    for start in range(0, x.shape[-1], 8):
        tile = x[..., start : start + 8]
        new = np.maximum(m, largest(tile))
        safe = np.where(np.isneginf(new), 0, new)  # nothing seen yet: exp(-inf - 0) = 0
        total = total * np.exp(m - safe) + np.exp(tile - safe).sum(-1, keepdims=True)
        m = new
    return np.asarray((x - m) - np.log(total))


@variant(
    "log-softmax-merged",
    "log_softmax",
    "Halves, merged by their log-sum-exps, as declared; sums one by one.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
)
@wide
def log_softmax_merged(x: Array) -> Array:
    half = x.shape[-1] // 2
    parts = [part for part in (x[..., :half], x[..., half:]) if part.shape[-1]]
    if not parts:
        return x.copy()
    lse = []
    for part in parts:
        m = largest(part)
        safe = np.where(np.isneginf(m), 0, m)
        lse.append(safe + np.log(np.add.accumulate(np.exp(part - safe), -1)[..., -1:]))
    return np.asarray(x - np.logaddexp.reduce(np.stack(lse), 0))


@variant("log-softmax-float64-inside", "log_softmax", "Everything in float64.", wrong=False)
def log_softmax_float64_inside(x: Array) -> Array:
    with np.errstate(all="ignore"):
        return log_softmax(x.astype(FLOAT64)).astype(x.dtype)
