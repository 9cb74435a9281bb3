"""What got worse since a report of before, and what was mended: failures that were there are no news.

Worse is a line that did not fail before, a cause that is new, an error beyond a factor of what it was, a line that is
judged no more, bounds that see less, cases that are answered no more, and the verdict.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...adapters.foreign_text import visible
from .options import UsageError

Line = tuple[str, str, str]
"""Clause, component, dtype."""

FACTOR: Final = 2.0
_SHOWN: Final = 5
_FAILING: Final = ("fail", "allowed")


@dataclass(frozen=True)
class Comparison:
    """The sentences about what got worse and what was mended."""

    worse: Sequence[str]
    mended: Sequence[str]

    @property
    def sentences(self) -> list[str]:
        """What the screen says of it."""
        worse = [f"worse than before: {visible(each)}" for each in self.worse]
        mended = f"mended: {', '.join(map(visible, self.mended[:_SHOWN]))}" if self.mended else ""
        more = f" and {len(self.mended) - _SHOWN} more" if len(self.mended) > _SHOWN else ""
        return [*worse, *([mended + more] if mended else [])] or ["nothing got worse, and nothing was mended"]

    def as_json(self) -> dict[str, Any]:
        """Return what a report has of it."""
        return {"worse": list(self.worse), "mended": list(self.mended)}


def baseline_of(reports: Sequence[Mapping[str, Any]], adapter: str, path: object) -> Mapping[str, Any]:
    """Return the report of an adapter; `UsageError` if there is none, or half of one."""
    found = next((each for each in reports if each["adapter"] == visible(adapter)), None)
    if found is None:
        names = " and ".join(each["adapter"] for each in reports)
        raise UsageError(f"the baseline {path} is of {names}, and not of {adapter}")
    if "incomplete" in found:
        raise UsageError(f"the baseline {path} is the report of a run that was interrupted")
    return found


def known_failures(report: Mapping[str, Any] | None) -> set[Line]:
    """Return the lines that failed before, if there is a baseline."""
    found = _by_line(report["results"]) if report else {}
    return {line for line, each in found.items() if each["status"] in _FAILING}


def compare(before: Mapping[str, Any], now: Mapping[str, Any], factor: float) -> Comparison:
    """Compare two reports of one adapter; of a part of a run, that part."""
    worse, mended = [], []
    if before["verdict"] == "conforms" != now["verdict"] and not (now.get("part") and now["verdict"] == "no-evidence"):
        worse.append(f"the verdict was conforms, and is {now['verdict']}")
    # Older reports have failures, and no causes.
    if "causes" in before or not known_failures(before):
        every = (report.get("causes", ()) for report in (before, now))
        old, new = (
            {each["id"]: each["sentence"] for each in causes if each.get("level") != "advisory"} for causes in every
        )
        worse += [f"a new cause ({name}): {sentence}" for name, sentence in new.items() if name not in old]
        # In a part of a run, other causes are not looked for.
        if len(now["results"]) >= len(before["results"]):
            mended += [f"the cause {name}: {sentence}" for name, sentence in old.items() if name not in new]
    of_lines = compare_results(before["results"], now["results"], factor)
    return Comparison([*worse, *of_lines.worse], [*mended, *of_lines.mended])


def compare_results(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], factor: float) -> Comparison:
    """Compare the results of two reports, line by line and by component and dtype."""
    old, new = _by_line(before), _by_line(now)
    both = [(line, old[line], result) for line, result in new.items() if line in old]
    worse, mended = [], []
    for line, result in new.items():
        if line not in old and result["status"] == "fail" and result["level"] == "required":
            worse.append(f"{_named(line)} fails, and was not judged before: {_found(result)}")
    for line, was, result in both:
        required = result["level"] == "required"
        if result["status"] == "fail" and was["status"] not in _FAILING and required:
            worse.append(f"{_named(line)} fails: {_found(result)}")
        elif was["status"] in _FAILING and result["status"] == "pass":
            mended.append(_named(line))
        elif was["status"] in ("pass", *_FAILING) and result["status"] not in ("pass", *_FAILING) and required:
            worse.append(f"{_named(line)} is judged no more: {result['status']}, {result['reason']}")
        worse += _less_seen(line, was, result, factor)
    worse += _larger_errors(both, factor)
    return Comparison(worse, mended)


def _by_line(results: Sequence[Mapping[str, Any]]) -> dict[Line, Mapping[str, Any]]:
    return {(each["clause"], each["component"], each["dtype"]): each for each in results}


def _less_seen(line: Line, was: Mapping[str, Any], now: Mapping[str, Any], factor: float) -> Iterator[str]:
    """Say what of a line's power was lost."""
    old, new = was.get("power"), now.get("power")
    if old and new and new["informative"] * factor < old["informative"]:
        told = f"{new['informative']:.0%} of the elements, and saw {old['informative']:.0%}"
        yield f"{_named(line)} has lost power: its bounds see {told}"
    elif old and new and new["median"] > factor * old["median"]:
        yield f"{_named(line)} has lost power: its bounds are {_times(new['median'], old['median'])} as wide"
    asked, answers = was.get("coverage"), now.get("coverage")
    if asked and answers and asked["asked"] == answers["asked"] and answers["answered"] < asked["answered"]:
        counts = f"{answers['answered']} of {asked['asked']} cases, and were {asked['answered']}"
        yield f"{_named(line)} has lost power: answered are {counts}"


def _larger_errors(both: Sequence[tuple[Line, Mapping[str, Any], Mapping[str, Any]]], factor: float) -> Iterator[str]:
    """Say which errors grew: of what passes the largest of a component in a dtype, of a failure that of its line."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for line, was, now in both:
        if (was["status"], now["status"]) == ("pass", "pass"):
            pair = tuple(each["worst_ratio"] or 0.0 for each in (was, now))
            groups.setdefault(line[1:], []).append((pair[0], pair[1]))
        elif was["status"] in _FAILING and now["status"] == "fail":
            old, new = (_ratio(each) for each in (was, now))
            if old is not None and new is not None and new > factor * old:
                yield f"{_named(line)} fails by {new:.3g} times the allowed, and did by {old:.3g} times"
    for (component, dtype), pairs in groups.items():
        old, new = (max(each) for each in zip(*pairs, strict=True))
        if new > factor * old:
            where = f"{component} {dtype}".strip()
            yield f"the largest error of {where} is {new:.3g} times the allowed, and was {old:.3g} times"


def _ratio(result: Mapping[str, Any]) -> float | None:
    ratio: float | None = (result["failure"] or {}).get("ratio")
    return ratio


def _times(new: float, old: float) -> str:
    return f"{new / old:.3g} times" if old else "infinitely many times"


def _found(result: Mapping[str, Any]) -> str:
    return str((result["failure"] or {}).get("message", ""))


def _named(line: Line) -> str:
    return " ".join(filter(None, line))
