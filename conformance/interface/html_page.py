"""A report as one page: verdict, causes with what their arrays look like, and how close to its bound what passes comes.

The page is made of what the report says as JSON, and of nothing else. It needs no network and no script; every text
that comes from elsewhere goes through `harmless`, and through the escaping of the template.
"""

import argparse
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...adapters.contract import DTYPES
from ...adapters.foreign_text import harmless
from ..components import CLAUSES, COMPONENTS
from ..judging.result import Result
from ..terms.case import in_words
from .comparing import example_of
from .explaining import counted, looks_like, replay_line
from .html_arrays import shown
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
_WIDTH: Final = 640
"""Of a strip of marks."""
_LEAST, _MOST = -4, 0.5
"""Powers of ten between which error ratios are drawn."""

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
    each = [_of(harmless(report), number) for number, report in enumerate(reports, 1)]
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


def _of(report: Data, number: int) -> dict[str, Any]:
    """Give what the template shows of a report."""
    judged = [each for each in report["results"] if each["status"] != "not-offered"]
    dtypes = [dtype for dtype in (*DTYPES, "") if any(each["dtype"] == dtype for each in judged)]
    causes = [_cause(cause, report) for cause in report.get("causes", ())]
    counts = report.get("counts", {})
    violated = sum(each["status"] == "fail" and each["level"] == "required" for each in judged)
    required = sum(cause["level"] == "required" for cause in causes)
    told = [f"{counted(required, 'cause')} ({counted(violated, 'violation')})"] if violated else []
    left_out = report.get("left_out", ())
    told += [f"{report['checked']} of {len(judged) + len(left_out)} checks made"]
    told += [f"{counts[each]} {each}" for each in _BESIDE if each in counts]
    return {
        "adapter": report["adapter"],
        "assay": report["assay"],
        "spec": report["spec"],
        "verdict": report["verdict"],
        "words": WORDS[report["verdict"]],
        "about": "; ".join(filter(None, (made_of(report), f"profile {report['profile']}, seed {report['seed']}"))),
        "counts": ", ".join(told),
        "incomplete": report.get("incomplete", False) and not left_out,
        "left_out": len(left_out),
        "anchor": f"cause-{number}",
        "causes": causes,
        "dtypes": dtypes,
        "matrix": list(_matrix([each for each in rows_of(report) if each.status != "not-offered"], dtypes)),
        "plots": list(_strips(judged, dtypes)),
        "ticks": [{"x": _place(10.0**k), "text": f"{10.0**k:g}"} for k in range(_LEAST, 1)],
        "one": _place(1.0),
        "tables": list(_tables(report, judged)),
    }


def made_of(report: Data) -> str:
    """Say of which package and version an implementation is, and where it ran."""
    made = report["implementation"]
    package = " ".join(filter(None, (made["package"], made["version"])))
    return ", ".join(filter(None, (package, f"on {made['device']}" * bool(made["device"]))))


def where_of(cause: Data) -> str:
    """Say in how many checks a cause shows, of which components and in which dtypes."""
    dtypes = ", ".join(filter(None, cause["dtypes"]))
    where = f"{counted(cause['violations'], 'check')} of {', '.join(cause['components'])}"
    return where + f" in {dtypes}" * bool(dtypes)


def _cause(cause: Data, report: Data) -> dict[str, Any]:
    """Give what the template shows of a cause."""
    failure = example_of(report, cause)
    # A report of another version may name what this one does not know.
    clause, component = CLAUSES.get(cause["clause"]), COMPONENTS.get(cause["component"])
    said = component if clause is None or clause.component is None else clause
    evidence = failure.get("evidence", {})
    return {
        "level": cause["level"],
        "sentence": cause["sentence"],
        "where": where_of(cause),
        "clauses": ", ".join(cause["clauses"]),
        "trigger": in_words(cause["trigger"]).replace(",", ", "),
        "message": failure["message"],
        "like": looks_like(cause["looks_like"]) if cause["looks_like"] else "",
        "declare": ", ".join(f"{name} = {value}" for name, value in (cause["declare"] or {}).items()),
        "formula": f"{said.formula} ({said.source})" if said else "",
        "replay": _replay(cause, report),
        "arrays": list(map(shown, evidence.get("arrays", ()))),
        "beside": list(_beside(evidence.get("beside", ()))),
        "script": "\n".join(evidence.get("script", ())),
    }


def _replay(cause: Data, report: Data) -> str:
    """Give the command that runs the case again; of a report that nobody can repeat, the case."""
    words = report.get("made", {}).get("repeat", ())
    try:
        parsed = repeated(words)
    except UsageError:
        return str(cause["case"])
    return replay_line(opening(parsed.adapter, parsed), cause["clause"], cause["case"])


