"""The known bug that an implementation has: the wrong variant that answers everything as it does.

A wrong variant is named if it gives the implementation's answers, within both their roundings, to every call that the
failing clause made and to further cases, and fails that clause itself. It is not guessed from numbers that are near.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...adapters import Adapter, Offer, open_object
from ...adapters.contract import FUNCTIONS
from ..components import CLAUSES
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject, completed
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from ..variants import Variant, variants
from .further import few_and_many, further_cases, letters
from .likeness import Allowance, distance
from .recording import Exchange, Recorder

_DRAWN_AGAIN: Final = 16
"""Seeds with which a random result must be alike, too."""
_LONGEST: Final = 10_000
"""Letters of a call beyond which no known bug is tried on it: some take a time that is quadratic in them."""


@dataclass
class Suspect:
    """A wrong variant that has answered as the implementation does, so far."""

    variant: Variant
    adapter: Adapter
    distance: float = 0.0
    """The largest distance of two answers, relative to the largest element."""


class Asked:
    """What an implementation was asked and has answered, and how far others may be apart from that."""

    def __init__(self, component: Component, trial: Trial, exchange: Exchange) -> None:
        """Compute nothing before it is needed; the trial has the numerics and conventions that count."""
        self._exchange = exchange
        self._allowances = [Allowance(component, trial, call) for call in exchange.calls]

    def distance_of(self, adapter: Adapter, *, numbers: bool = False) -> float | None:
        """Give the largest distance of another's answers, None if they are not alike; of numbers alone, if so asked."""
        answers = adapter.sequence(self._exchange.calls)
        pairs = zip(self._exchange.replies, answers, self._allowances, strict=True)
        found = [distance(*of, numbers=numbers) for of in pairs]
        return None if any(each is None for each in found) else max(each or 0.0 for each in found)


@dataclass
class _LineUp:
    """The wrong variants of a component, fewer with each exchange."""

    component: Component
    trial: Trial
    """One that the implementation has failed: its numerics and conventions are those that count."""
    suspects: list[Suspect]

    def confront(self, exchange: Exchange) -> None:
        """Keep those that answer alike."""
        asked = Asked(self.component, self.trial, exchange)
        left = []
        for suspect in self.suspects:
            found = asked.distance_of(suspect.adapter)
            if found is not None:
                suspect.distance = max(suspect.distance, found)
                left.append(suspect)
        self.suspects = left


def known_bug(
    adapter: Adapter, clause: Clause, trial: Trial, failing: Sequence[Exchange], backward: bool
) -> Variant | None:
    """Find the wrong variant that answers as the implementation does, and is as wrong."""
    component, case = trial.component, trial.case
    if too_long(failing):
        return None
    line_up = _LineUp(component, trial, list(suspects_of(clause, component, case, backward)))
    few, _ = few_and_many(backward)
    further = further_cases(component, case, backward)
    # What refuses most of the others answers the plainest, where a bug that always shows does show.
    for exchange in answers_of(adapter, component, plainest_like(component, case), backward):
        line_up.confront(exchange)
    # The largest of the few first: most known bugs show there, and need not be asked again.
    for number, each in enumerate([*reversed(further[:few]), *further[few:]]):
        if number == few:
            for exchange in failing:
                line_up.confront(exchange)
            if "seed" in FUNCTIONS[component.name].options and line_up.suspects:
                for exchange in _drawn_again(adapter, clause, component, case, further[:few]):
                    line_up.confront(exchange)
            # A mask that is ignored for one query is another bug than one that is ignored for several.
            for plainer in plainer_than(component, case) if line_up.suspects else ():
                for exchange in answers_of(adapter, component, plainer, backward):
                    line_up.confront(exchange)
        if len(line_up.suspects) < (2 if number > few else 1):
            break
        for exchange in answers_of(adapter, component, each, backward):
            line_up.confront(exchange)
    # A right one that is as near has the same answers: as with a NaN in a masked value, or an error too small to tell.
    right = [suspect.distance for suspect in line_up.suspects if not suspect.variant.wrong]
    for suspect in sorted(line_up.suspects, key=lambda one: one.distance):
        nearer = all(2 * suspect.distance < distance for distance in right)
        if nearer and _is_what_is_declared(suspect, adapter, component, further[:few]):
            return None
        if nearer and violates(clause, Trial(Subject(Recorder(suspect.adapter, adapter.offer)), component, case)):
            return suspect.variant
    return None


