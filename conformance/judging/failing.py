"""A case that an implementation fails: once more, smaller, with what else there is to say; and as the report has it."""

from dataclasses import dataclass, replace
from typing import Final

from ..components import parse_case
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .result import Failure, Result
from .shrinking import first_size_that_fails, shrink, with_plain_sizes
from .trying import Tried

_FAR_MORE: Final = 100
"""How many times the smallest case's error ratio one is that tells more than it."""


@dataclass(frozen=True)
class Failing:
    """A case that an implementation fails."""

    clause: Clause
    component: Component
    subject: Subject
    case: Case
    outcome: Outcome

    def again(self) -> Outcome:
        """Check it once more."""
        return check(self.clause, Trial(Subject(self.subject.adapter), self.component, self.case))

    def saying(self, remark: str) -> "Failing":
        """Add a remark to what is said of it."""
        return replace(self, outcome=replace(self.outcome, reason=f"{self.outcome.reason}{remark}"))

    def smallest(self) -> "Failing":
        """Make it small."""
        clause, component, subject = self.clause, self.component, self.subject
        case, outcome = self.case, self.outcome
        if clause.at_size:
            case, outcome = with_plain_sizes(clause, component, subject, case, outcome)
        case, outcome = shrink(clause, component, subject, case, outcome)
        if clause.at_size:
            case, outcome = first_size_that_fails(clause, component, subject, case, outcome)
        return replace(self, case=case, outcome=outcome)

    def as_small_as(self, known: Failure) -> "Failing":
        """Show it on the case that shows its cause, if that fails the clause; as it is, if not."""
        of_cause = parse_case(known.case)
        case = self.clause.prepare(of_cause.but(dtype=self.case["dtype"]) if "dtype" in of_cause else of_cause)
        if case is None or self.clause.at_size or not self.component.admissible(case):
            return self
        outcome = check(self.clause, Trial(self.subject, self.component, case))
        return replace(self, case=case, outcome=outcome) if outcome.failed else self

    @property
    def failure(self) -> Failure:
        """As the report has it."""
        return failure_of(self.clause, self.case, self.outcome)


def failures_of(result: Result) -> list[Failure]:
    """List all failures of a line, the one that stands for it first."""
    return [each for each in (result.failure, *(result.others or ())) if each is not None]


def as_found(found: Tried) -> list[Failure]:
    """Write down the failing cases as they were found."""
    return [failure_of(found.clause, case, outcome) for case, outcome in found.failing]


def failure_of(clause: Clause, case: Case, outcome: Outcome) -> Failure:
    """Write down a failing case; it is a cause of its own until one is known."""
    return Failure(outcome.reason, case.id, _finite(outcome.ratio), how=outcome.how, cause=f"{clause.id} {case.id}")


def _finite(ratio: float) -> float | None:
    return ratio if ratio < float("inf") else None


def unlike(first: Failing, smallest: Failing) -> bool:
    """Say whether what was found first is not like the smallest: another claim, a NaN or not, or far more."""
    claims = {each.outcome.reason.partition(":")[0] for each in (first, smallest)}
    numbers = {each.outcome.ratio < float("inf") for each in (first, smallest)}
    return len(claims) > 1 or len(numbers) > 1 or first.outcome.ratio > _FAR_MORE * smallest.outcome.ratio
