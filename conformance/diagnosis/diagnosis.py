"""What a failure looks like: a known bug, what could have been declared, or at least where and how it is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...adapters import Adapter
from ...adapters.contract import CONVENTIONS
from ..terms.case import Case
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..variants import Variant
from .attempts import Attempts, Declared
from .conventions import fitting_convention
from .describing import describe
from .further import further_cases
from .naming import known_bug, opened, suspects_of, violates
from .options import other_option
from .precision import fitting_precision
from .recording import Recorder
from .resembling import resemblance
from .sizes import right_at_sizes, right_in_dtypes
from .weights import OF_VALUES, of_weights

_LARGEST: Final = 2**12
"""Elements of the arguments of a case that is tried with other sizes and in other formats."""


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a failure beyond that it is one."""

    variant: Variant | None = None
    """The wrong variant that it behaves like."""
    declarations: Mapping[str, Any] = field(default_factory=dict)
    """What would make the clause pass if it were declared: a convention, or fields of the numerics."""
    structure: Sequence[str] = ()
    """What the errors have in common, where it is no known bug."""
    told: str = ""
    """Of these, or of the declarations, what says best what is wrong."""
    backward: bool = False
    """Whether gradients are in question."""

    @property
    def remark(self) -> str:
        """What a message ends with; a variant is named in a line of its own."""
        declared = [_in_words(self.declarations)] if self.declarations else []
        return "".join(f"; {each}" for each in (*declared, *self.structure))


def diagnose(adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case]) -> Diagnosis:
    """Say what the implementation looks like as it fails the clause on the cases, the smallest first."""
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, cases[0])
    if not violates(clause, trial) or trial.subject.lost:
        return Diagnosis()  # it does not fail every time, or each further call costs as much as a time-out
    backward, failing = recorder.backward, recorder.in_question
    variant = known_bug(adapter, clause, trial, failing, backward)
    further = further_cases(component, cases[0], backward)
    attempts = Attempts(adapter, clause, component, cases, backward=backward)
    declarations, obstacle, refuted = _declarations(attempts, trial.dtype, further, named=variant is not None)
    if variant and declarations and not attempts.would_pass(declarations, opened(variant)):
        variant = None  # it is another bug than what could be declared
    facts: list[str] = []
    told = _in_words(declarations) if declarations else ""
    if not variant and not declarations:
        # A bug that is no more than the convention is refuted with it.
        suspects = [
            each
            for each in suspects_of(clause, component, cases[0], backward)
            if not (refuted and each.variant.wrong and attempts.would_pass(refuted, each.adapter))
        ]
        near = resemblance(adapter, clause, trial, failing, suspects, backward=backward)
        weights = "" if backward else of_weights(adapter, component, cases[0])
        if near and near.holds:
            # In cases of this kind alone: which keys count tells whether it is only of some items, heads or queries.
            variant, facts = near.variant, [*filter(None, [weights])]
        else:
            told, facts = (
                (near.remark, [near.remark]) if near else describe(adapter, clause, component, cases, backward)
            )
            values = [weights, "" if backward else other_option(adapter, component, cases, further)]
            told = next((each for each in values if each and not each.startswith(OF_VALUES)), told)
            facts = [*filter(None, values), *facts]
            size = sum(array.size for array in trial.inputs.arrays.values())
            if size <= _LARGEST and not component.gives_data:
                at_sizes = right_at_sizes(adapter, clause, component, cases[0])
                in_dtypes = right_in_dtypes(adapter, clause, component, cases[0])
                told, facts = told or at_sizes, [*filter(None, (in_dtypes, at_sizes)), *facts]
    return Diagnosis(variant, declarations, [*filter(None, [obstacle]), *facts], told, backward)


def _in_words(declarations: Declared) -> str:
    several = " and ".join(f"{name} = {value}" for name, value in declarations.items())
    where = "" if declarations.keys() <= CONVENTIONS.keys() else " in numerics"
    return f"it would pass with {several} declared{where}"


def _declarations(
    attempts: Attempts, dtype: str, further: Sequence[Case], *, named: bool
) -> tuple[Declared, str, Declared]:
    """Find what could be declared, a convention first; or say why the convention that seems to fit does not."""
    if any(attempts.outcome(attempts.clause, case, {}).passed for case in attempts.failing):
        return {}, "", {}  # it fails now and then
    declarations, obstacle, refuted = fitting_convention(attempts)
    if declarations or attempts.component.gives_data:
        return declarations, obstacle, refuted
    precision = fitting_precision(attempts, dtype, further, named=named)
    return precision, "" if precision else obstacle, refuted
