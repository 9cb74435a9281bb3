"""What is judged now is noted: an interrupted clause loses no failure, and its cases are counted."""

import signal
import time
from dataclasses import replace

import numpy as np
from conftest import RIGHT
from platforms import POSIX

from assay.adapters import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES
from assay.conformance.interface.journal import Journal, cases_under_way, failures_under_way
from assay.conformance.interface.ticker import Ticker
from assay.conformance.judging.judging import judge_line
from assay.conformance.judging.plan import Line
from assay.conformance.judging.result import Result

LINE = Line(CLAUSES["ALL-1"], "softmax", "float32", offered=True)
LINES = {LINE.name: LINE}


class Softmax:
    """Wrong where a row has five entries, and stopped at one of 16."""

    dtypes = ("float32",)

    def softmax(self, x):
        """Answer, or be stopped."""
        if x.shape[-1] == 16:
            raise KeyboardInterrupt
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return (1 + (x.shape[-1] == 5)) * e / e.sum(-1, keepdims=True)


def test_a_failure_and_the_cases_before_an_interruption_are_noted(tmp_path):
    adapter, journal = open_object(Softmax(), "mine"), Journal(str(tmp_path), LINE)
    interrupted = False
    try:
        judge_line(adapter, LINE, PROFILES["quick"], 0, note=journal.note)
    except KeyboardInterrupt:
        interrupted = True

    assert interrupted
    assert cases_under_way(tmp_path, LINES) >= 1
    (result,) = failures_under_way(tmp_path, LINES).values()
    assert (result.clause, result.status) == ("ALL-1", "fail")
    assert "&n=5&" in result.failure.case
    assert not failures_under_way(tmp_path, {})
    assert cases_under_way(tmp_path, {}) == 0


def test_half_a_note_is_none(tmp_path):
    (tmp_path / "1.journal").write_text('{"line": "ALL-1[soft', encoding="utf-8")

    assert cases_under_way(tmp_path, LINES) == 0


@POSIX
def test_an_interrupted_clause_loses_no_failure(terminal):
    """One of a worker of xdist, which knows of it alone."""
    seen = terminal.files / "seen"
    file = f"seen = pathlib.Path({str(seen)!r})"
    nap = f"import time, pathlib; {file}; time.sleep(0.02 + 0.2 * seen.exists()); x.shape[-1] == 5 and seen.touch()"
    wrong = RIGHT.replace("softmax(x):", f"softmax(x):\n    {nap}").replace(
        "return", "return (1 + (x.shape[-1] == 5)) *"
    )
    slow = terminal.write("slow.py", wrong)
    asked = ("--component", "softmax", "--dtype", "float32", "--clause", "ALL-1,SM-1", "--json", "report.json")
    # In a run of a given time nobody looks ahead in this process. What is started in the background ignores the signal.
    asked += ("-n", "1", "--time", "1000")
    heeding = {"start_new_session": True, "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with terminal.start("run", slow, *asked, **heeding) as process:
        deadline = time.monotonic() + 60
        while not seen.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    report = terminal.report()

    assert (process.returncode, report["verdict"], report["incomplete"]) == (1, "violates", True)
    assert "ALL-1" in {each["clause"] for each in report["results"] if each["status"] == "fail"}
    assert "the run was interrupted, in clauses of which " in output


def test_progress_counts_the_cases_of_a_clause_that_is_judged_now(capsys, monkeypatch):
    monkeypatch.setattr("assay.conformance.interface.ticker._SELDOM", 0.05)
    ticker = Ticker(None, "mine", [LINE])
    with ticker.shown():
        ticker.follow([LINE], lambda: 1234)
        time.sleep(0.3)

    assert capsys.readouterr().err == "mine: 0 of 1 clauses judged in 1,234 cases\n"


def test_what_explains_comes_on_top_and_is_expected_as_soon_as_it_begins(capsys, monkeypatch):
    monkeypatch.setattr("assay.conformance.interface.ticker._SELDOM", 0.05)
    ticker = Ticker(None, "mine", [LINE])
    ticker.heard(Result("ALL-1", "required", "softmax", "float32", "fail", 7))
    ticker.follow([replace(LINE, clause=CLAUSES[name]) for name in ("SM-2", "ALL-8")], lambda: 0)
    with ticker.shown():
        time.sleep(0.3)

    assert capsys.readouterr().err == "mine: 1 of 3 clauses judged in 7 cases, 1 failed\n"
