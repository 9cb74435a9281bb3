"""How a run ends: what is told beside its violations, and its exit status."""

from collections.abc import Sequence

from .allowances import superfluous, told
from .report import CONFORMS, EXIT_STATUS, NO_EVIDENCE, VIOLATES, Report
from .surroundings import complain


def remarks(report: Report) -> list[str]:
    """Say what became of the known failures, and what changed since the baseline."""
    return told(report.allowances) + (report.changes.sentences if report.changes else [])


def exit_status(reports: Sequence[Report], *, strict: bool) -> int:
    """Return the status of a run whose reports are complete: 1 goes before 3, since a violation is certain."""
    found = [_status(report) for report in reports]
    if strict and (needless := superfluous([report.allowances for report in reports])):
        complain(f"--strict: {needless} of the known failures are unused or have expired")
        found.append(EXIT_STATUS[VIOLATES])
    return next((status for status in (1, 3) if status in found), 0)


def _status(report: Report) -> int:
    """Beside a baseline, what got worse decides, if all was judged; a part of a run needs no evidence of its own."""
    changes = report.changes
    if report.part and report.verdict == NO_EVIDENCE and not report.incomplete:
        return EXIT_STATUS[CONFORMS]
    if changes is None or report.incomplete:
        return EXIT_STATUS[report.verdict]
    return EXIT_STATUS[VIOLATES if changes.worse else CONFORMS]
