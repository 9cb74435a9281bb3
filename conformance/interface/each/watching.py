"""What is seen of a call with many kernels: how far it is, each violation as it comes, and the end."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ....adapters.foreign_text import visible
from ..explaining import counted
from ..report import CONFORMS, NO_EVIDENCE, VIOLATES
from ..terminal import Screen
from .row import NOT_JUDGED, VERDICTS, Row
from .table import WORDS

_SELDOM: Final = 10.0
"""Seconds between two lines of progress, where the screen cannot be drawn over."""
_LONGEST: Final = 160
"""Characters of a sentence on the screen; the page has all of it."""
_STYLES: Final = {CONFORMS: "green", VIOLATES: "bold red", NO_EVIDENCE: "yellow", NOT_JUDGED: "yellow"}
_LISTED: Final = 5
"""Sentences that the end lists."""


class Watching:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, total: int, before: Mapping[str, int]) -> None:
        """Begin with the verdicts of kernels that were judged before."""
        self._screen = Screen(stderr=True)
        self._total, self._counts = total, dict.fromkeys(VERDICTS, 0) | dict(before)
        self._before = sum(before.values())
        self._began = self._said = time.monotonic()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._screen, transient=True)
        self._task = self._progress.add_task("", total=total, completed=self._before)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress while kernels are judged."""
        if not self._screen.is_terminal:
            yield
            return
        self._progress.update(self._task, description=self._far)
        with self._progress:
            yield

    def heard(self, row: Row) -> None:
        """Count a kernel; of one that violates, or was not judged, say so."""
        self._counts[row.verdict] += 1
        if row.verdict in (VIOLATES, NOT_JUDGED):
            more = f" (and {len(row.causes) - 1} more)" if row.verdict == VIOLATES and len(row.causes) > 1 else ""
            of = f"{row.causes[0]['component']}: " if row.causes else ""
            words = ("violates", _STYLES[VIOLATES]) if row.verdict == VIOLATES else ("not judged", _STYLES[NOT_JUDGED])
            self._screen.say(f"{row.adapter} ", words, f": {visible(of + row.sentence, _LONGEST)}{more}")

    def look(self) -> None:
        """Show how far it is, if that is due."""
        if self._screen.is_terminal:
            self._progress.update(self._task, description=self._far, completed=self._done)
        elif time.monotonic() - self._said > _SELDOM:
            self._said = time.monotonic()
            self._screen.say(self._far)

    @property
    def _done(self) -> int:
        return sum(self._counts.values())

    @property
    def _far(self) -> str:
        done, now = self._done, time.monotonic()
        here = done - self._before
        rate = here / max(now - self._began, 1e-3)
        pace = f"; {_rate(rate)}, {_time((self._total - done) / rate)} left" if here else ""
        return f"{done:,} of {self._total:,} done: {in_words(self._counts)}{pace}"


def in_words(counts: Mapping[str, int]) -> str:
    """Say how many kernels there are of each verdict."""
    told = [f"{counts[verdict]:,} {_many(verdict, counts[verdict])}" for verdict in VERDICTS if counts.get(verdict)]
    return ", ".join(told) or "none yet"


def _many(verdict: str, count: int) -> str:
    plural = {CONFORMS: "conform", VIOLATES: "violate"}
    return WORDS[verdict] if count == 1 else plural.get(verdict, WORDS[verdict])


def _rate(rate: float) -> str:
    return f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show_end(counts: Mapping[str, int], sentences: Sequence[tuple[str, int]], folder: str) -> None:
    """Say what became of all, which sentences are the most frequent, and where the rest is."""
    screen = Screen()
    screen.say(f"{counted(sum(counts.values()), 'kernel')}: {in_words(counts)}")
    for sentence, count in sentences[:_LISTED]:
        screen.say(f"  {count:,} times: {visible(sentence, _LONGEST)}")
    screen.say(f"{visible(folder)} has index.html, results.sqlite, and a report and a page of each")
