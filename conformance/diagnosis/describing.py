"""What the errors of a failure have in common, in a failing case or a larger one, and whether other cases have it."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

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
from .arguments import of_arguments
from .further import further_cases
from .structure import structure, wrong_indices

_FACTS: Final = 2
"""Sentences about the structure of an error: the most telling say enough."""
_ENOUGH: Final = 12
"""Elements without which nothing is said of their structure: of fewer, much is true by chance."""
_OF_A_FACTOR: Final = 4
"""Elements that one factor may explain where they are fewer: three of them follow from the first, to a rounding."""
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
    compare = functools.partial(_compared, adapter, component)
    compared = functools.cache(lambda case: list(compare(case, backward)))
    told = _of_gradients(compared(cases[0])) if backward else []
    for each in (*cases, *further):
        law, facts = _of_case(component, compared, each, cases, further)
        if facts:
            return law, [*told, *facts]
    if not backward and component.gradient is not None and not _is_enough(compared(cases[0])):
        # Of a loss, its gradients tell more.
        law, facts = _of_case(component, lambda case: list(compare(case, backward=True)), cases[0], cases[:1], ())
        if facts:
            return law, facts
    return "", [*told, *_errors(compared(cases[0]))]


def _of_case(
    component: Component, compared: "_Compared", case: Case, failing: Sequence[Case], further: Sequence[Case]
) -> tuple[str, list[str]]:
    """Describe the first errors of one case of which anything can be said."""
    found = compared(case)
    dtype = case["dtype"] if component.has_dtype else "float64"
    enough = _is_enough(found)
    for place, (whose, axes, actual, bound, arguments) in enumerate(found):
        others = ([each for each in of if each != case] for of in (failing, further[-_OTHERS:]))
        confirmed = _confirmed(*(functools.partial(_of_others, compared, of, place) for of in others))
        where = f"{'' if case == failing[0] else 'on a larger input, '}{whose}"
        arrays = actual, bound.expected, bound.worst
        known = actual.size >= _OF_A_FACTOR
        law, places = structure(*arrays, axes, dtype, confirmed, few=not enough) if enough or known else ("", [])
        law = law or next(of_arguments(*arrays, arguments, axes), "")
        facts = [f"{where}{fact}" for fact in (law, *places) if fact][:_FACTS]
        if facts:
            return facts[0] if law else "", facts
    return "", []


class _Comparison(NamedTuple):
    """What came of a case and what is due."""

    whose: str
    """The words for whose it is; none for the result."""
    axes: Sequence[str]
    actual: Array
    bound: Bound
    arguments: Mapping[str, Array]


_Compared = Callable[[Case], list[_Comparison]]


def _is_enough(found: Sequence[_Comparison]) -> bool:
    """Say whether there are so many elements that their structure tells something."""
    return sum(of.bound.expected.size for of in found) >= _ENOUGH


def _errors(found: Sequence[_Comparison]) -> Iterator[str]:
    """Give the errors of the first result that is wrong, where they are few."""
    for whose, _, actual, bound, _ in found:
        errors = (actual - bound.expected).ravel()
        if wrong_indices(actual, bound.expected, bound.worst).get(0, ([], 0))[0]:
            if 1 < errors.size <= _SHOWN and np.isfinite(errors).all():
                yield f"{whose}the errors are {', '.join(f'{each:.3g}' for each in errors)}"
            return


def _of_gradients(found: Sequence[_Comparison]) -> list[str]:
    """Say which gradients are wrong, and which are right."""
    wrong, right = list[str](), list[str]()
    for whose, _, actual, bound, _ in found:
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


def _of_others(compared: _Compared, cases: Sequence[Case], place: int) -> Iterator[tuple[Array, Bound]]:
    """Give what came of other cases, and what is due there, of the result or gradient at this place."""
    for case in cases:
        yield from ((each.actual, each.bound) for each in compared(case)[place : place + 1])


def _confirmed(
    failing: Callable[[], Iterator[tuple[Array, Bound]]], others: Callable[[], Iterator[tuple[Array, Bound]]]
) -> Callable[[int, Sequence[int], int], bool]:
    """Give what says whether indices along an axis are wrong in other cases as well, as far as these have them.

    In no failing one may any other index be wrong.
    """

    def confirmed(axis: int, there: Sequence[int], size: int) -> bool:
        same = other = 0
        for number, (actual, bound) in enumerate(itertools.chain(known := list(failing()), others())):
            found, wide = wrong_indices(actual, bound.expected, bound.worst).get(axis, ([], 0))
            here, too = ([k for k in each if k < min(size, wide)] for each in (there, found))
            if number < len(known) and set(too) - set(here):
                return False
            if found and len(here) < min(size, wide):
                same, other = same + (here == too), other + (here != too)
        return same > other

    return confirmed


def _compared(adapter: Adapter, component: Component, case: Case, backward: bool) -> Iterator[_Comparison]:
    """Compare what comes of a case."""
    trial = Trial(Subject(adapter), component, case)
    arguments = trial.inputs.arrays
    with contextlib.suppress(Unsupported, Violation):
        for name, actual in trial.results().items():
            first = name == "result"
            whose, axes = "" if first else f"of {the(name)}, ", component.axes if first else ()
            yield _Comparison(whose, axes, actual, trial.bounds()[name], arguments)
        if backward and component.differentiated(case):
            bounds = trial.gradient_bounds()
            for name, gradient in trial.gradients().items():
                whose, axes = f"of the {of_gradient(name)}, ", component.axes_of(name)
                yield _Comparison(whose, axes, gradient, bounds[name], arguments)
