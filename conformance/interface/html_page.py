"""A report as one page: verdict, causes with what their arrays look like, and how close to its bound what passes comes.

The page is made of what the report says as JSON, and of nothing else. It needs no network and no script; every text
that comes from elsewhere goes through `harmless`, and through the escaping of the template.
"""

import argparse
import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...adapters.contract import DTYPES
from ...adapters.foreign_text import harmless
from ..claims.coverage import ranges
from ..components import CLAUSES, COMPONENTS
from ..judging.result import Result
from ..terms.case import in_words
from .comparing import example_of, failures_of, places_of
from .explaining import beyond, counted, looks_like, replay_line
from .html_arrays import shown
from .html_checked import facts, powers, tables
from .html_errors import pictures, strips
from .markdown import WORDS
from .options import UsageError, opening
from .repeating import repeated
from .report import Report
from .report_files import check_files, write_asked
from .report_json import read_json, rows_of
from .tally import tally
from .terminal import Screen

if TYPE_CHECKING:
    import jinja2

_BESIDE: Final = ("advisory", "allowed", "vacuous", "unsupported")
"""Statuses of which the number is told, where there are any."""
_OPEN: Final = 4
"""Components whose pictures are there at once; of more, each is folded away."""

Data = Mapping[str, Any]


def html_text(reports: Sequence[Report], refused: Mapping[str, str]) -> bytes:
    """Write the page of some reports."""
    return page([report.as_json() for report in reports], refused)


def add_what_is_drawn(command: argparse.ArgumentParser) -> None:
    """Add what `assay html` takes."""
    command.add_argument("report", type=Path, metavar="REPORT")
    command.add_argument("--out", type=Path, metavar="FILE", help="the page (default: beside the report)")


def write_page(parsed: argparse.Namespace) -> int:
    """Make the page of a report that lies in a file."""
    out = parsed.out or parsed.report.with_suffix(".html")
    check_files({"--out": out})
    write_asked(out, page(read_json(parsed.report)), "the page")
    Screen().say(f"{out} is written")
    return 0


def page(reports: Iterable[Data], refused: Mapping[str, str] | None = None) -> bytes:
    """Write the page of reports as they are read from JSON."""
    each = [_of(_with_causes(harmless(report)), number) for number, report in enumerate(reports, 1)]
    title = ", ".join(f"{one['adapter']} {one['words']}" for one in each)
    whole = (
        environment()
        .get_template("report.html")
        .render(title=title, reports=each, refused=list(harmless(dict(refused or {})).items()))
    )
    return whole.encode()


def environment() -> "jinja2.Environment":
    """Give what renders the templates: everything that they are given is escaped."""
    import jinja2  # with the first use: most runs make no page

    loader = jinja2.PackageLoader("assay.conformance.interface")
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


