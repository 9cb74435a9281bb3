"""Reports as text: one object, or one a line; what is read is checked against the schema."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...adapters.strict_json import parse_json
from ..judging.result import Result
from .options import UsageError
from .reading import read_text
from .report import SCHEMA, Report
from .schema import fault


def json_text(reports: Sequence[Report]) -> bytes:
    """Write one object; of several adapters, one a line."""
    indent = 1 if len(reports) == 1 else None
    lines = [json.dumps(report.as_json(), indent=indent, allow_nan=False) for report in reports]
    return "".join(f"{_ROW.sub(_on_one_line, line)}\n" for line in lines).encode()


_ROW: Final = re.compile(r"\[\n[-+.\deE,\s]*\]")
"""A list of numbers alone, one a line as `json` writes it; within a string, no line ends."""


def _on_one_line(row: re.Match[str]) -> str:
    return f"[{' '.join(row[0][1:-1].split())}]"


def rows_of(report: Mapping[str, Any]) -> list[Result]:
    """Return the lines of a report as it is in JSON, without their failures."""
    known = [field.name for field in dataclasses.fields(Result) if field.name not in ("failure", "others")]
    return [Result(**{name: each[name] for name in known if name in each}) for each in report["results"]]


def read_json(path: Path) -> list[dict[str, Any]]:
    """Read the reports of a file that `json_text` wrote; `UsageError`, one sentence, if it holds anything else."""
    text = read_text(path, f"{path} cannot be read as a report")
    if not text.strip():
        raise UsageError(f"{path} cannot be read as a report: it is empty")
    try:
        try:
            found = [parse_json(text)]
        except ValueError:
            found = [parse_json(line) for line in text.rstrip("\n").split("\n")]
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read as a report: {error}") from None
    for wrong in filter(None, map(fault, found)):
        raise UsageError(f"{path} is no report by the schema {SCHEMA}: {wrong}")
    return found
