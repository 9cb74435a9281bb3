"""docs/programs.md is what the protocol is, and its programs are right, in each language whose compiler is here."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.adapters.declaration import offer_from_header
from assay.adapters.tensors import _FORMATS

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "docs" / "programs"
PAGE = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
CLAUSES = "ALL-1,ALL-4,ALL-15,SM-1,LN-3,GRAD-1"


def found(command):
    """Return where a compiler or an interpreter is; skip what needs one that is not here."""
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"{command} is not on this machine")
    return path


def judged(terminal, command):
    """Return the status of each clause of the program, by clause and component."""
    done = terminal.assay("run", f"exec:{shlex.join(command)}", "--clause", CLAUSES, "--json", "report.json")
    assert done.returncode == 0, done.stdout + done.stderr
    return {(each["clause"], each["component"]): each["status"] for each in terminal.report()["results"]}


RIGHT = dict.fromkeys([("ALL-1", "softmax"), ("ALL-4", "softmax"), ("SM-1", "softmax")], "pass")
OF_ROWS = RIGHT | dict.fromkeys([("ALL-1", "layer_norm"), ("ALL-4", "layer_norm"), ("LN-3", "layer_norm")], "pass")


def test_the_program_in_cpp_is_right(terminal, tmp_path):
    """Its gradient of softmax, too."""
    program = str(tmp_path / "rows")
    build = [
        found("g++"),
        *re.search(r"g\+\+ (-std.*) -O2 -o rows rows", PAGE)[1].split(),
        "-Wall",
        "-Wextra",
        "-Werror",
    ]
    subprocess.run([*build, "-o", program, str(PROGRAMS / "rows.cpp")], check=True)

    statuses = judged(terminal, [program])

    assert statuses.items() >= (OF_ROWS | {("GRAD-1", "softmax"): "pass"}).items()


def test_the_program_in_javascript_is_right(terminal):
    assert judged(terminal, [found("node"), str(PROGRAMS / "rows.js")]).items() >= OF_ROWS.items()


def test_the_program_in_python_is_right(terminal):
    """It says nothing of its device, and offers no memory layouts."""
    assert judged(terminal, [sys.executable, str(PROGRAMS / "softmax.py")]).items() >= RIGHT.items()
    report = terminal.report()
    assert report["implementation"]["device"] == "cpu"
    reasons = {(each["clause"], each["component"]): each.get("reason") for each in report["results"]}
    assert reasons["ALL-15", "softmax"] == "far memory is not judged: the program offers no arrays at huge strides"


def test_a_mistake_in_a_program_is_found(terminal):
    """A variance over n - 1."""
    program = (PROGRAMS / "rows.js").read_text(encoding="utf-8")
    wrong = program.replace("** 2)) / row.length", "** 2)) / (row.length - 1)")
    assert wrong != program
    command = shlex.join([found("node"), terminal.write("wrong.js", wrong)])
    done = terminal.assay("run", f"exec:{command}", "--component", "layer_norm", "--clause", "LN-3")
    assert done.returncode == 1


def test_the_table_of_dtypes_is_the_protocol():
    table = PAGE.partition("| dtype | an element |")[2].partition("\n\n")[0]
    sizes = {name: int(size) for name, size in re.findall(r"^\| `(\w+)` \| (\d) byte", table, re.MULTILINE)}
    assert sizes == {name: dtype.itemsize for name, dtype in _FORMATS.items()}


class Read(dict):
    """An offer that knows which of its fields were read."""

    def __init__(self, fields):
        """Read none yet."""
        super().__init__(fields)
        self.names = set()

    def get(self, name, default=None):
        """Note the name."""
        self.names.add(name)
        return super().get(name, default)


def test_the_table_of_the_offer_has_the_fields_that_are_read():
    offer = Read(json.loads(re.search(r'^\{"reply": "offer".*$', PAGE, re.MULTILINE)[0]))
    assert offer_from_header(offer, "mine").gradients == ("softmax",)

    table = PAGE.partition("\n## The offer\n")[2].partition("|---|---|---|\n")[2].partition("\n\n")[0]
    documented = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert documented == offer.names | {"reply", "protocol"}
