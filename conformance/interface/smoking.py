"""Smoke first: what a run begins with, and what becomes of it where an adapter is wired wrongly."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...adapters import Adapter
from ..judging.plan import Line
from ..judging.result import Result
from ..judging.smoke import smoke
from .allowances import allow
from .allowed import Allowed
from .baseline import known_failures
from .report import Report

if TYPE_CHECKING:
    from .plugin import Judged

_WHY: Final = "it stops where the smoke cases show a wrong wire, unless with --go-on"


def smoke_first(report: Report, adapter: Adapter) -> bool:
    """Put what the smoke cases show into the report; say whether the run stops there."""
    found = _wrong_wires(adapter, report.left, report.seed, report.allowed, report.before)
    for line, result in found.items():
        report.add(line, result)
        report.ended = _WHY
    return bool(found)


class Wires:
    """What the smoke cases of one adapter have shown, in pytest, where each component stands for itself."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[str, dict[Line, Result]] = {}

    def of(self, component: str, judged: "Judged", adapter: Adapter) -> dict[Line, Result]:
        """Give the line of the component that a wrong wire violates, if there is one."""
        if component not in self._known:
            own = [line for line in judged.lines if line.component == component]
            self._known[component] = _wrong_wires(adapter, own, judged.seed, judged.allowed, judged.before)
        return self._known[component]


def _wrong_wires(
    adapter: Adapter, lines: Sequence[Line], seed: int, allowed: Sequence[Allowed], before: Mapping[str, Any] | None
) -> dict[Line, Result]:
    """Give the lines that wrong wires violate; a failure that is known, by a list or the baseline, stops nothing."""
    found = smoke(adapter, lines, seed)
    allow(found.values(), allowed)
    known = known_failures(before)
    return {
        line: result
        for line, result in found.items()
        if result.status == "fail" and (result.clause, result.component, result.dtype) not in known
    }
