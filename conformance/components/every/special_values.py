"""The clause on NaN and infinities that holds for every component."""

import itertools
from typing import Final

import numpy as np

from ...terms.clause import clause
from ...terms.comparison import place
from ...terms.requirements import skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import Inapplicable, Violation

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
    dependents = trial.component.dependents
    if dependents is None:
        raise Inapplicable
    clean = trial.call()
    names = [name for name, array in trial.inputs.arrays.items() if array.dtype.kind == "f" and array.size]
    skip_unless(names and clean.size)
    for name in names:
        places = _places(trial, name)
        reached = [dependents(trial.inputs, name, where, trial.conventions) for where in places]
        # Of a hundred logits the one of an ignored target may be missed by chance; it is the one that tells.
        hidden = [number for number, depends in enumerate(reached) if number and not depends.any()]
        for number, special in itertools.product([0, *hidden[:1]], (np.nan, np.inf)):
            array = trial.inputs.arrays[name].copy()
            array[places[number]] = special
            actual = trial.call(trial.inputs.but(**{name: array}))
            _only_there(actual, clean, reached[number], special, f"{name}{list(places[number])}")
    return 0.0


def _places(trial: Trial, name: str) -> list[tuple[int, ...]]:
    generator = trial.generator("special", name)
    shape = trial.inputs.arrays[name].shape
    return [tuple(int(generator.integers(size)) for size in shape) for _ in range(_PLACES)]


def _only_there(actual: Array, clean: Array, depends: Array, special: float, where: str) -> None:
    reached = ~np.isfinite(actual) & np.isfinite(clean)
    stray = np.argwhere(reached & ~depends)
    if len(stray):
        at = tuple(map(int, stray[0]))
        raise Violation(f"a {special} in {where} reaches {place(at)}, which does not depend on it")
    lost = np.argwhere(~np.isnan(actual) & depends)
    if np.isnan(special) and len(lost):
        at = tuple(map(int, lost[0]))
        raise Violation(f"a nan in {where} is lost: {place(at)} is {actual[at]:.9g}")
