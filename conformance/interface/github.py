"""What GitHub shows of a run in one of its jobs: the summary, and annotations at the adapter's functions."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ...adapters.foreign_text import visible
from .findings import findings
from .markdown import markdown_text
from .report import Report
from .surroundings import complain

_MOST: Final = 10
"""GitHub shows no more errors of a step."""


def tell_github(reports: Sequence[Report], refused: Mapping[str, str]) -> None:
    """Write the summary, where there is one, and the annotations, where GitHub reads what is printed."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("ab") as file:
                file.write(markdown_text(reports, refused))
        except OSError as error:
            # What nobody has asked for fails nothing.
            complain(f"the summary of the job cannot be written to {visible(summary)}: {error.strerror}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines = [line for report in reports for line in _annotations(report)]
        lines += [f"::error title={_property(spec)}::{_data(why)}" for spec, why in refused.items()]
        for line in lines[:_MOST]:
            print(line, file=sys.stderr)  # noqa: T201


def _annotations(report: Report) -> Iterator[str]:
    for finding in findings(report):
        place = f"file={_property(finding.place[0])},line={finding.place[1]}," if finding.place else ""
        title = _property(f"{report.offer.name}: {finding.title}")
        yield f"::error {place}title={title}::{_data(finding.found)}%0A{_data(finding.replay)}"


def _data(text: str) -> str:
    """Escape a text as a line of GitHub's takes it; a line break in it is spelled out before."""
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
