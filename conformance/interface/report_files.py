"""The files that a run leaves.

Before the work, what would destroy something else is refused. Afterwards each is written beside its place and moved
there, so that nobody ever finds half of one.
"""

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from .options import UsageError
from .surroundings import complain

# How a file of ours begins: a report in JSON, JUnit XML, Markdown or SARIF, a page, a badge, the arrays of a case.
_OURS: Final = re.compile(
    rb'\s*(\{\s*"schema": "assay-report/|<\?xml [^>]*>\s*<testsuites>\s*<testsuite name="assay '
    rb'|<!-- assay run -->|\{\s*"properties": \{\s*"by": "assay"|\{"schemaVersion": 1, "label": "assay '
    rb'|<!doctype html>\s*<html [^>]*>\s*<head>\s*<meta name="generator" content="assay">'
    rb'|\{\s*"schema": "assay-claim/|<svg [^>]* aria-label="assay |PK\x03\x04[\s\S]{26}case\.npy)'
)
_BEGINNING: Final = 200
_EVERY: Final = 10.0
"""Seconds between two times that a report is written during a run."""


def check_files(files: Mapping[str, Path | None]) -> None:
    """Refuse, before the work, a file that cannot be written or must not be; `files` has them by their options."""
    named: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        try:
            refusal = None if _is_stream(path) else _refusal(_place(path))
        except OSError as error:
            raise UsageError(f"the report cannot be written to {path}: {error.strerror}") from None
        if refusal:
            raise UsageError(f"{option} {path} would overwrite what is no report: {refusal}")
        if not _is_stream(path) and (other := named.setdefault(_place(path), option)) != option:
            raise UsageError(f"{other} and {option} name the same file, {path}")


def _refusal(path: Path) -> str | None:
    """Say why a file must not be written; raise OSError if it cannot be."""
    if path.suffix == ".py":
        return "it ends in .py"
    existed = path.exists()
    with path.open("a+b") as file:
        file.seek(0)
        beginning = file.read(_BEGINNING)
    if not existed:
        path.unlink()
    return None if not beginning or _OURS.match(beginning) else "it exists, and does not begin as one"


def write_whole(path: Path, text: bytes) -> None:
    """Write a file, all of it; OSError if that cannot be done, and then the old one is as it was."""
    if path.is_fifo() and not _is_open(path):
        complain(f"waiting until somebody reads {path}")
    if _is_stream(path) or not os.access(_place(path).parent, os.W_OK):
        path.write_bytes(text)
        return
    place = _place(path)
    part = place.with_name(f".assay-{os.getpid()}.part")
    try:
        part.write_bytes(text)
        with contextlib.suppress(OSError):  # there is no old one
            part.chmod(stat.S_IMODE(place.stat().st_mode))
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def write_asked(path: Path, text: bytes, what: str) -> None:
    """Write what a command was asked for, by its name in a sentence; `UsageError` if that cannot be done."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"{what} cannot be written to {path}: {error.strerror}") from None


def _place(path: Path) -> Path:
    """Follow links, of which one may lead in a circle: what is opened then cannot be."""
    return Path(os.path.realpath(path))


class Saving:
    """Writes a report soon after its beginning and now and then, so that nothing that ends the judge takes it along."""

    def __init__(self, path: Path | None, text: Callable[[], bytes]) -> None:
        """Take what is written, and where; what stands in the place of no file is written at the end alone."""
        self._path, self._text, self._last = path, text, float("-inf")
        self._kept = path is not None and not _is_stream(path)

    def heard(self) -> None:
        """Write it, if that was not done lately; if it cannot be, that is told at the end."""
        if self._path is not None and self._kept and time.monotonic() - self._last > _EVERY:
            with contextlib.suppress(OSError):
                write_whole(self._path, self._text())
            self._last = time.monotonic()


def _is_stream(path: Path) -> bool:
    """Say whether it is a pipe or a device, which no file can take the place of."""
    return _is_open(path) or (path.exists() and not path.is_file() and not path.is_dir())


def _is_open(path: Path) -> bool:
    """Say whether it stands for a device or a file that is open already, as /dev/stdout does."""
    return path.parts[1:2] in (("dev",), ("proc",))
