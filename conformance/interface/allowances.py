"""What a run makes of the known failures that were allowed: used, unused, expired; and a list of those of today."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from ...adapters import Offer
from ...adapters.foreign_text import visible
from ..judging.causes import Cause
from ..judging.plan import Line, Selection, plan
from ..judging.result import Result
from .allowed import Allowed, allowing
from .explaining import sentence

if TYPE_CHECKING:
    from .report import Report

ALLOW_HEADING: Final = "# What fails of "
_SHOWN: Final = 5
"""Entries that the screen shows of a kind; the files have all."""


@dataclass(frozen=True)
class Allowance:
    """An entry, and what became of it."""

    entry: Allowed
    state: Literal["used", "unused", "expired", "not judged"]
    failures: Sequence[Result] = ()

    @property
    def sentence(self) -> str:
        """What is to be told of it."""
        name = visible(self.entry)
        if self.state == "used":
            names = list(map(_named, self.failures))
            shown = [*names[:3], f"{len(names) - 3} more"] if len(names) > 3 else names
            what = "" if names == [name] else f" ({', '.join(shown)})"
            return f"{name} is allowed to fail{what}: {visible(self.entry.why or 'no reason is given')}"
        if self.state == "expired":
            return f"the allowed failure {name} has expired: it was allowed until {self.entry.until}"
        return f"the allowed failure {name} did not fail; take it off the list"

    def as_json(self) -> dict[str, Any]:
        """Return what a report has of it."""
        entry = self.entry
        until = None if entry.until is None else str(entry.until)
        found = {"entry": str(entry), "state": self.state, "failures": len(self.failures)}
        return found | {"reason": entry.reason, "link": entry.link, "until": until}


def allowances(
    allowed: Iterable[Allowed],
    offer: Offer,
    lines: Collection[Line],
    judged: Mapping[Line, Result],
    causes: Iterable[Cause],
) -> list[Allowance]:
    """Say of each entry what became of it.

    One is unused if all that it speaks of was judged, and nothing of it failed: a part of a run says nothing of it.
    """
    whole = [line for line in plan(offer, Selection()) if line.offered]
    asked = {(line.clause.id, line.component, line.dtype) for line in lines}
    left = {(line.clause.id, line.component, line.dtype) for line in lines if not line.waits and line.offered}
    left -= {(line.clause.id, line.component, line.dtype) for line in judged}
    names = names_of(causes)
    found: list[Allowance] = []
    for entry in allowed:
        spoken_of = {
            (line.clause.id, line.component, line.dtype)
            for line in whole
            if entry.covers(line.clause.id, line.component, line.dtype)
        }
        results = [each for each in judged.values() if entry.covers(each.clause, each.component, each.dtype)]
        failures = [each for each in results if each.status == "allowed"]
        if entry.cause:
            failures = [each for each in failures if entry.cause in names.get(id(each), ())]
        if entry.expired:
            found.append(Allowance(entry, "expired"))
        elif failures:
            found.append(Allowance(entry, "used", failures))
        elif (spoken_of or results) and spoken_of <= asked - left:
            found.append(Allowance(entry, "unused"))
        else:
            found.append(Allowance(entry, "not judged"))
    return found


def names_of(causes: Iterable[Cause]) -> dict[int, list[str]]:
    """Return the ids of the causes of each result, which is known by its own."""
    found: dict[int, list[str]] = {}
    for cause in causes:
        for result in cause.results:
            found.setdefault(id(result), []).append(cause.id)
    return found


def allow(results: Iterable[Result], allowed: Sequence[Allowed], causes: Iterable[Cause] = ()) -> None:
    """Let fail what is allowed to: by its clause, and by its causes, where they are known."""
    names = names_of(causes)
    for result in results:
        if result.status == "fail" and (entry := allowing(allowed, result, names.get(id(result), ()))):
            result.status, result.reason = "allowed", entry.why or None


def told(found: Iterable[Allowance], shown: int = _SHOWN) -> list[str]:
    """Return a sentence about each, at most so many of those that are used, and so many of the others."""
    sentences = []
    for states, words in ((("used",), "are used"), (("expired", "unused"), "have expired or are unused")):
        of_kind = [each.sentence for each in found if each.state in states]
        sentences += of_kind[:shown]
        if len(of_kind) > shown:
            sentences.append(f"{len(of_kind) - shown} further entries {words}")
    return sentences


def superfluous(of_each: Iterable[Sequence[Allowance]]) -> int:
    """Count what `--strict` does not bear: entries that have expired, or that no adapter of a run needs."""
    states = [{each.state for each in same} - {"not judged"} for same in zip(*of_each, strict=True)]
    return sum(each <= {"unused", "expired"} for each in states if each)


def allow_text(reports: Sequence["Report"]) -> bytes:
    """Write the violations of now as an allow file: with the reasons that were given, and places for the others."""
    entries: dict[str, None] = {}
    for report in reports:
        for cause in report.causes:
            required = [each for each in cause.results if each.level == "required"]
            if required:
                entries[f"# {cause.id}: {visible(sentence(cause))}"] = None
            for result in required:
                known = allowing(report.allowed, result, [cause.id]) or Allowed(result.clause)
                where = replace(known, clause=result.clause, component=result.component, dtype=result.dtype or "*")
                entries[visible(replace(where, cause=cause.id).line)] = None
    names = visible(" and ".join(report.offer.name for report in reports))
    heading = f"{ALLOW_HEADING}{names}, {datetime.now(UTC).date()}. Fill in the reasons."
    return "".join(f"{line}\n" for line in (heading, *entries)).encode()


def _named(result: Result) -> str:
    return f"{result.clause} {result.component} {result.dtype}".strip()
