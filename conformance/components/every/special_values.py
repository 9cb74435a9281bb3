"""The clause on NaN and infinities that holds for every component."""

import itertools
from dataclasses import replace
from typing import Final

import numpy as np

from ...terms.clause import clause
from ...terms.comparison import Worst, place, worst_of
from ...terms.requirements import skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import Violation

_PLACES: Final = 8
"""How many places are tried for one that reaches nothing."""


@clause(
    "ALL-11",
    None,
    "A NaN reaches exactly the elements that depend on it, and an infinity no others.",
    formula="IEEE 754 arithmetic along the formula",
    source="IEEE 754-2019, 6.2; what 0 * NaN under a mask gives, the formulas leave open",
    level="advisory",
    concerns=lambda component: component.dependents is not None,
)
def special_values(trial: Trial) -> float:
    """Change one element of one argument at a time: any, and one that reaches nothing."""
    clean = trial.results()
    names = [name for name, array in trial.inputs.arrays.items() if array.dtype.kind == "f" and array.size]
    skip_unless(names and any(each.size for each in clean.values()))
    for name in names:
        places = _places(trial, name)
        reached = [trial.component.reached(trial.inputs, name, where, trial.conventions) for where in places]
        # Of a hundred logits the one of an ignored target may be missed by chance; it is the one that tells.
        hidden = [k for k, depends in enumerate(reached) if k and not any(each.any() for each in depends.values())]
        for number, special in itertools.product([0, *hidden[:1]], (np.nan, np.inf)):
            array = trial.inputs.arrays[name].copy()
            array[places[number]] = special
            actual = trial.results(trial.inputs.but(**{name: array}))
            for result, depends in reached[number].items():
                where = f"{name}{list(places[number])}"
                _only_there(actual[result], clean[result], depends, special, where, result)
    return 0.0


def _places(trial: Trial, name: str) -> list[tuple[int, ...]]:
    generator = trial.generator("special", name)
    shape = trial.inputs.arrays[name].shape
    return [tuple(int(generator.integers(size)) for size in shape) for _ in range(_PLACES)]


def _only_there(actual: Array, clean: Array, depends: Array, special: float, where: str, of: str) -> None:
    reached = ~np.isfinite(actual) & np.isfinite(clean)
    stray = reached & ~depends
    if stray.any():
        worst = _worst(stray, actual, np.where(depends, actual, clean), of)
        raise Violation(
            f"a {special} in {where} reaches {place(worst.where, of)}, which does not depend on it", worst=worst
        )
    lost = ~np.isnan(actual) & depends
    if np.isnan(special) and lost.any():
        worst = _worst(lost, actual, np.where(depends, special, clean), of)
        raise Violation(f"a nan in {where} is lost: {place(worst.where, of)} is {worst.actual:.9g}", worst=worst)


def _worst(wrong: Array, actual: Array, due: Array, of: str) -> Worst:
    """Give the first element that is wrong."""
    return replace(worst_of(np.where(wrong, np.inf, 0.0), actual, due, np.zeros(due.shape)), of=of)
