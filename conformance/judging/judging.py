"""One clause on one implementation in one dtype: draw, check, shrink what fails, and say what came of it."""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ...adapters import Adapter, Call
from ..cases.drawing import cases_of
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
from .ahead import Begun, Seen
from .failing import as_found
from .findings import Findings
from .memory import peaks
from .plan import Line
from .result import Failure, Result
from .trying import Sizes, Tried, trying

NOTHING: Final = "no case of this clause can be put to it"
_FAILING: Final = 24
"""Cases of a clause that may fail before it is left."""
_FAILING_AT_SIZE: Final = 4
"""The same at the sizes of models, where each takes a second."""
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
    """Judge a clause, and explain what fails; never raises for what the implementation does.

    `recent` keeps replies from one clause to the next that looks at the same ones.
    """
    line = Line(clause, name, dtype, offered=True)
    return judge_and_explain(adapter, line, profile, seed, recent, Findings())


def judge_and_explain(
    adapter: Adapter, line: Line, profile: Profile, seed: int, recent: RecentReplies | None, findings: Findings
) -> Result:
    """Judge a line of the plan, and explain what fails where it is found."""
    return explain_line(adapter, line, profile, seed, judge_line(adapter, line, profile, seed, recent), findings)


def judge_line(
    adapter: Adapter,
    line: Line,
    profile: Profile,
    seed: int,
    recent: RecentReplies | None = None,
    begun: Begun | None = None,
    note: Callable[[Tried], object] = lambda tried: None,
) -> Result:
    """Judge a line of the plan: a failure is a case as it was drawn, the first of each kind of failure first.

    One that has been begun is gone on with; `note` hears of each case. A line that is asked again is judged with other
    values and after thousands of calls.
    """
    if line.again:
        adapter.sequence([_many_times(COMPONENTS[line.component], line.dtype)])
        begun = begin_line(adapter, line, profile, (seed + 1) % SEEDS, None)
    begun = begun or begin_line(adapter, line, profile, seed, recent)
    begun.trying.note = note
    return _judged(adapter, line, profile, begun)


def begin_line(adapter: Adapter, line: Line, profile: Profile, seed: int, recent: RecentReplies | None) -> Begun:
    """Begin a line, of which no case has been judged yet."""
    clause = line.clause
    component = drawn_for(clause, COMPONENTS[line.component], adapter.offer.sizes, profile.shapes)
    # What only advises is left with its first failure: most kernels have one, and it makes no verdict.
    most = 1 if clause.level == "advisory" else _FAILING_AT_SIZE if clause.at_size else _FAILING
    return Begun(trying(clause, component, line.dtype, profile, seed, [Subject(adapter, recent)], most))


def so_far(found: Tried, line: Line) -> Result:
    """Return what has come of a line, as it was found."""
    failures = as_found(found)
    result = _result(found, line.component, line.dtype, failures[0] if failures else None)
    result.others = failures[1:] or None
    return result


def _judged(adapter: Adapter, line: Line, profile: Profile, begun: Begun) -> Result:
    found, clause = begun.go_on(), line.clause
    component, started = found.component, time.monotonic()
    result = so_far(found, line)
    if left_aside := _left_aside(clause, component, line.dtype, profile):
        result.reason = "; ".join(filter(None, (left_aside, result.reason)))
    memory = peaks(adapter) if clause.at_size else None
    return replace(result, memory=memory, seconds=round(begun.seconds + time.monotonic() - started, 3))


def explain_line(
    adapter: Adapter, line: Line, profile: Profile, seed: int, result: Result, findings: Findings
) -> Result:
    """Say of what fails in a line what its causes are, each on a small case; `findings` has those that are known."""
    if result.failure is None:
        return result
    started, clause = time.monotonic(), line.clause
    component = drawn_for(clause, COMPONENTS[line.component], adapter.offer.sizes, profile.shapes)
    result = findings.explain(adapter, clause, component, result, _earlier(line, component, profile, seed))
    if line.again and result.failure is not None:
        message = f"asked again at the end of the run, with other values: {result.failure.message}"
        result.failure = replace(result.failure, message=message)
    return replace(result, seconds=round(result.seconds + time.monotonic() - started, 3))


def explain_seen(adapter: Adapter, seen: Seen, profile: Profile, seed: int, findings: Findings) -> Result:
    """Say of a case that was seen to fail before the turn of its line what its cause is."""
    line, clause = seen.line, seen.line.clause
    component = drawn_for(clause, COMPONENTS[line.component], adapter.offer.sizes, profile.shapes)
    earlier = _earlier(line, component, profile, seed)
    failure = findings.explain_ahead(adapter, clause, component, seen.case, seen.outcome, earlier)
    return replace(seen.result, failure=failure, worst_ratio=failure.ratio)


def _earlier(line: Line, component: Component, profile: Profile, seed: int) -> Callable[[Case], list[Case]]:
    """Give what lists the cases of a line that come before one."""

    def earlier(case: Case) -> list[Case]:
        drawn = cases_of(line.clause, component, line.dtype, profile, seed)
        return list(itertools.takewhile(lambda each: each != case, drawn))

    return earlier


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
    result.measured = found.measured.as_json() if found.measured else None
    result.withdrawn = subject.withdrawn or None
    if failure is not None:
        return replace(result, status="fail", failure=failure, worst_ratio=failure.ratio, reason=_remarks(found))
    if not found.examples:
        nothing = found.refused[0] if found.refused else NOTHING
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
