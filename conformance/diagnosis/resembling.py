"""The known bug that an implementation behaves like in cases of one kind, where none answers everything as it does.

It may have a second defect, or do something of its own where there is no answer, as 0/0. So a wrong variant is compared
on numbers alone where the failing case has a wrong number, and on cases that share what the failing case needs. Only
those count in which one of the two is wrong.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...adapters import Adapter
from ..terms.case import Case, Value
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..variants import Variant
from .further import few_and_many, further_cases
from .naming import Asked, Suspect, answers_of, opened, plainer_than, too_long, violates
from .recording import Exchange, Recorder

_ENOUGH: Final = 3
"""Further cases that must be alike for a name to hold."""
_OF_ANOTHER: Final = 2
"""Cases with each other option of a factor."""


@dataclass(frozen=True)
class Resemblance:
    """A known bug, and in how many further cases the implementation answers as it does."""

    variant: Variant
    alike: int
    of: int
    elsewhere: int
    """In how many cases of other kinds it does."""

    @property
    def holds(self) -> bool:
        """Whether the implementation has this bug in all cases of the kind."""
        return self.alike == self.of >= _ENOUGH

    @property
    def remark(self) -> str:
        """Say it in words."""
        known = self.variant
        alike = f"{self.alike} of {self.of} further cases alike"
        return f"on this case it behaves like `{known.name}` ({alike}): {known.sentence.rstrip('.')}"


def resemblance(
    adapter: Adapter,
    clause: Clause,
    trial: Trial,
    failing: Sequence[Exchange],
    every: Sequence[Suspect],
    *,
    backward: bool,
) -> Resemblance | None:
    """Find the wrong variant that answers the failing case as the implementation does, and most cases of its kind.

    A right one is among `every`.
    """
    component, case = trial.component, trial.case
    if too_long(failing):
        return None
    right = next((each.adapter for each in every if not each.variant.wrong), None)
    if right is None or clause.at_size:
        return None
    asked = [Asked(component, trial, each) for each in failing]
    numbers = any(each.distance_of(right, numbers=True) is None for each in asked)

    def alike(other: Adapter, of: Sequence[Asked], *, numbers: bool = numbers) -> bool:
        return all(each.distance_of(other, numbers=numbers) is not None for each in of)

    if not numbers and any(type(size) is int and size == 1 for size in _shared(component, case).values()):
        return None  # where there is nothing but 0/0, every bug is like another
    suspects = [each for each in every if each.variant.wrong and alike(each.adapter, asked)]
    if not suspects or alike(right, asked):
        return None
    # Zeros are wrong in the plainest case, where a kernel that hides its only key by mistake is right: another bug.
    for each in plainer_than(component, case):
        plainer = [Asked(component, trial, exchange) for exchange in answers_of(adapter, component, each, backward)]
        if alike(right, plainer, numbers=False):
            suspects = [suspect for suspect in suspects if alike(suspect.adapter, plainer, numbers=False)]
    counts = {each.variant.name: [0, 0, 0] for each in suspects}
    own = list(_kind(component, case, backward, _shared(component, case)))
    # With another mask it may be right, or have a bug of its own: that counts between those which fit this one alike.
    for each in (*own, *(_other_kinds(component, case, backward) if len(suspects) > 1 else ())):
        further = [Asked(component, trial, exchange) for exchange in answers_of(adapter, component, each, backward)]
        wrong = not alike(right, further)
        for suspect in suspects if further else ():
            same = alike(suspect.adapter, further)
            count = counts[suspect.variant.name]
            if each not in own:
                count[2] += same and wrong
                continue
            # Where both are right, nothing is learnt.
            count[0] += same and wrong
            count[1] += wrong or not same
    found = [Resemblance(each.variant, *counts[each.variant.name]) for each in suspects]
    found = [each for each in found if each.alike >= _ENOUGH and 2 * each.alike >= each.of]
    for one in sorted(found, key=lambda one: (-one.alike / one.of, -one.elsewhere)):
        if violates(clause, Trial(Subject(Recorder(opened(one.variant), adapter.offer)), component, case)):
            return one
    return None


def _kind(component: Component, case: Case, backward: bool, shared: Mapping[str, Value]) -> Iterator[Case]:
    """List further cases that share with the failing one what is not plain in it, and are of size 1 where it is."""
    optional = {name: case[name] for name in component.optional if name in case}
    few, _ = few_and_many(backward)
    for each in further_cases(component, case, backward)[:few]:
        found = component.with_optional(each.but(**shared), **optional)
        degenerate = any(found[name] in (0, 1) and type(size) is int and size > 1 for name, size in case.items())
        if component.admissible(found) and not degenerate:
            yield found


def _other_kinds(component: Component, case: Case, backward: bool) -> Iterator[Case]:
    """List some with another option that is not plain, of each factor in which the failing case is not plain."""
    shared = _shared(component, case)
    for options, place in zip(component.factors.values(), component.option_indices(case), strict=True):
        for other in (*options[1:place], *options[place + 1 :]) if place else ():
            yield from itertools.islice(_kind(component, case, backward, {**shared, **other}), _OF_ANOTHER)


def _shared(component: Component, case: Case) -> dict[str, Value]:
    """Give the parameters of the factors in which a case is not plain."""
    factors = zip(component.factors.values(), component.option_indices(case), strict=True)
    return {name: case[name] for options, place in factors if place for name in options[0]}
