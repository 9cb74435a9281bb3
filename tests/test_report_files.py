"""The files that a run leaves: nothing else is overwritten, none is half a report, and no fault around loses them."""

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import RIGHT, WRONG
from platforms import FULL, POSIX
from test_bad_input import complaint
from tricks.around import told

from assay.adapters import Opening
from assay.adapters.finding import find
from assay.conformance.interface.command_line import main
from assay.conformance.interface.report_files import write_whole
from assay.conformance.interface.terminal import Screen

QUICKLY = ("--component", "softmax", "--dtype", "float32", "--clause", "SM-1,ALL-4")


@pytest.mark.parametrize("option", ["--json", "--junit"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kernel.py", None),
        ("kernel.py", ""),
        ("known.txt", "SM-1"),
        ("other.json", "{}"),
        ("other.xml", "<testsuites>"),
    ],
)
def test_a_report_overwrites_no_other_file(capsys, tmp_path, option, name, text):
    """As in `assay run --json kernel.py`, where the name of the report was forgotten."""
    file = tmp_path / name
    if text is not None:
        file.write_text(text, encoding="utf-8")
    said = complaint(capsys, "run", option, str(file))
    told("overwrites", said)
    assert f"{option} {file} would overwrite what is no report" in said
    assert (file.read_text(encoding="utf-8") if file.exists() else None) == text


def test_two_reports_are_two_files(capsys, tmp_path):
    one, other = tmp_path / "r", tmp_path / "link"
    other.symlink_to(one)
    assert "--json and --junit name the same file" in complaint(
        capsys, "run", "--json", str(one), "--junit", str(other)
    )
    assert other.is_symlink()
    assert not one.exists()


@POSIX
def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path, monkeypatch):
    file = tmp_path / "r.json"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)

    def half(path, text):
        with path.open("wb") as opened:
            opened.write(text[: len(text) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(file), "write_bytes", half)
        with pytest.raises(OSError, match="No space left"):
            write_whole(file, b"new one")
    assert file.read_text(encoding="utf-8") == "old"
    write_whole(link, b"new one")
    assert (file.read_text(encoding="utf-8"), stat.S_IMODE(file.stat().st_mode)) == ("new one", 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "r.json"]


@POSIX
def test_a_pipe_waits_for_its_reader_and_says_so(capsys, tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"report")
    reader.join()

    assert read == [b"report"]
    assert capsys.readouterr().err == f"assay: waiting until somebody reads {pipe}\n"


@pytest.fixture(scope="module")
def unlucky(shared_terminal):
    """Judge two adapters and one that is not there, on a full disk for the screen; twice, over the reports."""
    terminal = shared_terminal
    files = [terminal.write("right.py", RIGHT), "no.py", terminal.write("wrong.py", WRONG)]
    reports = ("--json", "r.json", "--junit", "r.xml")
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        terminal.start("run", *files, *QUICKLY, *reports, stdout=full) as process,
    ):
        _, errors = process.communicate(timeout=100)
    return terminal, process.returncode, terminal.complaints(errors)


@FULL
def test_an_adapter_that_does_not_load_and_a_full_screen_take_nothing_from_the_others(unlucky):
    terminal, status, errors = unlucky
    lines = (terminal.cwd / "r.json").read_text(encoding="utf-8").splitlines()

    assert status == 2
    assert errors.splitlines() == [
        "assay: standard output cannot be written: No space left on device",
        "assay: there is no file no.py",
    ]
    told("full screen", errors)
    told("missing", errors)
    assert [json.loads(line)["verdict"] for line in lines] == ["conforms", "violates"]
    right, wrong, missing = ElementTree.parse(terminal.cwd / "r.xml").getroot()
    assert [each.get("name") for each in (right, wrong, missing)] == ["assay right", "assay wrong", "assay no.py"]
    assert (missing.get("errors"), missing[0][0].get("message")) == ("1", "there is no file no.py")


