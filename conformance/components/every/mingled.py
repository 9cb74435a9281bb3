"""Hard numbers among ordinary ones: rows, a last part, and single places of another regime.

A kernel that looks at the first row, at an average or at a window to decide how it computes is right where all rows are
alike, and the regimes of the other cases hold for a whole array.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ...cases.drawing import generic_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.generator import Generator
from ...terms.inputs import Inputs
from ...terms.requirements import require_within, skip_unless, told_with
from ...terms.rounding import Array
from ...terms.trial import Trial

_CASES: Final = 2
_FEWEST: Final = 3
"""Rows, and numbers in a row."""

_Mask = Callable[[Generator, tuple[int, ...]], Array]


def _last_half(generator: Generator, shape: tuple[int, ...]) -> Array:
    rows = int(np.prod(shape[:-1]))
    return np.broadcast_to((np.arange(rows) >= (rows + 1) // 2).reshape(*shape[:-1], 1), shape)


def _one_row(generator: Generator, shape: tuple[int, ...]) -> Array:
    """Choose any row but the first."""
    rows = int(np.prod(shape[:-1]))
    return np.broadcast_to((np.arange(rows) == int(generator.integers(1, rows))).reshape(*shape[:-1], 1), shape)


def _places(generator: Generator, shape: tuple[int, ...]) -> Array:
    """Choose an eighth of the numbers, none of them in the first row."""
    chosen = generator.chance(1 / 8, shape)
    chosen.reshape(-1, shape[-1])[0] = False
    return chosen


_HARD: Final[Mapping[str, _Mask]] = {"the last half": _last_half, "one row": _one_row, "some places": _places}


def _arrays_of_rows(component: Component) -> tuple[str, ...]:
    """Name the arguments whose rows are items of some batch."""
    words = {name: component.row.arrays[name].split() for name in component.row.real}
    return tuple(name for name, axes in words.items() if len(axes) > 1 and axes[0] in ("B", "...", "N"))


def _ordinary(component: Component, dtype: str, seed: int) -> list[Case]:
    """Take cases with several rows in each of these arguments."""

    def large(inputs: Inputs) -> bool:
        shapes = [inputs.arrays[name].shape for name in _arrays_of_rows(component)]
        return all(len(shape) > 1 and min(shape[-1], np.prod(shape[:-1])) >= _FEWEST for shape in shapes)

    return generic_cases(component, dtype, seed, _CASES, large)


def _mingled(trial: Trial, regime: str, hard: _Mask) -> Inputs | None:
    """Put numbers of another regime among those of the case; None where there is one row, or other sizes go with it."""
    case = trial.case.but(regime=regime)
    if not trial.component.admissible(case):
        return None
    others, changed = trial.component.make(case).arrays, {}
    for name in _arrays_of_rows(trial.component):
        own = trial.inputs.arrays[name]
        if others[name].shape != own.shape or own.ndim < 2 or np.prod(own.shape[:-1]) < 2:
            return None
        changed[name] = np.where(hard(trial.generator("hard", regime, name), own.shape), others[name], own)
    return trial.inputs.but(**changed)


@clause(
    "ALL-17",
    None,
    "Hard rows among ordinary ones, and hard numbers at random places, leave every row within its bound.",
    formula="|actual - y| <= W, where a part of the argument is of another regime than its first row",
    source="the component's formula: it has no regimes",
    cases=_ordinary,
    concerns=lambda component: (
        "regime" in component.factors and bool(_arrays_of_rows(component)) and not component.row.weights
    ),
)
def mingled(trial: Trial) -> float:
    """Hold it to W with every other regime, each of them mingled in one way."""
    ratio, tried, ways = 0.0, False, list(_HARD.items())
    for number, option in enumerate(trial.component.factors["regime"]):
        way, hard = ways[(number + trial.case["seed"]) % len(ways)]
        inputs = _mingled(trial, str(option["regime"]), hard)
        if option["regime"] == trial.case["regime"] or inputs is None:
            continue
        tried = True
        with told_with(f"with {way} of the regime {option['regime']}: "):
            ratio = max(ratio, require_within(trial.judge(trial.results(inputs), inputs), "the value is wrong"))
    skip_unless(tried)
    return ratio
