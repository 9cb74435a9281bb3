"""What is wrong with an implementation, so far: a cause is made small and diagnosed once, and what it explains is not.

Whoever judges has one `Findings` for each implementation, for as long as that is judged. A clause goes on past a case
that a known cause explains, so that one cause does not hide another; whether it does is tried, not guessed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..components import parse_case
from ..terms.case import Case
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.verdict import Outcome
from .earlier_calls import after_calls, right_by_itself
from .failing import Failing, failures_of, unlike
from .known import Known, KnownCauses
from .neighbours import trigger_of, with_neighbours
from .result import Failure, Result, family

if TYPE_CHECKING:
    from ...adapters import Adapter


@dataclass
class Findings:
    """The causes that were found in one implementation so far."""

    heard: Callable[[Clause, Failure], object] = lambda clause, failure: None
    """Told of each new failure twice: when it has been made small, and when it has been diagnosed."""
    _known: KnownCauses = field(default_factory=KnownCauses)
    _quiet: bool = False
    _ahead: "dict[tuple[str, str], _Ahead]" = field(default_factory=dict)
    """What was found of cases ahead of their turn, by clause and case."""

    def explain(
        self,
        adapter: "Adapter",
        clause: Clause,
        component: Component,
        result: Result,
        before: Callable[[Case], Sequence[Case]],
    ) -> Result:
        """Say of each failing case of a line what its cause is; a cause that is known needs no other diagnosis.

        `before` gives the cases that were judged before one.
        """
        found: dict[str, Failure] = {}
        self._quiet = result.status != "fail"
        for each in failures_of(result):
            ratio = math.inf if each.ratio is None else each.ratio
            outcome = Outcome("fail", ratio, each.message, each.how)
            failing = Failing(clause, component, Subject(adapter), parse_case(each.case), outcome)
            failure = _as_accepted(failing, self._explained(failing, before))
            found.setdefault(failure.cause, failure)
        # A wrong value tells more than an exception.
        first, *others = sorted(found.values(), key=lambda each: each.how == "exception")
        return replace(result, failure=first, others=others or None, worst_ratio=first.ratio)

    def explain_ahead(
        self,
        adapter: "Adapter",
        clause: Clause,
        component: Component,
        case: Case,
        outcome: Outcome,
        before: Callable[[Case], Sequence[Case]],
    ) -> Failure:
        """Say of a case that fails before its turn what its cause is, and tell of it.

        It is no known cause until its turn comes, and whatever is known then explains it: what a report says of a cause
        must not hang on who has looked ahead.
        """
        alone = Findings(self.heard)
        failing = Failing(clause, component, Subject(adapter), case, outcome)
        failure = _as_accepted(failing, alone._explained(failing, before))
        self._ahead[clause.id, case.id] = _Ahead(failing, failure, alone._known.every)
        return failure

    def _explained(self, failing: "Failing", before: Callable[[Case], Sequence[Case]]) -> Failure:
        lost = failing.outcome.how in ("crash", "timeout")
        if not lost and (known := self._known.explaining(failing)):
            return _due_to(known, failing.as_small_as(known).failure)
        if ahead := self._ahead.pop((failing.clause.id, failing.case.id), None):
            return self._in_its_turn(ahead)
        if lost:
            return self._lost(failing)
        if failing.again().passed and right_by_itself(failing):
            return self._of_the_past(failing, failing, before)
        return self._new(failing, before)

    def _in_its_turn(self, ahead: "_Ahead") -> Failure:
        """Take in what was found of a failing case ahead of its turn, as if it were found now."""
        for known in ahead.known:
            if known.case != ahead.failing.case:
                smallest = replace(ahead.failing, case=known.case)
                smallest = replace(smallest, outcome=smallest.again())
                if smallest.outcome.failed and (cause := self._known.explaining(smallest)):
                    return _as_accepted(smallest, _due_to(cause, smallest.failure))
        self._known.every += ahead.known
        return ahead.failure

    def _tell(self, clause: Clause, failure: Failure) -> None:
        """Tell of a failure; one that is allowed is no news."""
        if not self._quiet:
            self.heard(clause, failure)

    def _lost(self, failing: "Failing") -> Failure:
        """Say what ended a process, or kept it.

        Every attempt with a smaller case would cost as much again. One with the same case, in a new process, tells
        whether it is to blame.
        """
        innocent = failing.outcome.how == "crash" and failing.again().passed
        remark = "; by itself the case passes, so an earlier call may have damaged the memory" if innocent else ""
        failure = failing.saying(remark).failure
        self._tell(failing.clause, failure)
        return failure

    def _of_the_past(
        self, failing: "Failing", smallest: "Failing", before: Callable[[Case], Sequence[Case]]
    ) -> Failure:
        """Say after which calls a case fails that is right by itself, and keep that as a cause."""
        told = after_calls(failing, smallest, before(failing.case))
        self._tell(told.clause, told.failure)
        self._known.add(Known(told.clause, told.component, told.case, told.failure, told.outcome.how, of_the_past=True))
        return told.failure

    def _new(self, failing: "Failing", before: Callable[[Case], Sequence[Case]]) -> Failure:
        """Make a failing case small, say what it looks like, and keep it as a cause."""
        clause, component, subject = failing.clause, failing.component, failing.subject
        smallest = failing.smallest()
        if smallest.case != failing.case and not subject.lost and (known := self._known.explaining(smallest)):
            return _due_to(known, smallest.failure)
        # A new process takes seconds to start: what a known cause explains needs none.
        right = not subject.lost and right_by_itself(smallest)
        # If the failing case itself is wrong there, it is made small once more, from a process that knows of no other.
        if right and (right_by_itself(failing) or right_by_itself(smallest := failing.smallest())):
            return self._of_the_past(failing, smallest, before)
        typical = {"case": failing.case.id, "message": failing.outcome.reason} if unlike(failing, smallest) else None
        outcome = with_neighbours(clause, component, subject, smallest.case, smallest.outcome)
        trigger = {} if subject.lost else trigger_of(clause, component, subject, smallest.case)
        failure = replace(replace(smallest, outcome=outcome).failure, typical=typical, trigger=trigger)
        self._tell(clause, failure)
        if not subject.lost:
            failure = _diagnosed(failure, subject.adapter, clause, component, (smallest.case, failing.case))
            self._tell(clause, failure)
            self._known.add(Known(clause, component, smallest.case, failure, failing.outcome.how))
        return failure


def _as_accepted(failing: "Failing", failure: Failure) -> Failure:
    """Say so if it might pass in a precision class that is not accepted."""
    if not failing.subject.cut:
        return failure
    last = failing.subject.adapter.offer.precision_class
    return replace(failure, message=f"{failure.message}; nothing beyond precision class {last} is accepted")


@dataclass(frozen=True)
class _Ahead:
    """What was found of a failing case ahead of its turn."""

    failing: Failing
    failure: Failure
    known: list[Known]
    """The cause, where there is one that explains others."""


def _due_to(known: Failure, failure: Failure) -> Failure:
    """Say of a failure what is known of its cause."""
    alike = {name: getattr(known, name) for name in ("cause", "looks_like", "declare", "trigger", "backward")}
    return replace(failure, **alike)


def _diagnosed(
    failure: Failure, adapter: "Adapter", clause: Clause, component: Component, cases: tuple[Case, ...]
) -> Failure:
    """Add what the failure looks like on the smallest case and on the first."""
    # The catalogue takes a third of a second to import, and most runs have no failure.
    from ..diagnosis.diagnosis import diagnose

    diagnosis = diagnose(adapter, clause, component, list(dict.fromkeys(cases)))
    # What the numbers of the case have in common is not what an advisory clause is about, as a NaN that spreads.
    is_of_numbers = family(failure.how) == "value" and clause.level == "required"
    return replace(
        failure,
        message=f"{failure.message}{diagnosis.remark}",
        looks_like=diagnosis.variant.name if diagnosis.variant else None,
        told=diagnosis.told or None if is_of_numbers else None,
        declare=dict(diagnosis.declarations) or None,
        backward=diagnosis.backward,
    )
