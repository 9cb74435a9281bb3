"""Kernels go to the judges, and what comes back into the folder: each once, whatever ends the call."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ....adapters.foreign_text import visible
from ..options import UsageError
from ..report_files import write_whole
from .database import Database
from .judges import Job, Judges
from .kernels import Kernel, key_of
from .row import Ended, Row, died, log_of, report_of, row_of
from .table import table_page
from .watching import Watching

_GLANCE: Final = 0.5
"""Seconds between two looks at how far it is."""
_EVERY: Final = 20.0
"""Seconds between two times that the page is written."""
_TRIES: Final = 2
"""How often a kernel is given to a judge that dies."""


@dataclass
class Folder:
    """Where everything goes."""

    path: Path
    database: Database
    asked: str
    """The options, in words, for the page."""
    total: int
    written: float = field(default=float("-inf"))

    def take(self, row: Row, ended: Ended) -> None:
        """Keep what came of a kernel: its files first, so that a row never speaks of what is not there."""
        has_report = row.seed is not None
        kept = {"json": ended.report, "html": ended.page} if has_report else {"log": log_of(ended).encode()}
        for kind in ("json", "html", "log"):
            path, text = self.path / f"{row.file}.{kind}", kept.get(kind)
            try:
                if text is not None:
                    write_whole(path, text)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise UsageError(f"{visible(path)} cannot be written: {error.strerror}") from None
        self.database.put(row, ended.number)

    def has(self, kernel: Kernel) -> bool:
        """Say whether something of a kernel is there that a row may speak of."""
        return any((self.path / f"{kernel.file}.{kind}").exists() for kind in ("json", "log"))

    def show(self, *, at_once: bool = True) -> None:
        """Write the page, if that is due."""
        if at_once or time.monotonic() - self.written > _EVERY:
            rows = self.database.rows()
            try:
                write_whole(self.path / "index.html", table_page(rows, self.asked, self.total - len(rows)))
            except OSError as error:
                raise UsageError(f"{visible(self.path / 'index.html')} cannot be written: {error.strerror}") from None
            self.written = time.monotonic()


@dataclass(frozen=True)
class Asked:
    """What is asked of every kernel."""

    words: Sequence[str]
    """The options of `assay run`."""
    digest: str
    """Of these, and of all else that kernels have in common."""
    limit: float
    """Seconds after which a judge is ended."""


def conduct(
    kernels: Sequence[Kernel], left: Sequence[Kernel], judges: Judges, folder: Folder, asked: Asked, watching: Watching
) -> bool:
    """Judge the kernels that are left; say whether that came to its end, or was interrupted."""
    places = {kernel.file: place for place, kernel in enumerate(kernels, 1)}
    waiting = list(reversed(left))
    at_work: dict[int, tuple[Kernel, str]] = {}
    tries: dict[int, int] = {}
    try:
        with contextlib.closing(judges), watching.shown():
            while waiting or at_work:
                while waiting and len(at_work) < judges.room:
                    kernel = waiting.pop()
                    number = places[kernel.file]
                    tries[number] = tries.get(number, 0) + 1
                    # The key is of the bytes that there are before its judge reads them.
                    at_work[number] = kernel, key_of(kernel, asked.digest)
                    judges.start(Job(number, kernel.spec, asked.words, asked.limit))
                for ended in judges.ended(_GLANCE):
                    kernel, key = at_work.pop(ended.number)
                    report = report_of(ended)
                    if died(ended, report) and tries[ended.number] < _TRIES:
                        waiting.append(kernel)
                        continue
                    row = row_of(kernel, key, ended, report, tries[ended.number], asked.limit)
                    folder.take(row, ended)
                    watching.heard(row)
                watching.look()
                folder.show(at_once=False)
    except KeyboardInterrupt:
        return False
    return True


def left_of(kernels: Sequence[Kernel], folder: Folder, asked: Asked) -> tuple[list[Kernel], Mapping[str, str]]:
    """Return the kernels that are to be judged, and the keys of those that were, by their files."""
    judged = folder.database.judged(asked.limit)
    left = [
        kernel
        for kernel in kernels
        if kernel.file not in judged or judged[kernel.file] != key_of(kernel, asked.digest) or not folder.has(kernel)
    ]
    return left, judged
