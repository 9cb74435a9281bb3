"""Going on with a run that was interrupted: what its report has judged is not judged again.

A report says by a digest of what it is: of the adapter with all that it declares, and its file, if it is one; of the
version, the profile, the seed and the sizes. What a file imports is not looked at: whoever has rebuilt a library that
the adapter calls begins anew.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...adapters import Offer, Opening
from ..judging.result import Failure, Result
from .options import UsageError

if TYPE_CHECKING:
    from .report import Report

_TOLD: Final = ("assay", "spec", "implementation", "profile", "seed", "shapes")
"""What of a report tells why it is another run's, where the digest alone would not."""
FILE: Final = re.compile(r"(?P<path>.+\.py)(?P<inside>(?::[\w.]+)?)", re.DOTALL)


def digest(opening: Opening, offer: Offer, spec: str, *settings: object) -> str:
    """Return what is the same for two runs of which one can go on where the other stopped."""
    how = (source_of(opening.spec), opening.component, opening.framework, opening.in_process)
    everything = (how, dataclasses.asdict(offer), importlib.metadata.version("assay"), spec, settings)
    return hashlib.sha256(json.dumps(everything, sort_keys=True, default=str).encode()).hexdigest()


def file_of(spec: str) -> str | None:
    """Return the path of the file that an adapter's name leads to; None, where it is none."""
    file = FILE.fullmatch(spec)
    return file["path"] if file and Path(file["path"]).is_file() else None


def source_of(spec: str) -> str:
    """Return a digest of the file that an adapter's name leads to; the name, where it is none."""
    file = file_of(spec)
    return spec if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def resume(report: "Report", saved: Sequence[Mapping[str, Any]], path: Path, *, alone: bool) -> None:
    """Take over the results that a report of the same run has; `UsageError`, one sentence, if it is another's.

    Where several adapters are judged, one that the file has nothing of is judged from the beginning.
    """
    own = report.as_json()
    mine = [each for each in saved if each["adapter"] == own["adapter"]]
    if not mine and not alone:
        return
    if not mine:
        names = " and ".join(sorted({each["adapter"] for each in saved}))
        raise UsageError(f"--resume {path} is of {names}, and not of {own['adapter']}")
    before = next((each for each in mine if each.get("run") == own["run"]), mine[0])
    if before.get("run") != own["run"]:
        for name in _TOLD:
            if before.get(name) != own.get(name):
                then, now = (json.dumps(each.get(name)) for each in (before, own))
                raise UsageError(f"--resume {path} is of another run: its {name!r} is {then:.200}, and not {now:.200}")
        raise UsageError(f"--resume {path} is of another run: the adapter has changed since, or is opened otherwise")
    lines = {
        (line.clause.id, line.component, line.dtype): line for line in report.lines if line.offered and not line.again
    }
    for each in before["results"]:
        if each["status"] == "not-offered":
            continue
        clause, component, dtype = each["clause"], each["component"], each["dtype"]
        # Of what takes no floats, a result has the format that came.
        line = lines.get((clause, component, dtype)) or lines.get((clause, component, ""))
        if line is None:
            where = f"{clause} of {component}" + (f" in {dtype}" if dtype else "")
            raise UsageError(f"--resume {path} has judged {where}, which this run does not: repeat all of its options")
        report.add(line, result_of(each, before, line.clause.level, f"--resume {path}"))


def result_of(data: Mapping[str, Any], report: Mapping[str, Any], level: str, where: str) -> Result:
    """Read a result of a report; a failure that was allowed is one again, until the list of this run is asked."""
    known = [field.name for field in dataclasses.fields(Result)]
    result = Result(**{name: data[name] for name in known if name in data})
    result.level, found = level, data["failure"]
    result.failure = None
    if result.status in ("fail", "allowed"):
        from ..variants import variants  # with the first use: they are many

        result.status, result.reason = "fail", None
        every, names = [found, *data.get("others", ())], {None, *(each.name for each in variants())}
        if any(each is None or each["looks_like"] not in names for each in every):
            raise UsageError(f"{where} has a failure of {result.clause} that no run of this version has")
        found_first = {each["id"]: f"{each['clause']} {each['case']}" for each in report.get("causes", ())}
        result.failure, *others = (_failure(each, found_first) for each in every)
        result.others = others or None
    return result


def _failure(found: Mapping[str, Any], found_first: Mapping[str, str]) -> Failure:
    """Read a failure; what an older report does not say is as it is by default."""
    read = Failure(**{field.name: found[field.name] for field in dataclasses.fields(Failure) if field.name in found})
    return dataclasses.replace(read, cause=found_first.get(read.cause, read.cause))
