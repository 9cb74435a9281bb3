"""A look ahead: what is wrong shows early, in a kernel of any speed, and the report does not hang on the look."""

import contextlib
import time
from dataclasses import replace

import numpy as np
import pytest

from assay.adapters import Opening, open_adapter
from assay.adapters.in_process import open_object
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface import running
from assay.conformance.interface.allowed import allowed_from
from assay.conformance.interface.report import Report
from assay.conformance.judging import ahead
from assay.conformance.judging.judging import begin_line, judge_line
from assay.conformance.judging.plan import Selection, plan

QUICK = PROFILES["quick"]
LATE = ("ALL-1", "ALL-12")
ALONE = 5000
"""A length that only the sizes of models have."""


class Softmax:
    """A softmax that is wrong from a length on, and may take long; it notes the sizes of its arguments."""

    dtypes = ("float32",)

    def __init__(self, wrong_from, seconds=0.0):
        """Begin with no call."""
        self.wrong_from, self.seconds, self.asked = wrong_from, seconds, []

    def softmax(self, x, *, axis=-1):
        """Compute it in the format of its argument."""
        time.sleep(self.seconds)
        self.asked.append(x.size)
        e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
        result = e / e.sum(axis, keepdims=True)
        return (result * 1.5 if x.shape[axis] >= self.wrong_from else result).astype(x.dtype)


def judged(kernel, clauses=LATE, *, allowed="", stop=False, **how):
    """Run, and give the report and the clauses of which a failure was told, until the first if it is to stop."""
    adapter, told = open_object(kernel, "mine"), []
    lines = list(plan(adapter.offer, Selection(("softmax",), (), clauses), QUICK))
    report = Report(Opening("mine"), adapter.offer, "quick", 0, lines, (), list(allowed_from(allowed)))

    def found(clause, failure):
        told.append(clause.id)
        if stop:
            raise KeyboardInterrupt

    assert not running.run(report, adapter, lambda _: None, "0", found, **how)
    return report, told


def without_time(report):
    """Give what a report says but for what it took."""
    return [{**each.as_json(), "seconds": 0, "memory": None} for each in report.results]


@pytest.mark.parametrize("wrong_from", [3, ALONE])
@pytest.mark.parametrize("clause", LATE)
def test_a_line_that_was_looked_at_ends_as_if_nobody_had(clause, wrong_from):
    adapter = open_object(Softmax(wrong_from), "mine")
    (line,) = plan(adapter.offer, Selection(("softmax",), (), (clause,)), QUICK)
    begun = begin_line(adapter, line, QUICK, 0, None)
    begun.go_on(5)
    results = [judge_line(adapter, line, QUICK, 0, None, begun), judge_line(adapter, line, QUICK, 0)]

    assert results[0].seconds >= begun.seconds - 0.001
    alike = [replace(each, seconds=0, memory=None) for each in results]
    assert alike[0] == alike[1]


def test_what_only_long_rows_show_is_told_before_everything_else_is_judged():
    kernel = Softmax(ALONE)
    report, told = judged(kernel, stop=True)

    assert told == ["ALL-12"]
    assert "ALL-1" in [line.clause.id for line in report.left]
    # Whoever stops it then has the failure.
    assert report.interrupted
    assert [(each.clause, each.status) for each in report.results] == [("ALL-12", "fail")]


def test_the_first_cause_ends_a_run_that_is_to_end_with_it():
    report, told = judged(Softmax(ALONE), first=True)

    assert told[0] == "ALL-12"
    assert report.ended
    assert [each.clause for each in report.results] == ["ALL-12"]


def test_a_report_does_not_hang_on_the_look(monkeypatch):
    with_look, told = judged(Softmax(ALONE))
    monkeypatch.setattr(running, "look", lambda *_: None)
    without, told_so = judged(Softmax(ALONE))

    assert without_time(with_look) == without_time(without)
    assert set(told) == set(told_so)


def test_with_processes_that_judge_the_look_is_while_they_start(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_START", 60.0)
    file, events = tmp_path / "twice.py", []
    file.write_text("import numpy as np\n\ndef softmax(x):\n    return np.exp(x)\n", encoding="utf-8")
    with contextlib.closing(open_adapter(str(file))) as adapter:
        lines = list(plan(adapter.offer, Selection(("softmax",), ("float32",), ("ALL-1", "SM-1")), QUICK))
        report = Report(Opening(str(file)), adapter.offer, "quick", 0, lines)
        heard, found = lambda _: events.append("judged"), lambda *_: events.append("failure")

        assert not running.run(report, adapter, heard, "1", found)

    assert events[0] == "failure"
    assert events.count("judged") == len(report.due) >= 2
    assert {each.status for each in report.results} == {"fail"}


def test_what_is_allowed_to_fail_is_not_looked_at():
    report, told = judged(Softmax(ALONE), allowed="ALL-12 softmax reason=known")

    assert not told
    assert [each.status for each in report.results] == ["pass", "allowed"]


def test_in_a_hurry_nobody_looks_ahead():
    adapter = open_object(Softmax(ALONE), "mine")
    lines = list(plan(adapter.offer, Selection(("softmax",), (), LATE), QUICK))
    report = Report(Opening("mine"), adapter.offer, "quick", 0, lines, seconds=1e-9)

    assert not running.run(report, adapter, lambda _: None)
    assert not report.ahead
    assert report.ended


def test_a_slow_kernel_is_known_by_an_easy_call():
    line = next(plan(open_object(Softmax(1), "mine").offer, Selection(("softmax",), (), ("ALL-1",)), QUICK))

    assert ahead.is_slow(open_object(Softmax(1, seconds=0.15), "mine"), line, 0)
    assert not ahead.is_slow(open_object(Softmax(1), "mine"), line, 0)


def test_a_slow_kernel_gets_small_cases_first():
    kernel = Softmax(4, seconds=0.11)
    report, told = judged(kernel, stop=True)
    drawn = cases_of(CLAUSES["ALL-1"], COMPONENTS["softmax"], "float32", QUICK, 0)
    ordinary = [case["rows"] * case["n"] for case in drawn]

    assert told == ["ALL-1"]
    assert [each.status for each in report.results] == ["fail"]
    assert len(kernel.asked) < 60
    assert max(kernel.asked) < max(ordinary[: len(kernel.asked)])


def test_what_a_slow_kernel_has_answered_is_not_asked_again(monkeypatch):
    ordinary, looked_at = Softmax(10**9), Softmax(10**9)
    judged(ordinary, ("ALL-1",))
    monkeypatch.setattr(ahead, "_SLOW", 0)
    report, _ = judged(looked_at, ("ALL-1",))

    assert [each.status for each in report.results] == ["pass"]
    assert sorted(looked_at.asked) == sorted(ordinary.asked)
    assert looked_at.asked != ordinary.asked


def test_a_slow_kernel_has_a_time_of_its_own(monkeypatch):
    kernel = Softmax(3)
    monkeypatch.setattr(ahead, "_SLOW", 0)
    monkeypatch.setattr(ahead, "_SECONDS", 0)
    report, _ = judged(kernel, ("ALL-1",))

    assert not report.ahead
    assert report.failures


def test_the_smallest_cases_have_every_option():
    component = COMPONENTS["attention"]
    every = list(cases_of(CLAUSES["ALL-1"], component, "float32", QUICK, 0))
    few = list(ahead.smallest_of_each(component, every))

    assert len(few) < 60
    for name in ("mask", "regime", "layout"):
        assert {case[name] for case in few} == {case[name] for case in every}
