"""Smoke first: what a run begins with, and what it says where that fails."""

from typing import Final

from ...adapters import Adapter
from ..judging.smoke import smoke
from .allowances import allow
from .baseline import known_failures
from .report import Report

_WHY: Final = "it stops where the smoke cases show a wrong wire, unless with --go-on"


def smoke_first(report: Report, adapter: Adapter) -> bool:
    """Put what the smoke cases show into the report; say whether the run stops there.

    A failure that is known, by the list of known failures or by the baseline, stops nothing.
    """
    for line, result in smoke(adapter, report.left, report.seed).items():
        allow([result], report.allowed)
        if result.status == "fail" and (result.clause, result.component, result.dtype) not in known_failures(
            report.before
        ):
            report.add(line, result)
            report.ended = _WHY
    return bool(report.ended)
