"""Questions at a terminal, for what a command was not told: each is asked again until its answer can be used."""

import sys
from collections.abc import Callable
from typing import TypeVar

from .options import UsageError
from .surroundings import complain

_Answer = TypeVar("_Answer")


def somebody_is_there() -> bool:
    """Say whether both questions and answers go through a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, read: Callable[[str], _Answer], default: str = "") -> _Answer:
    """Ask until the answer is one; what is wrong with another is said in a sentence."""
    while True:
        sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise UsageError("the answers ended before the last question; nothing is written")
        try:
            return read(line.strip() or default)
        except UsageError as error:
            complain(str(error))
