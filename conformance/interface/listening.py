"""What a session of pytest says of its clauses at the end: known failures, lacking evidence, and what changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from ...adapters import Offer
from ..judging.causes import causes_of
from ..judging.plan import Line
from ..judging.result import Result, lack_of_evidence, result_from_json
from .allowances import Allowance, allowances, superfluous, told
from .allowed import Allowed
from .baseline import Comparison, compare_results

PROPERTY: Final = "assay"
"""The user property under which an item leaves its result, as JSON."""


@dataclass
class Heard:
    """One adapter of a session, and what was heard of it."""

    lines: Mapping[str, Line]
    """What is judged, by the ids of the items."""
    offer: Offer
    allowed: Sequence[Allowed]
    before: Mapping[str, Any] | None
    """The report of the baseline."""
    judged: dict[Line, Result] = field(default_factory=dict)

    @property
    def allowances(self) -> list[Allowance]:
        """What became of each known failure."""
        return allowances(
            self.allowed, self.offer, list(self.lines.values()), self.judged, causes_of(list(self.judged.values()))
        )

    def changes(self, factor: float) -> Comparison | None:
        """Say what changed since the baseline, of what was judged."""
        now = [result.as_json() for result in self.judged.values()]
        return None if self.before is None else compare_results(self.before["results"], now, factor)


class Listener:
    """Hears the result of every clause, wherever it was found."""

    def __init__(self, heard: Sequence[Heard], factor: float, *, strict: bool) -> None:
        """Begin with nothing heard."""
        self._heard, self._factor, self._strict = heard, factor, strict

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item left."""
        found = dict(report.user_properties).get(PROPERTY)
        if report.when != "call" or not isinstance(found, str):
            return
        for each in self._heard:
            if report.nodeid in each.lines:
                each.judged[each.lines[report.nodeid]] = result_from_json(json.loads(found))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a session all of whose tests passed: something got worse, has no evidence, or is no failure any more."""
        bad = any(each.worse for each in self._changes()) or any(_empty(each.judged) for each in self._heard)
        if session.exitstatus == pytest.ExitCode.OK and (bad or self._needless()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Tell what has no evidence, what became of the known failures, and what changed."""
        sentences = [
            f"no evidence of {' in '.join(filter(None, pair))}: {why}"
            for each in self._heard
            for pair, why in _unseen(each.judged).items()
        ]
        sentences += [sentence for each in self._heard for sentence in told(each.allowances)]
        sentences += [sentence for each in self._changes() for sentence in each.sentences]
        if sentences:
            terminalreporter.section("assay")
            for sentence in sentences:
                terminalreporter.line(sentence)
        if needless := self._needless():
            said = f"--assay-strict: {needless} of the known failures are unused or have expired"
            terminalreporter.line(said, red=True)

    def _changes(self) -> list[Comparison]:
        return [changes for each in self._heard if (changes := each.changes(self._factor))]

    def _needless(self) -> int:
        return superfluous([each.allowances for each in self._heard]) if self._strict else 0


def _unseen(judged: Mapping[Line, Result]) -> dict[tuple[str, str], str]:
    """Name the components, each with a dtype, of which there is no evidence, and say why."""
    of_each: dict[tuple[str, str], list[Result]] = {}
    for result in judged.values():
        of_each.setdefault((result.component, result.dtype), []).append(result)
    why = {pair: lack_of_evidence(results) for pair, results in of_each.items()}
    return {pair: reason for pair, reason in why.items() if reason}


def _empty(judged: Mapping[Line, Result]) -> bool:
    """Say whether an adapter was judged, and there is evidence of nothing."""
    unseen = _unseen(judged)
    seen = any(each.status == "pass" and (each.component, each.dtype) not in unseen for each in judged.values())
    return bool(unseen) and not seen
