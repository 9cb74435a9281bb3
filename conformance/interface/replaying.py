"""One case again: what the implementation gives, what the formula gives, how far apart they may be."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ...adapters import Adapter, Opening
from ...adapters.foreign_text import visible
from ...oracle.spec_error import SpecError
from ..components import CLAUSES, COMPONENTS, clauses_of, parse_case
from ..diagnosis.recording import Recorder
from ..judging.judging import judge_case
from ..judging.memory import too_large
from ..terms.case import Case, CaseError
from ..terms.clause import Clause
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .case_arrays import arrays_of, npz, show_arrays
from .options import JUDGING, OPENING, add_options
from .report_files import write_asked
from .scripting import NoScriptError, script_of
from .surroundings import complain
from .terminal import Screen

_UNMADE: Final = (SpecError, ValueError, ArithmeticError, LookupError, StopIteration, MemoryError)
"""What making or judging a case may raise, where its sizes are such as no case of ours has."""
_MOST: Final = {"layers": 1000, "count": 1000}
"""Numbers that are no sizes of arrays, so that no memory bounds them: what they count is done one after another."""


def add_what_is_replayed(command: argparse.ArgumentParser) -> None:
    """Add what `assay replay` takes."""
    command.add_argument("case", metavar="CASE")
    command.add_argument("--adapter", default="torch", metavar="ADAPTER", help="whom to ask (default: torch)")
    command.add_argument("--clause", metavar="ID", help="one clause (default: every one that applies)")
    command.add_argument("--save", type=Path, metavar="FILE", help="keep the arrays in a file that numpy.load reads")
    command.add_argument("--script", action="store_true", help="print a program without assay that shows the failure")
    add_options(command.add_argument, OPENING)
    add_options(command.add_argument, {"memory": JUDGING["memory"]})


def replay(
    screen: Screen,
    adapter: Adapter,
    line: str,
    chosen: str | None,
    memory: int | None = None,
    save: Path | None = None,
    script_for: Opening | None = None,
) -> int:
    """Print the arrays and the verdicts; 0 if no required clause is violated, else 1; 3 if none applies.

    For an adapter that was opened so, print a script that shows the failure in their place.
    """
    case = parse_case(line)
    clauses = _chosen(case, chosen)
    _check(case, adapter, memory)
    trial = Trial(Subject(adapter), COMPONENTS[case.component], case)
    try:
        inputs = trial.inputs
        if not trial.component.gives_data:
            trial.component.shape(inputs)
            if trial.component.has_dtype:
                trial.bound()  # the oracle's opinion of the arguments, before the implementation's
        recorder = Recorder(adapter)
        outcomes = {
            # A clause that is judged on cases of another kind has nothing to say of this one.
            clause: _outcome(recorder, clause, case)
            for clause in clauses
            if clause.prepare(case) == case
        }
        arrays = arrays_of(trial, backward=recorder.backward)
    except _UNMADE as error:  # a table of no rows, from which a token should be drawn
        raise CaseError(f"this case cannot be judged: {error}") from None
    if save is not None:
        write_asked(save, npz(arrays), "the arrays")
    if script_for is not None:
        _show_script(adapter, script_for, outcomes, case)
        return _show_outcomes(Screen(quiet=True), outcomes)
    show_arrays(screen, arrays)
    return _show_outcomes(screen, outcomes)


def _show_script(adapter: Adapter, opening: Opening, outcomes: Mapping[Clause, Outcome | str], case: Case) -> None:
    """Print a script that shows the first failure, and nothing else; or say on standard error why there is none."""
    failed = [clause for clause, outcome in outcomes.items() if isinstance(outcome, Outcome) and outcome.failed]
    if not failed:
        complain("there is no script: no clause that was judged is violated in this case")
        return
    try:
        print(script_of(adapter, opening, failed[0], case), end="")  # noqa: T201
    except NoScriptError as why:
        complain(visible(why))


def _check(case: Case, adapter: Adapter, memory: int | None) -> None:
    """Refuse a case that cannot be put to the implementation, or takes more than there is."""
    if case.component not in adapter.offer.functions:
        raise CaseError(f"{adapter.offer.name} does not offer {case.component}")
    if COMPONENTS[case.component].has_dtype and case["dtype"] not in adapter.offer.dtypes:
        raise CaseError(f"{adapter.offer.name} does not take {case['dtype']}")
    for name, most in _MOST.items():
        if case.get(name, 0) > most:
            raise CaseError(f"this case cannot be judged: {name} may be {most} at most")
    if reason := too_large(case, memory):
        raise CaseError(f"this case cannot be judged: {reason}")


def _outcome(adapter: Adapter, clause: Clause, case: Case) -> Outcome | str:
    """Return what becomes of a clause, or why it cannot be judged on such a case."""
    try:
        return judge_case(adapter, clause, case)
    except _UNMADE as error:
        return str(error)


def _show_outcomes(screen: Screen, outcomes: Mapping[Clause, Outcome | str]) -> int:
    """Show the verdict of each clause that has one, and return the exit status."""
    violated, passed = False, False
    for clause, outcome in outcomes.items():
        if isinstance(outcome, str):
            screen.say((f"{clause.id:9}not judged: {visible(outcome)}", "yellow"))
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
