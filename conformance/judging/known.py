"""The causes that are known of an implementation, and whether one of them is why a case fails: tried, not guessed."""

from dataclasses import dataclass, field, replace
from typing import Final

from ..components import CLAUSES
from ..diagnosis.recording import goes_backward
from ..terms.case import Case, Value
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.verdict import How
from .earlier_calls import right_by_itself
from .failing import Failing
from .result import Failure, family, raised

_TRIED: Final = 8
"""The latest causes of a component that are tried on a case: each attempt takes a call or two."""


@dataclass(frozen=True)
class Known:
    """A cause that was found."""

    clause: Clause
    component: Component
    case: Case
    failure: Failure
    first: How
    """How the case failed that was found first, a wrong number perhaps where the smallest is NaN."""
    of_the_past: bool = False
    """Whether it hangs on earlier calls."""

    @property
    def telling(self) -> bool:
        """Whether it says what it hangs on; what a property alone shows, on any case, may hang on anything."""
        failure = self.failure
        known = failure.looks_like or failure.declare or failure.trigger or failure.how == "exception"
        return (bool(known) or self.clause.covering) and not self.of_the_past


@dataclass
class KnownCauses:
    """The causes that were found so far."""

    every: list[Known] = field(default_factory=list)
    """In the order in which they were found."""

    def add(self, known: Known) -> None:
        """Keep one more."""
        self.every.append(known)

    def explaining(self, failing: Failing) -> Failure | None:
        """Find the cause that a failing case is due to."""
        # What only advises, such as what becomes of a NaN, is no reason why a value is wrong.
        levels = {"required", failing.clause.level}
        of_level = [each for each in reversed(self.every) if each.clause.level in levels]
        own = [each for each in of_level if each.component.name == failing.component.name][:_TRIED]
        telling = [each for each in own if each.telling]
        found = _explaining(telling, failing) or (_of_what_it_is_about(own, failing) if own else None)
        return found or _explaining([each for each in own if not each.telling], failing)


def _explaining(own: list[Known], failing: Failing) -> Failure | None:
    return next((known.failure for known in own if _explains(known, failing)), None)


def _of_what_it_is_about(own: list[Known], failing: Failing) -> Failure | None:
    """Find why the values or the gradients of a case are wrong, which is then why a property of them is.

    Wrong values explain gradients only if these follow them.
    """
    from ..diagnosis.attribution import follows_its_values

    adapter, component = failing.subject.adapter, failing.component
    backward = component.gradient is not None and goes_backward(adapter, failing.clause, component, failing.case)
    for clause in map(CLAUSES.__getitem__, ("ALL-1", "GRAD-1") if backward else ("ALL-1",)):
        case = clause.prepare(failing.case)
        if clause is failing.clause or case is None or failing.clause.at_size or not clause.concerns(component):
            return None
        of_it = replace(failing, clause=clause, case=case)
        of_it = replace(of_it, outcome=of_it.again())
        # Of what is no number, nothing holds; of a wrong one, everything may hold that asks for no NaN.
        if of_it.outcome.failed and family(of_it.outcome.how) in ("nan", family(failing.outcome.how)):
            known = _explaining(own, of_it)
            through_values = backward and clause.id == "ALL-1"
            if known and (not through_values or follows_its_values(adapter, component, failing.case)):
                return known
    return None


def _explains(known: Known, failing: Failing) -> bool:
    """Say whether a cause is why a case fails: what it raises, behaves like, lacks in a declaration, or hangs on."""
    from ..diagnosis.attribution import behaves_like, kept_if_declared

    failure, case, outcome = known.failure, failing.case, failing.outcome
    whose = failing.subject.adapter, failing.clause, failing.component, case
    if known.of_the_past:
        return right_by_itself(failing)
    if failure.looks_like:
        return behaves_like(failure.looks_like, *whose)
    if "exception" in (failure.how, outcome.how):
        return failure.how == outcome.how and raised(failure.message) == raised(outcome.reason)
    if failure.declare:
        return kept_if_declared(failure.declare, *whose)
    if family(outcome.how) not in (family(failure.how), family(known.first)):
        return False
    if not failure.trigger:
        return failure.backward == goes_backward(*whose)
    return _hangs_on(failure, failing)


def _hangs_on(failure: Failure, failing: Failing) -> bool:
    """Say whether a case has what triggers a failure, and is right without it.

    A number, a layout or a regime may be another than that of the trigger, if the case fails with that one, too.
    """
    case = failing.case
    plain = case.but(**{name: _plainest(failing.component, case, name) for name in failure.trigger if name in case})
    for name, value in failure.trigger.items():
        if name not in case or case[name] == plain[name] or (case[name] != value and not _is_one_of_many(name, value)):
            return False
    same = case.but(**failure.trigger)
    if not all(failing.clause.prepare(each) == each and failing.component.admissible(each) for each in (plain, same)):
        return False
    return replace(failing, case=plain).again().passed and (same == case or replace(failing, case=same).again().failed)


def _is_one_of_many(name: str, value: Value) -> bool:
    """Say whether a parameter has many values that are of one kind."""
    return name in ("layout", "regime") or (isinstance(value, int | float) and value > 0)


def _plainest(component: Component, case: Case, name: str) -> Value:
    """Give the plainest value of a parameter; its own where no factor has it, as one that a case may lack."""
    return next((options[0][name] for options in component.factors.values() if name in options[0]), case[name])
