"""What repeats a run: the words of its command line, and what it was made with."""

import argparse
import datetime
import functools
import hashlib
import importlib.metadata
import importlib.resources
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Any, Final, NoReturn

from .options import JUDGING, OPENING, UsageError, add_options

_ROOMS: Final = ("assay.adapters", "assay.conformance", "assay.oracle")
_ELSEWHERE: Final = ("shard", "seed")
"""Options that a report tells by itself: the words are those of the whole, and of the seed that was drawn."""


def made_with(words: Sequence[str]) -> dict[str, Any]:
    """Return what a report has of it."""
    versions = {"python": platform.python_version(), "numpy": importlib.metadata.version("numpy")}
    made = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), **versions, "machine": platform.machine()}
    return {"suite": suite(), **made, "repeat": list(words)}


@functools.cache
def suite() -> str:
    """Return the hash of assay itself, of every file that is installed."""
    whole = hashlib.sha256()
    for room in _ROOMS:
        for name, file in sorted(_files(importlib.resources.files(room), room)):
            whole.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _files(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _files(each, f"{name}/{each.name}")
        elif each.name.endswith((".py", ".json", ".html", ".css")):
            yield f"{name}/{each.name}", each


def words_of(spec: str, parsed: argparse.Namespace, seed: int) -> list[str]:
    """Return the words after `assay run` that judge an adapter as these options do."""
    told = {name: settings for name, settings in {**OPENING, **JUDGING}.items() if name not in _ELSEWHERE}
    return [*words_that_ask(parsed, told), f"--seed={seed}", "--", spec]


def words_that_ask(parsed: argparse.Namespace, options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the words of those of the options that do not have their default."""
    words = []
    for name, settings in options.items():
        value = getattr(parsed, name.replace("-", "_"))
        if value != settings.get("default", False if "action" in settings else None):
            words += _words(name, value)
    return words


def _words(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [f"--{name}={','.join(f'{size}={number}' for size, number in each.items())}" for each in value]
    if isinstance(value, list):
        return [f"--{name}={','.join(value)}"]
    return [f"--{name}={value:g}" if isinstance(value, float) else f"--{name}={value}"]


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def repeated(words: Sequence[str]) -> argparse.Namespace:
    """Read such words; `UsageError`, one sentence, if they are none."""
    parser = _Parser(prog="assay run", add_help=False, allow_abbrev=False)
    parser.add_argument("adapter")
    add_options(parser.add_argument, OPENING)
    add_options(parser.add_argument, JUDGING)
    return parser.parse_args(list(words))
