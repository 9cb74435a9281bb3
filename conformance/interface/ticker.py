"""What is seen while a run goes on: how far it is, and each failure as soon as it has been made small.

It goes to standard error, so that a pipe stays clean: a bar on a terminal, a line now and then elsewhere.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ...adapters import Opening
from ...adapters.foreign_text import visible
from ..judging.plan import Line
from ..judging.result import Failure, Result
from ..terms.clause import Clause
from .explaining import looks_like, replay_line
from .terminal import Screen

_OFTEN, _SELDOM = 0.5, 10.0
"""Seconds between two looks at how far it is; the second where the screen cannot be drawn over, and each is a line."""
_LONG: Final = 8
"""How many times as long a line takes that has the sizes of models, or the whole covering set."""


class Ticker:
    """Progress, and news of what fails."""

    def __init__(self, opening: Opening, judged: str, lines: Sequence[Line]) -> None:
        """Begin with nothing shown."""
        self._console = Screen(stderr=True)
        self._opening, self._name = opening, visible(judged)
        self._weights = {(line.clause.id, line.component, line.dtype): _weight(line.clause) for line in lines}
        self._done, self._total, self._cases, self._failed = 0, len(lines), 0, 0
        self._under_way: Callable[[], int] = lambda: 0
        self._said, self._told = "", 0
        self._shown: set[str] = set()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
        total = sum(self._weights.values())
        self._task = self._progress.add_task(f"judging {self._name}", total=total)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress while the run goes on."""
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(over,), daemon=True)
        looking.start()
        try:
            if self._console.is_terminal:
                with self._progress:
                    yield
            else:
                yield
        finally:
            over.set()
            looking.join()

    def follow(self, lines: Sequence[Line], under_way: Callable[[], int]) -> None:
        """Expect these lines, and count the cases of those that are judged now."""
        for line in lines:
            self._weights.setdefault((line.clause.id, line.component, line.dtype), _weight(line.clause))
        self._total = max(self._total, self._done + len(lines))
        self._progress.update(self._task, total=sum(self._weights.values()))
        self._under_way = under_way

    def _look(self, over: threading.Event) -> None:
        """Show how far it is, now and then: a clause may take minutes of an implementation that is slow."""
        while not over.wait(_OFTEN if self._console.is_terminal else _SELDOM):
            self._show()

    def _show(self, advance: int = 0) -> None:
        """Show how far it is; where each time is a line, only what is new."""
        failed = f", {self._failed} failed" if self._failed else ""
        self._told = cases = max(self._told, self._cases + self._under_way())
        said = f"{self._name}: {self._done} of {self._total} clauses judged in {cases:,} cases{failed}"
        if self._console.is_terminal:
            self._progress.update(self._task, advance=advance, description=said)
        elif said != self._said:
            self._console.say(said)
        self._said = said

    def heard(self, result: Result) -> None:
        """Count one more result."""
        self._done += 1
        self._cases += result.examples
        self._failed += result.status == "fail"
        if self._console.is_terminal:
            self._show(self._weights.get((result.clause, result.component, result.dtype), 1))

    def found(self, clause: Clause, failure: Failure) -> None:
        """Show a failure that has been made small; and once more, in a word, when it is known what it looks like."""
        if failure.cause not in self._shown:
            self._shown.add(failure.cause)
            where = failure.case.partition("?")[0]
            self._console.say((f"{where} violates {clause.id}: ", "bold red"), visible(failure.message))
            self._console.say((f"  {replay_line(self._opening, clause.id, failure.case)}", "dim"))
        elif failure.looks_like:
            self._console.say(f"  {visible(looks_like(failure.looks_like))}")
        elif failure.declare:
            declared = ", ".join(f"{name} = {value}" for name, value in failure.declare.items())
            self._console.say(f"  it would pass with {visible(declared)} declared")


def _weight(clause: Clause) -> int:
    return _LONG if clause.at_size or clause.covering or clause.id == "ALL-2" else 1
