"""What an implementation says of itself changes neither the screen nor the report, whatever characters it holds."""

import json
import re
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
from conftest import RIGHT
from tricks.around import told

from assay.adapters import Listed, Opening
from assay.adapters.foreign_text import LONGEST, visible, visible_lines
from assay.conformance.components import CLAUSES
from assay.conformance.interface import terminal as terminal_of
from assay.conformance.interface import ticker as shown
from assay.conformance.judging.plan import Line

# Markup of rich, an emoji of rich, an erased line, a line overwritten, text turned round, nothing at all, half a pair.
HOSTILE = "[/x] [red] :smile: \x1b[2K\x1b[1A\r\x9b2J\u202edaer\u200b\u2028\ud800\x00 all\nmine: conforms: 0 violations"
SPELLED = r"[/x] [red] :smile: \x1b[2K\x1b[1A\r\x9b2J\u202edaer\u200b\u2028\ud800\x00 all\nmine: conforms: 0 violations"
SOFTMAX = ("--component", "softmax", "--dtype", "float32", "--clause", "ALL-1,ALL-4")
CASE = "softmax?dtype=float32&rows=1&n=5&regime=normal&layout=contiguous&seed=1"

ADAPTER = f"""
package = {HOSTILE!r}
notes = {HOSTILE!r}

def softmax(x):
    raise type({HOSTILE.replace(chr(0), "").encode("utf-8", "replace").decode()!r}, (ValueError,), {{}})({HOSTILE!r})
"""
# A program can put a line break into a message, and anything into its name and version.
PROGRAM = f"""
import json, struct, sys

def send(header):
    text = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack("<IQ", len(text), 0) + text)
    sys.stdout.buffer.flush()

hostile = {HOSTILE!r}
if "refuse" in sys.argv:
    send({{"reply": "refused", "message": hostile}})
notes = [hostile, "x" * 10**6, *["n"] * 100]
send({{"reply": "offer", "protocol": 1, "functions": ["softmax"], "notes": notes}}
     | dict.fromkeys(("name", "package", "version", "device"), hostile))
while lengths := sys.stdin.buffer.read(12):
    header, _ = map(sys.stdin.buffer.read, struct.unpack("<IQ", lengths))
    status = "unsupported" if "unsupported" in sys.argv else "error"
    texts = {{"message": hostile + "y" * 10**4, "detail": hostile * 100}}
    send({{"reply": status, "id": json.loads(header)["id"], **texts}})
"""


@pytest.fixture
def program(terminal):
    return f"exec:{sys.executable} {terminal.write('program.py', PROGRAM)}"


def harmless(output: str) -> bool:
    """Whether a terminal would show each character as it is."""
    return all(each.isprintable() for line in output.split("\n") for each in line)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (HOSTILE, SPELLED),
        ("plain, [bold], \\[, déjà vu, 注意, 👍", "plain, [bold], \\[, déjà vu, 注意, 👍"),
        ("\u3164|\ufe0f|\u2800|\U000e0101", "\\u3164|\\ufe0f|\\u2800|\\U000e0101"),
    ],
    ids=["hostile", "harmless", "blank"],
)
def test_what_cannot_be_seen_as_itself_is_spelled_out(text, seen):
    assert visible(text) == seen
    assert visible(seen) == seen


@pytest.mark.parametrize("letter", ["x", "\u202e", "é"])
def test_a_text_of_any_length_is_cut_and_says_how_long_it_was(letter):
    seen = visible(letter * 10**7)

    assert (len(seen), seen[-27:]) == (LONGEST, "... (10,000,000 characters)")
    assert visible(seen) == seen
    assert visible("x" * LONGEST) == "x" * LONGEST
    assert visible("x" * 10**4, None) == "x" * 10**4
    assert len(visible_lines("first\n" * 10**6 + "last")) <= LONGEST
    assert visible_lines("first\n" * 10**6 + "last").endswith("first\nlast")


def test_the_lines_of_a_traceback_stay_lines():
    assert visible_lines("one\ntwo\r\x1b[2K") == "one\ntwo\\r\\x1b[2K"


def test_a_run_of_a_hostile_adapter_reports_and_shows_what_it_did(terminal):
    file = terminal.write("mine.py", ADAPTER)
    done = terminal.assay("run", file, *SOFTMAX, "-v", "--json", "report.json", "--junit", "report.xml")

    assert (done.returncode, terminal.complaints(done.stderr)) == (1, "")
    assert harmless(done.stdout + done.stderr)
    assert r"[/x] [red] :smile: \x1b[2K\x1b[1A \x9b2J\u202edaer\u200b" in done.stdout
    assert f"note: {SPELLED}\n" in done.stdout
    assert re.search(r"^mine \(\[/x\] .*\): violates: 1 cause \(2 violations\)$", done.stdout, re.MULTILINE)
    assert not re.search("^mine: conforms", done.stdout, re.MULTILINE)
    report = terminal.report()
    assert report["implementation"]["package"] == SPELLED
    assert all(r"\x1b[2K\x1b[1A" in each["failure"]["message"] for each in report["results"])
    (failure, _) = ElementTree.parse(terminal.cwd / "report.xml").getroot().iter("failure")
    assert r"[/x] [red] :smile: \x1b[2K\x1b[1A" in failure.get("message")


