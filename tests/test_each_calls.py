"""`assay run --each`: a mistake in the call is one sentence; how files are named; what becomes of a judge's end."""

import contextlib
import io
import json
import sqlite3
import sys
from pathlib import Path

import pytest
from conftest import RIGHT
from platforms import POSIX
from test_bad_input import complaint

from assay.conformance.interface.each.conducting import Asked, Folder, conduct, left_of
from assay.conformance.interface.each.database import Database
from assay.conformance.interface.each.judges import Local
from assay.conformance.interface.each.kernels import Kernel, kernels_of
from assay.conformance.interface.each.row import Ended, died, report_of, row_of
from assay.conformance.interface.each.table import table_page
from assay.conformance.interface.each.watching import Watching
from assay.conformance.interface.options import UsageError


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a.py", "--each"), "--each needs --out FOLDER, where the reports go"),
        (("--each", "--out", "OUT"), "--each needs adapters: name them, or - for a list on standard input, one a line"),
        (("a.py", "--out", "OUT"), "--out is for --each, which judges every adapter apart; add --each"),
        (("a.py", "--kill-after", "5"), "--kill-after is for --each, which judges every adapter apart; add --each"),
        (("-",), "-, a list of adapters on standard input, is for --each"),
        (("-", "a.py", "--each", "--out", "OUT"), "- stands for a list on standard input, and for all of it; name no"),
        (("a.py", "a.py", "--each", "--out", "OUT"), "a.py is named twice"),
        (("tests/", "--each", "--out", "OUT"), "tests/ is a folder; name the files in it, as in tests/*.py"),
        (("a.py", "./a.py", "--each", "--out", "OUT"), "./a.py is named twice, as a.py and as ./a.py"),
        (("a.py", "--each", "--out", "FILE"), "FILE is no folder; it takes the reports of all adapters"),
        (("a.py", "--each", "--out", "FILE/x"), "--out FILE/x cannot be made: Not a directory"),
        (("a.py", "--each", "--out", "OUT", "--json", "x"), "--each writes a report and a page of each adapter into"),
        (("a.py", "--each", "--out", "OUT", "--resume", "x"), "--resume is not for --each: the same command goes on"),
        (("a.py", "--each", "--out", "OUT", "--shard", "1/2"), "--shard is not for --each: split the list instead"),
        (("a.py", "--each", "--out", "OUT", "-v"), "-v is not for --each: the page of each adapter shows every check"),
        (("a.py", "--each", "--out", "OUT", "--allow", "OUT"), "OUT"),
        (("a.py", "--each", "--out", "OUT", "--baseline", "OUT"), "OUT cannot be read as a report"),
        (("a.py", "--each", "--out", "OUT", "--declare", "OUT"), "OUT"),
        (("a.py", "--each", "--out", "OUT", "--kill-after", "0"), "must be a number of seconds above 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_in_the_call_is_one_sentence(capsys, monkeypatch, tmp_path, arguments, says):
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    monkeypatch.chdir(Path(__file__).parent.parent)
    places = {"OUT": str(tmp_path / "out"), "FILE": str(file)}

    def placed(text):
        for word, place in places.items():
            text = text.replace(word, place)
        return text

    assert placed(says) in complaint(capsys, "run", *map(placed, arguments))
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("given", "says"),
    [(b"\n \n", "the list on standard input names no adapter"), (b"a.py\na\0.py\n", r"a\x00.py is no name")],
)
def test_a_list_that_names_nothing_is_refused(monkeypatch, given, says):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    with pytest.raises(UsageError, match=says.replace("\\", r"\\")):
        kernels_of(["-"])


