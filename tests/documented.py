"""The fenced blocks of README.md and docs/, and a folder in which those of a page are run one after another."""

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED: Final = re.compile(r'(?:"""|# )(\w+\.py)\b')
_NUMBER: Final = re.compile(r"-?\b\d[\d,.]*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    number: int
    language: str
    text: str
    section: str
    """The heading above it."""

    def __str__(self) -> str:
        """Name it as a test does."""
        return f"{self.page}:{self.number}: {self.text.splitlines()[0][:50]}"

    @property
    def file(self) -> str | None:
        """The file that it shows, if its first line has the name of one."""
        named = _NAMED.match(self.text)
        return named[1] if named else None


def blocks_of(page: Path) -> list[Block]:
    """Read the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    found = []
    for number, each in enumerate(_FENCED.finditer(text)):
        headings = re.findall(r"^## (.*)$", text[: each.start()], re.MULTILINE)
        found.append(Block(name, number, each[1], each[2], headings[-1] if headings else ""))
    return found


BLOCKS: Final = {page.relative_to(ROOT).as_posix(): blocks_of(page) for page in PAGES}


class Story:
    """A page's files and commands, in a folder of the user's, in the order of the page."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Everything in the folder; the commands of this Python come first."""
        self.folder = folder
        path = os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"]))
        self._environment = {**environment, "PATH": path, "COLUMNS": "120"}
        self._last = ""

    def write(self, name: str, text: str) -> None:
        """Write a file; the next `patch` is of it."""
        self._last = name
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def patch(self, text: str) -> None:
        """Change the file that was written last, in the one place that the lines with a minus and a blank name."""
        lines = text.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        file = self.folder / self._last
        whole = file.read_text(encoding="utf-8")
        assert whole.count(before) == 1, f"{self._last} should have once:\n{before}"
        file.write_text(whole.replace(before, after), encoding="utf-8")

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a line as a shell does."""
        return subprocess.run(
            ["bash", "-c", command],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environment,
            timeout=600,
            check=False,
        )


def sessions(text: str) -> list[tuple[str, str]]:
    """Take a block apart into commands, which begin with `$ `, and what each printed."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert not parts[0], "something is printed before the first command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def differs(shown: str, printed: str, *, numbers: bool) -> str:
    """Say how a command printed something else than a page shows; `...` stands for anything.

    Versions are another machine's, and so is the largest error of a format that processors add up differently. With
    `numbers` false, so is every number.
    """

    def plain(text: str) -> str:
        text = re.sub(r"\((torch|numpy) \S+ on", r"(\1 VERSION on", text)
        text = re.sub(r"worst ratio \d\.\d\d|precision class \d", "RATIO", text)
        text = text if numbers else _NUMBER.sub("N", text)
        return re.sub(r" +", " ", text)

    wanted, got = re.sub(r"\n\.\.\.\n$", "...", plain(shown)), plain(printed)  # there need not be a rest
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    example = doctest.Example("", wanted)
    return "" if checker.check_output(wanted, got, flags) else checker.output_difference(example, got, flags)
