"""What a failure looks like: a known bug, what could have been declared, or at least where and how it is wrong."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...adapters import Adapter
from ...adapters.contract import CONVENTIONS
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
from ..variants import Variant
from .attempts import Attempts, Declared
from .conventions import fitting_convention
from .further import further_cases
from .naming import known_bug, opened, violates
from .precision import fitting_precision
from .recording import Recorder
from .resembling import resemblance
from .structure import structure

_FACTS: Final = 2
"""Sentences about the structure of an error: the most telling say enough."""
_ENOUGH: Final = 12
"""Elements without which nothing is said of their structure: of fewer, much is true by chance."""


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a failure beyond that it is one."""

    variant: Variant | None = None
    """The wrong variant that it behaves like."""
    declarations: Mapping[str, Any] = field(default_factory=dict)
    """What would make the clause pass if it were declared: a convention, or fields of the numerics."""
    structure: Sequence[str] = ()
    """What the errors have in common, where it is no known bug."""
    backward: bool = False
    """Whether gradients are in question."""

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
    if not violates(clause, trial) or trial.subject.lost:
        return Diagnosis()  # it does not fail every time, or each further call costs as much as a time-out
    backward = any(bool(call.cotangents) for exchange in recorder.exchanges for call in exchange.calls)
    failing = list(recorder.exchanges)
    variant = known_bug(adapter, clause, trial, failing, backward)
    further = further_cases(component, cases[0], backward)
    attempts = Attempts(adapter, clause, component, cases, backward=backward)
    declarations, obstacle = _declarations(attempts, trial.dtype, further, named=variant is not None)
    if variant and declarations and not attempts.would_pass(declarations, opened(variant)):
        variant = None  # it is another bug than what could be declared
    facts: list[str] = []
    if not variant and not declarations:
        near = resemblance(adapter, clause, trial, failing, backward=backward)
        if near and near.holds:
            variant = near.variant
        elif near:
            facts = [near.remark]
        else:
            facts = _structure(adapter, clause, component, cases, backward)
    return Diagnosis(variant, declarations, [*filter(None, [obstacle]), *facts], backward)


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
    further = [] if clause.at_size else further_cases(component, cases[0], backward)
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
