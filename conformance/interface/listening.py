"""What a session of pytest says of its clauses at the end: known failures, and what became of each entry."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from ...adapters import Offer
from ..judging.plan import Line
from ..judging.result import Result, result_from_json
from .allowances import Allowance, allowances, superfluous, told
from .allowed import Allowed

PROPERTY: Final = "assay"
"""The user property under which an item leaves its result, as JSON."""


class Listener:
    """Hears the result of every clause, wherever it was found."""

    def __init__(
        self, of_each: Sequence[tuple[Mapping[str, Line], Offer]], allowed: Sequence[Allowed], strict: bool
    ) -> None:
        """Take the lines of each adapter by their ids, with its offer; the known failures; and what these must be."""
        self._of_each, self._allowed, self._strict = of_each, allowed, strict
        self._judged: list[dict[Line, Result]] = [{} for _ in of_each]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item left."""
        found = dict(report.user_properties).get(PROPERTY)
        if report.when != "call" or not isinstance(found, str):
            return
        for (lines, _), judged in zip(self._of_each, self._judged, strict=True):
            if report.nodeid in lines:
                judged[lines[report.nodeid]] = result_from_json(json.loads(found))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a session that all tests passed, if an entry of the known failures is not needed any more."""
        if self._strict and session.exitstatus == pytest.ExitCode.OK and superfluous(self._allowances()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Tell what became of the entries."""
        sentences = [sentence for found in self._allowances() for sentence in told(found)]
        if sentences:
            terminalreporter.section("assay")
            for sentence in sentences:
                terminalreporter.line(sentence)
        if self._strict and (needless := superfluous(self._allowances())):
            terminalreporter.line(f"--assay-strict: {needless} of the entries are unused or have expired", red=True)

    def _allowances(self) -> list[list[Allowance]]:
        return [
            allowances(self._allowed, offer, list(lines.values()), judged)
            for (lines, offer), judged in zip(self._of_each, self._judged, strict=True)
        ]
