"""One case again: what the implementation gives, what the formula gives, how far apart they may be."""

from typing import Final

import numpy as np

from ...adapters import Adapter
from ...adapters.foreign_text import visible
from ...oracle.rounding.bound import Bound
from ...oracle.spec_error import SpecError
from ..components import CLAUSES, COMPONENTS, clauses_of, parse_case
from ..judging.judging import judge_case
from ..judging.memory import too_large
from ..terms.case import Case, CaseError
from ..terms.clause import Clause
from ..terms.comparison import ratios
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from .terminal import Screen

_UNMADE: Final = (SpecError, ValueError, ArithmeticError, LookupError, StopIteration, MemoryError)
"""What making or judging a case may raise, where its sizes are such as no case of ours has."""
_MOST: Final = {"layers": 1000, "count": 1000}
"""Numbers that are no sizes of arrays, so that no memory bounds them: what they count is done one after another."""
_SHOWN: Final = 8
"""Elements that are printed, the worst first."""


def replay(screen: Screen, adapter: Adapter, line: str, chosen: str | None, memory: int | None = None) -> int:
    """Print the arrays and the verdicts; 0 if no required clause is violated, else 1; 3 if none applies."""
    case = parse_case(line)
    clauses = _chosen(case, chosen)
    if case.component not in adapter.offer.functions:
        raise CaseError(f"{adapter.offer.name} does not offer {case.component}")
    if COMPONENTS[case.component].has_dtype and case["dtype"] not in adapter.offer.dtypes:
        raise CaseError(f"{adapter.offer.name} does not take {case['dtype']}")
    for name, most in _MOST.items():
        if case.get(name, 0) > most:
            raise CaseError(f"this case cannot be judged: {name} may be {most} at most")
    if reason := too_large(case, memory):
        raise CaseError(f"this case cannot be judged: {reason}")
    trial = Trial(Subject(adapter), COMPONENTS[case.component], case)
    try:
        inputs = trial.inputs
    except _UNMADE as error:  # a table of no rows, from which a token should be drawn
        raise CaseError(f"this case cannot be judged: {error}") from None
    try:
        if trial.component.gives_data:
            _show_data(screen, trial)
        else:
            trial.component.shape(inputs)
            if trial.component.has_dtype:
                trial.bound()  # the oracle's opinion of the arguments, before the implementation's
            _show_elements(screen, trial)
    except _UNMADE as error:
        raise CaseError(f"this case cannot be judged: {error}") from None
    violated, passed = False, False
    for clause in clauses:
        # A clause that is judged on cases of another kind has nothing to say of this one.
        if clause.prepare(case) != case:
            continue
        try:
            outcome = judge_case(adapter, clause, case)
        except _UNMADE as error:
            screen.say((f"{clause.id:9}not judged: {visible(error)}", "yellow"))
            continue
        if outcome.kind == "inapplicable":
            continue
        passed |= outcome.passed
        violated |= outcome.failed and clause.level == "required"
        word = outcome.kind if outcome.passed or outcome.failed else "unsupported"
        said = f"{word}: {outcome.reason}" if outcome.reason else word
        style = {"pass": "green", "fail": "red"}.get(word, "yellow")
        screen.say((f"{clause.id:9}{visible(said)}", style))
    return 1 if violated else 0 if passed else 3


def _chosen(case: Case, name: str | None) -> list[Clause]:
    known = {clause.id: clause for clause in clauses_of(COMPONENTS[case.component])}
    if name is not None and name not in known:
        known_to_all = "; `assay spec` lists the clauses" if name not in CLAUSES else f", which {case.component} lacks"
        raise CaseError(f"there is no clause {name!r}{known_to_all}")
    return list(known.values()) if name is None else [known[name]]


def _show_data(screen: Screen, trial: Trial) -> None:
    """Show the arguments and the result, where that is no array."""
    screen.say(visible(trial.case.id))
    try:
        shown = {**trial.inputs.keywords, "result": trial.data()}
    except (Unsupported, Violation) as reason:
        screen.say((visible(reason), "red"))
        return
    for name, value in shown.items():
        screen.say(f"{name:20}{visible(repr(value))}")


def _show_elements(screen: Screen, trial: Trial) -> None:
    """Show actual, expected and bound of the elements of each result that are furthest off."""
    screen.say(visible(trial.case.id))
    try:
        results, bounds = trial.results(), trial.bounds()
    except (Unsupported, Violation) as reason:
        screen.say((visible(reason), "red"))
        return
    for name, actual in results.items():
        _show_array(screen, name if len(results) > 1 else "element", actual, bounds[name], trial.dtype)


def _show_array(screen: Screen, title: str, actual: Array, bound: Bound, dtype: str) -> None:
    found = ratios(actual, bound, dtype, statistical=False)
    screen.say(f"{title:20}{'actual':>24}{'expected':>24}{'bound':>12}{'ratio':>10}")
    for flat in np.argsort(-found, axis=None, kind="stable")[:_SHOWN]:
        where = tuple(map(int, np.unravel_index(flat, found.shape)))
        values = f"{actual[where]:24.16g}{bound.expected[where]:24.16g}{bound.worst[where]:12.3g}{found[where]:10.3g}"
        screen.say(f"{where!s:20}{values}")
