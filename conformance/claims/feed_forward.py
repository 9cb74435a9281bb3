"""The notes' claim on the feed-forward network (N8), with what measures it."""

from typing import Final

import numpy as np

from ...oracle.feed_forward import feed_forward, feed_forward_as_convolutions, feed_forward_bound
from ...oracle.rounding.numerics import precision_classes
from ..terms.rounding import Array
from .kinds import Claim, Measurement, random

_FLOAT64: Final = precision_classes("float64")[0][1]
_CASES: Final = 300


def _case(seed: int) -> list[Array]:
    """Draw sizes from 1 to 12, and magnitudes from 1e-3 to 1e3."""
    g = random(800 + seed)
    batch, length, d_model, d_ff = (int(n) for n in g.integers(1, 13, 4))
    shapes = (batch, length, d_model), (d_model, d_ff), (d_ff,), (d_ff, d_model), (d_model,)
    return [g.standard_normal(shape) * 10 ** g.uniform(-3, 3) for shape in shapes]


def _as_convolutions() -> float:
    """Compute the largest difference of the two forms, as a part of the bound on either in float64."""
    ratios = []
    for seed in range(_CASES):
        case = _case(seed)
        difference = np.abs(feed_forward(*case) - feed_forward_as_convolutions(*case))
        ratios.append(np.max(difference / feed_forward_bound(*case, numerics=_FLOAT64).worst))
    return float(max(ratios))


def _each_position_alone() -> float:
    """Compute the largest difference, in the same unit, between a whole sequence and each of its positions alone."""
    ratios = []
    for seed in range(_CASES):
        case = _case(seed)
        alone = [feed_forward(case[0][:, at : at + 1], *case[1:]) for at in range(case[0].shape[1])]
        difference = np.abs(feed_forward(*case) - np.concatenate(alone, 1))
        ratios.append(np.max(difference / feed_forward_bound(*case, numerics=_FLOAT64).worst))
    return float(max(ratios))


def _kernel_of_two() -> float:
    """Compute the median effect, in the same unit, of a kernel of 2 whose second half is a millionth of the first."""
    ratios = []
    for seed in range(_CASES):
        x, w_1, b_1, w_2, b_2 = _case(seed)
        if x.shape[1] == 1:
            continue
        y = feed_forward(x, w_1, b_1, w_2, b_2)
        h = x @ w_1 + b_1
        h[:, :-1] += x[:, 1:] @ (1e-6 * w_1)
        other = np.maximum(0, h) @ w_2 + b_2
        if np.any(y != b_2):  # else no hidden unit is above zero
            ratios.append(
                np.max(np.abs(other - y) / feed_forward_bound(x, w_1, b_1, w_2, b_2, numerics=_FLOAT64).worst)
            )
    return float(np.median(ratios))


CLAIMS: Final = (
    Claim(
        "N8",
        "The feed-forward network equals two convolutions of kernel size 1 with a ReLU between them.",
        "paper, section 3.3",
        "true",
        "They are the same function: each position passes through the same two matrices by itself. In float64 they "
        "differ by rounding alone.",
        (
            Measurement(
                f"largest difference of both forms in {_CASES} random cases: part of the bound",
                _as_convolutions,
                0,
                1,
                of_rounding=True,
            ),
            Measurement(
                "each position alone against the whole sequence: part of the bound",
                _each_position_alone,
                0,
                1,
                of_rounding=True,
            ),
            Measurement("a second kernel entry of a millionth: median effect, in bounds", _kernel_of_two, 100, np.inf),
        ),
    ),
)
