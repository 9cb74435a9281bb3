"""A run of one adapter: a pytest session of our own around the items of the plugin.

It reads no configuration but its own, and leaves nothing behind: the only folder it needs is a temporary one.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from ...adapters import Adapter
from ..cases.profiles import profile_with
from ..judging.ahead import Begun, is_slow, look, look_at_small
from ..judging.findings import Findings
from ..judging.judging import begin_line, explain_line, explain_seen
from ..judging.plan import Line
from ..judging.result import Failure, Result, result_from_json
from ..terms.clause import Clause
from ..terms.recent import RecentReplies
from . import plugin
from .journal import cases_under_way, failures_under_way
from .listening import PROPERTY
from .report import Report
from .session import cores, folder_is_gone, in_workers, isolate
from .surroundings import complain

Follow: TypeAlias = Callable[[Sequence[Line], Callable[[], int]], object]
"""Gets lines that are judged now, and what counts their cases."""


_START: Final = 3.0
"""Seconds that processes take to start, in which they judge nothing."""


class Conductor:
    """Tells the session what to judge, and hears of every result, wherever it was found."""

    def __init__(
        self,
        report: Report,
        adapter: Adapter,
        heard: Callable[[Result], None],
        explaining: "Explaining",
        limits: "Limits",
    ) -> None:
        """`heard` is called for each result as it comes."""
        self._report, self._adapter, self._heard = report, adapter, heard
        self.journal = ""
        self._explaining, self._limits = explaining, limits
        self.lines = {line.name: line for line in report.left}
        explaining.expect(list(self.lines.values()))
        self._recent = RecentReplies()
        self._begun: dict[Line, Begun] = {}
        self.errors: list[str] = []
        self.lost: list[str] = []
        """What ended before its time, which matters if something has not been judged."""
        self.stopped = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over the plan, and the adapter that is open already."""
        report = self._report
        judged = plugin.Judged(
            report.opening,
            list(self.lines.values()),
            report.profile,
            report.seed,
            list(map(dict, report.shapes)),
            report.memory,
            journal=self.journal,
            explained=False,
        )
        config.stash[plugin.JUDGED] = [judged]
        config.stash[plugin.OPENED] = {report.opening: self._adapter}
        config.stash[plugin.RECENT] = {report.opening: self._recent}
        config.stash[plugin.BEGUN] = {report.opening: self._begun}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Look ahead in a component before its first line, in the process that judges it; in a hurry, nobody does."""
        if isinstance(item, plugin.ClauseItem) and self._report.seconds is None:
            self._explaining.look(item.line, self._recent, self._begun)
            self._end_if_enough()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Look ahead here while the processes start that judge, in which nobody does: what they judge is theirs."""
        if session.config.getoption("tx") and not self._report.judged and self._report.seconds is None:
            until = time.monotonic() + _START
            for line in self.lines.values():
                self._explaining.look(line, self._recent, {}, until)
                self._end_if_enough()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item left."""
        found = dict(report.user_properties).get(PROPERTY)
        if report.when == "call" and isinstance(found, str):
            result = result_from_json(json.loads(found))
            line = self.lines[report.nodeid.rpartition("::")[2]]
            self._report.add(line, result)
            self._heard(result)
            self._explaining.take(line, result)
            self._end_if_enough()
        elif report.failed:
            self.errors.append(report.longreprtext)

    def _end_if_enough(self) -> None:
        """End the session where more is not wanted."""
        report = self._report
        if self._limits.first and any(cause.level == "required" for cause in report.causes):
            report.ended = "it was to end with the first cause"
        elif time.monotonic() > self._limits.end:
            report.ended = f"its {report.seconds:g} s are over"
        if report.ended:
            raise pytest.exit.Exception(report.ended)

    @property
    def unfinished(self) -> dict[str, Line]:
        """The lines that have no result yet, by their names."""
        return {name: line for name, line in self.lines.items() if line not in self._report.judged}

    def take_unfinished(self, folder: Path) -> None:
        """Take in what is known of lines that it was interrupted in: what has failed, and how much was judged."""
        report, unfinished = self._report, self.unfinished
        if not report.ended:
            report.ahead = {**failures_under_way(folder, unfinished), **report.ahead}
            report.begun += cases_under_way(folder, unfinished)

    def pytest_keyboard_interrupt(self) -> None:
        """Note the end; the report of what was done is written all the same."""
        self.stopped = True
        self._report.interrupted = not self._report.ended

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        """Note a worker of xdist that ended by itself: of one that had no item yet, nobody else tells."""
        if error:
            self.lost.append(f"a worker process that judges has ended: {error}")

    def pytest_internalerror(self, excrepr: object) -> bool:
        """Note a mistake of ours, and say that pytest need not print it."""
        self.errors.append(str(excrepr))
        return True


@dataclass(frozen=True)
class Limits:
    """When a run ends before its end."""

    first: bool = False
    """Whether with the first cause."""
    end: float = math.inf
    """The time after which no further clause is begun."""


class Explaining:
    """Explains what fails, in the order of the plan, whichever process finds it first: the report must not hang on it.

    A line waits until those before it have been judged, in its component: what is wrong in one says nothing of another.
    """

    def __init__(self, report: Report, adapter: Adapter, findings: Findings) -> None:
        """Take what is told of each failure that has been made small, and diagnosed."""
        self._report, self._adapter, self._findings = report, adapter, findings
        self._profile = profile_with(report.profile, report.shapes)
        self._waiting: dict[str, dict[Line, Result | None]] = {}
        self._looked: set[str] = set()

    def look(self, line: Line, recent: RecentReplies, begun: dict[Line, Begun], until: float = math.inf) -> None:
        """Look ahead in the component of a line and in its dtype, once, and tell of what fails."""
        if line.component in self._looked or not line.dtype or time.monotonic() > until:
            return
        self._looked.add(line.component)
        report, adapter, profile = self._report, self._adapter, replace(self._profile, memory=self._report.memory)
        lines = [each for each in self._waiting[line.component] if self._is_looked_at(each, line.dtype)]
        if lines and is_slow(adapter, lines[0], report.seed):
            seen = look_at_small(adapter, lines, profile, report.seed, recent, until)
        else:
            begun |= {each: begin_line(adapter, each, profile, report.seed, recent) for each in lines}
            seen = look(lines, begun, until)
        if seen:
            report.ahead[seen.line] = seen.result
            report.ahead[seen.line] = explain_seen(adapter, seen, profile, report.seed, self._findings)

    def _is_looked_at(self, line: Line, dtype: str) -> bool:
        """Say whether it counts if a line fails: what only advises does not, nor what is allowed."""
        where = line.clause.id, line.component, line.dtype
        allowed = any(each.covers(*where) for each in self._report.allowed)
        return line.dtype == dtype and line.clause.level == "required" and not line.again and not allowed

    def expect(self, lines: Sequence[Line]) -> None:
        """Take the lines that are to be judged, in their order."""
        self._waiting = {}
        for line in lines:
            self._waiting.setdefault(line.component, {})[line] = None

    def take(self, line: Line, result: Result) -> None:
        """Take a line that has been judged, and explain whatever has its turn now."""
        waiting = self._waiting[line.component]
        waiting[line] = result
        while waiting and (found := next(iter(waiting.values()))) is not None:
            self._explain(next(iter(waiting)), found)
            del waiting[next(iter(waiting))]

    def _explain(self, line: Line, result: Result) -> None:
        explained = explain_line(self._adapter, line, self._profile, self._report.seed, result, self._findings)
        self._report.replace(line, result, explained)


def run(
    report: Report,
    adapter: Adapter,
    heard: Callable[[Result], None],
    workers: str = "0",
    found: Callable[[Clause, Failure], object] = lambda clause, failure: None,
    follow: Follow = lambda lines, count: None,
    *,
    first: bool = False,
) -> list[str]:
    """Judge every line of the report that is due; return what went wrong with the judge itself.

    `heard` is told of every result, `found` of each failure that has been made small, and diagnosed; `follow` gets the
    lines of each session, and what counts the cases of those that are judged now. It ends with the first cause, if
    `first` says so, and when the time is over that the report gives it.

    What explains a failure is judged in a session of its own, when the others have ended: whichever process has
    judged what, the same lines are due then.
    """
    errors: list[str] = []
    explaining = Explaining(report, adapter, Findings(found))
    limits = Limits(first, math.inf if report.seconds is None else time.monotonic() + report.seconds)
    while report.left and not (errors or report.interrupted or report.ended):
        errors = _session(report, Conductor(report, adapter, heard, explaining, limits), workers, follow)
    return errors


def _session(report: Report, conductor: Conductor, workers: str, follow: Follow) -> list[str]:
    """Judge the lines that are left."""
    count = min(cores() if workers == "auto" else int(workers), len(conductor.lines))
    whole = tempfile.TemporaryDirectory(prefix="assay-", ignore_cleanup_errors=True)
    with whole as folder, pytest.MonkeyPatch.context() as patch:
        conductor.journal = folder
        follow(list(conductor.lines.values()), lambda: cases_under_way(Path(folder), conductor.unfinished))
        ini = Path(folder, "assay.ini")
        ini.write_text("[pytest]\n", encoding="utf-8")
        isolate(patch, count, folder)
        arguments = ["-p", "xdist.plugin", "-p", plugin.__name__, "-p", "no:cacheprovider", "-p", "no:terminal"]
        arguments += ["--capture=no", "-W", "ignore", *in_workers(count, hurried=report.seconds is not None)]
        arguments += ["-c", str(ini), "--rootdir", folder, "--basetemp", str(Path(folder, "basetemp")), folder]
        try:
            pytest.main(arguments, [conductor])
        except OSError as error:  # pytest goes back to the working directory, which may be gone
            conductor.lost.append(f"the session of pytest has ended: {error}")
        conductor.take_unfinished(Path(folder))
    follow([], lambda: 0)
    left = not conductor.lines.keys().isdisjoint(line.name for line in report.left)
    report.interrupted |= left and not report.ended
    if folder_is_gone():
        if left:
            complain("the working directory has gone, and with it the processes that judge")
        return []
    return [] if conductor.stopped else conductor.errors or conductor.lost * left
