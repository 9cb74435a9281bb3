"""What was checked, and what was not: a few lines for the first screen, and all of it at the page's end."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..claims.coverage import ranges
from ..terms.case import in_words
from .explaining import counted

Data = Mapping[str, Any]

_ASIDE: Final = ("unsupported", "vacuous")
_NAMED: Final = 4
"""Components of which the first screen says what was not judged."""


def facts(report: Data, judged: Sequence[Data]) -> Iterator[tuple[str, str]]:
    """Give what was checked, what was not, the largest sizes that pass and what was declared, in a line each."""
    cases = sum(each["examples"] for each in judged)
    left_out = len(report.get("left_out", ()))
    yield "checked", f"{report['checked']} of {len(judged) + left_out} checks made, in {cases:,} cases"
    yield "not checked", "; ".join(_not_checked(report, judged)) or "nothing that it offers"
    if sizes := _largest(report):
        yield "passes up to", ", ".join(f"{name} = {size:,}" for name, size in sizes.items())
    declared = [f"{name} = {value}" for name, value in _declared(report).items()]
    yield "declared", "; ".join(declared) or "nothing beyond the defaults"


def _not_checked(report: Data, judged: Sequence[Data]) -> Iterator[str]:
    """Say of each component which clauses were not judged, and how many components are not offered."""
    aside: dict[str, list[str]] = {}
    for each in judged:
        if each["status"] in _ASIDE:
            aside.setdefault(each["component"], []).append(each["clause"])
    for component in [*aside][:_NAMED]:
        clauses = list(dict.fromkeys(aside[component]))
        named = ", ".join(ranges(clauses)) if len(clauses) <= 2 * _NAMED else counted(len(clauses), "clause")
        yield f"{named} of {component}"
    if len(aside) > _NAMED:
        yield f"and clauses of {len(aside) - _NAMED} more components"
    if left_out := len(report.get("left_out", ())):
        yield f"{counted(left_out, 'check')} left out"
    if missing := _not_offered(report, judged):
        yield f"{counted(len(missing), 'component')} not offered"


def _largest(report: Data) -> dict[str, int]:
    """Give the largest of each size at which any component passes."""
    found: dict[str, int] = {}
    for sizes in report.get("largest", {}).values():
        for name, size in sizes.items():
            found[name] = max(size, found.get(name, 0))
    return found


def _not_offered(report: Data, judged: Sequence[Data]) -> list[str]:
    absent = dict.fromkeys(each["component"] for each in report["results"] if each["status"] == "not-offered")
    offered = {each["component"] for each in judged}
    return [name for name in absent if name not in offered]


def _declared(report: Data) -> dict[str, str]:
    """Give by name what was declared beyond the defaults."""
    declared = report.get("declarations", {})
    taken = {}
    if declared and (declared["by"], declared["class"]) != ("adapter", 3):
        taken[f"by the {declared['by']}"] = f"nothing beyond class {declared['class']}"
    taken |= {name: str(value) for name, value in declared.get("conventions", {}).items()}
    return taken | {f"numerics of {name}": _pairs(value) for name, value in declared.get("numerics", {}).items()}


def powers(judged: Sequence[Data]) -> dict[str, str]:
    """Give by component how many elements had a bound that tells something, in the check that has the fewest."""
    found = {}
    for component in dict.fromkeys(each["component"] for each in judged):
        known = [each["power"] for each in judged if each["component"] == component and each.get("power")]
        if known:
            found[component] = f"{100 * min(each['informative'] for each in known):.0f} %"
    return found


def tables(report: Data, judged: Sequence[Data]) -> Iterator[dict[str, Any]]:
    """Give tables of names and values: sizes, what was declared, what was not judged, and the rest."""
    largest = {name: in_words(sizes).replace(",", ", ") for name, sizes in report.get("largest", {}).items()}
    missing = _not_offered(report, judged)
    rest = {"isolation": "; ".join(report.get("confinement", ())), "inputs": report.get("inputs", "")}
    made = report.get("made", {})
    rest |= {name: str(made[name]) for name in ("date", "python", "numpy", "machine") if name in made}
    rest |= {f"note {number}": note for number, note in enumerate(report["implementation"]["notes"], 1)}
    allowed = {
        each["entry"]: f"{each['state']}: {each['reason'] or each['link']}" for each in report.get("allowed", ())
    }
    every = {
        "The largest sizes that pass": largest.items(),
        "What was declared": _declared(report).items(),
        "What is allowed to fail": allowed.items(),
        "Not judged, though it is offered": _unjudged(judged),
        "Not offered": [("components", ", ".join(missing))] if missing else [],
        "How it was judged": rest.items(),
    }
    for caption, rows in every.items():
        kept = [(name, value) for name, value in rows if value]
        if kept:
            yield {"caption": caption, "rows": kept}


def _unjudged(judged: Sequence[Data]) -> Iterator[tuple[str, str]]:
    """Gather by component and reason which clauses were not judged, in which dtypes."""
    groups: dict[tuple[str, str], list[Data]] = {}
    for each in judged:
        if each["status"] in _ASIDE:
            groups.setdefault((each["component"], f"{each['status']}: {each['reason']}"), []).append(each)
    for (component, why), found in groups.items():
        dtypes = ", ".join(filter(None, dict.fromkeys(each["dtype"] for each in found)))
        clauses = ", ".join(ranges(list(dict.fromkeys(each["clause"] for each in found))))
        yield f"{component} {dtypes}".strip(), f"{clauses}: {why}"


def _pairs(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in fields.items())
