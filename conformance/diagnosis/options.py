"""With which other value of an option a failing case would be right: epsilon / d for epsilon. It is tried.

The oracle computes the case with numbers that follow from the option and from one size. What fits must fit every
further case, too, that is wrong with the option's own value.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ...adapters import Adapter
from ...oracle import SpecError
from ..terms.case import Case
from ..terms.component import Component
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation

_FURTHER: Final = 24
"""Further cases that are looked at."""
_ENOUGH: Final = 2
"""Further cases that must be wrong with the option's own value, and right with the other."""
_LARGEST: Final = 2**12
"""Elements of the arguments of a case beyond which nothing is tried: each attempt would take seconds."""

Other = Callable[[float, float], float]
"""Gives a number for the option's own value and a size."""

_ALONE: Final[dict[str, Other]] = {
    "0": lambda value, size: 0.0,
    "2 {name}": lambda value, size: 2 * value,
    "{name} / 2": lambda value, size: value / 2,
    "{name}^2": lambda value, size: value**2,
    "sqrt({name})": lambda value, size: math.sqrt(value),
    "1 - {name}": lambda value, size: 1 - value,
    "-{name}": lambda value, size: -value,
}
_OF_A_SIZE: Final[dict[str, Other]] = {
    "{name} / {axis}": lambda value, size: value / size,
    "{name} {axis}": lambda value, size: value * size,
    "{name} / sqrt({axis})": lambda value, size: value / math.sqrt(size),
    "{name} sqrt({axis})": lambda value, size: value * math.sqrt(size),
}


def other_option(adapter: Adapter, component: Component, cases: Sequence[Case], further: Sequence[Case]) -> str:
    """Say with which other value of which option the cases are right; nothing where there is none."""
    others = [] if component.gives_data else list(_others(component, cases[0]))
    if not others:
        return ""
    asked = list(_answers(adapter, component, [*cases, *further[:_FURTHER]]))
    wrong = [(case, trial, actual) for case, trial, actual in asked if not _fits(trial, actual)]
    if not wrong or wrong[0][0] != cases[0] or len(wrong) <= _ENOUGH:
        return ""
    for name, phrase, value_in in others:
        if all(_fits(trial, actual, **{name: value_in(case)}) for case, trial, actual in wrong):
            own, other = _value(component, cases[0], name), value_in(cases[0])
            numbers = f"{other:.4g} where {own:.4g} is due"
            return f"it is right with {phrase}: {numbers}"
    return ""


def _answers(
    adapter: Adapter, component: Component, cases: Sequence[Case]
) -> Iterator[tuple[Case, Trial, dict[str, Array]]]:
    """Ask for what comes of each case that is small enough."""
    for case in dict.fromkeys(cases):
        trial = Trial(Subject(adapter), component, case)
        try:
            if sum(array.size for array in trial.inputs.arrays.values()) <= _LARGEST:
                yield case, trial, trial.results()
        except (Unsupported, Violation):
            continue


def _fits(trial: Trial, actual: dict[str, Array], **options: float) -> bool:
    """Say whether results are right for the case, or for the case with other options."""
    other = Trial(Subject(trial.subject.adapter), trial.component, trial.case)
    other.dtype = trial.dtype
    try:
        return other.judge(actual, trial.inputs.but(**options) if options else None).ratio <= 1
    except (SpecError, ValueError, ArithmeticError):  # no value that the formula takes
        return False


def _value(component: Component, case: Case, name: str) -> float:
    """Give an option's own value in a case, its default where the case has none."""
    return float({**component.row.options, **component.make(case).options}[name])


def _others(component: Component, case: Case) -> Iterator[tuple[str, str, Callable[[Case], float]]]:
    """List options with what else could stand in their place: in words, and for a case."""
    words = {word for axes in component.row.arrays.values() for word in axes.split()}
    sizes = [name for name, size in case.items() if name in words and type(size) is int and size > 1]
    options = {**component.row.options, **component.make(case).options}
    for name in (name for name, value in options.items() if type(value) is float and math.isfinite(value)):
        every = [(phrase, other, "") for phrase, other in _ALONE.items()]
        every += [(phrase, other, axis) for axis in sizes for phrase, other in _OF_A_SIZE.items()]
        for phrase, other, axis in every:
            told = f"{phrase.format(name=name, axis=axis)} in place of {name}"
            yield name, told, _for(component, name, other, axis)


def _for(component: Component, name: str, other: Other, axis: str) -> Callable[[Case], float]:
    return lambda case: other(_value(component, case, name), float(case[axis]) if axis else 1.0)
