"""Judges of this machine, as whoever hands kernels to them sees it; `server.py` starts and ends them."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from ...judging.memory import budget_by_default
from ..session import MEMORY, THREADS
from .row import LOGGED, Ended
from .server import LOG, PAGE, REPORT, remove

_TELLING: Final = ("GITHUB_", "PYTEST_", "RAY_")
"""How names of variables begin that are meant for the whole call, and for no single judge."""
_PATIENCE: Final = 10.0
"""Seconds in which a server that is told to end has done so."""


@dataclass(frozen=True)
class Job:
    """A kernel that is handed to a judge."""

    number: int
    spec: str
    words: Sequence[str]
    """Those after `assay run`, without the adapter."""
    limit: float
    """The seconds after which the judge is ended."""
    folder: str = ""
    """From where the adapter's name is seen; the working directory, if it is empty."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that this judge has, and others have not."""


class Judges(Protocol):
    """Who judges."""

    room: int
    """How many kernels may be handed over beside each other."""

    def start(self, job: Job) -> None:
        """Hand a kernel over."""

    def ended(self, timeout: float) -> list[Ended]:
        """Wait so many seconds until a judge has ended, and return what is known of each that has."""

    def close(self) -> None:
        """End every judge."""


class Local:
    """So many judges beside each other on this machine."""

    def __init__(self, room: int, *, beside: int | None = None, place: str | None = None, forks: bool = True) -> None:
        """Start the server; `forks` says whether judges are forks of it, where that is safe.

        Their folders lie in `place`, or where temporary ones do.

        The memory is shared with those that judge `beside` it on this machine, if these are not its own.
        """
        self.room, self._forks, self._place = room, forks, place
        budget = budget_by_default()
        self._memory = [] if budget is None else [f"--memory={max(budget // (beside or room), 1)}"]
        self._at_work: dict[int, tuple[Job, float]] = {}
        self._unread = b""
        self._server = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_TELLING)}
        # Each has one core; and importing numpy starts no thread then, beside which nothing could be forked.
        one = dict.fromkeys(THREADS, "1")
        environment = {**one, **MEMORY, **environment} | ({"TMPDIR": self._place} if self._place else {})
        command = [sys.executable, "-P", "-m", f"{__package__}.server", *["--spawn"] * (not self._forks)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True)

    def start(self, job: Job) -> None:
        """Hand a kernel over; if the server is gone, `ended` tells."""
        self._at_work[job.number] = job, time.monotonic()
        memory = [] if any(word.startswith("--memory=") for word in job.words) else self._memory
        asked: dict[str, Any] = {
            "start": job.number,
            "words": [*memory, *job.words, "--", job.spec],
            "limit": job.limit,
        }
        asked |= {"in": job.folder or str(Path.cwd()), "environment": dict(job.environment)}
        line = json.dumps(asked) + "\n"
        assert self._server.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.write(line.encode())
            self._server.stdin.flush()

    def ended(self, timeout: float) -> list[Ended]:
        """Wait; of a server that has died, every judge has ended, and another is started."""
        assert self._server.stdout is not None
        ready, _, _ = select.select([self._server.stdout], [], [], timeout)
        if not ready:
            return []
        data = os.read(self._server.stdout.fileno(), 1 << 16)
        if not data:
            return self._lost()
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [self._taken(json.loads(line)) for line in lines]

    def _taken(self, told: dict[str, Any]) -> Ended:
        """Take in what a judge has left, and remove it."""
        folder = Path(told["folder"])
        self._at_work.pop(told["ended"], None)
        found = {name: read_if_there(folder / name) for name in (REPORT, PAGE, LOG)}
        remove(folder)
        log = (found[LOG] or b"")[-LOGGED:].decode(errors="replace")
        measured = (told["seconds"], told["cpu"], told["late"])
        return Ended(told["ended"], told["status"], found[REPORT], found[PAGE], log, *measured)

    def _lost(self) -> list[Ended]:
        status = self._server.wait()
        lost, self._at_work, self._unread = self._at_work, {}, b""
        self._close_pipes()
        self._server = self._started()
        log, now = "the process that starts the judges has ended", time.monotonic()
        return [Ended(number, status or 70, log=log, seconds=now - began) for number, (_, began) in lost.items()]

    def close(self) -> None:
        """End the server, and with it the judges."""
        assert self._server.stdin is not None
        with contextlib.suppress(OSError):
            self._server.stdin.close()
        try:
            self._server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._server.stdin, self._server.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()


def read_if_there(file: Path) -> bytes | None:
    """Return the bytes of a file; None where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError:
        return None
