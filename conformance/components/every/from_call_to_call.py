"""What one call leaves to the next: results that somebody still holds, and arguments that change in one element.

A result is a value. Where it is a view of a buffer that the next call writes into, or where a thread still writes it,
it was right when it was looked at, and is wrong when it is used. And who keeps results by the address and shape of an
argument, and compares a few of its elements, answers a new question with an old answer.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ....adapters import Reply
from ....oracle.rounding.bound import Bound
from ...cases.drawing import covering_cases
from ...terms.calls import the
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.generator import Generator
from ...terms.inputs import Inputs
from ...terms.requirements import of_gradient, skip_unless
from ...terms.rounding import Array, rounded
from ...terms.trial import Trial
from ...terms.verdict import NotOffered, Violation

_WINDOW: Final = 4096
"""How many elements from the first on are compared by those who do not compare all."""
_MARGIN: Final = 64
_FEW: Final = 128
"""Results of which so few are looked up may not show a change."""
_TRIES: Final = 8
"""How many changes are tried, until three show; layers have sixteen arguments."""
_TRIES_OF_GRADIENTS: Final = 6
"""Likewise until one does: a bound of gradients takes ten times as long."""


@functools.lru_cache(maxsize=4)  # two clauses each ask for the same cases
def _roomy(component: Component, dtype: str, seed: int, *, differentiated: bool = False) -> list[Case]:
    """Take the smallest generic case of the covering set with more elements than a window, or the largest of all."""
    covering = [
        component.with_optional(case)
        for case in covering_cases(component, dtype, seed)
        if not differentiated or component.differentiated(case)
    ]
    every = [case for case in covering if component.generic(case)] or covering

    def sizes(case: Case) -> tuple[int, int]:
        inputs = component.make(case)
        results = [math.prod(shape) for shape in component.shapes(inputs).values()]
        every = [array.size for array in inputs.arrays.values()]
        return min(results) if min(every, default=1) else 0, max(every, default=0)

    found = {case: of_case for case in every if (of_case := sizes(case))[0]}
    for least in (_FEW, 0):
        beyond = [case for case, (results, size) in found.items() if results > least and size > _WINDOW + _MARGIN]
        if beyond:
            return [min(beyond, key=lambda case: found[case][1])]
    return sorted(found, key=found.__getitem__)[-1:]


def _of_gradient(component: Component, dtype: str, seed: int) -> list[Case]:
    return _roomy(component, dtype, seed, differentiated=True)


def _differentiable(component: Component) -> bool:
    return component.gradient is not None


@clause(
    "ALL-18",
    None,
    "A result stays what it is, whatever is called later.",
    formula="y = f(x), and still is after f(x') and a moment later",
    source="the contract: a result is a value",
    cases=_roomy,
    concerns=lambda component: not component.gives_data,
)
def lasting(trial: Trial) -> float:
    """Hold the results of one call during another, and look at those of the other twice."""
    first, last = trial.in_turn([trial.inputs, _another(trial)], held=True)
    return _require_lasting(trial, last, first.results, last.results, the)


@clause(
    "GRAD-12",
    None,
    "A gradient stays what it is, whatever is called later.",
    formula="g = vjp(x), and still is after vjp(x') and a moment later",
    source="the contract: a gradient is a value",
    cases=_of_gradient,
    concerns=_differentiable,
)
def lasting_gradients(trial: Trial) -> float:
    """Hold the gradients of one call during another, likewise."""
    first, last = trial.in_turn([trial.inputs, _another(trial)], gradients=True, held=True)
    return _require_lasting(trial, last, first.gradients, last.gradients, _the_gradient)


def _the_gradient(name: str) -> str:
    return f"the {of_gradient(name)}"


def _another(trial: Trial) -> Inputs:
    """Give other arguments of the same sizes; where there are no arrays, those of the plainest case."""
    case, component = trial.case, trial.component
    if trial.inputs.arrays:
        return component.make(case.but(seed=case["seed"] + 1))
    return component.make(component.plainest(case.get("dtype", ""), seed=0))


def _require_lasting(
    trial: Trial, last: Reply, first: Mapping[str, Array], second: Mapping[str, Array], called: Callable[[str], str]
) -> float:
    """Require that what was kept of the first call, and what the second gave, is as it was."""
    if not last.again:
        raise NotOffered("the program does not look at its results again")
    pairs = [
        (f"after another call, {called(name)} of this one is another", first[name], last.again[name]) for name in first
    ]
    pairs += [
        (f"a moment after the call, {called(name)} is another", second[name], last.later[name]) for name in second
    ]
    for claim, then, now in pairs:
        if now.shape != then.shape:
            raise Violation(f"{claim}: its shape is {now.shape}, and was {then.shape}")
    return max(trial.require_bits(now, then, claim) for claim, then, now in pairs)


@clause(
    "ALL-19",
    None,
    "One element that changes, in the same memory, counts.",
    formula="f(x) after f(x') = f(x), where x' differs from x in one element",
    source="a formula has no memory, and looks at all of its arguments",
    cases=_roomy,
    concerns=lambda component: component.has_dtype and not component.gives_data,
)
def one_element(trial: Trial) -> float:
    """Change an element of one argument after another in place, and compare with the same arguments in new memory."""
    changed = _changed(trial, 3, _TRIES, trial.bounds)
    replies = trial.in_turn(_each_after(trial.inputs, changed))[1::2]
    return max(
        each.require_same(trial, trial.results_of(reply, each.inputs), trial.results(each.inputs), the)
        for each, reply in zip(changed, replies, strict=True)
    )


@clause(
    "GRAD-13",
    None,
    "One element that changes, in the same memory, counts in the gradients.",
    formula="vjp(x) after vjp(x') = vjp(x), where x' differs from x in one element",
    source="a formula has no memory, and looks at all of its arguments",
    cases=_of_gradient,
    concerns=lambda component: _differentiable(component) and component.name != "dropout",  # linear: x does not matter
)
def one_element_in_gradients(trial: Trial) -> float:
    """Change an element of one argument after another, likewise."""
    changed = _changed(trial, 1, _TRIES_OF_GRADIENTS, trial.gradient_bounds)
    replies = trial.in_turn(_each_after(trial.inputs, changed), gradients=True)[1::2]
    return max(
        each.require_same(trial, trial.gradients_of(reply, each.inputs), trial.gradients(each.inputs), _the_gradient)
        for each, reply in zip(changed, replies, strict=True)
    )


@dataclass(frozen=True)
class _Changed:
    """Arguments of which one has changed in one element."""

    name: str
    inputs: Inputs
    bounds: Mapping[str, Bound]

    def require_same(
        self, trial: Trial, actual: Mapping[str, Array], fresh: Mapping[str, Array], called: Callable[[str], str]
    ) -> float:
        """Require that the answer after the change is that to the same arguments in new memory."""
        claim = f"after one element of {self.name} has changed in place,"
        return max(
            trial.require_same(
                each, fresh[name], 2 * self.bounds[name].worst, f"{claim} {called(name)} is not that in new memory"
            )
            for name, each in actual.items()
        )


def _each_after(plain: Inputs, changed: Sequence[_Changed]) -> list[Inputs]:
    """Put the arguments as they are before each change, so that it is the only one."""
    return [inputs for each in changed for inputs in (plain, each.inputs)]


def _changed(trial: Trial, most: int, tries: int, bounds_of: Callable[[Inputs], Mapping[str, Bound]]) -> list[_Changed]:
    """Give the arguments with one element of one of them changed, for some of them, so that the change shows."""
    arrays, chosen = trial.inputs.arrays, trial.generator("changed")
    several = [name for name, array in arrays.items() if array.size > 1]
    # The largest first, of which a window shows least, and then any.
    names = sorted((str(each) for each in chosen.permutation(np.array(several))), key=lambda name: -arrays[name].size)
    before, found = bounds_of(trial.inputs), list[_Changed]()
    for attempt in range(tries):
        if not names or len(found) == most:
            break
        name = names[int(chosen.integers(len(names))) if found else attempt // 2 % len(names)]
        inputs = trial.inputs.but(**{name: _with_another(trial, name, attempt, chosen)})
        bounds = bounds_of(inputs)
        if _differ(before, bounds):
            found.append(_Changed(name, inputs, bounds))
            names.remove(name)
    skip_unless(found)
    return found


def _with_another(trial: Trial, name: str, attempt: int, chosen: Generator) -> Array:
    """Copy an array with another element at a random place that who looks at a window does not see."""
    array = trial.inputs.arrays[name]
    changed, first = array.copy(), _WINDOW if array.size > _WINDOW else array.size // 2
    place = first + int(chosen.integers(array.size - first))
    width, whole = array.size // len(array), [each for each in trial.inputs.arrays.values() if each.dtype.kind == "i"]
    # Of a table, rows that are looked up, for others do not show; those within a window where there are no others.
    ends = [(int(row) + 1) * width - 1 for each in whole for row in each.flat]
    least = 0 if attempt > 1 else first
    if attempt % 2 == 0 and (ends := [each for each in ends if least <= each < array.size]):
        place = int(chosen.choice(ends))
    if array.dtype.kind == "f":
        largest = np.abs(array[np.isfinite(array)]).max(initial=1.0)
        changed.flat[place] = rounded(np.array((64.0, 8.0)[attempt % 2] * largest), trial.dtype)
    elif array.dtype.kind == "b":
        changed.flat[place] ^= True
    elif (others := array[array != array.flat[place]]).size:
        changed.flat[place] = chosen.choice(others)
    return changed


def _differ(before: Mapping[str, Bound], after: Mapping[str, Bound]) -> bool:
    """Say whether an old answer is outside the new bound, whatever error it has."""
    return any(
        bool((np.abs(after[name].expected - old.expected) > after[name].worst + old.worst).any())
        for name, old in before.items()
        if old.expected.shape == after[name].expected.shape
    )
