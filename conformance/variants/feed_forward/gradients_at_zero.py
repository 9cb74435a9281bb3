"""Gradients of the feed-forward network where a hidden unit is exactly 0: max(0, h) leaves its slope there open."""

from typing import Any

import numpy as np

from ..arithmetic import Array
from ..gradients import Gradients, wide_gradients
from .gradients import backward, gradient

NEEDS = "a hidden unit at exactly 0"


def _registered(name: str, sentence: str, slope: float, **fields: Any) -> None:
    """Put gradients into the catalogue whose ReLU has this slope at 0."""

    @wide_gradients
    def vjp(*arrays: Array) -> Gradients:
        return backward(*arrays, slope=lambda h: np.heaviside(h, h.dtype.type(slope)))

    gradient(name, sentence, **fields)(vjp)


# Right


_registered(
    "feed-forward-gradient-half-at-zero",
    "The derivative of relu at 0 is 1/2, as declared.",
    0.5,
    wrong=False,
    conventions={"relu_at_zero": "half"},
)
_registered(
    "feed-forward-gradient-one-at-zero",
    "The derivative of relu at 0 is 1, as declared.",
    1.0,
    wrong=False,
    conventions={"relu_at_zero": "one"},
)


# Wrong


_registered("relu-gradient-one-at-zero", "The derivative of relu at 0 is 1.", 1.0, needs=NEEDS)
_registered("relu-gradient-half-at-zero", "The derivative of relu at 0 is 1/2.", 0.5, needs=NEEDS)
_registered(
    "relu-gradient-zero-declared-one",
    "The derivative of relu at 0 is declared as 1, and is 0.",
    0.0,
    needs=NEEDS,
    conventions={"relu_at_zero": "one"},
)
