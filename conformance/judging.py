"""One clause on one implementation in one dtype: draw, check, shrink what fails, and say what came of it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from ..adapters import Adapter
from .case import Case
from .clause import Clause, Inapplicable, NotOffered, Unsupported, Violation
from .component import Component
from .drawing import covering_cases, drawn_cases, spread
from .profiles import Profile
from .registry import COMPONENTS
from .sizes import sized
from .subject import Subject
from .trial import Trial

Status = Literal["pass", "fail", "unsupported", "not-offered", "allowed"]

_SHRINKING: Final = 150
"""Attempts to make a failing case smaller: a number, not a time, so that the same seed gives the same report."""


@dataclass(frozen=True)
class Failure:
    """What is wrong, on the smallest case that shows it."""

    message: str
    case: str
    ratio: float | None
    """None where no number says it: a crash, a NaN, a difference where none is allowed."""
    looks_like: str | None = None


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

    def as_json(self) -> dict[str, Any]:
        """The line as the report has it."""
        return asdict(self)


def judge_clause(adapter: Adapter, clause: Clause, name: str, dtype: str, profile: Profile, seed: int) -> Result:
    """Judge; never raises for what the implementation does."""
    started = time.monotonic()
    component, subject = sized(name, adapter.offer.sizes), Subject(adapter)
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
                replacement = accepted(clause, component, subject, case, resets)
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


def outcome(clause: Clause, trial: Trial) -> tuple[str, Violation | None]:
    """Of a trial of any subject."""
    try:
        clause.check(trial)
    except Inapplicable:
        return "does not apply", None
    except Unsupported as reason:
        return f"unsupported: {reason}", None
    except Violation as violation:
        return "fail", violation
    return "pass", None


def _failure(clause: Clause, component: Component, subject: Subject, case: Case, violation: Violation) -> Failure:
    """What is wrong on the smallest case that shows it, and what that looks like."""
    if subject.lost:
        # Every attempt with a smaller case would cost as much again. One with the same case, in a new process, tells
        # whether it is to blame.
        innocent = subject.lost == "died" and judge_case(subject.adapter, clause, case)[0] == "pass"
        remark = "; by itself the case passes, so an earlier call may have damaged the memory" if innocent else ""
        return Failure(f"{violation}{remark}", case.id, _finite(violation.ratio))
    smallest, found = smaller(clause, component, subject, case, violation)
    failure = Failure(str(found), smallest.id, _finite(found.ratio))
    return failure if subject.lost else _explained(failure, subject.adapter, clause, component, (smallest, case))


def _explained(
    failure: Failure, adapter: Adapter, clause: Clause, component: Component, cases: Sequence[Case]
) -> Failure:
    """The failure, with what it looks like on the smallest case and on the first."""
    # The catalogue takes a third of a second to import, and most runs have no failure.
    from .diagnosis import diagnose

    diagnosis = diagnose(adapter, clause, component, list(dict.fromkeys(cases)))
    name = diagnosis.variant.name if diagnosis.variant else None
    return replace(failure, message=f"{failure.message}{diagnosis.remark}", looks_like=name)


def _finite(ratio: float) -> float | None:
    return ratio if ratio < float("inf") else None


def cases_of(clause: Clause, component: Component, dtype: str, profile: Profile, seed: int) -> Iterator[Case]:
    """The cases of a clause, each once."""
    if clause.cases is not None:
        every = list(clause.cases(component, dtype, seed))
    elif clause.covering:
        every = [*component.probes(dtype), *covering_cases(component, dtype, seed)]
        every += drawn_cases(component, dtype, seed, profile.drawn)
    else:
        every = list(spread(covering_cases(component, dtype, seed), profile.spread))
        every += drawn_cases(component, dtype, seed, profile.drawn_for_properties)
    seen = set()
    for case in every:
        prepared = clause.prepare(case)
        # A clause's own cases may be larger than the many.
        if prepared is None or prepared in seen:
            continue
        if clause.cases is not None or component.admissible(prepared):
            seen.add(prepared)
            yield prepared


def accepted(clause: Clause, component: Component, subject: Subject, case: Case, resets: list[str]) -> Case | None:
    """A plainer case in place of one that was refused, so that what else it holds is judged all the same.

    `resets` are the factors whose plainest option has helped before; one more is tried where they do not help.
    """
    others = [name for name in component.factors if name not in resets]
    for names in (resets, *([*resets, name] for name in others)):
        plain = {key: value for name in names for key, value in component.factors[name][0].items()}
        candidate = clause.prepare(case.but(**plain))
        if candidate is None or candidate == case or not component.admissible(candidate):
            continue
        try:
            Trial(subject, component, candidate).reply()
        except Unsupported:
            continue
        except Violation:
            pass  # that it fails is for the clause to say
        resets[:] = names
        return candidate
    return None


def smaller(
    clause: Clause, component: Component, subject: Subject, case: Case, violation: Violation
) -> tuple[Case, Violation]:
    """A case that fails the same clause and has no plainer neighbour that does.

    Factor by factor, the plainest option first. (Hypothesis shrinks what it has drawn itself; most failures here are
    found by the covering set, and a case is one point of a finite grid.)
    """
    attempts, smallest = 0, case
    again = True
    while again:
        again = False
        chosen = component.chosen(smallest)
        for (_, options), now in zip(component.factors.items(), chosen, strict=True):
            for option in options[:now]:
                candidate = clause.prepare(smallest.but(**option))
                if candidate is None or candidate == smallest or not component.admissible(candidate):
                    continue
                if component.chosen(candidate) >= component.chosen(smallest):
                    continue  # what a clause prepares must not lead us round in circles
                if attempts == _SHRINKING or subject.lost:
                    return smallest, violation
                attempts += 1
                try:
                    clause.check(Trial(subject, component, candidate))
                except Violation as found:
                    smallest, violation, again = candidate, found, True
                    break
                except (Inapplicable, Unsupported):
                    continue
    return smallest, violation
