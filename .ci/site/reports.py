"""The pages of docs/results/: each report as `assay html` writes it, all side by side, and a table of them."""

import contextlib
import functools
import io
import json
import tempfile
from pathlib import Path
from typing import Final

from assay.conformance.interface.command_line import main

_DAY_OF_OTHERS: Final = "2026-11-26"
"""When those were made that do not say it."""


def report_pages(folder: Path) -> dict[str, str | bytes]:
    """Return the pages by where they are on the site."""
    reports = sorted(folder.glob("*.json"))
    read = [(each, each.stat().st_mtime_ns) for each in reports]
    pages: dict[str, str | bytes] = {f"results/{each[0].stem}.html": _written("html", each) for each in read}
    return {**pages, "results/comparison.html": _written("compare", *read)}


def index_of_reports(folder: Path) -> str:
    """Write a table of the reports, with what each was made of, in Markdown."""
    lines = [
        "\n\n## All reports\n",
        "[All side by side](comparison.html): choose components, formats and verdicts there.\n",
        "| adapter | package | version | date | spec | profile | verdict | judged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in sorted(folder.glob("*.json")):
        report = json.loads(each.read_text(encoding="utf-8"))
        made = report["implementation"]
        date = report.get("made", {}).get("date", _DAY_OF_OTHERS)
        cells = (made["package"], made["version"], date, report["spec"], report["profile"], report["verdict"])
        link = f"[{report['adapter']}]({each.stem}.html)"
        lines.append(f"| {' | '.join((link, *cells, str(report['checked'])))} |")
    return "\n".join(lines) + "\n"


@functools.cache
def _written(command: str, *reports: tuple[Path, int]) -> bytes:
    """Return the page that a command writes of reports, each with the time of its last change; once for each time."""
    option = {"html": "--out", "compare": "--html"}[command]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        page = Path(folder) / "page.html"
        try:
            main([command, *(str(path) for path, _ in reports), option, str(page)])
        except SystemExit as left:
            if left.code:
                raise
        return page.read_bytes()
