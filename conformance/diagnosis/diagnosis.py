"""What a failure looks like: a known bug, what could have been declared, or at least where and how it is wrong.

A wrong variant is named if it gives the implementation's answers, within both their roundings, to every call that the
failing clause made and to further cases, and fails that clause itself. It is not guessed from numbers that are near.
"""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ...adapters import Adapter, open_object
from ...adapters.contract import CONVENTIONS
from ...oracle.rounding.bound import Bound
from ..cases.drawing import covering_cases, evenly_spaced
from ..components import COMPONENTS
from ..terms.calls import the
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.requirements import of_gradient
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from ..variants import Variant, variants
from .attempts import Attempts, Declared
from .conventions import fitting_convention
from .likeness import Allowance, distance
from .precision import fitting_precision
from .recording import Exchange, Recorder
from .structure import structure

_FEW: Final = 16
"""Small cases that each known bug must answer as the implementation does, before the failing clause is tried on it."""
_MANY: Final = 48
"""Cases that tell apart those which are left. Numbers, not times, so that the same seed gives the same report."""
_FACTS: Final = 2
"""Sentences about the structure of an error: the most telling say enough."""
_ENOUGH: Final = 12
"""Elements without which nothing is said of their structure: of fewer, much is true by chance."""
_GRADIENTS_TAKE: Final = 3
"""A case with gradients costs about as much as so many without."""
_LONGEST: Final = 10_000
"""Letters of a call beyond which no known bug is tried on it: some take a time that is quadratic in them."""


@dataclass
class _Suspect:
    """A wrong variant that has answered as the implementation does, so far."""

    variant: Variant
    adapter: Adapter
    distance: float = 0.0
    """The largest distance of two answers, relative to the largest element."""


