"""A script of a few lines, run as its reader will run it: in a Python of its own, on memory as the system gives it."""

import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO, Final

from .confinement import Confined, hidden_from
from .memory import held_by
from .opening import Opening

_START: Final = 60.0
"""Seconds that imports may take beside the call."""
_MOST: Final = 2**24
"""Bytes that it may print."""
_TAIL: Final = 2**16
"""Bytes that are read of what it printed."""
_GLANCE: Final = 0.02


@dataclass(frozen=True)
class Ran:
    """What became of it."""

    status: int | None
    """The exit status, negative for a signal; None if it had to be ended."""
    printed: str
    """The end of what it printed, on either stream."""


def run_script(text: str, opening: Opening) -> Ran:
    """Run it where an adapter so opened would run: confined, and with no more time and memory than that has."""
    with tempfile.TemporaryFile("a+b") as printed:
        try:
            # -P: what lies in the folder of the user does not hide packages; -B: nothing is left beside his files.
            command = [sys.executable, "-P", "-B", "-"]
            hidden = hidden_from(opening.spec)
            confined = Confined(command, hidden, opening.sandbox, printed, output=printed, filled=False)
        except OSError as error:
            return Ran(None, str(error.strerror))
        try:
            status = _status(confined.process, text, opening, printed)
        finally:
            confined.process.kill()
            confined.process.wait()
            confined.end()
        printed.seek(-min(_TAIL, printed.seek(0, 2)), 2)
        return Ran(status, printed.read().decode(errors="replace"))


def _status(process: "subprocess.Popen[bytes]", text: str, opening: Opening, printed: IO[bytes]) -> int | None:
    """Wait for its end; None if it takes too long, prints too much or takes too much memory."""
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:  # it may end before it has read all
        process.stdin.write(text.encode())
    end = time.monotonic() + opening.timeout + _START
    while time.monotonic() < end and printed.seek(0, 2) < _MOST:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_GLANCE)
        if opening.limit is not None and (held_by(process.pid) or 0) > opening.limit:
            break
    return None
