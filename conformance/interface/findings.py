"""What of a report is told to systems of continuous integration, in files and annotations: each cause once."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ..judging.causes import Cause
from ..judging.result import Failure, Result
from .explaining import conditions, replay_command, sentence
from .locating import place_of
from .report import Report


@dataclass(frozen=True)
class Finding:
    """One cause, or what of it is violated in earnest, allowed, or advisory."""

    cause: Cause
    results: Sequence[Result]
    replay: str
    """The command that runs the smallest case again."""
    place: tuple[str, int] | None
    """File and line of the function, where the adapter is a file."""

    @property
    def first(self) -> Result:
        """The line that shows it."""
        return self.cause.example[0]

    @property
    def failure(self) -> Failure:
        """What is wrong in it."""
        return self.cause.failure

    @property
    def title(self) -> str:
        """Say what violates which clauses, and where."""
        dtypes = list(dict.fromkeys(each.dtype for each in self.results if each.dtype))
        components = dict.fromkeys(each.component for each in (self.first, *self.results))
        where = f" in {', '.join(dtypes)}" if dtypes else ""
        more = f" ({len(self.results)} violations)" if len(self.results) > 1 else ""
        return f"{', '.join(components)}{where} violates {self.first.clause}{more}"

    @property
    def found(self) -> str:
        """Say what was found; it is foreign text."""
        taken = conditions(self.cause)
        told = [sentence(self.cause), f"with {taken}" if taken else ""]
        if self.failure.looks_like:
            told = [f"like {self.failure.looks_like}", *told, self.failure.message]
        return "; ".join(filter(None, told))


def findings(report: Report, status: str = "fail", level: str = "required") -> list[Finding]:
    """Return what a report has of a status and level: what explains most comes first."""
    found = []
    for cause in report.causes:
        results = [each for each in cause.results if (each.status, each.level) == (status, level)]
        members = [each for each in (cause.example, *cause.members) if any(each[0] is result for result in results)]
        if members:
            (result, failure), *_ = members
            replay = replay_command(report.opening, dataclasses.replace(result, failure=failure))
            place = place_of(report.opening.spec, result.component)
            found.append(Finding(dataclasses.replace(cause, example=members[0]), results, replay, place))
    return found
