"""Other cases in place of one: a smaller one that fails as well, or a plainer one that is accepted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..cases.sizes import OF_SIZES
from ..terms.case import Case, Value
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome, Unsupported, Violation

_SHRINKING: Final = 150
"""Attempts to make a failing case smaller: a number, not a time, so that the same seed gives the same report."""

_TELLING: Final = 4.0
"""Times what is allowed, from which on an error is no accident of one rounding."""


def plainer_accepted_case(
    clause: Clause, component: Component, subject: Subject, case: Case, resets: Sequence[str]
) -> tuple[Case | None, Sequence[str]]:
    """Find a plainer case in place of one that was refused, so that what else it holds is judged all the same.

    `resets` are the factors whose plainest option has helped before; one more is tried where they do not help. The
    second result are those that have helped now.
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
        return candidate, names
    return None, resets


def shrink(
    clause: Clause, component: Component, subject: Subject, case: Case, outcome: Outcome
) -> tuple[Case, Outcome]:
    """Find a case that fails the same clause and has no plainer neighbour that does.

    It is tried without what it may lack, then factor by factor, the plainest option first. (Hypothesis shrinks what it
    has drawn itself; most failures here are found by the covering set, and a case is one point of a finite grid.)

    A failure that is far outside its bound stays so: one that is hardly outside tells little of it.
    """
    attempts, smallest, telling = 0, case, min(outcome.ratio, _TELLING)
    for name in component.optional if clause.cases is None else ():
        candidate = clause.prepare(component.without(smallest, name))
        if candidate is not None and candidate != smallest and component.admissible(candidate):
            attempts += 1
            found = check(clause, Trial(subject, component, candidate))
            if found.failed and found.ratio >= telling:
                smallest, outcome = candidate, found
    shrunk = True
    while shrunk:
        shrunk = False
        places = component.option_indices(smallest)
        for (factor, options), now in zip(component.factors.items(), places, strict=True):
            # Sizes of models are made small one by one: a shape of fewer elements may come after one of more.
            for option in options[:now] if not clause.at_size or factor != OF_SIZES else ():
                candidate = clause.prepare(smallest.but(**option))
                if candidate is None or candidate == smallest or not component.admissible(candidate):
                    continue
                if component.option_indices(candidate) >= component.option_indices(smallest):
                    continue  # what a clause prepares must not lead us round in circles
                if attempts == _SHRINKING or subject.lost:
                    return smallest, outcome
                attempts += 1
                found = check(clause, Trial(subject, component, candidate))
                if found.failed and found.ratio >= telling:
                    smallest, outcome, shrunk = candidate, found, True
                    break
    return smallest, outcome


def with_plain_sizes(
    clause: Clause, component: Component, subject: Subject, case: Case, outcome: Outcome
) -> tuple[Case, Outcome]:
    """Give those sizes of models the plainest value that have no part in a failure: all further attempts cost less."""
    plainest, shrunk = component.factors[OF_SIZES][0], True
    # Again after each that is smaller: heads can be few only where the groups of them are.
    while shrunk and not subject.lost:
        shrunk = False
        for sizes in (plainest, *({name: size} for name, size in plainest.items())):
            smaller = {name: size for name, size in sizes.items() if case[name] > size}
            candidate = case.but(**smaller)
            if smaller and component.admissible(candidate):
                found = check(clause, Trial(subject, component, candidate))
                if found.failed:
                    case, outcome, shrunk = candidate, found, True
    return case, outcome


_BISECTING: Final = 60
"""Attempts to find where the sizes begin that fail."""


def _near(right: int, small: Value) -> tuple[int, ...]:
    """Give sizes on both sides of the last that is right: by chance not all of them agree with it."""
    return (max((right + int(small)) // 2, int(small)), max(right - 1, int(small)), right + 2, 2 * right + 1)


def first_size_that_fails(
    clause: Clause, component: Component, subject: Subject, case: Case, outcome: Outcome
) -> tuple[Case, Outcome]:
    """Make each size of a failing case as small as fails, by bisection from that of the plainest case.

    What fails from a size on is found; where small sizes fail as well, and those between do not, some size that fails.
    The last remark of the outcome says which size is right still.
    """
    plainest, attempts, remark = next(iter(component.factors.values()))[0], 0, ""

    def tried(name: str, size: int) -> Outcome:
        nonlocal attempts
        attempts += 1
        candidate = case.but(**{name: size})
        admissible = component.admissible(candidate)
        return check(clause, Trial(subject, component, candidate)) if admissible else Outcome("inapplicable")

    for name, small in plainest.items():
        right, wrong = int(small), int(case[name])
        if right >= wrong or attempts >= _BISECTING or subject.lost:
            continue
        found = tried(name, right)
        if found.failed:
            case, outcome = case.but(**{name: right}), found
            continue
        while wrong - right > 1 and attempts < _BISECTING and not subject.lost:
            middle = (right + wrong) // 2
            found = tried(name, middle)
            if found.failed:
                wrong, case, outcome = middle, case.but(**{name: middle}), found
            elif found.passed:
                right = middle
            else:
                break
        if wrong - right == 1 and all(tried(name, size).failed == (size > right) for size in _near(right, small)):
            remark += f"; with {name} = {right} it is right"
    return case, replace(outcome, reason=outcome.reason + remark)
