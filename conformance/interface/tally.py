"""What came of a component in a dtype, in numbers: what a cell of every table says, in words of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..judging.result import Result, lack_of_evidence


@dataclass(frozen=True)
class Tally:
    """The required clauses of a component in a dtype."""

    passed: int
    failed: int
    allowed: int
    vacuous: int
    unseen: str
    """Why they are no evidence; empty where they are."""
    ratio: float
    """The largest error ratio of those that passed."""
    precision_class: int
    """The loosest that one of those took; 0 where none was compared with a bound."""

    @property
    def done(self) -> int:
        """How many were judged."""
        return self.passed + self.failed + self.allowed


def tally(results: Sequence[Result]) -> Tally:
    """Count what came of a component in a dtype."""
    required = [each for each in results if each.level == "required"]
    passed = [each for each in required if each.status == "pass"]
    statuses = [each.status for each in required]
    return Tally(
        len(passed),
        statuses.count("fail"),
        statuses.count("allowed"),
        statuses.count("vacuous"),
        lack_of_evidence(results),
        max((each.worst_ratio or 0.0 for each in passed), default=0.0),
        max((each.precision_class or 0 for each in passed), default=0),
    )
