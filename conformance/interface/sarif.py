"""The report in SARIF 2.1.0, the standard for results of analysis: a clause is a rule, and a violation a result."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from ...adapters.foreign_text import harmless, visible
from ..components import CLAUSES
from ..judging.result import Result
from .findings import Finding, findings
from .report import SPEC, Report

SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_text(reports: Sequence[Report], refused: Mapping[str, str]) -> bytes:
    """Write one run an adapter; one that could not be loaded is a run that did not succeed."""
    runs = [_run(report) for report in reports]
    for spec, why in refused.items():
        notes = [{"level": "error", "message": {"text": why}}]
        failed = {"executionSuccessful": False, "toolExecutionNotifications": notes}
        runs.append(_tool([]) | {"automationDetails": {"id": f"{spec}/"}, "invocations": [failed], "results": []})
    # What it begins with tells that it is ours.
    whole = {"properties": {"by": "assay"}, "$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": runs}
    return json.dumps(harmless(whole), indent=1, allow_nan=False).encode() + b"\n"


def _tool(rules: Sequence[str]) -> dict[str, Any]:
    described = [
        {
            "id": clause,
            "shortDescription": {"text": CLAUSES[clause].sentence},
            "fullDescription": {"text": f"{CLAUSES[clause].formula} ({CLAUSES[clause].source})"},
        }
        for clause in rules
    ]
    version = importlib.metadata.version("assay")
    driver = {"name": "assay", "version": version, "semanticVersion": version, "rules": described}
    return {"tool": {"driver": driver | {"properties": {"spec": SPEC}}}}


def _run(report: Report) -> dict[str, Any]:
    violated, allowed, advisory = (
        findings(report),
        findings(report, "allowed"),
        findings(report, level="advisory"),
    )
    rules = list(dict.fromkeys(each.first.clause for each in (*violated, *allowed, *advisory)))
    results = [_result(each, rules, "error") for each in violated]
    results += [_result(each, rules, "note") for each in advisory]
    for each in allowed:
        suppressed = {"kind": "external", "justification": each.first.reason or ""}
        results.append(_result(each, rules, "error") | {"suppressions": [suppressed]})
    ended = {"executionSuccessful": not report.incomplete}
    # GitHub takes what stands before the last stroke for the category.
    details = {"id": f"{report.offer.name}/"}
    properties = {"verdict": report.verdict, "profile": report.profile, "seed": report.seed, "run": report.run}
    return _tool(rules) | {
        "automationDetails": details,
        "invocations": [ended],
        "results": results,
        "properties": properties,
    }


def _result(finding: Finding, rules: Sequence[str], level: str) -> dict[str, Any]:
    first = finding.first
    location: dict[str, Any] = {"logicalLocations": [{"name": first.component, "kind": "function"}]}
    if finding.place:
        path, line = finding.place
        uri = quote(visible(path))
        address = {"uri": f"file://{uri}" if path.startswith("/") else uri}
        location["physicalLocation"] = {"artifactLocation": address, "region": {"startLine": line}}
    return {
        "ruleId": first.clause,
        "ruleIndex": rules.index(first.clause),
        "level": level,
        "message": {"text": f"{finding.title}: {finding.found}"},
        "locations": [location],
        "partialFingerprints": {"assay/v1": finding.cause.id},
        "properties": {
            "replay": finding.replay,
            "case": finding.failure.case,
            "violations": list(map(_named, finding.results)),
        },
    }


def _named(result: Result) -> dict[str, Any]:
    return {"clause": result.clause, "component": result.component, "dtype": result.dtype}