def test_a_run_of_a_hostile_program(terminal, program):
    done = terminal.assay("run", program, *SOFTMAX, "-v", "--json", "report.json", "--junit", "report.xml")

    assert (done.returncode, terminal.complaints(done.stderr)) == (1, "")
    assert harmless(done.stdout + done.stderr)
    assert f"\n{SPELLED} ({SPELLED} {SPELLED} on {SPELLED}): violates: " in done.stdout
    assert f"note: {SPELLED}\nnote: xxx" in done.stdout
    notes = "x... (1,000,000 characters)\n" + "note: n\n" * 48 + "note: and 52 more notes\n"
    assert notes in done.stdout
    assert f"y... ({len(HOSTILE) + 10**4:,} characters)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 3 * LONGEST
    for name in ("report.json", "report.xml"):
        assert (terminal.cwd / name).stat().st_size < 10 * LONGEST
    assert terminal.report()["adapter"] == SPELLED
    (suite,) = ElementTree.parse(terminal.cwd / "report.xml").getroot()
    assert suite.get("name").startswith(r"assay [/x] [red] :smile: \x1b[2K")

    again = terminal.assay("compare", "report.json")
    assert (again.returncode, again.stderr) == (0, "")
    assert harmless(again.stdout)
    assert f"│ {SPELLED} │ 2 of 2 fail │" in again.stdout


def test_the_bar_of_a_hostile_program(terminal, program):
    """On a terminal progress is drawn, by means of the same escapes."""
    terminal.environment |= {"FORCE_COLOR": "1", "TERM": "xterm"}
    done = terminal.assay("run", f"{program} unsupported", *SOFTMAX)
    without = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", done.stdout + done.stderr)

    assert done.returncode == 3
    assert harmless(without)
    assert f"judging {SPELLED}"[:60] in without


def test_a_line_of_progress_of_a_hostile_program(capsys, monkeypatch):
    from assay.conformance.judging.result import Result

    monkeypatch.setattr(shown, "_SELDOM", 0.05)
    line = Line(CLAUSES["SM-1"], "softmax", "float32", offered=True)
    ticker = shown.Ticker(Opening("x"), HOSTILE, [line])
    ticker.heard(Result("SM-1", "required", "softmax", "float32", "pass", 3))
    with ticker.shown():
        time.sleep(0.3)
    assert capsys.readouterr().err == f"{SPELLED}: 1 of 1 clauses judged in 3 cases\n"


def test_a_replay_of_a_hostile_program(terminal, program):
    done = terminal.assay("replay", CASE, "--adapter", program, "--clause", "ALL-1")

    assert (done.returncode, done.stderr) == (1, "")
    assert harmless(done.stdout)
    assert f"ALL-1    fail: it raised {SPELLED}" in done.stdout


def test_a_refusal_on_standard_error(terminal, program):
    done = terminal.assay("run", f"{program} refuse")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"assay: {SPELLED}\n")


def test_the_list_of_adapters_with_hostile_names(capsys):
    hostile = Listed(*(HOSTILE,) * 2, package=HOSTILE, version=HOSTILE, dtypes=(HOSTILE,), functions=(HOSTILE,))
    terminal_of.show_adapters(terminal_of.Screen(), [hostile])
    output = capsys.readouterr().out

    assert harmless(output)
    assert output.startswith(f"{SPELLED}  {SPELLED} {SPELLED}\n")


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["", "with a worker"])
def test_a_suite_with_a_hostile_program(terminal, program, workers):
    """It answers with errors, and is unsupported."""
    done = terminal.python(
        *("-B", "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-rs", *workers),
        *("--assay", program, "--assay", f"{program} unsupported"),
        *("--assay-component", "softmax", "--assay-clause", "ALL-1"),
    )
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]

    assert done.returncode == 1
    assert harmless(done.stdout)
    assert f"it raised {SPELLED}" in done.stdout
    assert len(skipped) == 1
    assert SPELLED in skipped[0]


def test_an_exception_without_a_text(terminal):
    """Its own `__str__` raises."""
    text = "class E(Exception):\n    def __str__(self): raise KeyError\n\ndef softmax(x): raise E"
    done = terminal.assay("run", terminal.write("mine.py", text), *SOFTMAX, "--in-process")

    assert done.returncode == 1
    assert "it raised E: its text cannot be made: KeyError" in done.stdout


def test_the_report_is_written_before_the_screen(terminal, monkeypatch, right):
    """Whatever happens to the screen."""
    broken = "import assay.conformance.interface.command_line as c\n"
    broken += f"c.show_summary = None\nc.main(['run', {right!r}, *{SOFTMAX!r}, '--json', 'r.json', '--junit', 'r.xml'])"
    done = terminal.python("-c", broken)

    assert "TypeError" in done.stderr
    assert json.loads((terminal.cwd / "r.json").read_text(encoding="utf-8"))["verdict"] == "conforms"
    assert (terminal.cwd / "r.xml").exists()


def test_a_screen_that_cannot_show_a_letter(terminal):
    """As one of ASCII, of 40 columns; without a home, and with `python -OO`: it is spelled out, and the run goes on."""
    odd = {"PYTHONIOENCODING": "ascii", "PYTHONOPTIMIZE": "2", "COLUMNS": "40", "HOME": "/nowhere"}
    terminal.environment |= odd
    file = terminal.write("mine.py", RIGHT + "notes = 'déjà vu'\n")
    done = subprocess.run(
        [sys.executable, "-m", "assay.conformance.interface.command_line", "run", file, *SOFTMAX],
        capture_output=True,
        cwd=terminal.cwd,
        env=terminal.environment,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    told("of ASCII", done.stdout.decode("ascii"))
