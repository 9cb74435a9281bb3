"""Whether a failing case is due to a cause that is known: it is tried with a few calls, not guessed."""

from ...adapters import Adapter, open_object
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..variants import find
from .attempts import Attempts, Declared
from .likeness import Allowance, distance
from .recording import Exchange, Recorder


def behaves_like(name: str, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether a wrong variant answers as the implementation does when it fails the clause, and fails it, too."""
    variant = find(name)
    if component.has_dtype and case["dtype"] not in variant.dtypes:
        return False
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    if not check(clause, trial).failed:
        return False
    suspect = open_object(variant.adapter(), variant.name)
    if not all(_alike(suspect, component, trial, exchange) for exchange in recorder.exchanges):
        return False
    return check(clause, Trial(Subject(Recorder(suspect, adapter.offer)), component, case)).failed


def _alike(suspect: Adapter, component: Component, trial: Trial, exchange: Exchange) -> bool:
    answers = suspect.sequence(exchange.calls)
    triples = zip(exchange.calls, exchange.replies, answers, strict=True)
    return all(
        distance(reply, answer, Allowance(component, trial, call)) is not None for call, reply, answer in triples
    )


def kept_if_declared(declared: Declared, adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause is kept on the case once this is declared, too."""
    return Attempts(adapter, clause, component, [case], backward=False).would_pass(declared)


def goes_backward(adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause asks for gradients of the case."""
    recorder = Recorder(adapter)
    check(clause, Trial(Subject(recorder), component, case))
    return any(bool(call.cotangents) for exchange in recorder.exchanges for call in exchange.calls)
