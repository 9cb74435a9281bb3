"""What may stand after an option, on the command line of `assay` and of pytest: each mistake is one sentence."""

import argparse
import contextlib
from collections.abc import Callable, Collection

from ...adapters.declaration import suggestion


def listed(what: str, known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes names separated by commas."""

    def names(text: str) -> tuple[str, ...]:
        given = tuple(filter(None, text.split(",")))
        for name in given:
            if name not in known:
                hint = suggestion(name, known) or f"; there are {', '.join(known)}"
                raise argparse.ArgumentTypeError(f"there is no {what} {name!r}{hint}")
        if not given:
            raise argparse.ArgumentTypeError(f"names no {what}")
        return given

    return names


def seed(text: str) -> int:
    """A number for all cases."""
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")


def workers(text: str) -> str:
    """How many processes of xdist."""
    if text == "auto":
        return text
    if text.isdecimal():
        return str(int(text))
    raise argparse.ArgumentTypeError(f"must be a whole number or auto, not {text!r}")


def seconds(text: str) -> float:
    """A time-out."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
