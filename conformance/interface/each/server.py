"""`python -m assay.conformance.interface.each.server`: starts judges, each a process of its own, and ends them.

It reads one JSON object a line from standard input, with the words after `assay run` of a judge that is to begin, and
writes one to standard output when a judge has ended:

    {"start": N, "words": [...], "limit": S, "in": PATH, "environment": {...}}
    {"ended": N, "status": STATUS, "folder": PATH, "seconds": S, "cpu": S, "late": BOOL}

Importing assay takes longer than all of a small kernel's other beginnings. So it is imported here, once, and a judge is
a fork of this process, which has neither a thread nor an adapter. Where a fork is not safe, a judge is started anew.
When standard input ends, as it does when whoever started this process is killed, every judge is ended, and its folder
removed.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NoReturn

REPORT, PAGE, LOG = "report.json", "report.html", "log"
"""What a judge leaves in its folder."""
_GRACE: Final = 5.0
"""Seconds in which a judge whose time is over may write what it has found."""
_DIE_WITH_PARENT: Final = 1
"""<linux/prctl.h>: PR_SET_PDEATHSIG."""
_COMMAND: Final = f"{(__package__ or '').rpartition('.')[0]}.command_line"


@dataclass
class _Judge:
    """A judge at work."""

    number: int
    folder: Path
    began: float
    end: float
    """When it is to be ended."""
    late: bool = False


def main() -> None:
    """Serve until standard input ends."""
    requests, replies = os.dup(0), os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    whole = tempfile.TemporaryDirectory(prefix="assay-each-", ignore_cleanup_errors=True)
    with whole as folder:
        forks = "--spawn" not in sys.argv and _warmed()
        _Server(requests, replies, Path(folder), forks=forks).serve()


def _warmed() -> bool:
    """Import what a judge needs; say whether it may be a fork of this process."""
    from ... import variants  # noqa: F401
    from .. import command_line, html_page, plugin, repeating  # noqa: F401

    importlib.import_module("xdist.plugin")
    html_page.environment().get_template("report.html")
    repeating.suite()
    gc.collect()
    gc.freeze()  # so that no collection writes to pages that all judges share
    return sys.platform == "linux" and len([*Path("/proc/self/task").iterdir()]) == 1


class _Server:
    """The judges that are at work, by their processes."""

    def __init__(self, requests: int, replies: IO[str], folder: Path, *, forks: bool) -> None:
        self._requests, self._replies, self._folder, self._forks = requests, replies, folder, forks
        self._judges: dict[int, _Judge] = {}
        self._unread = b""

    def serve(self) -> None:
        """Start what is asked for, and tell what has ended."""
        woken, wake = os.pipe()
        for end in (woken, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            while True:
                ready, _, _ = select.select([self._requests, woken], [], [], self._patience())
                if woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(woken, 4096)
                if self._requests in ready and not self._read():
                    return
                self._end_what_is_late()
                self._reap()
        except BrokenPipeError:  # nobody hears it any more
            return
        finally:
            self._end_all()

    def _read(self) -> bool:
        """Take in what is asked for; say whether more may come."""
        data = os.read(self._requests, 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(data)

    def _start(self, asked: dict[str, Any]) -> None:
        number, began = asked["start"], time.monotonic()
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        words = ["run", f"--json={folder / REPORT}", f"--html={folder / PAGE}", *asked["words"]]
        try:
            process = (self._forked if self._forks else _spawned)(words, folder, asked)
        except OSError as error:  # there are too many processes
            (folder / LOG).write_text(f"it could not be started: {error.strerror}", encoding="utf-8")
            self._tell(_Judge(number, folder, began, began), 1 << 8, 0.0)
            return
        self._judges[process] = _Judge(number, folder, began, began + asked["limit"])

    def _forked(self, words: Sequence[str], folder: Path, asked: dict[str, Any]) -> int:
        process = os.fork()
        if process == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (self._requests, self._replies.fileno()):
                    os.close(other)
                _judge(words, folder, asked)
            finally:
                os._exit(70)
        return process

    def _patience(self) -> float | None:
        """Return the seconds until a judge is late."""
        ends = [judge.end for judge in self._judges.values()]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _end_what_is_late(self) -> None:
        """Ask a judge whose time is over to write what it has, and end it a moment later."""
        now = time.monotonic()
        for process, judge in self._judges.items():
            if now >= judge.end:
                _end(process, signal.SIGKILL if judge.late else signal.SIGTERM)
                judge.late, judge.end = True, now + _GRACE

    def _reap(self) -> None:
        while self._judges:
            process, status, used = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            if process in self._judges:
                _end(process, signal.SIGKILL)  # what it has started, and not ended
                self._tell(self._judges.pop(process), status, used.ru_utime + used.ru_stime)

    def _tell(self, judge: _Judge, status: int, cpu: float) -> None:
        told = {"ended": judge.number, "status": os.waitstatus_to_exitcode(status), "folder": str(judge.folder)}
        told |= {"seconds": time.monotonic() - judge.began, "cpu": cpu, "late": judge.late}
        self._replies.write(json.dumps(told) + "\n")

    def _end_all(self) -> None:
        for process in self._judges:
            _end(process, signal.SIGKILL)
        for process in self._judges:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


def _judge(words: Sequence[str], folder: Path, asked: dict[str, Any]) -> NoReturn:
    """Be a judge: in a session of its own, with a folder of its own for what it writes."""
    os.setsid()
    _die_with_the_server()
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
    os.environ |= _own(folder) | asked["environment"]
    tempfile.tempdir = None
    os.chdir(asked["in"])
    from ..command_line import main as command

    status = 70
    try:
        command(words)
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 70
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    os._exit(status)


def _die_with_the_server() -> None:
    """Ask the system to end this process when the server has ended, whatever ended that."""
    if sys.platform == "linux":
        parent = os.getppid()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent or parent == 1:
            os._exit(70)


def _spawned(words: Sequence[str], folder: Path, asked: dict[str, Any]) -> int:
    """Start a judge anew, where a fork is not safe."""
    with (folder / LOG).open("ab") as log:
        command = [sys.executable, "-P", "-m", _COMMAND, *words]
        nothing = subprocess.DEVNULL
        settings: dict[str, Any] = {"stdin": nothing, "stdout": nothing, "stderr": log, "start_new_session": True}
        environment = {**os.environ, **_own(folder), **asked["environment"]}
        process = subprocess.Popen(command, cwd=asked["in"], env=environment, **settings)
    process.returncode = 0  # it is waited for by `_reap`, and by nobody else
    return process.pid


def _own(folder: Path) -> dict[str, str]:
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


def _end(process: int, number: int) -> None:
    """Send a signal to a judge and to what it has started in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, number)


def remove(folder: Path) -> None:
    """Remove what a judge has left, once it has been taken in."""
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