@FULL
def test_a_report_that_cannot_be_written_is_one_sentence_and_the_other_is_written(unlucky):
    """Over the reports of the run before, and with nobody on standard input and standard error."""
    terminal, *_ = unlucky
    right = str(terminal.files / "right.py")
    done = terminal.python(
        *("-c", "import os, sys; os.close(0); os.close(2); os.execv(sys.argv[1], sys.argv[1:])"),
        *(sys.executable, "-P", "-m", "assay.conformance.interface.command_line"),
        *("run", right, *QUICKLY, "--json", "/dev/full", "--junit", "r.xml"),
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "right (numpy" in done.stdout
    assert [each.get("name") for each in ElementTree.parse(terminal.cwd / "r.xml").getroot()] == ["assay right"]


@POSIX
def test_a_working_directory_that_goes_during_a_run_is_said(terminal):
    """What was judged is in the report."""
    folder, started = terminal.files / "gone", terminal.files / "started"
    folder.mkdir()
    # A large call comes late: by then, something has been judged.
    nap = f"import pathlib; x.size > 4000 and pathlib.Path({str(started)!r}).touch()"
    slow = terminal.write("slow.py", WRONG.replace("softmax(x):", f"softmax(x):\n    {nap}"))
    what = ("--component", "softmax", "--dtype", "float32")  # what explains a failure needs a second session
    report = terminal.cwd / "report.json"
    with terminal.start("run", slow, *what, "-n", "1", "--json", str(report), cwd=folder) as process:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        folder.rmdir()
        _, errors = process.communicate(timeout=60)

    told("gone", terminal.complaints(errors))
    assert (process.returncode, terminal.report()["incomplete"]) == (1, True)
    assert len(terminal.complaints(errors).splitlines()) == 1


def test_two_runs_beside_each_other_write_one_whole_report(terminal):
    right = terminal.write("right.py", RIGHT)
    asked = ("run", right, *QUICKLY, "--json", "report.json", "--junit", "report.xml")
    with terminal.start(*asked) as one, terminal.start(*asked) as other:
        for process in (one, other):
            output, errors = process.communicate(timeout=100)
            assert (process.returncode, terminal.complaints(errors)) == (0, "")
            told("beside each other", output)

    assert terminal.report()["verdict"] == "conforms"
    assert ElementTree.parse(terminal.cwd / "report.xml").getroot()[0].get("failures") == "0"
    assert sorted(path.name for path in terminal.cwd.iterdir()) == ["report.json", "report.xml"]


@FULL
def test_half_a_run_and_allowed_failures_do_not_look_like_passes(unlucky, capsys, tmp_path):
    """To those who compare reports."""
    terminal, *_ = unlucky
    report = json.loads((terminal.cwd / "r.json").read_text(encoding="utf-8").splitlines()[0])
    report["incomplete"], report["expected"] = True, 5
    report["results"][0]["status"] = "allowed"
    file = tmp_path / "r.json"
    file.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["compare", str(file)])
    said = capsys.readouterr().out

    assert "│ right (interrupted) │ 1 pass, 1 allowed to fail, " in said
    assert said.endswith("\nright (interrupted): 2 of 5 checks were made\n")


def test_odd_names_and_a_screen_of_no_columns(monkeypatch, tmp_path):
    """A name that begins as an option does is handed on as a name, and so it is in the command of a replay."""
    monkeypatch.setenv("COLUMNS", "0")
    assert Screen().width == 80
    file = tmp_path / "two\nlines.py"
    file.write_text(RIGHT, encoding="utf-8")
    assert find(str(file)).name == "two\nlines"
    opening = Opening("-k.py")
    assert opening.words == ["--adapter=-k.py"]
    with pytest.raises(Exception, match=r"there is no file -k\.py"):
        opening.open()


def test_the_command_can_be_called_beside_the_main_thread(capsys):
    """Where Python lets nobody hear signals."""
    left = []

    def call():
        with pytest.raises(SystemExit) as caught:
            main(["spec", "SM-1"])
        left.append(caught.value.code)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert left == [0]
    assert "SM-1" in capsys.readouterr().out
