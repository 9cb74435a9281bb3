"""What each process is judging now, in a file: what ends it takes no failure along, and others see how far it is."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ..judging.judging import so_far
from ..judging.plan import Line
from ..judging.result import Result, result_from_json
from ..judging.trying import Tried

_EVERY: Final = 0.2
"""Seconds between two notes of how many cases were judged; a failure is noted at once."""


class Journal:
    """Notes of one line."""

    def __init__(self, folder: str, line: Line) -> None:
        """Take a folder that the session has for it; without one, nothing is noted."""
        self._file, self._line = Path(folder, f"{os.getpid()}.journal") if folder else None, line
        self._last, self._failing = time.monotonic(), 0

    def note(self, found: Tried) -> None:
        """Note what has come of the cases so far, if that is due."""
        more = len(found.failing) > self._failing
        if self._file is None or not (more or time.monotonic() - self._last > _EVERY):
            return
        self._last, self._failing = time.monotonic(), len(found.failing)
        result = so_far(found, self._line) if found.failing else None
        noted = {"line": self._line.name, "cases": found.examples, "result": result and result.as_json()}
        part = self._file.with_suffix(".part")
        with contextlib.suppress(OSError):  # a folder that is gone ends the session in its own way
            part.write_text(json.dumps(noted), encoding="utf-8")
            part.replace(self._file)


def cases_under_way(folder: Path, lines: Mapping[str, Line]) -> int:
    """Count the cases of lines that are not finished, as far as they were noted."""
    return sum(noted["cases"] for noted in _noted(folder) if noted["line"] in lines)


def failures_under_way(folder: Path, lines: Mapping[str, Line]) -> dict[Line, Result]:
    """Return what has failed in lines that were not finished."""
    return {
        lines[noted["line"]]: result_from_json(noted["result"])
        for noted in _noted(folder)
        if noted["line"] in lines and noted["result"]
    }


def _noted(folder: Path) -> Iterator[Mapping[str, Any]]:
    for file in folder.glob("*.journal"):
        with contextlib.suppress(OSError, ValueError):
            yield json.loads(file.read_text(encoding="utf-8"))
