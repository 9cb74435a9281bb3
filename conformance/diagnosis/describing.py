"""What the errors of a failure have in common, in a failing case or a larger one, and whether other cases have it."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from ...adapters import Adapter
from ...oracle.rounding.bound import Bound
from ..terms.calls import the
from ..terms.case import Case
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.requirements import of_gradient
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from .further import further_cases
from .structure import structure, wrong_indices

_FACTS: Final = 2
"""Sentences about the structure of an error: the most telling say enough."""
_ENOUGH: Final = 12
"""Elements without which nothing is said of their structure: of fewer, much is true by chance."""
_SHOWN: Final = 8
"""Errors that are listed where nothing is said of what they have in common."""
_OTHERS: Final = 6
"""Further cases on which a place is tried before it is told."""


def describe(
    adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case], backward: bool
) -> tuple[str, list[str]]:
    """Describe what the errors have in common in a failing case or, where it is too small to tell, in a larger one.

    The law that they follow comes first, if there is one, and is among what is said of them. At the sizes of models a
    larger case takes seconds; another clause has the small cases that fail as well.
    """
    if component.gives_data:
        return "", []
    further = [] if clause.at_size else list(filter(component.generic, further_cases(component, cases[0], backward)))
    compared = functools.cache(lambda case: list(_compared(adapter, component, case, backward)))
    told = _of_gradients(compared(cases[0])) if backward else []
    for each in (*cases, *further):
        found = compared(each)
        if sum(bound.expected.size for *_, bound in found) < _ENOUGH:
            continue
        others = [case for case in (*cases, *further[-_OTHERS:]) if case != each]
        dtype = each["dtype"] if component.has_dtype else "float64"
        for place, (whose, axes, actual, bound) in enumerate(found):
            confirmed = _confirmed(functools.partial(_of_others, compared, others, place))
            where = f"{'' if each == cases[0] else 'on a larger input, '}{whose}"
            law, places = structure(actual, bound.expected, bound.worst, axes, dtype, confirmed)
            facts = [f"{where}{fact}" for fact in (law, *places) if fact][:_FACTS]
            if facts:
                return facts[0] if law else "", [*told, *facts]
    return "", [*told, *_errors(compared(cases[0]))]


def _errors(found: Sequence["_Comparison"]) -> Iterator[str]:
    """Give the errors of the first result that is wrong, where they are few."""
    for whose, _, actual, bound in found:
        errors = (actual - bound.expected).ravel()
        if wrong_indices(actual, bound.expected, bound.worst).get(0, ([], 0))[0]:
            if 1 < errors.size <= _SHOWN and np.isfinite(errors).all():
                yield f"{whose}the errors are {', '.join(f'{each:.3g}' for each in errors)}"
            return


def _of_gradients(found: Sequence["_Comparison"]) -> list[str]:
    """Say which gradients are wrong, and which are right."""
    wrong, right = list[str](), list[str]()
    for whose, _, actual, bound in found:
        if name := whose.partition("of the gradient of ")[2].rstrip(", "):
            with np.errstate(all="ignore"):
                inside = np.abs(actual - bound.expected) <= bound.worst
            (right if (inside | (actual == bound.expected)).all() else wrong).append(name)
    if not wrong or len(wrong) + len(right) == 1:
        return []
    if not right:
        return ["every gradient is wrong"]
    fewer, word = (right, "right") if len(right) < len(wrong) else (wrong, "wrong")
    which = f"those of {' and '.join(fewer)} alone are" if len(fewer) > 1 else f"that of {fewer[0]} alone is"
    return [f"of the gradients, {which} {word}"]


_Comparison = tuple[str, Sequence[str], Array, Bound]
_Compared = Callable[[Case], list[_Comparison]]


def _of_others(compared: _Compared, cases: Sequence[Case], place: int) -> Iterator[tuple[Array, Bound]]:
    """Give what came of other cases, and what is due there, of the result or gradient at this place."""
    for case in cases:
        yield from ((actual, bound) for _, _, actual, bound in compared(case)[place : place + 1])


def _confirmed(others: Callable[[], Iterator[tuple[Array, Bound]]]) -> Callable[[int, Sequence[int], int], bool]:
    """Give what says whether indices along an axis are wrong in other cases as well, as far as these have them."""

    def confirmed(axis: int, there: Sequence[int], size: int) -> bool:
        same = other = 0
        for actual, bound in others():
            found, wide = wrong_indices(actual, bound.expected, bound.worst).get(axis, ([], 0))
            here, too = ([k for k in each if k < min(size, wide)] for each in (there, found))
            if found and len(here) < min(size, wide):
                same, other = same + (here == too), other + (here != too)
        return same > other

    return confirmed


def _compared(
    adapter: Adapter, component: Component, case: Case, backward: bool
) -> Iterator[tuple[str, Sequence[str], Array, Bound]]:
    """Give what came of a case and what is due, each with the words for whose it is, of the first none, and axes."""
    trial = Trial(Subject(adapter), component, case)
    with contextlib.suppress(Unsupported, Violation):
        for name, actual in trial.results().items():
            first = name == "result"
            yield "" if first else f"of {the(name)}, ", component.axes if first else (), actual, trial.bounds()[name]
        if backward and component.differentiated(case):
            bounds = trial.gradient_bounds()
            for name, gradient in trial.gradients().items():
                yield f"of the {of_gradient(name)}, ", component.axes_of(name), gradient, bounds[name]
