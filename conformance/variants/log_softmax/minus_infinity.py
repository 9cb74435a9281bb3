"""Log-softmax that is right until a logit is -inf: its log-probability is -inf, and it does not count."""

import numpy as np

from ..arithmetic import Array, largest, wide
from ..catalogue import variant
from ..softmax.minus_infinity import hidden, instead
from .gradients import registered
from .right import log_softmax, log_softmax_vjp, softmax


def online(x: Array, tile: int) -> Array:
    """Go tile by tile; where the first tile is -inf alone, exp(-inf - -inf) makes NaN of the sum."""
    m = largest(x[..., :tile])
    total = np.exp(x[..., :tile] - m).sum(-1, keepdims=True)
    for start in range(tile, x.shape[-1], tile):
        part = x[..., start : start + tile]
        new = np.maximum(m, largest(part))
        total, m = total * np.exp(m - new) + np.exp(part - new).sum(-1, keepdims=True), new
    return np.asarray((x - m) - np.log(total))


@variant(
    "log-softmax-first-tile-of-infinities",
    "log_softmax",
    "A first tile of 16 that is masked makes NaN of the running sum.",
    needs="a first tile of 16 logits of -inf",
)
@wide
def log_softmax_first_tile_of_infinities(x: Array) -> Array:
    return online(x, 16)


@variant(
    "log-softmax-tiles-of-infinities",
    "log_softmax",
    "Tiles of 4096 have a log-sum-exp each; that of a masked one is NaN.",
    needs="an aligned tile of 4096 logits of -inf",
)
@wide
def log_softmax_tiles_of_infinities(x: Array) -> Array:
    of_tiles = []
    for start in range(0, x.shape[-1], 4096):
        m = largest(x[..., start : start + 4096])
        of_tiles.append(m + np.log(np.exp(x[..., start : start + 4096] - m).sum(-1, keepdims=True)))
    if len(of_tiles) < 2:
        return log_softmax(x)
    return np.asarray(x - np.logaddexp.reduce(np.stack(of_tiles), 0))


@variant(
    "log-softmax-infinity-as-65504",
    "log_softmax",
    "The smallest number of float16, -65504, stands for -inf.",
    needs="-inf",
)
@wide
def log_softmax_infinity_as_65504(x: Array) -> Array:
    return log_softmax(instead(x, -65504))


@variant(
    "log-softmax-infinity-as-padding",
    "log_softmax",
    "A logit of -inf is padding, and its log-probability 0.",
    needs="-inf",
)
@wide
def log_softmax_infinity_as_padding(x: Array) -> Array:
    return np.where(hidden(x), x.dtype.type(0), log_softmax(x))


@wide
def _zero_times_infinity(g: Array, x: Array) -> Array:
    """Weigh the log-probabilities with the probabilities."""
    p, y = softmax(x), log_softmax(x)
    return np.asarray(log_softmax_vjp(g, x) + 0 * np.where(hidden(x), p * y, 0))


@wide
def _without_infinities(g: Array, x: Array) -> Array:
    """Leave the cotangents of masked logits out of the sum."""
    total = np.where(hidden(x), 0, g).sum(-1, keepdims=True)
    return np.asarray(g - softmax(x) * total)


registered(
    "log-softmax-gradient-zero-times-infinity",
    "p log p is taken on the way back, which is 0 times -inf.",
    "-inf",
    _zero_times_infinity,
)
registered(
    "log-softmax-gradient-without-infinities",
    "The cotangents at logits of -inf are left out of sum g.",
    "-inf, and a cotangent there",
    _without_infinities,
)
