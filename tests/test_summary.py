"""The end of a run: one screen, with the causes, the most telling last."""

import re

import pytest
from conftest import RIGHT

TWO_DEFECTS = RIGHT.replace(
    "(x):\n",
    "(x):\n    if x.shape[0] == 3: raise ValueError('three rows')\n    if x.shape[-1] > 16: x = x[..., ::-1]\n",
)


@pytest.mark.parametrize("columns", [40, 80])
def test_what_two_defects_do_is_two_causes_on_one_screen(terminal, columns):
    terminal.environment["COLUMNS"] = str(columns)
    file = terminal.write("mine.py", TWO_DEFECTS)
    done = terminal.assay("run", file, "--component", "softmax", "--dtype", "float32", "--json", "report.json")
    causes = terminal.report()["causes"]
    lines = done.stdout.splitlines()

    assert done.returncode == 1
    assert [cause["how"] for cause in causes] == ["value", "exception"]
    assert causes[1]["trigger"] == {"rows": 3}
    assert re.match(r"mine \(numpy .*\): violates: 2 causes \(\d+ violations\)", lines[0])
    assert sum(max(1, -(-len(line) // columns)) for line in lines) <= 24
    places = [next(k for k, line in enumerate(lines) if line.startswith(f"{number}. softmax")) for number in (1, 2)]
    assert places[0] > places[1]  # where people look
    ids = {failure["cause"] for each in terminal.report()["results"] if (failure := each["failure"])}
    assert ids <= {cause["id"] for cause in causes}


def test_what_hangs_on_earlier_calls_is_told_with_the_calls(terminal):
    text = RIGHT.replace("def softmax(x):\n", "calls = [0]\n\ndef softmax(x):\n    calls[0] += 1\n")
    text = text.replace("    calls[0] += 1\n", "    calls[0] += 1\n    if calls[0] > 20: x = x + x\n")
    wanted = ("--component", "softmax", "--dtype", "float32", "-x", "-n", "1")
    done = terminal.assay("run", terminal.write("mine.py", text), *wanted)

    assert done.returncode == 1
    assert re.search(r"it is right by itself, in a new process, but not after \d+ other calls: ", done.stdout)


def test_what_was_declared_is_told(terminal):
    lines = [
        "import numpy as np",
        "conventions = {'rms_gain': 'one_plus_w'}",
        "def rms_norm(x, gain, *, epsilon=1e-6):",
        "    return (x / np.sqrt(np.mean(x * x, -1, keepdims=True) + epsilon) * (1 + gain)).astype(x.dtype)",
    ]
    asked = ("--dtype", "float32", "--clause", "RMS-1")
    done = terminal.assay("run", terminal.write("mine.py", "\n".join(lines)), *asked)

    assert done.returncode == 0
    assert "profile quick, declared rms_gain = one_plus_w, seed 0" in " ".join(done.stdout.split())
