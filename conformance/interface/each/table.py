"""`index.html`: all kernels of a call as one page, with their verdicts, causes and links to their own pages.

It is one file and needs no network. Its script chooses and sorts rows, and the page is whole without it. Every text
that comes from elsewhere goes through `harmless`, and through the escaping of the template.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ....adapters.contract import DTYPES
from ....adapters.foreign_text import harmless
from ...components import COMPONENTS
from ..explaining import counted
from ..html_page import page_with_script
from ..report import CONFORMS, NO_EVIDENCE, VIOLATES
from .row import NOT_JUDGED, VERDICTS

WORDS: Final = {CONFORMS: "conforms", VIOLATES: "violates", NO_EVIDENCE: "no verdict", NOT_JUDGED: "not judged"}
_CAUSES: Final = 3
"""Causes of a kernel that are shown; its own page has all."""
_MOST_SENTENCES: Final = 50
"""Sentences that can be chosen by."""


def table_page(rows: Sequence[Mapping[str, Any]], asked: str, left: int) -> bytes:
    """Write the page of so many rows, of a call that asked so, and has so many kernels left to judge."""
    shown = [_shown(harmless(dict(row))) for row in rows]
    return page_with_script(
        "kernels",
        title=f"{counted(len(rows) + left, 'kernel')}",
        rows=shown,
        asked=harmless(asked),
        left=left,
        counts=[(verdict, WORDS[verdict], sum(row["verdict"] == verdict for row in shown)) for verdict in VERDICTS],
        components=_in_order((name for row in shown for name in row["components"]), COMPONENTS),
        dtypes=_in_order((name for row in shown for name in row["dtypes"]), DTYPES),
        sentences=_most_frequent(shown),
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the page shows of a kernel."""
    causes = ["advisory: " * (cause["level"] == "advisory") + cause["sentence"] for cause in row["causes"]]
    told = list(dict.fromkeys(filter(None, (row["sentence"], *causes))))
    has_page = row["seed"] is not None
    return {
        **row,
        "words": WORDS[row["verdict"]],
        "order": VERDICTS.index(row["verdict"]),
        "told": told[:_CAUSES],
        "more": len(told[_CAUSES:]),
        "components": list(filter(None, row["components"].split(", "))),
        "dtypes": list(filter(None, row["dtypes"].split(", "))),
        "page": f"{row['file']}.html" if has_page else "",
        "report": f"{row['file']}.json" if has_page else "",
        "log": "" if has_page else f"{row['file']}.log",
    }


def _in_order(names: Any, known: Any) -> list[str]:
    found = dict.fromkeys(names)
    return [name for name in known if name in found] + [name for name in found if name not in known]


def _most_frequent(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Count what is wrong of more than one kernel, the most frequent first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row["told"]:
            counts[row["told"][0]] = counts.get(row["told"][0], 0) + 1
    ranked = sorted(counts.items(), key=lambda each: -each[1])
    return [(sentence, count) for sentence, count in ranked if count > 1][:_MOST_SENTENCES]
