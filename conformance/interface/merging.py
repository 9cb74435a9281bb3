"""`assay merge`: the reports of all parts of a run become that of the whole; parts that do not fit are refused."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...adapters import Offer
from ..components import CLAUSES, COMPONENTS
from ..judging.plan import Line
from .allowed import Allowed, allowed_from
from .options import UsageError, opening
from .repeating import repeated
from .report import Report
from .report_json import read_json
from .resuming import result_of

Part = tuple[Path, Mapping[str, Any]]

_SAME: Final = ("assay", "spec", "profile", "seed", "implementation", "shapes", "run")
"""What all parts of a run say alike; the last is a digest of all that makes it one."""


def merged(paths: Sequence[Path]) -> list[Report]:
    """Read the parts, and return the report of the whole, of each adapter; `UsageError` if they do not fit."""
    groups: dict[str, list[Part]] = {}
    for path in paths:
        for report in read_json(path):
            groups.setdefault(report["adapter"], []).append((path, report))
    return [_merged(parts) for parts in groups.values()]


def _merged(parts: Sequence[Part]) -> Report:
    _check_whole(parts)
    first_path, first = parts[0]
    for path, report in parts[1:]:
        for name in _SAME:
            if report.get(name) != first.get(name):
                said = (json.dumps(each.get(name)) for each in (report, first))
                then, now = said
                raise UsageError(f"{path} is of another run than {first_path}: {name!r} is {then:.200}, not {now:.200}")
        if _whole(report) != _whole(first):
            raise UsageError(f"{path} is of another run than {first_path}: the one judges what the other does not")
    try:
        made = _report(first)
    except (KeyError, ValueError, UsageError) as error:
        raise UsageError(f"{first_path} is no part of a run of this version: {error}") from None
    results = [(path, report, result) for path, report in parts for result in report["results"]]
    lines = {(line.clause.id, line.component, line.dtype): line for line in made.lines if line.offered}
    for waits in (False, True):
        for path, report, result in results:
            names = (result["clause"], result["component"])
            # Of what takes no floats, a result has the format that came.
            line = lines.get((*names, result["dtype"])) or lines.get((*names, ""))
            if line is None and result["status"] != "not-offered":
                raise UsageError(f"{path} has judged {' '.join(names)}, which is no part of the run")
            if line is not None and line.waits == waits and line in made.due:
                read = result_of(result, report, line.clause.level, str(path))
                read.status, read.reason = result["status"], result["reason"]
                made.judged[line] = read
    made.allow_causes()
    if made.incomplete:
        missing = made.left[0]
        raise UsageError(f"no part has judged {missing.clause.id} {missing.component} {missing.dtype}".rstrip())
    return made


def _check_whole(parts: Sequence[Part]) -> None:
    """Refuse what is no part, half a part, and parts that are missing or twice there."""
    seen: dict[int, Path] = {}
    for path, report in parts:
        if "shard" not in report:
            raise UsageError(f"{path} is no part of a run: it was made without --shard")
        if "incomplete" in report:
            raise UsageError(f"{path} is the report of a run that was interrupted")
        shard, of = report["shard"], parts[0][1]["shard"]["of"]
        if shard["of"] != of:
            raise UsageError(f"{path} is one of {shard['of']} parts, and {parts[0][0]} one of {of}")
        if shard["part"] in seen:
            raise UsageError(f"{seen[shard['part']]} and {path} are the same part, {shard['part']}/{of}")
        seen[shard["part"]] = path
    if missing := [str(part) for part in range(1, of + 1) if part not in seen]:
        raise UsageError(f"of {parts[0][1]['adapter']}, the parts {', '.join(missing[:10])} of {of} are missing")


def _whole(report: Mapping[str, Any]) -> Mapping[str, Any]:
    allowed = [{**each, "state": "", "failures": 0} for each in report.get("allowed", ())]
    return {**report["shard"], "part": 0, "allowed": allowed}


def _report(first: Mapping[str, Any]) -> Report:
    """Return the report of the whole, with nothing judged; an error of some kind, if what it needs is not there."""
    parsed = repeated(first["made"]["repeat"])
    lines = [
        Line(CLAUSES[clause], COMPONENTS[component].name, dtype, kind != "not-offered", waits=kind == "waits")
        for clause, component, dtype, kind in first["shard"]["lines"]
    ]
    return Report(
        opening(parsed.adapter, parsed),
        _offer(first),
        first["profile"],
        first["seed"],
        lines,
        shapes=first.get("shapes", ()),
        allowed=list(_allowed(first.get("allowed", ()))),
        memory=first.get("memory", {}).get("budget"),
        holds=first.get("confinement", ()),
        late=first.get("inputs") == "drawn late",
        run=first["run"],
        words=first["made"]["repeat"],
    )


def _offer(first: Mapping[str, Any]) -> Offer:
    told, shard = first["implementation"], first["shard"]
    declared = first.get("declarations", {"by": "adapter", "class": 3})
    return Offer(
        first["adapter"],
        "",
        told["package"],
        told["version"],
        told["device"],
        tuple(shard["dtypes"]),
        tuple(shard["functions"]),
        conventions=declared.get("conventions", {}),
        numerics=declared.get("numerics", {}),
        notes=tuple(told.get("notes", ())),
        sizes=told.get("sizes", "all"),
        declared_by=declared["by"],
        precision_class=declared["class"],
    )


def _allowed(entries: Iterable[Mapping[str, Any]]) -> Iterable[Allowed]:
    for each in entries:
        options = [f"{name}={each[name]}" for name in ("until", "link", "reason") if each[name]]
        yield from allowed_from(" ".join([each["entry"], *options]))