def _beside(tried: Sequence[Data]) -> Iterator[dict[str, str]]:
    """Gather by parameter what passes and what fails."""
    by_name: dict[str, dict[bool, list[str]]] = {}
    for one in tried:
        name = ", ".join(one["changed"])
        value = ", ".join(map(str, one["changed"].values()))
        by_name.setdefault(name, {True: [], False: []})[one["passes"]].append(value)
    for name, found in by_name.items():
        yield {"name": name, "passes": "; ".join(found[True]), "fails": "; ".join(found[False])}


def _matrix(judged: Sequence[Result], dtypes: Sequence[str]) -> Iterator[dict[str, Any]]:
    for component in dict.fromkeys(each.component for each in judged):
        cells = ([each for each in judged if (each.component, each.dtype) == (component, d)] for d in dtypes)
        yield {"component": component, "cells": list(map(cell_of, cells))}


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


def _place(ratio: float) -> float:
    """Give where an error ratio is drawn, on a scale of powers of ten."""
    power = max(_LEAST, min(_MOST, math.log10(ratio))) if ratio > 0 else _LEAST
    return round(_WIDTH * (0.02 + 0.96 * (power - _LEAST) / (_MOST - _LEAST)), 1)


def _strips(judged: Sequence[Data], dtypes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give the marks of each component: one a clause and dtype that has passed and has an error ratio."""
    passed = [each for each in judged if each["status"] == "pass" and each["worst_ratio"]]
    for component in dict.fromkeys(each["component"] for each in passed):
        own = [each for each in passed if each["component"] == component]
        marks = [
            {
                "x": _place(each["worst_ratio"]),
                "y": 4 + 14 * dtypes.index(each["dtype"]) / max(1, len(dtypes) - 1),
                "dtype": each["dtype"] or "none",
                "said": f"{each['clause']} {each['dtype']}: {each['worst_ratio']:.3g}",
            }
            for each in own
        ]
        largest = max(own, key=lambda each: float(each["worst_ratio"]))
        said = f"{component}: {len(own)} checks, the largest ratio {largest['worst_ratio']:.2g} in {largest['clause']}"
        yield {"component": component, "marks": marks, "said": said}


def _tables(report: Data, judged: Sequence[Data]) -> Iterator[dict[str, Any]]:
    """Give tables of names and values: sizes, power, what was declared, what was not judged, and the rest."""
    largest = {name: in_words(sizes).replace(",", ", ") for name, sizes in report.get("largest", {}).items()}
    power = {}
    for component in dict.fromkeys(each["component"] for each in judged):
        known = [each["power"] for each in judged if each["component"] == component and each.get("power")]
        if known:
            power[component] = f"{100 * min(each['informative'] for each in known):.0f} % at least"
    declared = report.get("declarations", {})
    taken = {f"by the {declared['by']}": f"nothing beyond class {declared['class']}"} if declared else {}
    taken |= {name: str(value) for name, value in declared.get("conventions", {}).items()}
    taken |= {f"numerics of {name}": _pairs(value) for name, value in declared.get("numerics", {}).items()}
    unjudged: dict[str, str] = {}
    for each in judged:
        if each["status"] in ("unsupported", "vacuous"):
            place = " ".join(filter(None, (each["component"], each["dtype"])))
            unjudged[f"{each['clause']} {place}"] = f"{each['status']}: {each['reason']}"
    absent = dict.fromkeys(each["component"] for each in report["results"] if each["status"] == "not-offered")
    offered = {each["component"] for each in judged}
    missing = [name for name in absent if name not in offered]
    rest = {"isolation": "; ".join(report.get("confinement", ())), "inputs": report.get("inputs", "")}
    rest |= {name: str(report["made"][name]) for name in ("python", "numpy", "machine")} if "made" in report else {}
    rest |= {f"note {number}": note for number, note in enumerate(report["implementation"]["notes"], 1)}
    allowed = {
        each["entry"]: f"{each['state']}: {each['reason'] or each['link']}" for each in report.get("allowed", ())
    }
    tables = {
        "The largest sizes that were judged": largest,
        "Elements whose bound is small enough to tell something, in the check that has the fewest": power,
        "What was declared": taken,
        "What is allowed to fail": allowed,
        "Not judged, though it is offered": unjudged,
        "Not offered": {"components": ", ".join(missing)} if missing else {},
        "How it was judged": rest,
    }
    for caption, rows in tables.items():
        kept = [(name, value) for name, value in rows.items() if value]
        if kept:
            yield {"caption": caption, "rows": kept}


def _pairs(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in fields.items())
