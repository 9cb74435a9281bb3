"""The clause on NaN and infinities that holds for every component."""

import numpy as np

from ...terms.clause import clause
from ...terms.comparison import place
from ...terms.requirements import skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import Inapplicable, Violation


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
    """Change one element of one argument at a time."""
    dependents = trial.component.dependents
    if dependents is None:
        raise Inapplicable
    clean = trial.call()
    names = [name for name, array in trial.inputs.arrays.items() if array.dtype.kind == "f" and array.size]
    skip_unless(names and clean.size)
    for name in names:
        where = _somewhere(trial, name)
        depends = dependents(trial.inputs, name, where, trial.conventions)
        for special in (np.nan, np.inf):
            array = trial.inputs.arrays[name].copy()
            array[where] = special
            actual = trial.call(trial.inputs.but(**{name: array}))
            _only_there(actual, clean, depends, special, f"{name}{list(where)}")
    return 0.0


def _somewhere(trial: Trial, name: str) -> tuple[int, ...]:
    generator = trial.generator("special", name)
    return tuple(int(generator.integers(size)) for size in trial.inputs.arrays[name].shape)


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
