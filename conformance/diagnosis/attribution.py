"""Whether a failing case is due to a cause that is known: it is tried with a few calls, not guessed."""

from ...adapters import Adapter
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..variants import find
from .attempts import Attempts, Declared
from .naming import Asked, opened, violates
from .recording import Recorder


def behaves_like(name: str, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether a wrong variant answers as the implementation does when it fails the clause, and fails it, too."""
    variant = find(name)
    if component.has_dtype and case["dtype"] not in variant.dtypes:
        return False
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    if not violates(clause, trial):
        return False
    suspect = opened(variant)
    asked = (Asked(component, trial, exchange) for exchange in recorder.exchanges)
    if any(each.distance_of(suspect) is None for each in asked):
        return False
    return violates(clause, Trial(Subject(Recorder(suspect, adapter.offer)), component, case))


def kept_if_declared(declared: Declared, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause is kept on the case once this is declared, too."""
    return Attempts(adapter, clause, component, [case], backward=False).would_pass(declared)


def goes_backward(adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause asks for gradients of the case."""
    recorder = Recorder(adapter)
    check(clause, Trial(Subject(recorder), component, case))
    return recorder.backward
