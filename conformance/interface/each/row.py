"""What came of one kernel: a row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from ....adapters.foreign_text import harmless, visible, visible_lines
from ....adapters.strict_json import parse_json
from ...judging.result import Result
from ..explaining import counted
from ..report import CONFORMS, EXIT_STATUS, NO_EVIDENCE, VIOLATES
from ..report_json import rows_of
from ..schema import fault
from .kernels import Kernel

NOT_JUDGED: Final = "not-judged"
"""Beside the verdicts of a report: there is none."""
VERDICTS: Final = (CONFORMS, VIOLATES, NO_EVIDENCE, NOT_JUDGED)
Report: TypeAlias = Mapping[str, Any] | None
"""As it is in JSON; None where a judge has left none."""
LOGGED: Final = 20_000
"""Characters of a judge's standard error that are kept: its end."""


@dataclass(frozen=True)
class Ended:
    """A judge that has ended, as whoever started it tells."""

    number: int
    """The place of its kernel."""
    status: int
    """Its exit status; of one that was killed, the signal's number below 0."""
    report: bytes | None = None
    page: bytes | None = None
    log: str = ""
    """What it wrote to standard error."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of the processor, those of the implementation included."""
    late: bool = False
    """Whether it was ended because its time was over."""


@dataclass(frozen=True)
class Row:
    """What the table has of a kernel; every text is harmless."""

    file: str
    adapter: str
    verdict: str
    sentence: str
    """Why, in a sentence: its first cause, or what kept it from being judged; empty where it conforms."""
    key: str = ""
    """Of the adapter's bytes and the options."""
    causes: Sequence[Mapping[str, Any]] = ()
    results: Sequence[Result] = ()
    violations: int = 0
    components: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    precision_class: int | None = None
    seed: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    tries: int = 1
    limit: float | None = None
    """The seconds after which its judge was ended; of one that had time enough, None."""


def report_of(ended: Ended) -> Report:
    """Return the report that a judge has left, if it is that of a whole run, or of one that had no more time."""
    if ended.report is None or (ended.status not in EXIT_STATUS.values() and not ended.late):
        return None
    try:
        found = parse_json(ended.report.decode())
    except (ValueError, RecursionError):
        return None
    if fault(found) or (_is_interrupted(found) and not ended.late):
        return None
    made: Mapping[str, Any] = harmless(found)
    return made


def _is_interrupted(report: Mapping[str, Any]) -> bool:
    """Say whether a signal has ended the run; one that left lines out in the time it was given says so."""
    return bool(report.get("incomplete")) and not report.get("left_out")


def died(ended: Ended, report: Report) -> bool:
    """Say whether the judge has ended by no doing of its own: it may be tried again."""
    return report is None and not ended.late and not _refusal(ended)


def row_of(kernel: Kernel, key: str, ended: Ended, report: Report, tries: int, limit: float) -> Row:
    """Return the row of a kernel whose judge has ended for good."""
    late = ended.late and (report is None or _is_interrupted(report))
    said = f"its judge was ended after {limit:g} s (--kill-after)" if late else ""
    made = Row(kernel.file, visible(kernel.spec), NOT_JUDGED, visible(said), key, tries=tries)
    made = replace(made, seconds=round(ended.seconds, 3), cpu=round(ended.cpu, 3), limit=limit if late else None)
    if report is None:
        # What is wrong around a kernel may be mended without a change of it; its time stays the same.
        sentence = said or _refusal(ended) or _death(ended, tries)
        return replace(made, sentence=visible(sentence), key=key if late else "")
    return replace(made, **_told(report, said))


def _told(report: Mapping[str, Any], late: str) -> dict[str, Any]:
    """Return what a report says of a kernel, whose judge was ended too early if `late` says so."""
    judged = [row for row in rows_of(report) if row.status != "not-offered"]
    required = [cause for cause in report.get("causes", ()) if cause["level"] == "required"]
    verdict = report["verdict"]
    found = {VIOLATES: required[0]["sentence"] if required else "", CONFORMS: ""}
    return {
        "verdict": NOT_JUDGED if late and verdict != VIOLATES else verdict,
        "sentence": visible(found[verdict] if verdict in found else late or _lack(report, judged)),
        "causes": report.get("causes", ()),
        "results": judged,
        "violations": sum(row.status == "fail" and row.level == "required" for row in judged),
        "components": list(dict.fromkeys(row.component for row in judged)),
        "dtypes": list(dict.fromkeys(row.dtype for row in judged if row.dtype)),
        "precision_class": max((row.precision_class for row in judged if row.precision_class), default=None),
        "seed": report["seed"],
    }


def _lack(report: Mapping[str, Any], judged: Sequence[Result]) -> str:
    """Say why there is no evidence: by what was not judged, or that nothing was."""
    why = next((row.reason for row in judged if row.status in ("unsupported", "vacuous") and row.reason), None)
    left = report.get("left_out", ())
    if report.get("incomplete") and left:
        return f"its time was over with {counted(len(left), 'check')} left out"
    return why or "nothing of it could be checked"


def _refusal(ended: Ended) -> str:
    """Return the sentence with which a judge has refused an adapter, if it has."""
    if ended.status != 2:
        return ""
    said = [line.removeprefix("assay: ") for line in ended.log.splitlines() if line.startswith("assay: ")]
    return said[-1] if said else "its judge has refused it, and gave no reason"


def _death(ended: Ended, tries: int) -> str:
    how = f"was ended by signal {-ended.status}" if ended.status < 0 else f"ended with status {ended.status}"
    last = [line for line in ended.log.splitlines() if line.strip()][-1:]
    times = f", {tries} times" if tries > 1 else ""
    return ": ".join([f"its judge {how}{times}", *last])


def log_of(ended: Ended) -> str:
    """Return what a judge wrote, as it may be kept."""
    return visible_lines(ended.log, LOGGED)
