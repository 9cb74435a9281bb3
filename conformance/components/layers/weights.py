"""What layers and stacks share: their sizes, and their weights by the names of the contract.

Gains and biases are random: a gain of 1 and a bias of 0 hide a normalisation too many. Matrices are shrunk by the root
of their fan-in, so that what passes keeps its size.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ...cases.masks import mask_of
from ...cases.values import draw
from ...terms.case import Case
from ...terms.component import Array, Inputs, factor
from ...terms.rounding import rounded
from ...terms.trial import Trial

HEADS: Final = factor(
    "heads d_model d_k d_v",
    *((heads, heads * d, d, d) for heads, d in ((2, 4), (1, 4), (2, 1), (3, 5), (4, 8))),
    *((2, 8, 3, 5), (3, 5, 4, 2)),
)
"""d_k = d_v = d_model / h as in the paper, and other choices last."""

REGIMES = ("normal", "uniform", "large-scores", "offset", "small", "equal-rows")
GROWTH = 8.0


def sizes_of(case: Case) -> Callable[[str], int]:
    """Give the function that says the size of an axis of the contract's weights, by its word."""
    widths = {"d_model": case["d_model"], "d_ff": case["d_ff"]}

    def size(axis: str) -> int:
        kind = "d_v" if "value" in axis else "d_k"
        return int(widths.get(axis) or case["heads"] * case[kind])

    return size


def weights_of(case: Case, names: Mapping[str, str], prefix: str = "weights.") -> dict[str, Array]:
    """Make the weights of a layer, as the arrays of a call."""
    size, dtype, arrays = sizes_of(case), case["dtype"], {}
    for name, axes in names.items():
        shape = tuple(map(size, axes.split()))
        array = draw(case, prefix + name, shape, "normal", dtype)
        if len(shape) == 2:
            growth = GROWTH if case["regime"] == "large-scores" and name.endswith("attention.w_query") else 1.0
            array = rounded(growth * array / np.sqrt(shape[0]), dtype)
        elif name.endswith("gain"):
            # Of both signs, and away from zero, where nothing could be seen.
            array = rounded(np.where(array < 0, array - 0.5, array + 0.5), dtype)
        arrays[prefix + name] = array
    return arrays


def states_of(case: Case, name: str, length: int) -> Array:
    """Make (B, length, d_model) by the regime."""
    regime, dtype = case["regime"], case["dtype"]
    kind = regime if regime in ("uniform", "offset") else "normal"
    x = draw(case, name, (case["B"], length, case["d_model"]), kind, dtype)
    if regime == "small":  # epsilon counts
        x = rounded(x * 2.0**-8, dtype)
    elif regime == "equal-rows":
        x[...] = x[:, :1]
    return x


def named_mask(case: Case, parameter: str, queries: int, keys: int) -> Array | None:
    """Make the mask that a parameter of the case names, for (B, heads, queries, keys)."""
    return mask_of(case, (case["B"], case["heads"], queries, keys), parameter)


def allowance(trial: Trial, inputs: Inputs | None = None) -> Array:
    """Say what a result may be off: S on generic inputs; elsewhere W, which says little after many steps."""
    bound = trial.bound(inputs)
    return bound.statistical if trial.component.generic(trial.case) else bound.worst