def _is_what_is_declared(suspect: Suspect, adapter: Adapter, component: Component, cases: Sequence[Case]) -> bool:
    """Say whether a wrong variant is right with the conventions that the implementation declares, and wrong without."""
    if completed(adapter.offer.conventions) == completed({}) or component.gives_data:
        return False
    clause = CLAUSES["ALL-1"]

    def wrong(offer: Offer) -> bool:
        of_it = Subject(Recorder(suspect.adapter, offer))
        return any(violates(clause, Trial(of_it, component, case)) for case in cases)

    return not wrong(adapter.offer) and wrong(suspect.adapter.offer)


def plainest_like(component: Component, case: Case) -> Case:
    """Give the plainest case in the dtype of another."""
    return component.plainest(case["dtype"] if component.has_dtype else "", seed=case["seed"])


def plainer_than(component: Component, case: Case) -> Iterator[Case]:
    """List the plainest case, and the failing one with one factor plain, of those in which it is not."""
    yield plainest_like(component, case)
    for options, place in zip(component.factors.values(), component.option_indices(case), strict=True):
        plainer = case.but(**options[0])
        if place and component.admissible(plainer):
            yield plainer


def too_long(failing: Sequence[Exchange]) -> bool:
    """Say whether a call has so many letters that no known bug is to be tried on it."""
    return any(letters(call.options) > _LONGEST for exchange in failing for call in exchange.calls)


def suspects_of(clause: Clause, component: Component, case: Case, backward: bool) -> Iterator[Suspect]:
    """List every wrong variant that is at home in the dtype and may be why the clause fails, and a right one.

    What a NaN becomes, of which a clause only advises, is the same in many that are wrong in something else.
    """
    # Those with gradients have right values.
    every = [each for each in variants(component.name) if (each.vjp is not None) == backward]
    right = next((each for each in every if not each.wrong), None)
    for variant in every:
        at_home = not component.has_dtype or case["dtype"] in variant.dtypes
        of_level = clause.level == "required" or all(CLAUSES[each].level == clause.level for each in variant.caught_by)
        if at_home and ((variant.wrong and of_level) or variant is right):
            yield Suspect(variant, opened(variant))


def opened(variant: Variant) -> Adapter:
    """Open the adapter of a variant."""
    return open_object(variant.adapter(), variant.name)


def answers_of(adapter: Adapter, component: Component, case: Case, backward: bool) -> Iterable[Exchange]:
    """Ask the implementation for its answers to a case, or for its gradients where they are in question.

    What it refuses, and where it breaks down, is left out: that may be another bug.
    """
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    try:
        trial.gradient_reply() if backward else trial.reply()
    except (Unsupported, Violation):
        return ()
    return recorder.exchanges


def _drawn_again(
    adapter: Adapter, clause: Clause, component: Component, case: Case, further: Sequence[Case]
) -> Iterator[Exchange]:
    """Ask what the clause asks with other seeds, and of other cases, of an implementation that draws random numbers.

    Once, two that drop nearly everything may drop the same: all of it.
    """
    for each in (*(case.but(seed=case["seed"] + number) for number in range(1, _DRAWN_AGAIN + 1)), *further):
        recorder = Recorder(adapter)
        check(clause, Trial(Subject(recorder), component, each))
        yield from recorder.exchanges


def violates(clause: Clause, trial: Trial) -> bool:
    """Say whether a trial fails."""
    return check(clause, trial).failed
