"""The convention under which a failure would be none: tried, not guessed.

The clause and the values must be kept with it in the failing cases. Among the small cases in which it decides what is
due, it may break none that is kept without it, and has to mend most of those that fail.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from ...adapters.contract import CONVENTIONS
from ...oracle.rounding.numerics import precision_classes
from ..cases.drawing import covering_cases, evenly_spaced
from ..terms.case import Case
from ..terms.component import Inputs
from ..terms.subject import Subject, completed
from ..terms.trial import Trial
from .attempts import Attempts

_CASES: Final = 8
"""Cases that a convention decides, on which it is tried: half of them with empty arguments, if there are so many."""
_LARGEST: Final = 2**12
"""Elements of their arguments."""


def fitting_convention(attempts: Attempts) -> tuple[dict[str, str], str, dict[str, str]]:
    """Find the convention under which the failure is none; or say why the one that fits the failing cases does not.

    The last is that one, which further cases have refuted.
    """
    obstacle, refuted = "", dict[str, str]()
    declared = completed(attempts.answers.offer.conventions)
    # The others change nothing that is due.
    for name in (name for name in CONVENTIONS if name in attempts.component.row.conventions):
        for value in CONVENTIONS[name]:
            failing = list(attempts.prepared(attempts.values, attempts.failing))
            if value == declared[name] or not all(attempts.outcome(*each, {name: value}).passed for each in failing):
                continue
            broken, mended = _effect(attempts, name, value)
            if broken is None and mended:
                return {name: value}, "", {}
            if broken and not obstacle:
                obstacle, refuted = _obstacle(attempts.failing[0], broken, name, value), {name: value}
    return {}, obstacle, refuted


def _effect(attempts: Attempts, name: str, value: str) -> tuple[Case | None, bool]:
    """Give a case that a convention breaks, and say whether it mends most of those that fail without it."""
    mended = []
    for clause, case in attempts.prepared(attempts.clauses, list(_decided_by(attempts, name, value))):
        without, found = attempts.outcome(clause, case, {}), attempts.outcome(clause, case, {name: value})
        if without.passed and found.failed:
            return case, False
        if without.failed:
            mended.append(not found.failed)
    return None, 2 * sum(mended) >= len(mended)


def _decided_by(attempts: Attempts, name: str, value: str) -> Iterator[Case]:
    """Choose small cases of which the convention decides what is due, those with empty arguments among them."""
    component, first = attempts.component, attempts.failing[0]
    dtype = first["dtype"] if component.has_dtype else ""
    every = [*component.probes(dtype), *covering_cases(component, dtype, first["seed"])]
    if component.gives_data:
        yield from evenly_spaced(every, _CASES)
        return
    found = {True: 0, False: 0}
    for case in every:
        inputs = component.make(case)
        sizes = [array.size for array in inputs.arrays.values()]
        if sum(sizes) > _LARGEST or found[all(sizes)] == _CASES // 2:
            continue
        one, other = (_due(attempts, case, inputs, each) for each in ({}, {name: value}))
        if any(not np.array_equal(one[key], other[key], equal_nan=True) for key in one):
            found[all(sizes)] += 1
            yield case


def _due(attempts: Attempts, case: Case, inputs: Inputs, conventions: Mapping[str, str]) -> dict[str, Any]:
    """Compute the results, and the gradients where these are in question."""
    component, every = attempts.component, completed({**attempts.answers.offer.conventions, **conventions})
    (_, numerics), *_ = precision_classes(case.get("dtype", "float64"))
    with np.errstate(all="ignore"):
        found = dict(component.bounds(inputs, numerics, every))
        if attempts.backward and component.differentiated(case):
            along = Trial(Subject(attempts.answers), component, case).cotangents
            gradients = component.gradient_bounds(inputs, along, numerics, every)
            found |= {f"gradient of {name}": bound for name, bound in gradients.items()}
    return {name: bound.expected for name, bound in found.items()}


def _obstacle(failing: Case, broken: Case, name: str, value: str) -> str:
    """Say that a convention is no way out; where it is about empty arguments, what is one."""
    both = (*failing.parameters, *broken.parameters)
    empty = [f"{size} = 0" for size, number in both if type(number) is int and number == 0 and size != "seed"]
    way = f"; to refuse {empty[0]} (NotImplementedError) is a way out" if empty else ""
    return f"no {name} fits: with {value} declared this case would pass, and {broken.id} would fail{way}"
