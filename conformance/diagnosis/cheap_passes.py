"""Declared numerics under which an answer that takes no computing would pass: they are too wide.

A declaration widens a bound, and one that widens it enough buys a pass for anything. So each is tried: on a few small
generic cases of a component, cheap answers are compared with the bounds under what is declared. One that these let pass
in every case, and the bounds of the defaults in none, makes the declaration too wide for that component and dtype.
Cases are small because bounds grow with size: what is too wide there is too wide everywhere.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics
from ..cases.drawing import covering_cases
from ..terms.aggregates import FEWEST_ELEMENTS, noise, noisiest
from ..terms.case import Case
from ..terms.cheap_answers import SPOILT, of_arguments, of_other_scores
from ..terms.comparison import ratios
from ..terms.component import Component
from ..terms.generator import Generator
from ..terms.held import Held
from ..terms.rounding import Array

_CASES: Final = 3
_LARGEST: Final = 4096
"""Elements of all arguments of a case."""


def what_passes(
    component: Component, dtype: str, declared: Mapping[str, Any], conventions: Mapping[str, str]
) -> tuple[list[str], str] | None:
    """Give the fields that let a cheap answer pass, and what answer that is; None if none passes."""
    if Held.to(dtype, declared).loosest == Held.to(dtype, {}).loosest:
        return None
    tried = [_Tried(component, case, dtype, conventions) for case in _cases(component, dtype)]
    for answer in dict.fromkeys(answer for each in tried for answer in each.answers):
        # Where the defaults let it pass, too, the case says nothing: a softmax over one number is 1.
        telling = [each for each in tried if answer in each.answers and not each.passes(answer, {})]
        if len(telling) < 2 or not all(each.passes(answer, declared) for each in telling):
            continue
        alone = [name for name in declared if all(each.passes(answer, {name: declared[name]}) for each in telling)]
        return alone[:1] or list(declared), answer
    return None


def _cases(component: Component, dtype: str) -> list[Case]:
    """Give small cases of the covering set, generic ones where the component has such."""
    every = covering_cases(component, dtype if component.has_dtype else "", 0)
    found: list[Case] = []
    for case in [case for case in every if component.generic(case)] or every:
        inputs = component.make(case)
        sizes = [array.size for array in inputs.arrays.values()]
        if all(sizes) and sum(sizes) <= _LARGEST and all(component.shape(inputs)):
            found.append(case)
        if len(found) == _CASES:
            break
    return found


class _Tried:
    """One case: the cheap answers to it, and whether bounds let them pass."""

    def __init__(self, component: Component, case: Case, dtype: str, conventions: Mapping[str, str]) -> None:
        """Make the answers: to results, and to gradients, all of which an answer has to pass for."""
        self._component, self._case, self._dtype, self._conventions = component, case, dtype, conventions
        self._inputs, self._bounds = component.make(case), dict[Numerics, Mapping[str, Bound]]()
        self.answers: dict[str, Mapping[str, Array]] = {}
        right = {name: bound.expected for name, bound in self._bounds_under({}).items()}
        numerics = Held.to(dtype, {}).loosest
        cheap = of_arguments(self._inputs, right["result"].shape)
        for what, answer in (*cheap, *of_other_scores(component, self._inputs, numerics, conventions)):
            self.answers[what] = {"result": answer}
        for what, made in SPOILT.items():
            self.answers[what] = {"result": made(right["result"])}
            if gradients := {name: made(array) for name, array in right.items() if name.startswith(_GRADIENT)}:
                self.answers[f"{what} for every gradient"] = gradients

    def passes(self, answer: str, declared: Mapping[str, Any]) -> bool:
        """Say whether an answer lies within the bounds under declared numerics, and has no more noise than these."""
        generic = self._component.generic(self._case)
        for name, array in self.answers[answer].items():
            bound = self._bounds_under(declared)[name]
            if not np.all(ratios(array, bound, self._dtype, statistical=generic) <= 1):
                return False
            # On cases of this kind that are large enough, ALL-2 judges the noise.
            if generic and self._component.large and name == "result":
                with np.errstate(all="ignore"):
                    error = np.asarray(array - bound.expected)
                    if noise(error, bound.coherent, bound.deviation, error.size) > noisiest(FEWEST_ELEMENTS):
                        return False
        return True

    def _bounds_under(self, declared: Mapping[str, Any]) -> Mapping[str, Bound]:
        """Give the bounds of results, and of gradients by names that say so."""
        numerics, component, inputs = Held.to(self._dtype, declared).loosest, self._component, self._inputs
        if numerics not in self._bounds:
            with np.errstate(all="ignore"):
                found = dict(component.bounds(inputs, numerics, self._conventions))
                if component.gradient is not None and component.differentiated(self._case):
                    shapes = component.shapes(inputs)
                    along = {name: Generator("cotangent", name).standard_normal(shapes[name]) for name in shapes}
                    gradients = component.gradient_bounds(inputs, along, numerics, self._conventions)
                    found |= {f"{_GRADIENT}{name}": bound for name, bound in gradients.items()}
            self._bounds[numerics] = found
        return self._bounds[numerics]


_GRADIENT: Final = "gradient of "
