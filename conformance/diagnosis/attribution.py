"""Whether a failing case is due to a cause that is known: it is tried with a few calls, not guessed."""

import math
from typing import Final

import numpy as np

from ...adapters import Adapter
from ...oracle.rounding.formats import FORMATS
from ..terms.case import Case
from ..terms.clause import Clause
from ..terms.component import Component, Inputs
from ..terms.rounding import Array, rounded
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from ..variants import find
from .attempts import Attempts, Declared
from .naming import Asked, opened, violates
from .recording import Recorder


def behaves_like(name: str, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether a wrong variant answers as the implementation does when it fails the clause, and fails it, too."""
    variant = find(name)
    if component.has_dtype and case["dtype"] not in variant.dtypes:
        return False
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    if not violates(clause, trial):
        return False
    suspect = opened(variant)
    asked = (Asked(component, trial, exchange) for exchange in recorder.in_question)
    if any(each.distance_of(suspect) is None for each in asked):
        return False
    return violates(clause, Trial(Subject(Recorder(suspect, adapter.offer)), component, case))


def kept_if_declared(declared: Declared, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause is kept on the case once this is declared, too."""
    return Attempts(adapter, clause, component, [case], backward=False).would_pass(declared)


_DIRECTIONS: Final = 3
"""Directions in which gradients are compared with differences: in one of them two may be alike by chance."""
_NEARER: Final = 4
"""How much nearer to the differences a gradient must be than the right one."""


def follows_its_values(adapter: Adapter, component: Component, case: Case) -> bool:
    """Say whether gradients are wrong because the values are: they are the derivative of the implementation's own.

    Its values are asked for on both sides of the case, and their difference is compared with what its gradient and the
    right one say that it is.
    """
    trial = Trial(Subject(adapter), component, case)
    from_told, from_due = 0.0, 0.0
    try:
        told = trial.gradients()
        due = {name: bound.expected for name, bound in trial.gradient_bounds().items()}
        for number in range(_DIRECTIONS):
            above, below = (_beside(trial, list(told), number, sign) for sign in (1.0, -1.0))
            own = sum(
                _product(trial.cotangents[name], here - there)
                for (name, here), there in zip(trial.results(above).items(), trial.results(below).values(), strict=True)
            )
            moved = {name: above.arrays[name] - below.arrays[name] for name in told}
            by_told, by_due = (sum(_product(of[name], moved[name]) for name in moved) for of in (told, due))
            from_told, from_due = math.hypot(from_told, own - by_told), math.hypot(from_due, own - by_due)
    except (Unsupported, Violation):
        return False
    return _NEARER * from_told < from_due


def _beside(trial: Trial, names: list[str], number: int, sign: float) -> Inputs:
    """Give the arguments a step to one side: as long as makes errors of rounding and of curvature about as large."""
    step, arrays = 2.0 ** (-FORMATS[trial.dtype].precision / 3), dict(trial.inputs.arrays)
    for name in names:
        given = arrays[name]
        size = np.sqrt(np.mean(np.square(given[np.isfinite(given)]))) if np.isfinite(given).any() else 0.0
        direction = trial.generator("difference", name, number).standard_normal(given.shape)
        arrays[name] = rounded(given + sign * step * (size or 1.0) * direction, trial.dtype)
    return Inputs(arrays, trial.inputs.options)


def _product(one: Array, other: Array) -> float:
    """Add up the products of two arrays where there are numbers: what is infinite does not move."""
    with np.errstate(all="ignore"):
        products = one * other
    return float(products[np.isfinite(other)].sum())
