"""What came of one clause on one component in one dtype: a line of the report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ..terms.case import Value
from ..terms.verdict import How
from .coverage import FEWEST, joined

Status = Literal["pass", "fail", "unsupported", "not-offered", "allowed", "vacuous"]


@dataclass(frozen=True)
class Failure:
    """What is wrong, on the smallest case that shows it."""

    message: str
    case: str
    ratio: float | None
    """None where no number says it: a crash, a NaN, a difference where none is allowed."""
    looks_like: str | None = None
    typical: Mapping[str, str] | None = None
    """`case` and `message` of the case that showed it first, where that fails in another way, or far more."""
    how: How = "value"
    """How it fails."""
    trigger: Mapping[str, Value] = field(default_factory=dict)
    """The parameters without each of which it is right."""
    declare: Mapping[str, Any] | None = None
    """What would make it right, if it were declared."""
    backward: bool = False
    """Whether gradients are in question."""
    cause: str = ""
    """Clause and case of the failure that has the same cause and was found first."""
    told: str | None = None
    """The part of the message that says best what is wrong: what was tried, and found."""
    evidence: Mapping[str, Any] | None = None
    """What its arrays look like, and which parameters matter, where somebody asked for that."""

    def as_json(self, causes: Mapping[int, str] | None = None) -> dict[str, Any]:
        """Write it as the report has it, with the id of its cause in place of the case that was found first."""
        whole = {**vars(self), "cause": (causes or {}).get(id(self), self.cause)}
        return {name: value for name, value in whole.items() if value is not None or name not in ("told", "evidence")}


def family(how: How) -> str:
    """Group ways to fail: a number that is too large by far is a wrong number."""
    return "value" if how == "infinity" else how


_NUMBER: Final = re.compile(r"\d[\d., ]*")


def raised(message: str) -> str:
    """Give the type and the text of an exception without the numbers in it, which go with the sizes of a case."""
    return _NUMBER.sub("#", message.partition("it raised ")[2].partition("; ")[0])


@dataclass
class Result:
    """One line of a report."""

    clause: str
    level: str
    component: str
    dtype: str
    status: Status
    examples: int = 0
    worst_ratio: float | None = None
    precision_class: int | None = None
    seconds: float = 0.0
    reason: str | None = None
    failure: Failure | None = None
    largest: Mapping[str, int] | None = None
    """The largest of each size that was judged, of a clause about sizes of models."""
    unfit: Sequence[Mapping[str, int]] | None = None
    """The sizes for which there was no room or no time."""
    power: Mapping[str, float] | None = None
    """How much the bounds could have seen; None where nothing was compared with one."""
    memory: Mapping[str, int] | None = None
    """The most bytes that judge and implementation had had until then, of a clause about sizes of models."""

    coverage: Mapping[str, Any] | None = None
    """How much of what was asked is answered, of the clauses whose cases count."""
    measured: Mapping[str, Any] | None = None
    """How close its errors come to their bounds, by size and by regime, of the same clauses."""
    withdrawn: int | None = None
    """How many calls it refused although it had answered them before."""
    took: str | None = None
    """What was declared and needed, in words."""
    others: Sequence[Failure] | None = None
    """Failures of the same clause that have other causes."""

    def as_json(self, causes: Mapping[int, str] | None = None) -> dict[str, Any]:
        """Write the line as the report has it: what is optional only where there is any.

        `causes` are the ids of the causes, by the `id` of each failure.
        """
        optional = ("largest", "unfit", "power", "memory", "coverage", "measured", "withdrawn", "took", "others")
        named = {
            "failure": self.failure and self.failure.as_json(causes),
            "others": [each.as_json(causes) for each in self.others or ()],
        }
        return {name: value for name, value in {**vars(self), **named}.items() if value or name not in optional}


def lack_of_evidence(results: Sequence[Result]) -> str:
    """Say why what was judged of a component in a dtype is no evidence; nothing if it is, or if nothing was answered.

    All that a required clause compared with a bound may be vacuous; calls may be refused that were answered before; or
    too few telling cases were answered.
    """
    if any(each.status in ("fail", "allowed") and each.level == "required" for each in results):
        return ""
    bounded = [each for each in results if each.power and each.level == "required"]
    if bounded and all(each.status == "vacuous" for each in bounded):
        return "every bound is vacuous"
    if withdrawn := sum(each.withdrawn or 0 for each in results):
        return f"{withdrawn} calls are refused that were answered before"
    found = joined([each.coverage for each in results if each.coverage])
    if found["answered"] + found["plainer"] and found["telling"] < FEWEST:
        answered = f"of {found['asked']} cases {found['answered']} are answered, and {found['plainer']} by plainer ones"
        return f"{answered}; {found['telling'] or 'none'} of these takes computing, and {FEWEST} have to"
    return ""


def result_from_json(data: Mapping[str, Any]) -> Result:
    """Read the result that a worker of xdist sent."""
    failure, others = data["failure"], data.get("others")
    read = {"failure": failure and Failure(**failure), "others": others and [Failure(**each) for each in others]}
    return Result(**{**data, **read})
