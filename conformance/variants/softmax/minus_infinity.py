"""Softmax that is right until a logit is -inf: its exponential is 0, and so are its probability and its gradient."""

import math

import numpy as np

from ..arithmetic import Array, largest, normalised, wide
from ..catalogue import variant
from ..gradients import Gradients, wide_gradients
from .gradients import gradient, through
from .right import softmax


def hidden(x: Array) -> Array:
    """Say which logits are -inf."""
    return np.isneginf(x)


def by_tiles(x: Array, tile: int) -> Array:
    """Compute each tile's exponentials from its own maximum, and merge them: a tile of -inf alone gives NaN."""
    m, parts, maxima = largest(x), [], []
    for start in range(0, x.shape[-1], tile):
        part = x[..., start : start + tile]
        maxima.append(largest(part))
        parts.append(np.exp(part - maxima[-1]))
    if not parts:
        return x.copy()
    merged = [part * np.exp(own - m) for part, own in zip(parts, maxima, strict=True)]
    return normalised(np.concatenate(merged, -1))


def online(x: Array, tile: int) -> Array:
    """Go tile by tile with a running maximum; where the first tile is -inf alone, exp(-inf - -inf) is NaN."""
    m = np.full((*x.shape[:-1], 1), -np.inf, x.dtype)
    total = np.zeros_like(m)
    for start in range(0, x.shape[-1], tile):
        part = x[..., start : start + tile]
        new = np.maximum(m, largest(part))
        total = np.where(np.isneginf(m) & (start == 0), 0, total * np.exp(m - new))
        total, m = total + np.exp(part - new).sum(-1, keepdims=True), new
    return np.asarray(np.exp(x - m) / total)


def instead(x: Array, number: float) -> Array:
    """Put a finite number in place of -inf."""
    return np.where(hidden(x), x.dtype.type(number), x)


@variant(
    "softmax-first-tile-of-infinities",
    "softmax",
    "The running maximum is still -inf after a first tile of 16 that is masked, and exp(-inf - -inf) is NaN.",
    needs="a first tile of 16 logits of -inf",
)
@wide
def softmax_first_tile_of_infinities(x: Array) -> Array:
    return online(x, 16)


@variant(
    "softmax-tile-of-infinities",
    "softmax",
    "Tiles of 128 are merged by their maxima, and that of a masked tile makes NaN of it.",
    needs="an aligned tile of 128 logits of -inf",
)
@wide
def softmax_tile_of_infinities(x: Array) -> Array:
    return by_tiles(x, 128)


@variant(
    "softmax-large-tile-of-infinities",
    "softmax",
    "Tiles of 4096 are merged by their maxima, and that of a masked tile makes NaN of it.",
    needs="an aligned tile of 4096 logits of -inf",
)
@wide
def softmax_large_tile_of_infinities(x: Array) -> Array:
    return by_tiles(x, 4096)


@variant(
    "softmax-lane-of-infinities",
    "softmax",
    "Each of 16 lanes has a maximum of its own, and that of a masked lane makes NaN of it.",
    needs="-inf at every 16th logit",
)
@wide
def softmax_lane_of_infinities(x: Array) -> Array:
    n = x.shape[-1]
    if n <= 16:
        return softmax(x)
    e = np.empty_like(x)
    for lane in range(16):
        own = largest(x[..., lane::16])
        e[..., lane::16] = np.exp(x[..., lane::16] - own) * np.exp(own - largest(x))
    return normalised(e)