@dataclass
class _LineUp:
    """The wrong variants of a component, fewer with each exchange."""

    component: Component
    trial: Trial
    """One that the implementation has failed: its numerics and conventions are those that count."""
    suspects: list[_Suspect]

    def confront(self, exchange: Exchange) -> None:
        """Keep those that answer alike."""
        allowances = [Allowance(self.component, self.trial, call) for call in exchange.calls]
        left = []
        for suspect in self.suspects:
            answers = suspect.adapter.sequence(exchange.calls)
            each = [distance(*of) for of in zip(exchange.replies, answers, allowances, strict=True)]
            if all(distance is not None for distance in each):
                suspect.distance = max([suspect.distance, *(distance or 0.0 for distance in each)])
                left.append(suspect)
        self.suspects = left


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a failure beyond that it is one."""

    variant: Variant | None = None
    """The wrong variant that it behaves like."""
    declarations: Mapping[str, Any] = field(default_factory=dict)
    """What would make the clause pass if it were declared: a convention, or fields of the numerics."""
    structure: Sequence[str] = ()
    """What the errors have in common, where it is no known bug."""

    @property
    def remark(self) -> str:
        """What a message ends with; a variant is named in a line of its own."""
        several = " and ".join(f"{name} = {value}" for name, value in self.declarations.items())
        where = "" if self.declarations.keys() <= CONVENTIONS.keys() else " in numerics"
        declared = [f"it would pass with {several} declared{where}"] if several else []
        return "".join(f"; {each}" for each in (*declared, *self.structure))


def diagnose(adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case]) -> Diagnosis:
    """Say what the implementation looks like as it fails the clause on the cases, the smallest first."""
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, cases[0])
    if not _violates(clause, trial) or trial.subject.lost:
        return Diagnosis()  # it does not fail every time, or each further call costs as much as a time-out
    backward = any(bool(call.cotangents) for exchange in recorder.exchanges for call in exchange.calls)
    variant = _known_bug(adapter, clause, trial, list(recorder.exchanges), backward)
    further = _further(component, cases[0], backward)
    attempts = Attempts(adapter, clause, component, cases, backward=backward)
    declarations, obstacle = _declarations(attempts, trial.dtype, further, named=variant is not None)
    if variant and declarations and not attempts.would_pass(declarations, _opened(variant)):
        variant = None  # it is another bug than what could be declared
    facts = [] if variant or declarations else _structure(adapter, clause, component, cases, backward)
    return Diagnosis(variant, declarations, [*filter(None, [obstacle]), *facts])


def _declarations(attempts: Attempts, dtype: str, further: Sequence[Case], *, named: bool) -> tuple[Declared, str]:
    """Find what could be declared, a convention first; or say why the convention that seems to fit does not."""
    if any(attempts.outcome(attempts.clause, case, {}).passed for case in attempts.failing):
        return {}, ""  # it fails now and then
    declarations, obstacle = fitting_convention(attempts)
    if declarations or attempts.component.gives_data:
        return declarations, obstacle
    precision = fitting_precision(attempts, dtype, further, named=named)
    return precision, "" if precision else obstacle


def _structure(
    adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case], backward: bool
) -> list[str]:
    """Describe what the errors have in common in a failing case or, where it is too small to tell, in a larger one.

    At the sizes of models a larger one takes seconds; another clause has the small cases that fail as well.
    """
    if component.gives_data:
        return []
    further = [] if clause.at_size else _further(component, cases[0], backward)
    for each in (*cases, *filter(component.generic, further)):
        compared = list(_compared(adapter, component, each, backward))
        if sum(bound.expected.size for *_, bound in compared) < _ENOUGH:
            continue
        dtype = each["dtype"] if component.has_dtype else "float64"
        for whose, axes, actual, bound in compared:
            found = structure(actual, bound.expected, bound.worst, axes, dtype)[:_FACTS]
            if found:
                where = "on a larger input, " if each not in cases else ""
                return [f"{where}{whose}{fact}" for fact in found]
    return []


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


def _known_bug(
    adapter: Adapter, clause: Clause, trial: Trial, failing: Sequence[Exchange], backward: bool
) -> Variant | None:
    """Find the wrong variant that answers as the implementation does, and is as wrong."""
    component, case = trial.component, trial.case
    if any(_letters(call.options) > _LONGEST for exchange in failing for call in exchange.calls):
        return None
    line_up = _LineUp(component, trial, list(_suspects(component, case, backward)))
    few, _ = _numbers(backward)
    further = _further(component, case, backward)
    # The largest of the few first: most known bugs show there, and need not be asked again.
    for number, each in enumerate([*reversed(further[:few]), *further[few:]]):
        if number == few:
            for exchange in failing:
                line_up.confront(exchange)
        if len(line_up.suspects) < (2 if number > few else 1):
            break
        for exchange in _answers(adapter, component, each, backward):
            line_up.confront(exchange)
    # A right one that is as near has the same answers: as with a NaN in a masked value, or an error too small to tell.
    right = [suspect.distance for suspect in line_up.suspects if not suspect.variant.wrong]
    for suspect in sorted(line_up.suspects, key=lambda one: one.distance):
        nearer = all(2 * suspect.distance < distance for distance in right)
        if nearer and _violates(clause, Trial(Subject(Recorder(suspect.adapter, adapter.offer)), component, case)):
            return suspect.variant
    return None


def _suspects(component: Component, case: Case, backward: bool) -> Iterator[_Suspect]:
    """List every wrong variant that is at home in the dtype, and a right one."""
    # Those with gradients have right values.
    every = [each for each in variants(component.name) if (each.vjp is not None) == backward]
    right = next((each for each in every if not each.wrong), None)
    for variant in every:
        at_home = not component.has_dtype or case["dtype"] in variant.dtypes
        if at_home and (variant.wrong or variant is right):
            yield _Suspect(variant, _opened(variant))


def _opened(variant: Variant) -> Adapter:
    return open_object(variant.adapter(), variant.name)


def _further(component: Component, case: Case, backward: bool) -> list[Case]:
    """List cases of every kind: as many small ones as are wanted first, then others up to any size."""
    dtype = case["dtype"] if component.has_dtype else ""
    every = covering_cases(component, dtype, case["seed"])
    # Whatever the seed and the dtype, they are as large.
    plain = covering_cases(component, "float64" if component.has_dtype else "", 0)
    asked = [k for k, each in enumerate(every) if not backward or component.differentiated(each)]
    kept = {every[k]: size for k in asked if (size := _size(plain[k]))}
    few, many = _numbers(backward)
    small = list(evenly_spaced(sorted(kept, key=kept.__getitem__)[: len(kept) // 2], few))
    return [*small, *evenly_spaced([each for each in kept if each not in small], many - few)]


def _numbers(backward: bool) -> tuple[int, int]:
    return (_FEW // _GRADIENTS_TAKE, _MANY // _GRADIENTS_TAKE) if backward else (_FEW, _MANY)


@functools.cache
def _size(case: Case) -> int:
    """Count the numbers and letters of a case; an empty call has none, and tells nothing apart."""
    inputs = COMPONENTS[case.component].make(case)
    sizes = [np.size(array) for array in inputs.arrays.values()] or [_letters(inputs.options)]
    return sum(sizes) if all(sizes) else 0


def _letters(options: Mapping[str, object]) -> int:
    return len(str(options))


def _answers(adapter: Adapter, component: Component, case: Case, backward: bool) -> Iterable[Exchange]:
    """Ask the implementation for its answers to a case, its gradients included where they are in question.

    What it refuses, and where it breaks down, is left out: that may be another bug.
    """
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    for ask in (trial.reply, trial.gradient_reply) if backward else (trial.reply,):
        try:
            ask()
        except (Unsupported, Violation):
            return ()
    return recorder.exchanges


def _violates(clause: Clause, trial: Trial) -> bool:
    return check(clause, trial).failed
