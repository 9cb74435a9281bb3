"""Log-softmax with right values and wrong gradients; the right one is g - p sum g."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array, wide, widened
from ..catalogue import NARROW, variant
from .right import log_softmax, log_softmax_plain, softmax


def registered(name: str, sentence: str, needs: str, vjp: Callable[..., Array], **fields: Any) -> None:
    """Put a variant with right values and these gradients into the catalogue."""
    variant(name, "log_softmax", sentence, needs=needs, vjp=vjp, **fields)(log_softmax_plain)


@wide
def _own_cotangent_only(g: Array, x: Array) -> Array:
    return np.asarray(g - softmax(x) * g)


@wide
def _cotangent_of_one(g: Array, x: Array) -> Array:
    return g - softmax(x)


@wide
def _uniform(g: Array, x: Array) -> Array:
    return np.asarray(g - g.mean(-1, keepdims=True))


@wide
def _of_softmax(g: Array, x: Array) -> Array:
    p = softmax(x)
    return np.asarray(p * (g - (p * g).sum(-1, keepdims=True)))


@wide
def _without_exp(g: Array, x: Array) -> Array:
    return np.asarray(g - log_softmax(x) * g.sum(-1, keepdims=True))


@wide
def _detached_sum(g: Array, x: Array) -> Array:
    return g.copy()


@wide
def _over_rows(g: Array, x: Array) -> Array:
    return np.asarray(g - softmax(x) * g.sum(-2, keepdims=True))


def _narrow_total(g: Array, x: Array) -> Array:
    wide_g = widened(g)
    if not g.shape[-1]:
        return g.copy()
    with np.errstate(all="ignore"):
        total = widened(np.add.accumulate(g, -1)[..., -1:])
        return np.asarray(wide_g - softmax(widened(x)) * total).astype(g.dtype)


registered(
    "log-softmax-gradient-own-cotangent",
    "The gradient is g - p g, without the sum over the row.",
    "a cotangent that is not one-hot",
    _own_cotangent_only,
)
registered(
    "log-softmax-gradient-cotangent-of-one",
    "The gradient is g - p, as if the cotangent always summed to one.",
    "a cotangent with another sum",
    _cotangent_of_one,
)
registered("log-softmax-gradient-uniform", "The mean of g is subtracted, not p sum g.", "logits that differ", _uniform)
registered("log-softmax-gradient-of-softmax", "The gradient is the softmax's.", "any input", _of_softmax)
registered(
    "log-softmax-gradient-without-exp",
    "The kept log-probabilities are taken for probabilities.",
    "any input",
    _without_exp,
)
registered("log-softmax-gradient-detached", "No gradient flows through the log-sum-exp.", "any input", _detached_sum)
registered("log-softmax-gradient-over-rows", "The cotangent is summed over the rows.", "two rows or more", _over_rows)
registered(
    "log-softmax-gradient-narrow-total",
    "The cotangent is summed one by one in the 16-bit format of the input.",
    "long rows in which one entry dominates",
    _narrow_total,
    dtypes=NARROW,
)
