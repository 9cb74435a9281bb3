"""A look ahead: some cases of every clause of a component before all cases of any, so that what is wrong shows early.

A line that has been looked at is kept as it is, and its turn goes on from there: no case is judged twice, and a report
does not hang on whether anybody has looked. An implementation that takes long for a call gets the smallest cases first,
for a time of its own; what it has answered there is kept as well.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...adapters import Adapter, Call
from ..cases.drawing import cases_of
from ..cases.profiles import Profile
from ..cases.sizes import sized
from ..components import COMPONENTS
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.recent import RecentReplies
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .failing import failure_of
from .plan import Line
from .result import Result
from .smoke import smoke_cases
from .trying import Tried, Trying

_SLOW: Final = 0.1
"""Seconds that an easy call takes of an interpreted kernel; others answer in a millisecond or two."""
_SECONDS: Final = 60.0
"""What such a one has for its smallest cases, before the others begin."""
_ALL: Final = 10**6
_COUNTS: Final = (
    {"values": 64, "gradients": 32},
    {"few": 64},
    {"at size": 10},
    {"at size": 15},
    {"values": _ALL},
    {"few": _ALL},
)
"""How many cases of each kind of clause are judged, round after round: what shows most for its time comes first."""


@dataclass
class Begun:
    """A line that has been begun."""

    trying: Trying
    seconds: float = 0.0

    def go_on(self, count: int | None = None) -> Tried:
        """Judge so many more cases, or all that are left."""
        started = time.monotonic()
        (found,) = self.trying.go_on(count)
        self.seconds += time.monotonic() - started
        return found


@dataclass(frozen=True)
class Seen:
    """A case that fails, and the clause that says so."""

    line: Line
    case: Case
    outcome: Outcome

    @property
    def result(self) -> Result:
        """What is known of the line now."""
        clause, failure = self.line.clause, failure_of(self.line.clause, self.case, self.outcome)
        result = Result(clause.id, clause.level, self.line.component, self.line.dtype, "fail", 1, failure=failure)
        return replace(result, worst_ratio=failure.ratio)


def look(lines: Sequence[Line], begun: Mapping[Line, Begun], until: float = math.inf) -> Seen | None:
    """Judge some cases of every line of one component in one dtype, until one fails or the time is over."""
    for counts in _COUNTS:
        for line in lines:
            if time.monotonic() > until:
                return None
            count = counts.get(_kind(line.clause))
            found = begun[line].go_on(count) if count else None
            if found and found.failing:
                return Seen(line, *found.failing[0])
    return None


def look_at_small(
    adapter: Adapter,
    lines: Sequence[Line],
    profile: Profile,
    seed: int,
    recent: RecentReplies,
    until: float = math.inf,
) -> Seen | None:
    """Judge the smallest cases of values and gradients that have each option, until one fails or the time is over."""
    until = min(until, time.monotonic() + _SECONDS)
    for line in lines:
        component = sized(COMPONENTS[line.component], adapter.offer.sizes)
        drawn = cases_of(line.clause, component, line.dtype, profile, seed) if line.clause.covering else ()
        for case in smallest_of_each(component, drawn):
            if time.monotonic() > until:
                return None
            subject = Subject(adapter, recent)
            outcome = check(line.clause, Trial(subject, component, case))
            if outcome.failed:
                return Seen(line, case, outcome)
            if subject.lost:
                return None
    return None


def is_slow(adapter: Adapter, line: Line, seed: int) -> bool:
    """Say whether an easy call takes long, but for the first of all, which may load what it needs.

    One that breaks down, or gives no answer, is not asked for more: what is lost costs of the time that it has in all.
    """
    component = COMPONENTS[line.component]
    for case in (component.plainest(line.dtype, seed), smoke_cases(component, line.dtype, seed)[0]):
        inputs = component.make(case)
        started = time.monotonic()
        (reply,) = adapter.sequence([Call(component.name, inputs.arrays, inputs.options, line.dtype)])
        if reply.status not in ("ok", "unsupported"):
            return False
    return time.monotonic() - started > _SLOW


def smallest_of_each(component: Component, cases: Iterable[Case]) -> Iterator[Case]:
    """Choose those that have an option that no smaller one has; sizes are options of none."""
    sizes = {
        name
        for options in component.factors.values()
        for option in options
        for name, value in option.items()
        if type(value) is int
    }
    seen: set[tuple[str, object]] = set()
    every = [(math.prod(case.get(name, 1) for name in sizes), case) for case in cases]
    for size, case in sorted(every, key=lambda each: each[0]):
        options = {(name, value) for name, value in case.items() if name not in sizes and name != "seed"}
        if size and not options <= seen:
            seen |= options
            yield case


def _kind(clause: Clause) -> str:
    if clause.at_size:
        return "at size"
    if clause.covering:
        return "gradients" if clause.id.startswith("GRAD") else "values"
    return "few"
