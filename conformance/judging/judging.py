"""One clause on one implementation in one dtype: draw, check, shrink what fails, and say what came of it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ...adapters import Adapter, Call
from ..cases.profiles import Profile
from ..cases.sizes import drawn_for, own_shapes
from ..components import COMPONENTS
from ..terms.case import Case, in_words
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.generator import SEEDS
from ..terms.recent import RecentReplies
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .memory import peaks
from .neighbours import with_neighbours
from .plan import Line
from .result import Failure, Result
from .shrinking import first_size_that_fails, shrink
from .trying import Sizes, Tried, tried

_MANY: Final = 10_000
"""Calls after which nothing may be computed in another way; strict asks again after so many."""


def judge_clause(
    adapter: Adapter,
    clause: Clause,
    name: str,
    dtype: str,
    profile: Profile,
    seed: int,
    recent: RecentReplies | None = None,
) -> Result:
    """Judge a clause; never raises for what the implementation does.

    `recent` keeps replies from one clause to the next that looks at the same ones.
    """
    started = time.monotonic()
    component = drawn_for(clause, COMPONENTS[name], adapter.offer.sizes, profile.shapes)
    (found,) = tried(clause, component, dtype, profile, seed, [Subject(adapter, recent)])
    failure = _failure(found, *found.failure) if found.failure else None
    if failure is not None and found.subject.cut:
        beyond = f"; nothing beyond precision class {adapter.offer.precision_class} is accepted"
        failure = replace(failure, message=f"{failure.message}{beyond}")
    result = _result(found, name, dtype, failure)
    if left_aside := _left_aside(clause, component, dtype, profile):
        result.reason = "; ".join(filter(None, (left_aside, result.reason)))
    memory = peaks(adapter) if clause.at_size else None
    return replace(result, memory=memory, seconds=round(time.monotonic() - started, 3))


def judge_line(adapter: Adapter, line: Line, profile: Profile, seed: int, recent: RecentReplies) -> Result:
    """Judge a line of the plan; one that is asked again, with other values and after thousands of calls."""
    if not line.again:
        return judge_clause(adapter, line.clause, line.component, line.dtype, profile, seed, recent)
    adapter.sequence([_many_times(COMPONENTS[line.component], line.dtype)])
    found = judge_clause(adapter, line.clause, line.component, line.dtype, profile, (seed + 1) % SEEDS)
    if found.failure is not None:
        message = f"asked again at the end of the run, with other values: {found.failure.message}"
        found.failure = replace(found.failure, message=message)
    return found


def _many_times(component: Component, dtype: str) -> Call:
    """Give a small call that is made many times before it is answered."""
    inputs = component.make(component.plainest(dtype, seed=0))
    return Call(component.name, inputs.arrays, inputs.options, dtype, repeated=_MANY)


def judge_case(adapter: Adapter, clause: Clause, case: Case) -> Outcome:
    """Check one clause on one case."""
    return check(clause, Trial(Subject(adapter), COMPONENTS[case.component], case))


def _result(found: Tried, name: str, dtype: str, failure: Failure | None) -> Result:
    """Make the line of the report."""
    clause, subject = found.clause, found.subject
    result = Result(clause.id, clause.level, name, dtype or found.dtype, "pass", found.examples)
    result.precision_class = subject.met or None
    result.largest = found.reached or None
    result.unfit = _distinct(sizes for sizes, _ in found.unfit) or None
    result.coverage = found.coverage.as_json() if found.coverage and found.coverage.asked else None
    result.withdrawn = subject.withdrawn or None
    if failure is not None:
        return replace(result, status="fail", failure=failure, worst_ratio=failure.ratio, reason=_remarks(found))
    if not found.examples:
        nothing = found.refused[0] if found.refused else "no case of this clause can be put to it"
        reason = _of_unfit(found) or nothing
        return replace(result, status="unsupported", reason=reason)
    result.power = found.power.as_json()
    if result.power and not result.power["informative"]:
        nothing = "every bound exceeds an eighth of what it judges, so that a pass would show nothing"
        return replace(result, status="vacuous", worst_ratio=found.largest, reason=_remarks(found, nothing))
    result.took = subject.took or None
    took = f"took the declared {subject.took}" if subject.took else None
    return replace(result, worst_ratio=found.largest, reason=_remarks(found, took))


def _left_aside(clause: Clause, component: Component, dtype: str, profile: Profile) -> str:
    """Say which of the user's own sizes a clause has no time for."""
    own = own_shapes(component, profile.shapes) if clause.at_size else []
    aside = [shape for shape in own if clause.prepare(component.plainest(dtype).but(**shape)) is None]
    return f"too large for this clause, which takes long: {' and '.join(map(in_words, aside))}" if aside else ""


