"""Several reports as one page: implementations, components and dtypes with their verdicts, and why, further down.

The page needs no network. Its few lines of script hide rows, and it is whole without them. As on the page of a report,
every text that comes from elsewhere goes through `harmless`, and through the escaping of the template.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...adapters.contract import DTYPES
from ...adapters.foreign_text import harmless
from ..components import COMPONENTS
from ..judging.result import Result
from .comparing import Changes, Data, Pair, are_versions, changes, example_of, failures_of, names_of, places_of
from .explaining import counted
from .html_page import cell_of, made_of, page_with_script, where_of
from .markdown import WORDS
from .report_json import rows_of
from .tally import Tally, tally

_VERDICTS: Final = {"fail": "fails", "pass": "passes", "unsure": "no evidence", "": "unsupported"}
"""By which rows can be chosen: of each kind of cell."""


def comparison_page(reports: Sequence[Data], factor: float) -> bytes:
    """Write the page of reports as they are read from JSON."""
    made: list[Data] = [harmless(report) for report in reports]
    names = names_of(made)
    pairs = enumerate(zip(made, names, strict=True), 1)
    each = [_report(report, name, f"report-{number}") for number, (report, name) in pairs]
    components = list(_components(made, each))
    dtypes = [dtype for dtype in (*DTYPES, "") if any(dtype in one["dtypes"] for one in components)]
    changed = changes(made[0], made[1], factor) if are_versions(made) else None
    specs = list(dict.fromkeys(str(report["spec"]) for report in made))
    return page_with_script(
        "comparison",
        reports=each,
        components=components,
        dtypes=dtypes,
        verdicts=tuple(_VERDICTS.values()),
        changed=changed and _changed(changed, each[1]),
        specs=specs,
    )


def _report(report: Data, name: str, anchor: str) -> dict[str, Any]:
    """Give what the page shows of one report."""
    reasons = list(_causes(report, anchor)) if report.get("causes") else list(_lines(report, anchor))
    about = f"spec {report['spec']}, profile {report['profile']}, seed {report['seed']}"
    return {
        "name": name,
        "anchor": anchor,
        "about": "; ".join(filter(None, (made_of(report), about))),
        "verdict": report["verdict"],
        "words": WORDS[report["verdict"]],
        "reasons": reasons,
    }


def _causes(report: Data, anchor: str) -> Iterator[dict[str, Any]]:
    """Give the causes that a report tells, and of which component and dtype each is."""
    places = places_of(report)
    for number, cause in enumerate(report["causes"], 1):
        yield {
            "anchor": f"{anchor}-{number}",
            "number": number,
            "id": cause["id"],
            "sentence": cause["sentence"],
            "where": f"{where_of(cause)}: {', '.join(cause['clauses'])}",
            "found": example_of(report, cause)["message"],
            "case": cause["case"],
            "places": places[cause["id"]],
        }


def _lines(report: Data, anchor: str) -> Iterator[dict[str, Any]]:
    """Gather what fails by component and dtype, of a report that tells no causes."""
    groups: dict[Pair, list[tuple[Data, Data]]] = {}
    for result, failure in failures_of(report):
        groups.setdefault((result["component"], result["dtype"]), []).append((result, failure))
    for number, ((component, dtype), found) in enumerate(groups.items(), 1):
        clauses = dict.fromkeys(result["clause"] for result, _ in found)
        yield {
            "anchor": f"{anchor}-{number}",
            "number": number,
            "id": "",
            "sentence": f"{component} {dtype}".strip(),
            "where": f"{counted(len(clauses), 'clause')}: {', '.join(clauses)}",
            "found": found[0][1]["message"],
            "case": found[0][1]["case"],
            "places": [(component, dtype)],
        }


def _components(reports: Sequence[Data], shown: Sequence[Data]) -> Iterator[dict[str, Any]]:
    """Give a table for each component: implementations down, dtypes across."""
    every = [[row for row in rows_of(report) if row.status != "not-offered"] for report in reports]
    found = dict.fromkeys(row.component for rows in every for row in rows)
    known = [name for name in COMPONENTS if name in found]
    for component in (*known, *(name for name in found if name not in known)):
        own = [[row for row in rows if row.component == component] for rows in every]
        dtypes = [dtype for dtype in (*DTYPES, "") if any(row.dtype == dtype for rows in own for row in rows)]
        rows = [
            {
                "name": one["name"],
                "anchor": one["anchor"],
                "cells": [
                    _cell([row for row in mine if row.dtype == dtype], one, (component, dtype)) for dtype in dtypes
                ],
            }
            for one, mine in zip(shown, own, strict=True)
            if mine
        ]
        if dtypes:
            yield {"name": component, "dtypes": dtypes, "rows": rows}


def _cell(results: Sequence[Result], report: Data, pair: Pair) -> dict[str, Any]:
    """Say what came of a component in a dtype, with links to why."""
    cell = cell_of(results)
    links = [each for each in report["reasons"] if pair in each["places"]]
    # What is linked beside a pass is advisory, or allowed to fail.
    says = "why" if cell["kind"] == "fail" else "see"
    return cell | {
        "dtype": pair[1],
        "verdict": _VERDICTS[cell["kind"]] if results else "",
        "rank": _rank(tally(results)) if results else -1,
        "links": links,
        "says": says,
    }


def _rank(found: Tally) -> float:
    """Say how bad it is: by the share that fails, or else by the largest ratio; below 0 where there is no verdict."""
    if found.failed:
        return 2 + found.failed / found.done
    return -1 if found.unseen or not found.passed else found.ratio


def _changed(changed: Changes, now: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the page says of two versions; a cause that is there links to it."""
    anchors = {each["id"]: each["anchor"] for each in now["reasons"]}
    return {
        "about": changed.about,
        "mended": changed.mended,
        "unseen": changed.unseen,
        "broke": [(each, anchors.get(each["id"])) for each in changed.broke],
        "stayed": [(each, anchors.get(each["id"]), said) for each, said in changed.stayed],
        "without_causes": changed.without_causes,
        "lost": [" ".join(filter(None, pair)) for pair in changed.lost],
        "gained": [" ".join(filter(None, pair)) for pair in changed.gained],
        "worse": changed.worse,
        "better": changed.better,
        "same": changed.same,
    }
