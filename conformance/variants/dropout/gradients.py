"""Gradients of dropout: m g / (1 - rate) with the mask m of the value, which x does not tell where it is 0."""

import numpy as np

from ..arithmetic import Array
from ..catalogue import NARROW
from ..gradients import Gradients, gradients_of, wide_gradients
from .values import dropout_counters, dropout_mask_16_bit, dropout_plain, dropped, kept

gradient = gradients_of("dropout", dropout_plain)


def scattered(g: Array, mask: Array, rate: float) -> Gradients:
    """Give the gradient where the mask is not 0."""
    return (dropped(g, mask, 1 / (1 - rate)),)


# Right


@gradient("dropout-gradient-plain", "The mask is drawn again, from the same seed.", wrong=False)
@wide_gradients
def dropout_gradient_plain(g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Gradients:
    return scattered(g, kept(x.shape, rate, seed), rate) if training else (g.copy(),)


@gradients_of("dropout", dropout_counters)(
    "dropout-gradient-counters", "The mask is that of Philox, drawn again; the gradient is divided.", wrong=False
)
@wide_gradients
def dropout_gradient_counters(g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Gradients:
    return (dropout_counters(g, rate=rate, training=training, seed=seed),)


@gradients_of("dropout", dropout_mask_16_bit)(
    "dropout-gradient-mask-16-bit",
    "The scaled mask is stored in the 16-bit format, and multiplies the cotangent.",
    wrong=False,
    dtypes=NARROW,
)
def dropout_gradient_mask_16_bit(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    return (dropout_mask_16_bit(g, rate=rate, training=training, seed=seed),)


# Wrong


@gradient(
    "dropout-gradient-by-division",
    "It is g y / x, which is NaN where x is 0.",
    needs="training, zeros in x",
)
@wide_gradients
def dropout_gradient_by_division(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    y = dropped(x, kept(x.shape, rate, seed), 1 / (1 - rate)) if training else x
    return (np.asarray(g * (y / x)) if training else g.copy(),)


@gradient(
    "dropout-gradient-mask-of-result",
    "The mask is read off the result: what is not 0 was kept.",
    needs="training, zeros in x",
)
@wide_gradients
def dropout_gradient_mask_of_result(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    return scattered(g, x * kept(x.shape, rate, seed), rate) if training else (g.copy(),)


@gradient(
    "dropout-gradient-another-mask",
    "The mask is drawn anew, from the next seed.",
    needs="training, a rate above 0",
)
@wide_gradients
def dropout_gradient_another_mask(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    return scattered(g, kept(x.shape, rate, seed + 1), rate) if training else (g.copy(),)


@gradient("dropout-gradient-unscaled", "What is kept is not scaled.", needs="training, a rate above 0")
@wide_gradients
def dropout_gradient_unscaled(g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Gradients:
    return (g * kept(x.shape, rate, seed) if training else g.copy(),)


@gradient("dropout-gradient-scaled-twice", "What is kept is scaled twice.", needs="training, a rate above 0")
@wide_gradients
def dropout_gradient_scaled_twice(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    return scattered(g / (1 - rate), kept(x.shape, rate, seed), rate) if training else (g.copy(),)


@gradient("dropout-gradient-of-all", "What was dropped has a gradient, too.", needs="training, a rate above 0")
@wide_gradients
def dropout_gradient_of_all(g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Gradients:
    return (g / (1 - rate) if training else g.copy(),)


@gradient("dropout-gradient-in-evaluation", "In evaluation it is dropped as in training.", needs="a rate above 0")
@wide_gradients
def dropout_gradient_in_evaluation(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    return scattered(g, kept(x.shape, rate, seed), rate)


@gradient(
    "dropout-gradient-without-gradient-of-zero-rows",
    "Rows of x that are all 0 have no gradient: the backward pass leaves them out.",
    needs="a row of zeros",
)
@wide_gradients
def dropout_gradient_without_zero_rows(
    g: Array, x: Array, *, rate: float, training: bool = False, seed: int = 0
) -> Gradients:
    whole = scattered(g, kept(x.shape, rate, seed), rate)[0] if training else g
    return (np.where((x != 0).any(-1, keepdims=True), whole, 0),)
