"""What a cause looks like: the part of the arrays where it is wrong, and which parameters matter."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ...adapters import Adapter
from ...oracle.rounding.bound import Bound
from ..components import CLAUSES, COMPONENTS, parse_case
from ..diagnosis.recording import goes_backward
from ..judging.causes import Cause
from ..judging.memory import is_small
from ..terms.around import Around, around
from ..terms.case import Case, Value
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.comparison import ratios
from ..terms.component import Component
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from .case_arrays import arrays_of
from .report import Report
from .scripting import NoScriptError, script_of

_CAUSES: Final = 20
"""Causes of which the arrays are kept; a page of more would be read by nobody."""
_SCRIPTS: Final = 20.0
"""Seconds after which no further script is made; each takes a Python of its own, and one or two."""
_OPTIONS: Final = 3
"""Options of a factor that are tried beside that of the case."""


def gather(report: Report, adapter: Adapter) -> None:
    """Keep the evidence of every cause with the failure that shows it."""
    end = time.monotonic() + _SCRIPTS
    for cause in report.causes[:_CAUSES]:
        result, failure = cause.example
        found = evidence(adapter, cause)
        if time.monotonic() < end and (lines := _script(report, adapter, cause)):
            found["script"] = lines
        shown = replace(failure, evidence=found)
        if result.failure is failure:
            result.failure = shown
        else:
            result.others = [shown if each is failure else each for each in result.others or ()]


def evidence(adapter: Adapter, cause: Cause) -> dict[str, Any]:
    """Run the smallest case of a cause again, and those beside it that differ in one parameter."""
    result, failure = cause.example
    case = parse_case(failure.case)
    clause, component = CLAUSES[result.clause], COMPONENTS[case.component]
    ends = failure.how in ("crash", "timeout")
    beside = [] if _takes_long(clause, case) or ends else list(_beside(adapter, clause, component, case))
    return {"arrays": [] if ends else _arrays(adapter, cause, clause, component, case), "beside": beside}


def _arrays(adapter: Adapter, cause: Cause, clause: Clause, component: Component, case: Case) -> list[dict[str, Any]]:
    """Give what the clause compares, around what is wrong; where it compares no arrays, those of the case."""
    worst = check(clause, Trial(Subject(adapter), component, case)).worst
    if worst is not None and worst.around is not None:
        return [worst.around.as_json(worst.of) | ({} if worst.expected_is_due else {"due": False})]
    if _takes_long(clause, case):
        return []
    backward = cause.failure.backward or goes_backward(adapter, clause, component, case)
    found = arrays_of(Trial(Subject(adapter), component, case), backward=backward)
    full = {name: actual for name, actual in found.actual.items() if actual.size}
    each = [(name, _whole(actual, found.due[name], found.dtype)) for name, actual in full.items()]
    furthest = max(each, key=lambda one: float(one[1].ratio.max()), default=None)
    return [] if furthest is None else [furthest[1].as_json(furthest[0])]


def _whole(actual: Array, bound: Bound, dtype: str) -> Around:
    return around(ratios(actual, bound, dtype, statistical=False), actual, bound.expected, bound.worst)


def _script(report: Report, adapter: Adapter, cause: Cause) -> list[str]:
    """Write a script that shows the cause, line by line; none where that would take long, or cannot be."""
    result, failure = cause.example
    clause = CLAUSES[result.clause]
    case = parse_case(failure.case)
    if _takes_long(clause, case) or failure.how == "timeout":
        return []
    try:
        return script_of(adapter, report.opening, clause, case).splitlines()
    except NoScriptError:
        return []


def _takes_long(clause: Clause, case: Case) -> bool:
    """Say whether a case is as large as models are, and was not made small."""
    return clause.at_size and not is_small(case)


def _beside(adapter: Adapter, clause: Clause, component: Component, case: Case) -> Iterator[Mapping[str, Any]]:
    """Judge the case with other options of each factor: whether it passes says which parameters matter."""
    for options, now in zip(component.factors.values(), component.option_indices(case), strict=True):
        for option in _others(options, now):
            other = case.but(**option)
            if clause.prepare(other) != other or not component.admissible(other):
                continue
            trial = Trial(Subject(adapter), component, other)
            if not component.gives_data and not all(map(math.prod, component.shapes(trial.inputs).values())):
                continue  # of nothing, all is right
            outcome = check(clause, trial)
            if outcome.passed or outcome.failed:
                yield {"changed": dict(option), "passes": outcome.passed}


def _others(options: Sequence[Mapping[str, Value]], now: int | None) -> list[Mapping[str, Value]]:
    """Give some options that are not the one of the case, the plainest first."""
    return [option for number, option in enumerate(options) if number != now][:_OPTIONS]
