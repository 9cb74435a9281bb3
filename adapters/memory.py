"""Memory, where the system tells: what is free, what a process holds, and the most that it has held so far."""

import contextlib
import mmap
import os
from pathlib import Path
from typing import Final

NORESERVE: Final = getattr(mmap, "MAP_NORESERVE", 0x4000)
"""Linux's number; Python knows the name from version 3.13 on."""


def free() -> int | None:
    """Return the bytes that the system has left, or the container if that is less; None where nobody says it."""
    left = []
    with contextlib.suppress(OSError, ValueError):
        every = dict(line.split(":") for line in _read("/proc/meminfo").splitlines())
        left.append(int(every["MemAvailable"].split()[0]) * 1024)
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        left.append(int(_read("/sys/fs/cgroup/memory.max")) - int(_read("/sys/fs/cgroup/memory.current")))
    if not left:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # Windows has no sysconf
            left.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(min(left), 0) if left else None


def held_by(process: int) -> int | None:
    """Return the bytes that a process of that number holds now; None where nobody says it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_read(f"/proc/{process}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def peak_of(process: int | str = "self") -> int | None:
    """Return the largest resident size of a process of that number in bytes; None where nobody says it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 if sizes else None


def room(size: int) -> mmap.mmap:
    """Get memory that is taken only as it is written, in large pages where the system has them, as numpy asks for."""
    if os.name != "posix":
        return mmap.mmap(-1, size)
    space = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
    with contextlib.suppress(AttributeError, OSError):
        space.madvise(mmap.MADV_HUGEPAGE)
    return space


def in_words(size: int) -> str:
    """Say an amount of memory."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size >> 20} MiB"


def _read(path: str) -> str:
    return Path(path).read_text(encoding="ascii")
