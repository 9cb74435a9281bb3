"""Dropout: x in evaluation, m x / (1 - rate) in training."""

from collections.abc import Callable

import ml_dtypes
import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, rounded, wide, widened
from ..catalogue import NARROW, variant


def kept(shape: tuple[int, ...], rate: float, seed: int) -> Array:
    """Draw a mask of independent elements, as numbers."""
    return (np.random.default_rng(seed).random(shape) >= rate).astype(FLOAT32)


def dropped(x: Array, mask: Array, scale: float) -> Array:
    """Multiply the three; what is dropped is 0 even if it is an infinity."""
    return np.asarray(np.where(mask != 0, x * scale, 0))


# Right


@variant("dropout-plain", "dropout", "Uniform numbers against the rate.", wrong=False)
@wide
def dropout_plain(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1 / (1 - rate)) if training else x.copy()


@variant("dropout-counters", "dropout", "Random bits of Philox, a counter-based generator, as on GPUs.", wrong=False)
@wide
def dropout_counters(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training:
        return x.copy()
    bits = np.random.Generator(np.random.Philox(key=seed)).integers(0, 2**32, x.shape)
    return np.asarray(np.where(bits >= round(rate * 2**32), x / (1 - rate), 0))


@variant("dropout-binomial", "dropout", "Draws of a Bernoulli variable, divided by 1 - rate.", wrong=False)
@wide
def dropout_binomial(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training:
        return x.copy()
    mask = np.asarray(np.random.Generator(np.random.MT19937(seed)).binomial(1, 1 - rate, x.shape))
    return dropped(x, mask, float(x.dtype.type(1) / x.dtype.type(1 - rate)))


@variant("dropout-gaps", "dropout", "The distances from one dropped element to the next are drawn.", wrong=False)
@wide
def dropout_gaps(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training or rate == 0:
        return x.copy()
    gaps = np.random.default_rng(seed).geometric(rate, x.size)
    mask = np.ones(x.size)
    places = np.cumsum(gaps) - 1
    mask[places[places < x.size]] = 0
    return dropped(x, mask.reshape(x.shape), 1 / (1 - rate))


@variant("dropout-own-seed", "dropout", "The seed is ignored, and the system's randomness taken.", wrong=False)
@wide
def dropout_own_seed(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return (
        dropped(x, np.asarray(np.random.default_rng().random(x.shape) >= rate), 1 / (1 - rate))
        if training
        else x.copy()
    )


@variant(
    "dropout-mask-16-bit",
    "dropout",
    "The scaled mask is stored in the 16-bit format, as torch stores its noise.",
    wrong=False,
    dtypes=NARROW,
)
def dropout_mask_16_bit(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training:
        return x.copy()
    noise = (kept(x.shape, rate, seed) / np.float32(1 - rate)).astype(x.dtype)
    with np.errstate(over="ignore"):
        return (widened(x) * widened(noise)).astype(x.dtype)


# Wrong: evaluation and scale


@variant(
    "dropout-in-evaluation",
    "dropout",
    "It is active in evaluation.",
    needs="a rate above 0",
)
@wide
def dropout_in_evaluation(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1 / (1 - rate))


@variant("dropout-unscaled", "dropout", "What is kept is not scaled.", needs="training, a rate above 0")
@wide
def dropout_unscaled(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1) if training else x.copy()


@variant("dropout-scaled-down", "dropout", "What is kept is multiplied by 1 - rate.", needs="training, a rate above 0")
@wide
def dropout_scaled_down(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1 - rate) if training else x.copy()


@variant(
    "dropout-scaled-in-evaluation",
    "dropout",
    "The scaling is done in evaluation, by 1 - rate, as in the first half of the source.",
    needs="a rate above 0",
)
@wide
def dropout_scaled_in_evaluation(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1) if training else np.asarray(x * (1 - rate))


@variant(
    "dropout-scaled-by-rate", "dropout", "What is kept is divided by the rate.", needs="training, a rate unlike 0, 0.5"
)
@wide
def dropout_scaled_by_rate(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), 1 / rate if rate else 1) if training else x.copy()


@variant(
    "dropout-rate-for-keep",
    "dropout",
    "The rate is taken for the probability to be kept.",
    needs="training, a rate unlike 0.5",
)
@wide
def dropout_rate_for_keep(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, 1 - rate, seed), 1 / (1 - rate)) if training else x.copy()


@variant(
    "dropout-scaled-by-count",
    "dropout",
    "The scale makes up for the number that was dropped, not for the rate.",
    needs="training, a rate above 0",
)
@wide
def dropout_scaled_by_count(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    mask = kept(x.shape, rate, seed)
    return dropped(x, mask, x.size / max(float(mask.sum()), 1.0)) if training else x.copy()


@variant(
    "dropout-scale-bfloat16",
    "dropout",
    "The scale is rounded to bfloat16.",
    needs="training, a rate whose scale has more bits",
    dtypes=("float64", "float32", "float16"),
)
@wide
def dropout_scale_bfloat16(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, seed), float(ml_dtypes.bfloat16(1 / (1 - rate)))) if training else x.copy()


@variant(
    "dropout-through-float32",
    "dropout",
    "Everything passes through float32, in evaluation too.",
    needs="values with more bits",
    dtypes=("float64",),
)
def dropout_through_float32(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropout_plain(rounded(x, FLOAT32), rate=rate, training=training, seed=seed).astype(FLOAT64)


# Wrong: the mask


def shared(axis: int) -> Callable[..., Array]:
    """Make a dropout with one mask for all along an axis."""

    @wide
    def function(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
        shape = list(x.shape)
        shape[axis] = 1
        return dropped(x, kept(tuple(shape), rate, seed), 1 / (1 - rate)) if training else x.copy()

    return function


variant("dropout-whole-rows", "dropout", "Rows are dropped as a whole.", needs="training, rows above 1")(shared(-1))
variant("dropout-whole-channels", "dropout", "Channels are dropped as a whole.", needs="training, L > 1")(shared(-2))
variant(
    "dropout-mask-of-first-item",
    "dropout",
    "Every batch item gets the mask of the first.",
    needs="training, B above 1",
)(shared(0))


@variant(
    "dropout-one-mask",
    "dropout",
    "Every seed gives the same mask.",
    needs="training, two seeds",
    seen_in=("Dao-AILab/flash-attention#2088",),
)
@wide
def dropout_one_mask(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return dropped(x, kept(x.shape, rate, 0), 1 / (1 - rate)) if training else x.copy()


@variant(
    "dropout-tail-kept",
    "dropout",
    "The last elements, which fill no vector of 8, are never dropped.",
    needs="training, a width that 8 does not divide",
)
@wide
def dropout_tail_kept(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training:
        return x.copy()
    mask = kept(x.shape, rate, seed)
    mask[..., x.shape[-1] // 8 * 8 :] = 1
    return dropped(x, mask, 1 / (1 - rate))


@variant(
    "dropout-threshold-of-4-bits",
    "dropout",
    "The random numbers have 4 bits, so the rate is a multiple of 1/16.",
    needs="training, a rate that is none",
)
@wide
def dropout_threshold_of_4_bits(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    bits = np.random.default_rng(seed).integers(0, 16, x.shape)
    return dropped(x, np.asarray(bits >= round(rate * 16)), 1 / (1 - rate)) if training else x.copy()


@variant(
    "dropout-evened-out",
    "dropout",
    "Of each pair of neighbours one is dropped at most: the mask is evened out.",
    needs="training, a width above 1",
)
@wide
def dropout_evened_out(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    mask = kept(x.shape, rate, seed)
    second = mask[..., 1 : x.shape[-1] // 2 * 2 : 2]
    second[...] = np.maximum(second, 1 - mask[..., 0 : x.shape[-1] // 2 * 2 : 2])
    return dropped(x, mask, 1 / (1 - rate)) if training else x.copy()


@variant(
    "dropout-of-the-smallest",
    "dropout",
    "The elements of the smallest magnitude are dropped.",
    needs="training, a rate above 0",
)
@wide
def dropout_of_the_smallest(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    if not training or not x.size:
        return x.copy()
    return dropped(x, np.asarray(np.abs(x) >= np.quantile(np.abs(x), rate)), 1 / (1 - rate))


class Sticky:
    """Dropout whose mode is that of the first call in training."""

    def __init__(self) -> None:
        """Begin in evaluation."""
        self.training = False

    def dropout(self, x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
        """Drop in every call from the first in training on."""
        self.training |= training
        return np.asarray(dropout_plain(x, rate=rate, training=self.training, seed=seed))


@variant(
    "dropout-sticks-to-training",
    "dropout",
    "After a call in training, evaluation drops as well.",
    needs="evaluation after training, a rate above 0",
)
def dropout_sticks_to_training(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    return _STICKY.dropout(x, rate=rate, training=training, seed=seed)


_STICKY = Sticky()
