"""What of a report is told to others, once each: in files for systems of continuous integration, and in annotations."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..judging.result import Result
from .explaining import replay_command
from .locating import place_of
from .report import Report


@dataclass(frozen=True)
class Finding:
    """One clause that a component violates, in whichever dtypes."""

    results: Sequence[Result]
    replay: str
    """The command that runs the smallest case of the first again."""
    place: tuple[str, int] | None
    """File and line of the function, where the adapter is a file."""

    @property
    def first(self) -> Result:
        """The violation that is shown."""
        return self.results[0]

    @property
    def dtypes(self) -> list[str]:
        """The formats in which it is violated."""
        return [each.dtype for each in self.results if each.dtype]

    @property
    def title(self) -> str:
        """Say what violates which clause, and where."""
        where = f" in {', '.join(self.dtypes)}" if self.dtypes else ""
        return f"{self.first.component}{where} violates {self.first.clause}"

    @property
    def found(self) -> str:
        """Say what was found; it is foreign text."""
        assert self.first.failure is not None
        like = self.first.failure.looks_like
        return (f"like {like}: " if like else "") + self.first.failure.message


def findings(report: Report, status: str = "fail", level: str = "required") -> list[Finding]:
    """Return what a report has of a status and level, in its order."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in report.results:
        if (result.status, result.level) == (status, level) and result.failure is not None:
            groups.setdefault((result.component, result.clause), []).append(result)
    spec = report.opening.spec
    return [
        Finding(group, replay_command(report.opening, group[0]), place_of(spec, group[0].component))
        for group in groups.values()
    ]