_NAMED: Final = 3
"""Sizes that did not fit and are named in a sentence."""


def _distinct(every: Iterable[Sizes]) -> list[Sizes]:
    return [dict(each) for each in dict.fromkeys(tuple(sizes.items()) for sizes in every)]


def _remarks(found: Tried, *others: str | None) -> str | None:
    """Join what is to be said of what was not judged, and other remarks."""
    return "; ".join(filter(None, (_of_unfit(found), _of_refusals(found), *others))) or None


def _of_unfit(found: Tried) -> str | None:
    """Say how many cases did not fit, of which sizes, and why."""
    if not found.unfit:
        return None
    distinct = _distinct(sizes for sizes, _ in found.unfit)
    named = " and ".join([*map(in_words, distinct[:_NAMED]), *(["others"] if len(distinct) > _NAMED else [])])
    return f"{len(found.unfit)} cases are not judged{named and f', at {named}'}: {found.unfit[0][1]}"


def _of_refusals(found: Tried) -> str | None:
    """Say how many cases were refused, and why."""
    if not found.refused:
        return None
    return f"{len(found.refused)} cases are unsupported, some of them replaced by plainer ones: {found.refused[0]}"


def _failure(found: Tried, case: Case, outcome: Outcome) -> Failure:
    """Say what is wrong on the smallest case that shows it, and what that looks like."""
    clause, component, subject = found.clause, found.component, found.subject
    if subject.lost:
        # Every attempt with a smaller case would cost as much again. One with the same case, in a new process, tells
        # whether it is to blame.
        innocent = subject.lost == "died" and judge_case(subject.adapter, clause, case).passed
        remark = "; by itself the case passes, so an earlier call may have damaged the memory" if innocent else ""
        return Failure(f"{outcome.reason}{remark}", case.id, _finite(outcome.ratio))
    first = outcome
    smallest, outcome = shrink(clause, component, subject, case, outcome)
    if clause.at_size:
        smallest, outcome = first_size_that_fails(clause, component, subject, smallest, outcome)
    typical = {"case": case.id, "message": first.reason} if _unlike(first, outcome) else None
    outcome = with_neighbours(clause, component, subject, smallest, outcome)
    failure = Failure(outcome.reason, smallest.id, _finite(outcome.ratio), typical=typical)
    return failure if subject.lost else _explained(failure, subject.adapter, clause, component, (smallest, case))


_FAR_MORE: Final = 100
"""How many times the smallest case's error ratio one is that tells more than it."""


def _unlike(first: Outcome, smallest: Outcome) -> bool:
    """Say whether what was found first is not like the smallest: another claim, a NaN or not, or far more."""
    claims = {each.reason.partition(":")[0] for each in (first, smallest)}
    numbers = {each.ratio < float("inf") for each in (first, smallest)}
    return len(claims) > 1 or len(numbers) > 1 or first.ratio > _FAR_MORE * smallest.ratio


def _explained(
    failure: Failure, adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case]
) -> Failure:
    """Add what the failure looks like on the smallest case and on the first."""
    # The catalogue takes a third of a second to import, and most runs have no failure.
    from ..diagnosis.diagnosis import diagnose

    diagnosis = diagnose(adapter, clause, component, list(dict.fromkeys(cases)))
    name = diagnosis.variant.name if diagnosis.variant else None
    return replace(failure, message=f"{failure.message}{diagnosis.remark}", looks_like=name)


def _finite(ratio: float) -> float | None:
    return ratio if ratio < float("inf") else None
