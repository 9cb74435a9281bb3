"""A user at a terminal: an empty folder, an empty home, and the command `assay`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from catalogue import pytest_addoption as pytest_addoption
from catalogue import pytest_collection_modifyitems as pytest_collection_modifyitems
from catalogue import pytest_configure as pytest_configure
from catalogue import pytest_report_header as pytest_report_header

# How long an example takes says how busy the machine is; no folder is left behind.
hypothesis.settings.register_profile("assay", deadline=None, database=None)
hypothesis.settings.load_profile("assay")

RIGHT = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)
"""
# As the installed command starts: the working directory is not where Python looks for modules.
ASSAY = ("-P", "-m", "assay.conformance.interface.command_line")
WRONG = RIGHT.replace("return e /", "return np.float32(1.001) * e /")


_NEWS = re.compile(r"clauses judged|^\w+ violates \w+-\d+: |^  (assay replay|it (behaves|would pass)) ")


class Terminal:
    """Runs commands in a folder of its own; what they leave behind can be listed."""

    def __init__(self, folder: Path) -> None:
        """Everything in a folder of its own."""
        self.cwd, self.home, self.temporary, self.files = (
            folder / name for name in ("here", "home", "temporary", "files")
        )
        for each in (self.cwd, self.home, self.temporary, self.files):
            each.mkdir()
        keep = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "XDG_", "GITHUB_"))
        }
        self.environment = {**keep, "HOME": str(self.home), "TMPDIR": str(self.temporary), "COLUMNS": "200"}

    def write(self, name: str, text: str) -> str:
        """Write a file elsewhere, and return its path."""
        file = self.files / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)

    def start(self, *arguments: str, **options: object) -> "subprocess.Popen[str]":
        """Start the command `assay`, and leave it running."""
        command = [sys.executable, *ASSAY, *arguments]
        pipe = subprocess.PIPE
        settings = {"stdout": pipe, "stderr": pipe, "text": True, "cwd": self.cwd, "env": self.environment}
        return subprocess.Popen(command, **{**settings, **options})

    def python(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Python, as the user has it."""
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.cwd, env=self.environment, timeout=100, check=False
        )

    def assay(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command `assay` to its end."""
        return self.python(*ASSAY, *arguments)

    def report(self, name: str = "report.json") -> dict:
        """Read a report in the user's folder."""
        return json.loads((self.cwd / name).read_text(encoding="utf-8"))

    @staticmethod
    def complaints(errors: str) -> str:
        """Select what stands on standard error besides the progress of a long run, and the news of what fails."""
        return "".join(line for line in errors.splitlines(keepends=True) if not _NEWS.search(line))

    @property
    def left(self) -> list[str]:
        """Every file and folder that commands have left behind."""
        return sorted(
            str(path.relative_to(root)) for root in (self.cwd, self.home, self.temporary) for path in root.rglob("*")
        )


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path)


@pytest.fixture(scope="module")
def shared_terminal(tmp_path_factory):
    """One for several tests, which read what one command has written."""
    return Terminal(tmp_path_factory.mktemp("terminal"))


@pytest.fixture
def right(terminal):
    return terminal.write("right.py", RIGHT)


@pytest.fixture
def wrong(terminal):
    return terminal.write("wrong.py", WRONG)
