"""What a cause looks like: the part of the arrays where it is wrong, and which parameters matter."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ...adapters import Adapter
from ...oracle.rounding.bound import Bound
from ..components import CLAUSES, COMPONENTS, parse_case
from ..diagnosis.recording import goes_backward
from ..judging.causes import Cause
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

_WIDEST: Final = 16
"""Rows and columns of an array that are shown, around the worst element."""
_CAUSES: Final = 20
"""Causes of which the arrays are kept; a page of more would be read by nobody."""
_SCRIPTS: Final = 20.0
"""Seconds after which no further script is made; each takes a Python of its own, and one or two."""
_OPTIONS: Final = 3
"""Options of a factor that are tried beside that of the case."""


@dataclass(frozen=True)
class Slice:
    """The last two axes of a result or gradient, around the element that is furthest off."""

    name: str
    shape: tuple[int, ...]
    first: tuple[int, ...]
    """The index of its first element in the array."""
    actual: Array
    expected: Array
    allowed: Array
    ratio: Array

    def as_json(self) -> dict[str, Any]:
        """Write it as lists of rows; what is no number is a word."""
        each = {name: _rows(getattr(self, name)) for name in ("actual", "expected", "allowed", "ratio")}
        return {"name": self.name, "shape": list(self.shape), "first": list(self.first), **each}


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
    backward = failure.backward or goes_backward(adapter, clause, component, case)
    arrays = arrays_of(Trial(Subject(adapter), component, case), backward=backward)
    each = [_slice(name, arrays.actual[name], arrays.due[name], arrays.dtype) for name in arrays.actual]
    worst = max(each, key=lambda one: float(np.max(one.ratio, initial=0.0)), default=None)
    short = clause.at_size or failure.how in ("crash", "timeout")
    beside = [] if short else list(_beside(adapter, clause, component, case))
    return {"arrays": [] if worst is None else [worst.as_json()], "beside": beside}


def _script(report: Report, adapter: Adapter, cause: Cause) -> list[str]:
    """Write a script that shows the cause, line by line; none where that would take long, or cannot be."""
    result, failure = cause.example
    clause = CLAUSES[result.clause]
    if clause.at_size or failure.how == "timeout":
        return []
    try:
        return script_of(adapter, report.opening, clause, parse_case(failure.case)).splitlines()
    except NoScriptError:
        return []


def _slice(name: str, actual: Array, bound: Bound, dtype: str) -> Slice:
    found = ratios(actual, bound, dtype, statistical=False)
    whole = [np.atleast_2d(each) for each in np.broadcast_arrays(actual, bound.expected, bound.worst, found)]
    shape = whole[0].shape
    worst = int(np.argmax(whole[3])) if whole[3].size else 0
    where = tuple(map(int, np.unravel_index(worst, shape))) if whole[3].size else (0,) * len(shape)
    starts = [max(0, min(at - _WIDEST // 2, size - _WIDEST)) for at, size in zip(where, shape, strict=True)]
    rows, columns = (slice(start, start + _WIDEST) for start in starts[-2:])
    cut = [each[where[:-2]][rows, columns] for each in whole]
    return Slice(name, np.shape(actual), (*where[:-2], *starts[-2:]), *cut)


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


def _rows(array: Array) -> list[list[float | str]]:
    return [[float(value) if np.isfinite(value) else str(value) for value in row] for row in np.atleast_2d(array)]