def test_names_of_files_are_safe_and_no_two_alike(monkeypatch, tmp_path):
    """Whatever bytes the list has; a file is the same from another folder."""
    monkeypatch.chdir(tmp_path)
    given = (
        b"a/kernel.py\r\nb/kernel.py\nk.py:f\n../../etc/passwd.py\n\xff.py\n" + b"x" * 300 + b".py\nexec:./k \xc3\xa4\n"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    kernels = kernels_of(["-"])
    assert len({kernel.file for kernel in kernels}) == len(kernels) == 7
    assert all(
        kernel.file.replace("-", "a").replace("_", "a").isalnum() and len(kernel.file) <= 51 for kernel in kernels
    )
    assert [kernel.file.rpartition("-")[0] for kernel in kernels[:4]] == ["kernel", "kernel", "k-f", "passwd"]
    (elsewhere,) = kernels_of([str(tmp_path / "a" / "kernel.py")])
    assert elsewhere.file == kernels[0].file


KERNEL = Kernel("mine.py", "mine-0")
REPORT = {
    "schema": "assay-report/1",
    "assay": "0.1.0",
    "spec": "2026.12",
    "adapter": "mine",
    "implementation": {"package": "", "version": "", "device": "cpu", "notes": []},
    "profile": "quick",
    "seed": 2**70,
    "verdict": "no-evidence",
    "expected": 1,
    "checked": 0,
    "counts": {"pass": 1},
    "run": "0",
    "results": [],
}


def row(ended, tries=1):
    return row_of(KERNEL, "key", ended, report_of(ended), tries, 60.0)


def with_report(status=3, *, late=False, **changes):
    return Ended(1, status, json.dumps({**REPORT, **changes}).encode(), b"page", "", 2.0, 1.0, late)


@pytest.mark.parametrize(
    ("ended", "again", "says"),
    [
        (Ended(1, 2, log="noise\nassay: mine.py is no adapter\n"), False, "mine.py is no adapter"),
        (Ended(1, 2), False, "its judge has refused it, and gave no reason"),
        (Ended(1, -9), True, "its judge was ended by signal 9"),
        (Ended(1, 70, log="Traceback\nMistake: of ours\n\n"), True, "its judge ended with status 70: Mistake: of ours"),
        (with_report(0, results=None), True, "its judge ended with status 0"),
        (Ended(1, 3, b"[" * 100_000), True, "its judge ended with status 3"),
        (with_report(incomplete=True), True, "its judge ended with status 3"),
        (Ended(1, -15, late=True), False, "its judge was ended after 60 s (--kill-after)"),
        (with_report(incomplete=True, late=True), False, "its judge was ended after 60 s (--kill-after)"),
    ],
)
def test_what_was_not_judged_says_why(ended, again, says):
    """Only what a judge has not done by itself is tried again at once."""
    assert died(ended, report_of(ended)) == again
    found = row(ended)
    assert (found.verdict, found.sentence) == ("not-judged", says)
    assert (found.key, found.limit) == (("key", 60.0) if ended.late else ("", None))


def test_a_report_that_came_in_the_last_moment_counts():
    assert (row(with_report(late=True)).verdict, row(with_report(late=True)).limit) == ("no-evidence", None)
    cut = row(with_report(1, incomplete=True, late=True, verdict="violates"))
    assert (cut.verdict, cut.limit) == ("violates", 60.0)
    short = row(with_report(incomplete=True, left_out=["ALL-1[softmax-float32]"]))
    assert (short.verdict, short.sentence) == ("no-evidence", "its time was over with 1 check left out")


def test_a_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "results.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    with pytest.raises(UsageError, match="is another program's database"):
        Database(path)
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(UsageError, match="cannot be read as the results of an earlier call"):
        Database(path)


def test_the_page_escapes_and_counts(tmp_path):
    database = Database(tmp_path / "results.sqlite")
    for place, ended in enumerate((with_report(), Ended(2, 2, log="assay: <i>\u202e</i>")), 1):
        made = row_of(Kernel(f"k{place}.py", f"k{place}"), "key", ended, report_of(ended), 1, 60.0)
        database.put(made, place)
        database.put(made, place)
    assert database.counts() == {"no-evidence": 1, "not-judged": 1}
    assert database.judged(60.0) == {"k1": "key"}
    page = table_page(database.rows(), "assay run --each", 3).decode()
    database.close()
    assert r"&lt;i&gt;\u202e&lt;/i&gt;" in page
    assert str(2**70) in page
    assert "<h1>5 kernels</h1>" in page
    assert "3 are not judged yet" in page


@POSIX
def test_where_a_fork_is_not_safe_a_judge_is_started_anew(tmp_path):
    """And a server that dies is started again; its kernels are tried once more."""
    file = tmp_path / "right.py"
    file.write_text(RIGHT, encoding="utf-8")
    kernels = kernels_of([str(file)])
    database = Database(tmp_path / "results.sqlite")
    folder = Folder(tmp_path, database, "", 1)
    asked = Asked(["--in-process", "--clause=SM-1", "--dtype=float32"], "asked", 60.0)
    judges = Local(1, forks=False)
    judges._server.kill()
    assert conduct(kernels, kernels, judges, folder, asked, Watching(1, {}))
    (found,) = database.rows()
    assert found["verdict"] == "conforms"
    assert left_of(kernels, folder, asked)[0] == []
    assert left_of(kernels, folder, Asked([], "others", 60.0))[0] == kernels
    (tmp_path / f"{kernels[0].file}.json").unlink()
    assert left_of(kernels, folder, asked)[0] == kernels
    database.close()


@POSIX
def test_two_calls_into_one_folder_do_not_mix(capsys, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / ".lock", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "another call is judging into" in complaint(capsys, "run", "a.py", "--each", "--out", str(tmp_path))
