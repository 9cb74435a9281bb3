"""A program behind two pipes that may crash, hang or talk nonsense, and a conversation with it that never blocks.

One thread owns the pipes of one program: it writes a request, reads the reply and hands it over in a queue, so a
time-out is a time-out of the queue, on every platform, and a program that stops reading cannot block us either.
"""

import contextlib
import errno
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .confinement import Confined
from .memory import held_by, in_words, peak_of
from .message import Array, EndOfMessages, frame, read_message
from .shared_memory import Blocks

_TAIL = 4000
_MOST_ERRORS = 2**26
"""Bytes of standard error that are kept; what floods it does not fill the disk."""
_GLANCE = 0.05
"""Seconds between two looks at the memory of a program that is at work."""
_Message = tuple[Mapping[str, Any], Mapping[str, Array]]


class Failure(Exception):
    """The program is of no use any more: it died, hung, or broke the protocol."""

    def __init__(self, status: str, message: str, detail: str, *, killed: bool = False) -> None:
        """Take status, line and end of standard error as in `Reply`, and whether somebody else has killed it."""
        super().__init__(message)
        self.status, self.message, self.detail, self.killed = status, message, detail, killed


class Process:
    """One run of a program. After a `Failure`, or `stop`, it is over; start another."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        called: str = "the worker",
        hidden: Sequence[str] = (),
        sealed: bool = False,
        limit: int | None = None,
        shared: Blocks | None = None,
    ) -> None:
        """Start it, confined; OSError if there is no such program. With more bytes than `limit` it is ended.

        `called` is what messages call it. It inherits the memory that is `shared`, which ends with it.
        """
        self._called, self._limit = called, limit
        # Opened for appending: while the program lives, the place where it writes is not ours to move.
        self._errors: IO[bytes] = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (closed by `stop`)
        self._shared = shared or Blocks()
        try:
            self._confined = Confined(command, hidden, sealed, self._errors, descriptors=self._shared.descriptors)
        except OSError:
            self._errors.close()
            self._shared.close()
            raise
        self._process = self._confined.process
        _first_to_go(self._process.pid)
        self._requests: queue.SimpleQueue[tuple[list[bytes | memoryview], int | None] | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[_Message | Exception] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._converse, name=f"pipes of {command[0]}", daemon=True).start()
        except RuntimeError as error:  # there are too many threads
            self._process.kill()
            self._process.communicate()  # which closes the pipes, too
            self.stop()
            raise OSError(errno.EAGAIN, str(error)) from None

    def receive(self, timeout: float) -> _Message:
        """Wait for the next message; raise `Failure` if none comes in time, or ever will."""
        message = self._next(time.monotonic() + timeout)
        if message is None:
            raise self._failed("timeout", f"{self._called} gave no answer within {timeout:g} s")
        if isinstance(message, EndOfMessages | OSError):
            raise self._failed("died", "")
        if isinstance(message, Exception):
            raise self._failed("malformed", " ".join(str(message).split()) or type(message).__name__)
        return message

    def exchange(
        self, header: Mapping[str, Any], tensors: Mapping[str, Array], timeout: float, most: int | None = None
    ) -> _Message:
        """Send a request and wait for its reply, whose tensors may have so many bytes."""
        self._requests.put((frame(header, tensors, self._shared.requests), most))
        reply, results = self.receive(timeout)
        if reply.get("id") != header["id"]:
            raise self._failed("malformed", f"request {header['id']} was answered with id {reply.get('id')!r}")
        return reply, results

    @property
    def holds(self) -> tuple[str, ...]:
        """What keeps it away from the judge."""
        return self._confined.holds

    @property
    def peak(self) -> int | None:
        """The most bytes of memory that it has had so far; None where nobody knows."""
        return peak_of(self._process.pid)

    def stop(self, patience: float = 0.5) -> None:
        """End it: close its input, wait a moment, then kill."""
        self._requests.put(None)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._confined.end()
        self._errors.close()
        self._shared.close()

    def _next(self, end: float) -> _Message | Exception | None:
        """Wait for what comes next; None if nothing does. A program that takes too much memory is ended."""
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=min(left, _GLANCE))
            if os.fstat(self._errors.fileno()).st_size > _MOST_ERRORS:
                self._errors.truncate(0)  # it is opened for appending: the program goes on at the beginning
            held = held_by(self._process.pid) if self._limit is not None else None
            if held is not None and self._limit is not None and held > self._limit:
                allowed = f"where {in_words(self._limit)} are allowed (--limit)"
                words = f"{self._called} took {in_words(held)} of memory, {allowed}"
                self._process.kill()
                raise self._failed("died", words, killed=True)
        return None

    def _failed(self, status: str, message: str, *, killed: bool = False) -> Failure:
        try:
            # A program that ended by itself tells how; one that hangs or talks nonsense need not be waited for.
            self._process.wait(1.0 if status == "died" else 0.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            message = message or f"{self._called} closed its output without ending"
        killed = killed or (status == "died" and not message and _was_killed(self._process.returncode))
        self._errors.seek(-min(_TAIL, self._errors.seek(0, 2)), 2)
        tail = self._errors.read().decode(errors="replace").strip()
        failure = Failure(status, message or f"{self._called} {_ending(self._process.returncode)}", tail, killed=killed)
        self.stop()
        return failure

    def _converse(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        requests, replies = self._process.stdin, self._process.stdout
        try:
            self._replies.put(read_message(replies))  # the handshake: the program speaks first
            while (request := self._requests.get()) is not None:
                parts, most = request
                requests.writelines(parts)
                requests.flush()
                self._replies.put(read_message(replies, most, self._shared.replies))
        except Exception as error:  # whatever it is, the one who waits must hear of it
            self._replies.put(error)
        finally:
            # Here and not in `stop`: closing a pipe that another thread is reading would wait for that thread.
            for pipe in (requests, replies):
                with contextlib.suppress(OSError):  # unsent bytes, and nobody to read them
                    pipe.close()


def _first_to_go(pid: int) -> None:
    """Ask the system to end this process before others, the judge among them, when memory runs out."""
    with contextlib.suppress(OSError):  # no Linux
        Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")


def _was_killed(status: int) -> bool:
    """Say whether a process, or the program that a shell has started for it, was ended by SIGKILL."""
    return sys.platform != "win32" and status in (-signal.SIGKILL, 128 + signal.SIGKILL)


def _ending(status: int) -> str:
    """Say in words how a process ended."""
    if status < 0 and sys.platform != "win32":
        try:
            return f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"was killed by signal {-status}"
    return f"exited with status {status}"
