"""The report in Markdown, as a comment of a pull request or the summary of a job shows it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ...adapters.contract import DTYPES
from ...adapters.foreign_text import visible
from ..components import CLAUSES
from ..judging.result import Result
from .explaining import counted
from .findings import Finding, findings
from .report import CONFORMS, NO_EVIDENCE, SPEC, VIOLATES, Report
from .tally import tally

MARKDOWN_HEADING: Final = "<!-- assay run -->"
_MOST: Final = 50
"""Causes that are shown: GitHub bears a megabyte."""
WORDS: Final = {CONFORMS: "conforms", VIOLATES: "violates", NO_EVIDENCE: "no verdict"}
_STATUSES: Final = ("pass", "fail", "advisory", "allowed", "vacuous", "unsupported", "not-offered")


def markdown_text(reports: Sequence[Report], refused: Mapping[str, str]) -> bytes:
    """Write the verdict, a table, each violation with the command that shows it, and the known failures."""
    lines = [MARKDOWN_HEADING]
    for report in reports:
        lines += _of_report(report)
    for spec, why in refused.items():
        lines += ["", f"## assay: {_code(spec)} could not be loaded", "", _code(why)]
    return "".join(f"{line}\n" for line in lines).encode()


def _of_report(report: Report) -> Iterator[str]:
    yield from ("", f"## assay: {_code(report.offer.name)} {WORDS[report.verdict]}", "")
    found = report.counts
    counts = ", ".join(f"{found[each]} {each}" for each in _STATUSES if each in found)
    incomplete = "; the run was interrupted" * report.incomplete
    implementation = " ".join(filter(None, (report.offer.package, report.offer.version)))
    about = f"{_code(implementation)} on {_code(report.offer.device)}, " if implementation else ""
    yield f"{about}spec {SPEC}, profile {report.profile}, seed {report.seed}: {counts}{incomplete}."
    if report.largest:
        sizes = (f"{c} to {', '.join(f'{n} = {s:,}' for n, s in each.items())}" for c, each in report.largest.items())
        yield f"Largest sizes: {'; '.join(sizes)}."
    yield from _table(report)
    causes = findings(report)
    if causes:
        yield from ("", f"{counted(len(causes), 'cause')} of {counted(len(report.failures), 'violation')}:")
    for finding in causes[:_MOST]:
        yield from _cause(finding)
    if len(causes) > _MOST:
        yield from ("", f"{counted(len(causes) - _MOST, 'further cause')} in the report.")
    if changes := report.changes:
        yield from ("", *(f"- {_code(sentence)}" for sentence in changes.sentences))
    told = [each for each in report.allowances if each.state != "not judged"]
    if told:
        yield from ("", "| known failure | state | failures | why |", "| --- | --- | --- | --- |")
        for each in told:
            why = _code(each.entry.why) if each.entry.why else ""
            yield f"| {_code(each.entry)} | {each.state} | {len(each.failures)} | {why} |"


def _table(report: Report) -> Iterator[str]:
    results = [result for result in report.results if result.status != "not-offered"]
    dtypes = [dtype for dtype in (*DTYPES, "") if any(result.dtype == dtype for result in results)]
    if not results:
        return
    yield from ("", f"| component | {' | '.join(dtype or 'no dtype' for dtype in dtypes)} |")
    yield f"| --- |{' --- |' * len(dtypes)}"
    for component in dict.fromkeys(result.component for result in results):
        of_each = [[each for each in results if (each.component, each.dtype) == (component, d)] for d in dtypes]
        yield f"| {component} | {' | '.join(map(_cell, of_each))} |"


def _cell(results: Sequence[Result]) -> str:
    found = tally(results)
    if found.failed:
        words = [f"**{found.failed} of {found.done} fail**"]
    elif found.unseen:
        words = ["no evidence"]
    elif found.passed:
        words = [f"{found.passed} pass", f"worst ratio {found.ratio:.2f}"]
        words += [f"class {found.precision_class}"] if found.precision_class else []
    else:
        words = [] if found.allowed or not results else ["unsupported"]
    return ", ".join([*words, *([f"{found.allowed} allowed to fail"] if found.allowed else [])])


def _cause(finding: Finding) -> Iterator[str]:
    place = f" ({_code(f'{finding.place[0]}:{finding.place[1]}')})" if finding.place else ""
    yield from ("", f"<details><summary><b>{finding.title}</b>{place}: {_code(finding.found)}</summary>", "")
    yield from (_escaped(CLAUSES[finding.first.clause].sentence), "", _code(finding.replay, None), "", "</details>")


def _code(text: object, longest: int | None = 1_000) -> str:
    """Show a foreign text as it is."""
    return f"<code>{_escaped(visible(text, longest))}</code>"


def _escaped(text: str) -> str:
    """Escape what Markdown, HTML and GitHub would make something of: an entity is never part of a structure."""
    return re.sub(r"[^\w ,.'/?%-]", lambda found: f"&#{ord(found[0])};", text)
