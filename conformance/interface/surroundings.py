"""What surrounds the command: standard streams that may be closed, full or of any encoding, and signals that end it."""

import contextlib
import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final

_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""What Ctrl-C, `timeout` and CI, a terminal that is closed, and Windows send."""
_CLEANING: Final = 3.0
"""Seconds in which a second signal, as an impatient user and some systems send, does not keep us from cleaning up."""


class Unfailing(io.TextIOWrapper):
    """A standard stream whose failures change no verdict: what it cannot take is dropped."""

    def write(self, text: str, /) -> int:
        """Write, or drop it."""
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Write what waits, or drop it."""
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """Write nothing more, which must not fail again at exit; a reader that went away has seen enough."""
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
        if error.errno != errno.EPIPE and self is not sys.stderr:
            complain(f"standard output cannot be written: {error.strerror}")


_USUAL: Final = (signal.SIG_DFL, signal.default_int_handler)


def complain(text: str) -> None:
    """Say what is wrong on standard error."""
    print(f"assay: {text}", file=sys.stderr)  # noqa: T201


def open_streams() -> None:
    """Give what is closed a place to write to; spell out what an encoding lacks."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            _occupy(descriptor)
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w" if descriptor else "r"), "utf-8"))
        elif descriptor and stream is getattr(sys, f"__{name}__"):
            stream.flush()
            buffered = stream.line_buffering
            made = Unfailing(stream.buffer, stream.encoding, "backslashreplace", line_buffering=buffered)
            setattr(sys, name, made)


def _occupy(descriptor: int) -> None:
    """Point a descriptor that is closed at nothing, lest a file that is opened later take its number."""
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)


@contextlib.contextmanager
def signals_heard() -> Iterator[None]:
    """Take what ends a program for Ctrl-C, after which a report is written and nothing is left behind.

    What is ignored already, as by `nohup`, stays so; a thread beside the main one can hear nothing.
    """
    before, heard = {}, float("-inf")

    def interrupt(number: int, frame: object) -> None:
        nonlocal heard
        if time.monotonic() - heard > _CLEANING:
            heard = time.monotonic()
            raise KeyboardInterrupt

    for name in _ENDING if threading.current_thread() is threading.main_thread() else ():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in _USUAL:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
