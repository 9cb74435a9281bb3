"""A claim: what a run found, in a file that is small enough to be read, and says enough to repeat the run."""

import functools
import importlib.resources
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...adapters.foreign_text import harmless, visible
from ...adapters.strict_json import parse_json
from .options import UsageError
from .reading import read_text
from .repeating import suite
from .report_json import read_json
from .schema import fault

CLAIM: Final = "assay-claim/1"
_JUDGED: Final = ("pass", "fail", "allowed")
_SKIPPED: Final = ("unsupported", "vacuous")


def claim_text(path: Path) -> bytes:
    """Make a claim of the report in a file; `UsageError` if that says too little, or is of half a run."""
    reports = read_json(path)
    if len(reports) > 1:
        raise UsageError(f"{path} is of several adapters; a claim is of one")
    report = reports[0]
    if "incomplete" in report or "shard" in report:
        raise UsageError(f"{path} is of a part of a run, and a claim is of the whole")
    if not report.get("made", {}).get("repeat") or "counts" not in report:
        raise UsageError(f"{path} does not say how it was made: `assay run --json` of this version does")
    return json.dumps(harmless(claim_of(report)), indent=1, allow_nan=False).encode() + b"\n"


def claim_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claim that a report makes."""
    results = report["results"]
    told = {name: report[name] for name in ("assay", "spec", "adapter", "profile", "seed", "verdict", "counts")}
    made = {name: report["made"][name] for name in ("suite", "python", "numpy", "machine", "repeat")}
    claim: dict[str, Any] = {"schema": CLAIM, **told, **made}
    claim["implementation"] = {name: report["implementation"][name] for name in ("package", "version", "device")}
    if "declarations" in report:
        claim["declarations"] = report["declarations"]
    return claim | {
        "violations": [_named(each) for each in results if each["status"] == "fail" and each["level"] == "required"],
        "allowed": [_named(each) for each in results if each["status"] == "allowed"],
        "largest": report.get("largest", {}),
        "skips": _skips(results),
        "worst": _worst(results),
    }


def read_claim(path: Path) -> dict[str, Any]:
    """Read a claim; `UsageError`, one sentence, if it is none, or was made with another suite than this."""
    text = read_text(path, f"{path} cannot be read as a claim")
    try:
        claim = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read as a claim: {error}") from None
    if wrong := fault(claim, _schema(), "claim"):
        raise UsageError(f"{path} is no claim by the schema {CLAIM}: {wrong}")
    if claim["suite"] != suite():
        version = visible(f"assay {claim['assay']}, spec {claim['spec']}")
        raise UsageError(f"{path} was made with another suite than this ({version}); only the same can repeat it")
    checked: dict[str, Any] = claim
    return checked


@functools.cache
def _schema() -> Mapping[str, Any]:
    text = importlib.resources.files(__package__).joinpath("claim.schema.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def differences(claim: Mapping[str, Any], report: Mapping[str, Any], factor: float) -> list[str]:
    """Say what of a claim does not hold in the report of the same run here."""
    now = claim_of(report)
    return list(_differences(claim, now, factor))


def _differences(claim: Mapping[str, Any], now: Mapping[str, Any], factor: float) -> Iterator[str]:
    if claim["implementation"] != now["implementation"]:
        yield f"it is of {_words(claim['implementation'])}, and here is {_words(now['implementation'])}"
    known = {*claim["violations"], *claim["allowed"]}
    yield from (f"{line} fails, of which it says nothing" for line in now["violations"] if line not in known)
    if now["verdict"] == "no-evidence" != claim["verdict"]:
        yield f"it says {claim['verdict']}, and here there is no evidence"
    counts = [sum(each["counts"].get(status, 0) for status in (*_JUDGED, "advisory")) for each in (claim, now)]
    if counts[1] < counts[0]:
        yield f"it says that {counts[0]} lines were judged, and here are {counts[1]}"
    skipped = {_skipped(each, clause) for each in claim["skips"] for clause in each["clauses"]}
    for each in now["skips"]:
        for clause in each["clauses"]:
            if _skipped(each, clause) not in skipped:
                yield f"{_skipped(each, clause)} is {each['status']} ({each['reason']}), of which it says nothing"
    for component, sizes in claim["largest"].items():
        for name, size in sizes.items():
            if (here := now["largest"].get(component, {}).get(name, 0)) < size:
                yield f"it says that {component} was judged to {name} = {size:,}, and here that is {here:,}"
    # Where something failed, other lines pass here than there.
    failed = {line.partition(" ")[2] for line in known}
    for component, ratios in now["worst"].items():
        for dtype, ratio in ratios.items():
            was, where = claim["worst"].get(component, {}).get(dtype), f"{component} {dtype}".strip()
            if was is not None and where not in failed and ratio > factor * was:
                yield f"it says that the largest error of {where} is {was:.3g} of the allowed, and here is {ratio:.3g}"


def _named(result: Mapping[str, Any]) -> str:
    return f"{result['clause']} {result['component']} {result['dtype']}".rstrip()


def _skipped(skip: Mapping[str, Any], clause: str) -> str:
    return _named({**skip, "clause": clause})


def _words(implementation: Mapping[str, Any]) -> str:
    return "{package} {version} on {device}".format(**implementation)


def _skips(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List what was offered and not judged, with the reasons."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for each in results:
        if each["status"] in _SKIPPED:
            key = tuple(each[name] for name in ("component", "dtype", "status", "reason"))
            groups.setdefault(key, []).append(each["clause"])
    names = ("component", "dtype", "status", "reason")
    return [dict(zip(names, key, strict=True)) | {"clauses": clauses} for key, clauses in groups.items()]


def _worst(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the largest error ratio of what passes, by component and dtype."""
    found: dict[str, dict[str, float]] = {}
    for each in results:
        if each["status"] == "pass" and each["level"] == "required" and each["worst_ratio"] is not None:
            of_component = found.setdefault(each["component"], {})
            of_component[each["dtype"]] = max(each["worst_ratio"], of_component.get(each["dtype"], 0.0))
    return found
