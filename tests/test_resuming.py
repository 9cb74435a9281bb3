"""`assay run --resume`: a run goes on where it was stopped, whatever stopped it; that of anything else is refused."""

import dataclasses
import json
import signal
import time

import pytest
from conftest import RIGHT
from platforms import POSIX
from tricks.around import told

from assay.adapters import Offer, Opening
from assay.conformance.components import CLAUSES
from assay.conformance.exceptions import UserError
from assay.conformance.interface.report import Report
from assay.conformance.interface.report_files import Saving
from assay.conformance.interface.report_json import json_text, read_json
from assay.conformance.interface.resuming import resume
from assay.conformance.judging.plan import Line
from assay.conformance.judging.result import Failure, Result

SOFTMAX = ("--component", "softmax", "--dtype", "float32", "--clause", "SM-1,ALL-4")
OFFER = Offer("mine", "numpy", "numpy", "2", "cpu", ("float32",), ("softmax", "attention"))
LINES = [Line(CLAUSES[name], "softmax", "float32", offered=True) for name in ("ALL-1", "SM-1", "ALL-4")]
LINES += [Line(CLAUSES["ALL-1"], "embedding", "float32", offered=False)]


def written(path):
    """Say whether something is in a file; to see whether it may be written, it is opened for a moment."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


@POSIX
def test_a_run_that_was_killed_goes_on(terminal):
    """As by a system without memory: what was judged until then is there, and is not judged again."""
    started = terminal.files / "calls"
    nap = f"import time, pathlib; pathlib.Path({str(started)!r}).open('a').write('.'); time.sleep(0.008)"
    slow = terminal.write("slow.py", RIGHT.replace("softmax(x):", f"softmax(x):\n    {nap}"))
    report = terminal.cwd / "report.json"
    with terminal.start("run", slow, *SOFTMAX, "--json", "report.json") as process:
        deadline = time.monotonic() + 60
        while not written(report) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    half = terminal.report()
    assert half["incomplete"]
    assert (half["verdict"], half["checked"], half["expected"]) == ("no-evidence", 1, 2)
    half["results"][0]["examples"] = 12345
    report.write_text(json.dumps(half), encoding="utf-8")

    done = terminal.assay("run", slow, *SOFTMAX, "--resume", "report.json", "--json", "report.json")
    whole = terminal.report()
    assert (done.returncode, terminal.complaints(done.stderr)) == (0, "")
    told("killed", done.stdout)
    assert "incomplete" not in whole
    assert (whole["verdict"], whole["checked"], whole["run"]) == ("conforms", 2, half["run"])
    assert [each["examples"] == 12345 for each in whole["results"]].count(True) == 1


@pytest.fixture
def report():
    """Make an interrupted one of two results of three, of which one is a failure that is allowed."""
    made = Report(Opening("mine.py"), OFFER, "quick", 0, LINES, interrupted=True)
    failure = Failure("wrong", "softmax?dtype=float32", 2.5, "softmax-without-max")
    made.add(LINES[0], Result("ALL-1", "required", "softmax", "float32", "allowed", 3, 2.5, failure=failure))
    made.add(
        LINES[1],
        Result("SM-1", "required", "softmax", "float32", "pass", 4, 0.25, 1, power={"informative": 1.0, "median": 0.1}),
    )
    return made


def saved(report, path, **changes):
    """Write it, and read it again."""
    path.write_text(json.dumps({**report.as_json(), **changes}), encoding="utf-8")
    return read_json(path)


def test_what_was_judged_is_taken_over_whole(report, tmp_path):
    """An allowed failure is asked for again: the list may be another one."""
    again = Report(Opening("mine.py"), OFFER, "quick", 0, LINES)
    path = tmp_path / "r.json"
    resume(again, saved(report, path), path, alone=True)

    assert again.left == [LINES[2]]
    assert again.judged[LINES[0]].status == "fail"
    report.judged[LINES[0]].status = "fail"
    assert again.as_json() == report.as_json()
    assert again.verdict == "violates"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 1}, "is of another run: its 'seed' is 0, and not 1"),
        ({"profile": "standard"}, 'is of another run: its \'profile\' is "quick", and not "standard"'),
        ({"shapes": [{"n": 3}]}, "is of another run: its 'shapes' is null"),
        ({"offer": dataclasses.replace(OFFER, version="3")}, "is of another run: its 'implementation' is "),
        ({"offer": dataclasses.replace(OFFER, name="other")}, "is of mine, and not of other"),
        ({"offer": dataclasses.replace(OFFER, numerics={"float32": {"block": 8}})}, "the adapter has changed since"),
        ({"opening": Opening("other.py")}, "the adapter has changed since, or is opened otherwise"),
        ({"opening": Opening("mine.py", "softmax")}, "the adapter has changed since, or is opened otherwise"),
        (
            {"lines": LINES[1:]},
            "has judged ALL-1 of softmax in float32, which this run does not",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_report_of_another_run_is_refused(report, tmp_path, changes, says):
    how = {"opening": Opening("mine.py"), "offer": OFFER, "profile": "quick", "seed": 0, "lines": LINES}
    path = tmp_path / "r.json"
    with pytest.raises(UserError) as caught:
        resume(Report(**{**how, **changes}), saved(report, path), path, alone=True)
    assert says in str(caught.value)


def test_a_report_of_another_version_or_by_another_hand_is_refused(report, tmp_path):
    again, path = Report(Opening("mine.py"), OFFER, "quick", 0, LINES), tmp_path / "r.json"
    failing = report.as_json()["results"]
    for changes, says in (
        ({"assay": "0.0.1", "run": "x"}, "its 'assay' is \"0.0.1\""),
        ({"results": [{**failing[0], "failure": None}]}, "has a failure of ALL-1 that no run of this version has"),
        ({"results": [{**failing[0], "failure": {**failing[0]["failure"], "looks_like": "x"}}]}, "has a failure of"),
    ):
        with pytest.raises(UserError) as caught:
            resume(again, saved(report, path, **changes), path, alone=True)
        assert says in str(caught.value)


def test_a_kernel_that_was_changed_is_another_one(tmp_path):
    file = tmp_path / "mine.py"
    runs = []
    for text in ("a = 1", "a = 2", "a = 1"):
        file.write_text(text, encoding="utf-8")
        runs.append(Report(Opening(f"{file}:a"), OFFER, "quick", 0, LINES).run)
    assert runs[0] == runs[2] != runs[1]


def test_of_several_adapters_one_that_the_file_lacks_begins_anew(report, tmp_path):
    other = Report(Opening("other.py"), dataclasses.replace(OFFER, name="other"), "quick", 0, LINES)
    path = tmp_path / "r.json"
    path.write_bytes(json_text([report, report]))
    resume(other, read_json(path), path, alone=False)
    assert not other.judged


def test_a_report_is_saved_now_and_then_but_not_into_a_pipe(report, tmp_path, monkeypatch):
    path, written = tmp_path / "r.json", []
    saving = Saving(path, lambda: written.append(1) or json_text([report]))
    saving.heard()
    saving.heard()
    assert (len(written), json.loads(path.read_text(encoding="utf-8"))["incomplete"]) == (1, True)
    for nowhere in ("/dev/stdout", None):
        Saving(nowhere and path.__class__(nowhere), lambda: written.append(2)).heard()
    assert written == [1]


def test_a_cause_is_shown_by_the_case_that_was_found_first_again(tmp_path):
    """What it explains was not made small: with its larger error it would come first."""
    lines = [Line(CLAUSES[name], "softmax", "float32", offered=True) for name in ("ALL-1", "ALL-12", "SM-1")]
    made, again = (Report(Opening("mine.py"), OFFER, "quick", 0, lines) for _ in range(2))
    small, large = "softmax?dtype=float32&n=3", "softmax?dtype=float32&n=529"
    for line, case, ratio in ((lines[0], small, 2.0), (lines[1], large, 900.0)):
        failure = Failure("the value is wrong", case, ratio, cause=f"ALL-1 {small}")
        made.add(line, Result(line.clause.id, "required", "softmax", "float32", "fail", 3, ratio, failure=failure))
    path = tmp_path / "r.json"
    resume(again, saved(made, path), path, alone=True)

    assert [cause.failure.case for cause in made.causes] == [small]
    assert again.as_json()["causes"] == made.as_json()["causes"]
