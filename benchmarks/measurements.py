"""Where the figures of docs/detection.md lie, the form of their files, and which part of them is measured anew.

A file is a JSON object, an entry a line. With `--of COMPONENT` a script measures this component anew, with
`--only VARIANT` this variant, and keeps what the file says of the rest.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from assay.conformance.components import COMPONENTS
from assay.conformance.variants import variants

FOLDER: Final = Path(__file__).parent.parent / "docs" / "detection"
Entry = TypeVar("Entry")


class LacksError(KeyError):
    """A file has no entry of that name, so that the page that writes the file is to be made first."""

    def __init__(self, name: str, file: Path, page: str) -> None:
        """Keep the page's name beside the sentence."""
        super().__init__(name)
        self.sentence, self.page = f"{file.name} says nothing of {name!r}", page

    def __str__(self) -> str:
        """Give the sentence."""
        return self.sentence


class Entries(dict[str, Entry]):
    """What a file says, by name."""

    def __init__(self, entries: Mapping[str, Entry], file: Path, page: str) -> None:
        """Keep which page writes the file."""
        super().__init__(entries)
        self.file, self.page = file, page

    def __missing__(self, name: str) -> Entry:
        """Raise `LacksError`."""
        raise LacksError(name, self.file, self.page)


def add_of(parser: argparse.ArgumentParser) -> None:
    """Add `--of`, as pytest has it."""
    parser.add_argument(
        "--of",
        action="append",
        choices=list(COMPONENTS),
        default=[],
        metavar="COMPONENT",
        help="measure this component anew, and keep the rest; may be repeated",
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add `--of` and `--only`."""
    add_of(parser)
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="VARIANT", help="measure these variants anew, and keep the rest"
    )


def chosen(options: argparse.Namespace) -> list[str]:
    """List the wrong variants that `--of` and `--only` name, in the order of the catalogue; all if they name none."""
    every = variants(wrong=True)
    if unknown := set(options.only) - {each.name for each in every}:
        raise SystemExit(f"there is no wrong variant {min(unknown)!r}")
    return [
        each.name
        for each in every
        if not (options.of or options.only) or each.component in options.of or each.name in options.only
    ]


def in_order(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Bring what is said of wrong variants into the order of the catalogue, without those that are no more."""
    return {each.name: entries[each.name] for each in variants(wrong=True) if each.name in entries}


def lined(entries: Mapping[str, Any]) -> str:
    """Write the object as text in which a change of one entry is a change of one line."""
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()) + "\n}\n"


def read(path: Path) -> Any:
    """Read what a file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, text: str) -> None:
    """Write a file in UTF-8."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