@variant(
    "softmax-stops-at-infinities",
    "softmax",
    "At a tile of 16 that is masked, the rest of the row is taken for padding.",
    needs="an aligned tile of 16 logits of -inf before others that are not",
)
@wide
def softmax_stops_at_infinities(x: Array) -> Array:
    kept = x.copy()
    for start in range(0, x.shape[-1] // 16 * 16, 16):
        empty = hidden(kept[..., start : start + 16]).all(-1, keepdims=True)
        kept[..., start:] = np.where(empty & (start > 0), -np.inf, kept[..., start:])
    return softmax(kept)


@variant(
    "softmax-infinities-at-the-end",
    "softmax",
    "The logits that are not -inf are counted, and so many first ones are taken: the others are thought to be last.",
    needs="-inf before another logit",
)
@wide
def softmax_infinities_at_the_end(x: Array) -> Array:
    length = (~hidden(x)).sum(-1, keepdims=True)
    return softmax(np.where(np.arange(x.shape[-1]) < length, x, -np.inf))


@variant(
    "softmax-infinity-first",
    "softmax",
    "A row whose first logit is -inf is taken for one that is masked as a whole, and gives zeros.",
    needs="-inf in the first place",
)
@wide
def softmax_infinity_first(x: Array) -> Array:
    return np.where(hidden(x[..., :1]), 0, softmax(x)).astype(x.dtype) if x.shape[-1] > 1 else softmax(x)


@variant(
    "softmax-infinities-of-first-row",
    "softmax",
    "The places of -inf are looked up in the first row, for all rows.",
    needs="two rows, of which another than the first has -inf elsewhere",
)
@wide
def softmax_infinities_of_first_row(x: Array) -> Array:
    if not x.size or hidden(x[:1]).all():
        return softmax(x)
    kept = np.where(hidden(x), np.broadcast_to(largest(x) - 1, x.shape), x)
    return softmax(np.where(hidden(x[:1]), -np.inf, kept))


@variant(
    "softmax-infinity-as-1e4",
    "softmax",
    "-1e4 stands for -inf.",
    needs="-inf among logits below -1e4",
)
@wide
def softmax_infinity_as_1e4(x: Array) -> Array:
    return softmax(instead(x, -1e4))


@variant(
    "softmax-infinity-as-65504",
    "softmax",
    "The smallest number of float16, -65504, stands for -inf, in every format.",
    needs="-inf among logits below -65504",
    dtypes=("float64", "float32", "bfloat16"),
)
@wide
def softmax_infinity_as_65504(x: Array) -> Array:
    return softmax(instead(x, -65504))


@variant(
    "softmax-exponent-of-infinity",
    "softmax",
    "exp is 2^floor(y) 2^(y - floor(y)), and -inf - floor(-inf) is NaN.",
    needs="-inf",
)
@wide
def softmax_exponent_of_infinity(x: Array) -> Array:
    y = (x - largest(x)) * math.log2(math.e)
    return normalised(np.where(np.isnan(y - np.floor(y)), np.nan, np.exp(x - largest(x))))


@variant(
    "softmax-many-infinities",
    "softmax",
    "Where one logit alone is not -inf, the row is taken for masked as a whole, and is uniform.",
    needs="-inf everywhere but in one place of a row",
)
@wide
def softmax_many_infinities(x: Array) -> Array:
    n = x.shape[-1]
    alone = (hidden(x).sum(-1, keepdims=True) == n - 1) & (n > 1)
    return np.where(alone, 1 / max(n, 1), softmax(x)).astype(x.dtype)


# Gradients


@gradient(
    "softmax-gradient-tile-of-infinities",
    "Made again by tiles of 128 for the way back, a masked tile is NaN.",
    needs="an aligned tile of 128 logits of -inf",
)
@wide_gradients
def softmax_gradient_tile_of_infinities(g: Array, x: Array) -> Gradients:
    return (through(by_tiles(x, 128), g),)


@gradient(
    "softmax-gradient-at-infinity",
    "The cotangent passes straight through to a logit of -inf, whose gradient is 0.",
    needs="-inf",
)
@wide_gradients
def softmax_gradient_at_infinity(g: Array, x: Array) -> Gradients:
    return (np.where(hidden(x), g, through(softmax(x), g)),)


@gradient(
    "softmax-gradient-zero-times-infinity",
    "p log p is taken on the way back, which is 0 times -inf.",
    needs="-inf",
)
@wide_gradients
def softmax_gradient_zero_times_infinity(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (through(p, g + 0 * np.where(hidden(x), p * x, 0)),)
