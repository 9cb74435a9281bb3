"""Reports side by side: how they are called, and of two of one implementation what mended, broke and changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .baseline import compare_results

Data = Mapping[str, Any]
Pair = tuple[str, str]
"""Component and dtype."""

_JUDGED: Final = ("pass", "fail", "allowed")


@dataclass(frozen=True)
class Changes:
    """What differs between two reports, the older one first."""

    about: Sequence[tuple[str, str, str]]
    """What the reports say of themselves: which word, before, now."""
    mended: Sequence[Data]
    """Causes that are gone, where what they were of is judged."""
    unseen: Sequence[Data]
    """Causes that are gone, since nothing of what they were of is judged."""
    broke: Sequence[Data]
    """Causes that are new."""
    stayed: Sequence[tuple[Data, str]]
    """Causes in both, as they are now, and what is different of them; empty where nothing is."""
    without_causes: bool
    """Whether one of them is of a version that told no causes, so that only lines are compared."""
    lost: Sequence[Pair]
    """What is judged no more."""
    gained: Sequence[Pair]
    """What was not judged before."""
    worse: Sequence[str]
    """Sentences about single checks: judged no more, larger errors, less power; failing, where no causes are told."""
    better: Sequence[str]
    """Checks that failed, and pass."""

    @property
    def same(self) -> bool:
        """Whether nothing got worse, and nothing was mended."""
        return not (self.broke or self.mended or self.unseen or self.lost or self.gained or self.worse or self.better)


def are_versions(reports: Sequence[Data]) -> bool:
    """Say whether these are two reports of one implementation."""
    return len(reports) == 2 and reports[0]["adapter"] == reports[1]["adapter"]


def names_of(reports: Sequence[Data]) -> list[str]:
    """Name each report: by its adapter; where that is not enough, with the version, and then with a number."""
    alone = [str(report["adapter"]) for report in reports]
    versions = [report["implementation"].get("version", "") for report in reports]
    longer = [f"{name} {version}".strip() for name, version in zip(alone, versions, strict=True)]
    named = [one if alone.count(one) == 1 else more for one, more in zip(alone, longer, strict=True)]
    words = ("before", "now") if are_versions(reports) else range(1, len(named) + 1)
    several = [f"{one} ({word})" for one, word in zip(named, words, strict=True)]
    named = [one if named.count(one) == 1 else more for one, more in zip(named, several, strict=True)]
    # Half a run must not look whole.
    return [
        f"{name} (interrupted)" * ("incomplete" in report) or name for name, report in zip(named, reports, strict=True)
    ]


def changes(before: Data, now: Data, factor: float) -> Changes:
    """Compare two reports; errors and bounds must have grown by the factor to be worse."""
    old, new = ({each["id"]: each for each in report.get("causes", ())} for report in (before, now))
    then, today = (_judged(report) for report in (before, now))
    without_causes = any("causes" not in report and _fails(report) for report in (before, now))
    places = places_of(before)
    gone = [each for name, each in old.items() if name not in new]
    seen = [each for each in gone if any(pair in today for pair in places[each["id"]])]
    # What is judged no more is told once; and so is what fails newly, by its cause.
    lines = [each for each in before["results"] if _pair(each) not in then or _pair(each) in today]
    fails = {_line(each) for each in before["results"] if each["status"] in ("fail", "allowed")}
    told = [each for each in now["results"] if without_causes or each["status"] != "fail" or _line(each) in fails]
    found = compare_results(lines, told, factor)
    return Changes(
        list(_about(before, now)),
        seen,
        [each for each in gone if each not in seen],
        [each for name, each in new.items() if name not in old],
        [(each, _difference((before, old[name]), (now, each))) for name, each in new.items() if name in old],
        without_causes,
        [pair for pair in then if pair not in today],
        [pair for pair in today if pair not in then],
        found.worse,
        found.mended,
    )


def _pair(result: Data) -> Pair:
    return result["component"], result["dtype"]


def _line(result: Data) -> tuple[str, Pair]:
    return result["clause"], _pair(result)


def places_of(report: Data) -> dict[object, list[Pair]]:
    """Say of each cause in which components and dtypes it shows."""
    found: dict[object, list[Pair]] = {}
    for result, failure in failures_of(report):
        found.setdefault(failure.get("cause"), []).append(_pair(result))
    for cause in report.get("causes", ()):
        every = [(component, dtype) for component in cause["components"] for dtype in cause["dtypes"]]
        found.setdefault(cause["id"], every)
    return found


def _about(before: Data, now: Data) -> Iterator[tuple[str, str, str]]:
    for words in (("implementation", "package"), ("implementation", "version"), ("implementation", "device")):
        yield from _differing(words[1], before.get(words[0], {}).get(words[1]), now.get(words[0], {}).get(words[1]))
    for word in ("assay", "spec", "profile", "seed", "verdict"):
        yield from _differing(word, before.get(word), now.get(word))


def _differing(word: str, old: object, new: object) -> Iterator[tuple[str, str, str]]:
    if old != new:
        yield word, str(old), str(new)


def _judged(report: Data) -> dict[Pair, None]:
    """List the components, with dtypes, of which anything was judged."""
    judged = (each for each in report["results"] if each["status"] in _JUDGED)
    return dict.fromkeys(map(_pair, judged))


def _fails(report: Data) -> bool:
    return any(each["status"] == "fail" for each in report["results"])


def failures_of(report: Data) -> Iterator[tuple[Data, Data]]:
    """Yield every failure, with the line that it is of."""
    for result in report["results"]:
        for failure in (result["failure"], *result.get("others", ())):
            if failure:
                yield result, failure


def example_of(report: Data, cause: Data) -> Data:
    """Return the failure that shows a cause."""
    for result, failure in failures_of(report):
        if result["clause"] == cause.get("clause") and failure["case"] == cause["case"]:
            return failure
    return {"message": cause["sentence"]}


def _difference(before: tuple[Data, Data], now: tuple[Data, Data]) -> str:
    """Say what is different of a cause."""
    (_, old), (_, new) = before, now
    told = []
    for name in ("components", "dtypes", "clauses"):
        gone = [each for each in old[name] if each not in new[name]]
        come = [each for each in new[name] if each not in old[name]]
        told += [f"no more in {', '.join(map(_word, gone))}"] if gone else []
        told += [f"now also in {', '.join(map(_word, come))}"] if come else []
    was, is_now = (example_of(*each) for each in (before, now))
    if not told and was.get("ratio") != is_now.get("ratio") and was.get("ratio") and is_now.get("ratio"):
        told.append(f"its error is {is_now['ratio']:.3g} times the allowed, and was {was['ratio']:.3g} times")
    return "; ".join(told)


def _word(name: object) -> str:
    return str(name) or "no dtype"