def page_with_script(name: str, **shown: Any) -> bytes:
    """Write a page of a template with a script of the same name, the only one that the page's policy lets run."""
    templates = environment()
    script = templates.get_template(f"{name}.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template(f"{name}.html").render(**shown, script=script, digest=digest).encode()


def _with_causes(report: Data) -> Data:
    """Gather what fails by component and dtype, of a report that tells no causes."""
    groups: dict[tuple[str, str], list[tuple[Data, Data]]] = {}
    for result, failure in failures_of(report) if not report.get("causes") else ():
        groups.setdefault((result["component"], result["dtype"]), []).append((result, failure))
    causes = [
        {
            "id": f"{component} {dtype}",
            "level": "required" if any(result["level"] == "required" for result, _ in found) else "advisory",
            "sentence": found[0][1]["message"],
            "trigger": {},
            "clauses": list(dict.fromkeys(result["clause"] for result, _ in found)),
            "components": [component],
            "dtypes": [dtype],
            "violations": len(found),
            "component": component,
            "clause": found[0][0]["clause"],
            "case": found[0][1]["case"],
            "looks_like": None,
        }
        for (component, dtype), found in groups.items()
    ]
    return {**report, "causes": causes, "gathered": True} if causes else report


def _of(report: Data, number: int) -> dict[str, Any]:
    """Give what the template shows of a report."""
    judged = [each for each in report["results"] if each["status"] != "not-offered"]
    dtypes = [dtype for dtype in (*DTYPES, "") if any(each["dtype"] == dtype for each in judged)]
    causes = [_cause(cause, report) for cause in report.get("causes", ())]
    counts = report.get("counts", {})
    violated = sum(each["status"] == "fail" and each["level"] == "required" for each in judged)
    required = sum(cause["level"] == "required" for cause in causes)
    violations = counted(violated, "violation")
    known = f"{counted(required, 'cause')} ({violations})"
    told = [violations if "gathered" in report else known] if violated else []
    left_out = report.get("left_out", ())
    told += [f"{counts[each]} {each}" for each in _BESIDE if each in counts]
    plots = list(pictures(judged, dtypes))
    return {
        "adapter": report["adapter"],
        "assay": report["assay"],
        "spec": report["spec"],
        "verdict": report["verdict"],
        "words": WORDS[report["verdict"]],
        "about": "; ".join(filter(None, (made_of(report), f"profile {report['profile']}, seed {report['seed']}"))),
        "counts": ", ".join(told) or "no violation",
        "facts": list(facts(report, judged)),
        "incomplete": report.get("incomplete", False) and not left_out,
        "left_out": len(left_out),
        "anchor": f"cause-{number}",
        "causes": causes,
        "dtypes": dtypes,
        "matrix": list(_matrix(report, judged, dtypes)),
        "strips": strips(judged, dtypes),
        "plots": plots,
        "open": len(plots) <= _OPEN,
        "tables": list(tables(report, judged)),
    }


def made_of(report: Data) -> str:
    """Say of which package and version an implementation is, where it ran, and when it was judged."""
    made, date = report["implementation"], report.get("made", {}).get("date", "")
    package = " ".join(filter(None, (made["package"], made["version"])))
    return ", ".join(
        filter(None, (package, f"on {made['device']}" * bool(made["device"]), f"judged {date}" * bool(date)))
    )


def where_of(cause: Data) -> str:
    """Say in how many checks a cause shows, of which components and in which dtypes."""
    dtypes = ", ".join(filter(None, cause["dtypes"]))
    where = f"{counted(cause['violations'], 'check')} of {', '.join(cause['components'])}"
    return where + f" in {dtypes}" * bool(dtypes)


def _cause(cause: Data, report: Data) -> dict[str, Any]:
    """Give what the template shows of a cause."""
    failure = example_of(report, cause)
    # A report of another version may name what this one does not know, and lack what this one tells.
    clause, component = CLAUSES.get(cause.get("clause", "")), COMPONENTS.get(cause.get("component", ""))
    said = component if clause is None or clause.component is None else clause
    evidence = failure.get("evidence", {})
    return {
        "level": cause.get("level", "required"),
        "sentence": cause["sentence"],
        "where": where_of(cause),
        "clauses": ", ".join(ranges(cause["clauses"])),
        "trigger": in_words(cause["trigger"]).replace(",", ", "),
        "found": failure["message"] if cause["looks_like"] else beyond(failure["message"], cause["sentence"]),
        "like": _like(cause["looks_like"]),
        "declare": ", ".join(f"{name} = {value}" for name, value in (cause.get("declare") or {}).items()),
        "formula": f"{said.formula} ({said.source})" if said else "",
        "replay": _replay(cause, report),
        "arrays": list(map(shown, evidence.get("arrays", ()))),
        "beside": list(_beside(evidence.get("beside", ()))),
        "script": "\n".join(evidence.get("script", ())),
    }


def _like(name: str | None) -> str:
    """Describe the known bug that a cause looks like; of one that this version does not know, give the name."""
    try:
        return looks_like(name) if name else ""
    except LookupError:
        return f"it behaves like `{name}`"


def _replay(cause: Data, report: Data) -> str:
    """Give the command that runs the case again; of a report that nobody can repeat, the case."""
    words = report.get("made", {}).get("repeat", ())
    try:
        parsed = repeated(words)
    except UsageError:
        return str(cause["case"] or "")
    if not cause["case"] or "clause" not in cause:
        return str(cause["case"] or "")
    return replay_line(opening(parsed.adapter, parsed), cause["clause"], cause["case"])


def _beside(tried: Sequence[Data]) -> Iterator[dict[str, str]]:
    """Gather by parameter what passes and what fails."""
    by_name: dict[str, dict[bool, list[str]]] = {}
    for one in tried:
        name = ", ".join(one["changed"])
        value = ", ".join(map(str, one["changed"].values()))
        value = f"({value})" if len(one["changed"]) > 1 else value
        by_name.setdefault(name, {True: [], False: []})[one["passes"]].append(value)
    for name, found in by_name.items():
        yield {"name": name, "passes": ", ".join(found[True]), "fails": ", ".join(found[False])}


def _matrix(report: Data, judged: Sequence[Data], dtypes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give a row for each component: what came of it in each dtype, by which causes it fails, and its power."""
    results, places, power = rows_of(report), places_of(report), powers(judged)
    ids = [cause["id"] for cause in report.get("causes", ())]
    for component in dict.fromkeys(each["component"] for each in judged):
        cells = []
        for dtype in dtypes:
            own = [each for each in results if (each.component, each.dtype) == (component, dtype)]
            numbers = [number for number, name in enumerate(ids, 1) if (component, dtype) in places[name]]
            cells.append(cell_of([each for each in own if each.status != "not-offered"]) | {"causes": numbers})
        yield {"component": component, "cells": cells, "power": power.get(component, "")}


def cell_of(results: Sequence[Result]) -> dict[str, Any]:
    """Say what came of a component in a dtype."""
    found = tally(results)
    if found.failed:
        return {"kind": "fail", "text": f"{found.failed} of {found.done} fail", "more": []}
    if found.unseen:
        return {"kind": "unsure", "text": "no evidence", "more": [found.unseen]}
    if not found.passed:
        return {"kind": "", "text": "unsupported" if results else "", "more": []}
    more = [f"ratio {found.ratio:.2f}"]
    more += [f"class {found.precision_class}"] if found.precision_class else []
    more += [f"{found.allowed} allowed to fail"] if found.allowed else []
    return {"kind": "pass", "text": f"{found.passed} pass", "more": more}
