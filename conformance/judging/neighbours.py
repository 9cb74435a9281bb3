"""What a failing case has that its neighbours lack: a layout, or sizes that are equal. It is judged, not guessed."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..components import CLAUSES
from ..terms.case import Case, Value
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.generator import SEEDS
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome


def with_neighbours(clause: Clause, component: Component, subject: Subject, case: Case, outcome: Outcome) -> Outcome:
    """Add to the reason of a failure what makes the case right: plain memory, or sizes that are unlike."""

    def tried(changes: Mapping[str, object], alone: str = "") -> Outcome:
        candidate = clause.prepare(case.but(**changes))
        if candidate is None or candidate != case.but(**changes) or subject.lost or not component.admissible(candidate):
            return Outcome("inapplicable")
        # A reply that is kept is that of a call in which every argument lies so.
        trial = Trial(Subject(subject.adapter, conventions=subject.conventions), component, candidate)
        trial.alone = alone
        outcome = check(clause, trial)
        subject.lost = trial.subject.lost
        return outcome

    remarks = []
    if case.get("layout", "contiguous") != "contiguous" and tried({"layout": "contiguous"}).passed:
        remarks.append("it is right when contiguous")
        trial = Trial(subject, component, case)
        lying = trial.layouts(trial.inputs)
        several = lying.items() if len(lying) > 1 else ()
        guilty = [f"{name} alone {kind}" for name, kind in several if tried({}, alone=name).failed]
        remarks += [f"it is wrong with {', and with '.join(guilty)}"] if guilty else []
    for equal in _equal_sizes(component, case):
        free = [size for size in range(2, 99) if size not in set(case.values())][:2]
        unlike = ({name: size} for name in equal for size in free)
        if all(tried(each).passed for each in unlike) and tried(dict.fromkeys(equal, free[0])).failed:
            remarks.append(f"it is right unless {' = '.join(equal)}")
            break
    return replace(outcome, reason="; ".join([outcome.reason, *remarks]))


_SEEDS: Final = 4
"""Draws with which a plainer case must pass: an error of rounding is within its bound now and then by chance."""


def trigger_of(clause: Clause, component: Component, subject: Subject, case: Case) -> dict[str, Value]:
    """Give the parameters of a failing case that it takes to fail: with a plainer option of its factor it passes.

    At the sizes of models the case itself is tried alone: each attempt takes a second.
    """
    found: dict[str, Value] = {}
    for options, now in zip(component.factors.values(), component.option_indices(case), strict=True):
        for plainer in options[:now]:
            kinds = {each.kind for each in _outcomes(clause, component, subject, case.but(**plainer))}
            found |= {name: case[name] for name in plainer if case[name] != plainer[name]} if kinds == {"pass"} else {}
            if kinds - {"inapplicable"}:
                break
    return found | _optional_of(clause, component, subject, case)


def _optional_of(clause: Clause, component: Component, subject: Subject, case: Case) -> dict[str, Value]:
    """Give what a case may lack, and is right without: values and gradients, where the clause asks for it."""
    found: dict[str, Value] = {}
    for name in (name for name in component.optional if name in case):
        plain = component.without(case, name)
        outcomes = [list(_outcomes(each, component, subject, plain)) for each in (clause, *_of_numbers(component))]
        kinds = {each.kind for every in outcomes for each in every}
        found |= {name: case[name]} if kinds == {"pass"} else {}
    return found


def _of_numbers(component: Component) -> list[Clause]:
    """Give the clauses about values, and about gradients."""
    return [CLAUSES[name] for name in ("ALL-1", "GRAD-1") if CLAUSES[name].concerns(component)]


def _outcomes(clause: Clause, component: Component, subject: Subject, plain: Case) -> Iterator[Outcome]:
    """Check a plainer case with several draws, as long as it passes."""
    usable = clause.prepare(plain) == plain and component.admissible(plain)
    for number in range(0 if not usable else 1 if clause.at_size else _SEEDS):
        again = plain.but(seed=(plain["seed"] + number) % SEEDS)
        trial = Trial(Subject(subject.adapter, conventions=subject.conventions), component, again)
        outcome = check(clause, trial)
        yield outcome
        if not outcome.passed:
            return


def _equal_sizes(component: Component, case: Case) -> Iterator[tuple[str, ...]]:
    """Find pairs of axes whose sizes are equal, and not 1, which any two may be; then three of them."""
    axes = {
        name for words in (*component.row.arrays.values(), *component.row.results.values()) for name in words.split()
    }
    sizes = [name for name in case if name in axes and case[name] > 1]
    for count in (2, 3):
        yield from (each for each in itertools.combinations(sizes, count) if len({case[name] for name in each}) == 1)
