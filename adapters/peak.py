"""The most memory that a process has had so far, where the system says it: Linux does."""

from pathlib import Path


def peak_of(process: int | str = "self") -> int | None:
    """Return the largest resident size of a process of that number in bytes; None where nobody says it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 if sizes else None
