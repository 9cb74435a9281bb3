"""`action.yml`: what GitHub runs of it judges an adapter, and a word of a workflow is no command."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import ASSAY, RIGHT, WRONG

ROOT = Path(__file__).parent.parent
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
INPUTS = re.findall(r"^  (\w+):\n    description", ACTION, re.MULTILINE)


def test_every_input_is_handed_on_through_the_environment():
    """In a script, `${{ inputs.adapter }}` would be pasted as it is, and could be a command."""
    assert INPUTS == ["adapter", "arguments", "extras", "report"]
    handed = re.findall(r"^        [A-Z]+: \$\{\{ inputs\.(\w+) \}\}$", ACTION, re.MULTILINE)
    assert sorted(handed) == INPUTS
    assert ACTION.count("${{") == len(INPUTS)


@pytest.mark.parametrize(("text", "status"), [(RIGHT, 0), (WRONG, 1)], ids=["right", "wrong"])
def test_its_script_judges(terminal, text, status):
    script = textwrap.dedent(ACTION.rpartition("run: |\n")[2])
    (terminal.cwd / "assay").write_text(
        f'#!/bin/bash\nexec "{sys.executable}" {" ".join(ASSAY)} "$@"\n', encoding="utf-8"
    )
    (terminal.cwd / "assay").chmod(0o755)
    (terminal.cwd / "my kernel;exit 0.py").write_text(text, encoding="utf-8")
    given = {
        "ADAPTER": "my kernel;exit 0.py",
        "ARGUMENTS": "--component softmax --clause SM-1,ALL-4",
        "REPORT": "r.json",
    }
    path = f"{terminal.cwd}:{terminal.environment['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=terminal.cwd,
        env=terminal.environment | given | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert [each["clause"] for each in terminal.report("r.json")["results"]] == ["ALL-4", "SM-1"]
