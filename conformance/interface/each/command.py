"""`assay run ADAPTER... --each --out FOLDER`: the call is read and checked, and ends with a status."""

import argparse
import contextlib
import shlex
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ....adapters import declarations
from ....adapters.foreign_text import visible
from ..allowed import read_allowed
from ..explaining import counted
from ..options import COMPARING, JUDGING, OPENING, UsageError
from ..outputs import OUTPUTS
from ..repeating import words_that_ask
from ..report import EXIT_STATUS, NO_EVIDENCE, VIOLATES
from ..report_files import check_files
from ..report_json import read_json
from ..session import cores, folder_is_gone
from ..surroundings import complain
from ..terminal import Screen
from .conducting import Asked, Folder, conduct, left_of
from .database import Database
from .judges import Judges, Local
from .kernels import Kernel, asked, kernels_of
from .row import NOT_JUDGED
from .watching import Watching, show_end

_LONGEST: Final = 3600.0
"""Seconds after which a judge is ended, if nothing else is asked for."""
_BEYOND: Final = 300.0
"""Seconds that one may take beyond twice its `--time`: for its start, and for what it has begun."""


def judge_each(parsed: argparse.Namespace) -> int:
    """Judge every adapter of the list that is not judged yet; the exit status is that of the worst."""
    _check(parsed)
    kernels = kernels_of(parsed.adapter)
    common = _common(parsed)
    with _folder(parsed.out, kernels, common) as folder:
        folder.database.keep([kernel.file for kernel in kernels])
        left, judged = left_of(kernels, folder, common)
        _tell_what_is_there(kernels, left, judged)
        folder.database.forget([kernel.file for kernel in left])
        watching = Watching(len(kernels), folder.database.counts())
        try:
            whole = not left or conduct(kernels, left, _judges(parsed, len(left)), folder, common, watching)
        finally:
            folder.show()
        counts = folder.database.counts()
        show_end(counts, folder.database.sentences(), str(parsed.out))
        if not whole:
            done = f"{sum(counts.values()):,} of {len(kernels):,} are judged"
            complain(f"interrupted: {done}; the same command judges the rest")
    if counts.get(VIOLATES):
        return EXIT_STATUS[VIOLATES]
    lacks = not whole or counts.get(NO_EVIDENCE) or counts.get(NOT_JUDGED)
    return EXIT_STATUS[NO_EVIDENCE] if lacks else 0


def _judges(parsed: argparse.Namespace, left: int) -> Judges:
    """Start whoever judges: here, or on a cluster."""
    room = int(parsed.workers) if parsed.workers not in ("0", "auto") else None
    if parsed.ray is None:
        room = room or cores()
        return Local(min(room, left), beside=room)
    from .cluster import Cluster

    files = [file for file in (parsed.allow, parsed.baseline, parsed.declare) if file]
    return Cluster(parsed.ray, room, parsed.gpus or 0.0, files)


def _check(parsed: argparse.Namespace) -> None:
    """Refuse what does not go together, and files that every judge would refuse."""
    if parsed.out is None:
        raise UsageError("--each needs --out FOLDER, where the reports go")
    given = [option for option in OUTPUTS if getattr(parsed, option[2:].replace("-", "_")) is not None]
    if given:
        raise UsageError(f"--each writes a report and a page of each adapter into --out; leave out {given[0]}")
    for option, value, instead in (
        ("--resume", parsed.resume, "the same command goes on"),
        ("--shard", parsed.shard, "split the list instead"),
        ("-v", parsed.verbose, "the page of each adapter shows every check"),
    ):
        if value:
            raise UsageError(f"{option} is not for --each: {instead}")
    if folder_is_gone():
        raise UsageError("the working directory has gone, from which the adapters are named")
    if parsed.allow:
        read_allowed(Path(parsed.allow))
    if parsed.baseline:
        read_json(Path(parsed.baseline))
    declarations(parsed.declare)


def _common(parsed: argparse.Namespace) -> Asked:
    """Gather what is asked of every kernel."""
    words = words_that_ask(parsed, {**OPENING, **JUDGING, **COMPARING})
    words += ["-x"] * parsed.first
    words += [f"--time={parsed.time:g}"] if parsed.time is not None else []
    digest = asked(words, [parsed.allow, parsed.baseline, parsed.declare])
    by_default = _LONGEST if parsed.time is None else 2 * parsed.time + _BEYOND
    return Asked(words, digest, by_default if parsed.kill_after is None else parsed.kill_after)


@contextlib.contextmanager
def _folder(out: Path, kernels: list[Kernel], common: Asked) -> Iterator[Folder]:
    """Make the folder, and open what is in it, for this call alone."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {visible(out)} is no folder; it takes the reports of all adapters")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {visible(out)} cannot be made: {error.strerror}") from None
    check_files({"--out": out / "index.html"})
    said = f"assay run --each {shlex.join(common.words)}".strip()
    with _alone(out), contextlib.closing(Database(out / "results.sqlite")) as database:
        yield Folder(out, database, said, len(kernels))


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep another call out of the folder while this one is at work in it."""
    lock = sqlite3.connect(out / ".lock", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if "locked" in str(error):
            raise UsageError(
                f"another call is judging into {visible(out)}; wait for its end, or name another folder"
            ) from None
        raise UsageError(f"--out {visible(out)} cannot be written to: {error}") from None
    try:
        yield
    finally:
        lock.close()


def _tell_what_is_there(kernels: list[Kernel], left: list[Kernel], judged: Mapping[str, str]) -> None:
    done = len(kernels) - len(left)
    again = sum(kernel.file in judged for kernel in left)
    screen = Screen(stderr=True)
    if done:
        screen.say(f"{done:,} of {counted(len(kernels), 'adapter')} are judged already")
    if again:
        screen.say(f"{again:,} have changed since, or were judged with other options: they are judged again")
