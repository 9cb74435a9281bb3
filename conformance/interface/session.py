"""The session of pytest that a run is: its processes, and what it keeps of the world around it."""

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import pytest

# Who ends us may have little patience, and the report is written after that.
_SECONDS_TO_END: Final = 2.0

# Each worker of xdist has a judge and an implementation; more threads than cores make all of them slower.
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# glibc gives what is freed back to the system at once, and each page that is taken again costs as much as computing on
# it: a fifth of a run.
MEMORY: Final = {"MALLOC_TRIM_THRESHOLD_": str(2**28), "MALLOC_MMAP_THRESHOLD_": str(2**25)}


def folder_is_gone() -> bool:
    """Say whether this process has no working directory any more."""
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def in_workers(count: int, *, hurried: bool) -> list[str]:
    """Return the options of xdist for so many workers; in a hurry, they take one line after another.

    Each begins with -P: what an implementation, or anybody, has put into the working directory is no module of the
    judge's.
    """
    if not count:
        return ["-n", "0"]
    python = shlex.join([sys.executable, "-P"])
    dist = ["--dist", "load", "--maxschedchunk", "1"] if hurried else ["--dist", "worksteal"]
    return [*["--tx", f"popen//python={python}"] * count, *dist, "--max-worker-restart", str(4 * count)]


def isolate(patch: pytest.MonkeyPatch, count: int, folder: str) -> None:
    """Load no plugins but ours, and use no more threads than cores, in this session and the processes it starts."""
    patch.setattr(sys, "path", [*sys.path])
    patch.setattr("xdist.workermanage.NodeManager.EXIT_TIMEOUT", _SECONDS_TO_END)
    # xdist sends it to its workers, and cannot if a word is no UTF-8.
    patch.setattr(sys, "argv", sys.argv[:1])
    # Settings and plugins of the user's own suite have no business here.
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG"):
        patch.delenv(name, raising=False)
    patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # What a process leaves that has not ended in time goes with the session's own folder.
    for name in ("TMPDIR", "TEMP", "TMP") if count else ():
        patch.setenv(name, folder)
    found = cores()
    for name in THREADS:
        if count > 1 and name not in os.environ:
            patch.setenv(name, str(max(found // count, 1)))
    for name, size in MEMORY.items():
        if name not in os.environ:
            patch.setenv(name, size)
