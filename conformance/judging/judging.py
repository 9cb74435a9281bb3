"""One clause on one implementation in one dtype: draw, check, shrink what fails, and say what came of it."""

import time
from collections.abc import Sequence
from dataclasses import replace

from ...adapters import Adapter
from ..cases.drawing import cases_of
from ..cases.profiles import Profile
from ..cases.sizes import sized
from ..components import COMPONENTS
from ..terms.case import Case
from ..terms.checking import outcome
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Inapplicable, NotOffered, Unsupported, Violation
from .result import Failure, Result
from .shrinking import plainer_accepted_case, shrink


def judge_clause(adapter: Adapter, clause: Clause, name: str, dtype: str, profile: Profile, seed: int) -> Result:
    """Judge; never raises for what the implementation does."""
    started = time.monotonic()
    component, subject = sized(COMPONENTS[name], adapter.offer.sizes), Subject(adapter)
    result = Result(clause.id, clause.level, name, dtype, "pass")
    refused: list[str] = []
    resets: list[str] = []
    cases, replacement, judged = cases_of(clause, component, dtype, profile, seed), None, set[Case]()
    while (case := replacement or next(cases, None)) is not None:
        replaced, replacement = replacement is not None, None
        if case in judged:
            continue
        judged.add(case)
        trial = Trial(subject, component, case)
        try:
            ratio = clause.check(trial)
        except Inapplicable:
            continue
        except NotOffered as reason:
            refused.append(str(reason))
            break
        except Unsupported as reason:
            if not replaced:
                refused.append(str(reason))
                replacement = plainer_accepted_case(clause, component, subject, case, resets)
            continue
        except Violation as violation:
            result.examples += 1
            result.dtype = result.dtype or trial.dtype
            result.status = "fail"
            result.failure = _failure(clause, component, subject, case, violation)
            result.worst_ratio = result.failure.ratio
            break
        result.examples += 1
        result.dtype = result.dtype or trial.dtype
        result.worst_ratio = max(result.worst_ratio or 0.0, ratio)
    result.precision_class = subject.met or None
    if result.examples == 0:
        result.status = "unsupported"
        result.reason = refused[0] if refused else "no case of this clause can be put to it"
    elif refused:
        result.reason = f"{len(refused)} cases are unsupported, some of them replaced by plainer ones: {refused[0]}"
    if subject.declarations and result.status == "pass":
        took = f"took the declared {subject.declarations}"
        result.reason = f"{result.reason}; {took}" if result.reason else took
    result.seconds = round(time.monotonic() - started, 3)
    return result


def judge_case(adapter: Adapter, clause: Clause, case: Case) -> tuple[str, Violation | None]:
    """One clause on one case: what came of it in a word, and the violation."""
    return outcome(clause, Trial(Subject(adapter), COMPONENTS[case.component], case))


def _failure(clause: Clause, component: Component, subject: Subject, case: Case, violation: Violation) -> Failure:
    """What is wrong on the smallest case that shows it, and what that looks like."""
    if subject.lost:
        # Every attempt with a smaller case would cost as much again. One with the same case, in a new process, tells
        # whether it is to blame.
        innocent = subject.lost == "died" and judge_case(subject.adapter, clause, case)[0] == "pass"
        remark = "; by itself the case passes, so an earlier call may have damaged the memory" if innocent else ""
        return Failure(f"{violation}{remark}", case.id, _finite(violation.ratio))
    smallest, found = shrink(clause, component, subject, case, violation)
    failure = Failure(str(found), smallest.id, _finite(found.ratio))
    return failure if subject.lost else _explained(failure, subject.adapter, clause, component, (smallest, case))


def _explained(
    failure: Failure, adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case]
) -> Failure:
    """The failure, with what it looks like on the smallest case and on the first."""
    # The catalogue takes a third of a second to import, and most runs have no failure.
    from ..diagnosis.diagnosis import diagnose

    diagnosis = diagnose(adapter, clause, component, list(dict.fromkeys(cases)))
    name = diagnosis.variant.name if diagnosis.variant else None
    return replace(failure, message=f"{failure.message}{diagnosis.remark}", looks_like=name)


def _finite(ratio: float) -> float | None:
    return ratio if ratio < float("inf") else None
