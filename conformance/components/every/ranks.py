"""Arrays of one to five axes, all of unlike sizes, for the functions that take any number of them."""

from typing import Final

import numpy as np

from ...terms.clause import clause
from ...terms.component import Component
from ...terms.requirements import require_within, told_with
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ...terms.verdict import Unsupported

_SHAPES: Final = ((7,), (5, 7), (3, 5, 7), (2, 3, 5, 7), (4, 2, 3, 5, 7))


def _of_any_rank(component: Component) -> bool:
    """Say whether its one array of rows has any number of axes, and its result the same ones."""
    return set(component.row.results.values()) == {component.row.arrays.get("x")} == {f"... {_last(component)}"}


def _last(component: Component) -> str:
    return component.row.arrays.get("x", "").rpartition(" ")[2]


@clause(
    "ALL-16",
    None,
    "The formula goes along the last axis, whatever the number of axes.",
    formula="f(x)[i, ..., :] = f(x[i, ..., :]) for arrays of 1 to 5 axes, all of unlike sizes",
    source="the contract: `...` stands for any number of axes",
    cases=lambda component, dtype, seed: [component.plainest(dtype, seed)],
    concerns=_of_any_rank,
)
def any_rank(trial: Trial) -> float:
    """Hold it to W at each rank; one that the implementation does not take is left aside."""
    ratios: list[float] = []
    refused: Unsupported | None = None
    last = _SHAPES[0]
    whole = {name: np.ones(last) for name, axes in trial.component.row.arrays.items() if axes == _last(trial.component)}
    for shape in _SHAPES:
        drawn = trial.generator("rank", str(len(shape))).standard_normal(shape)
        inputs = trial.inputs.but(x=rounded(drawn, trial.case["dtype"]), **whole)
        try:
            actual = trial.results(inputs)
        except Unsupported as reason:
            refused = reason
            continue
        with told_with(f"of an array of shape {shape}, "):
            ratios.append(require_within(trial.judge(actual, inputs), "the value is wrong"))
    if refused is not None and not ratios:
        raise refused
    return max(ratios)
