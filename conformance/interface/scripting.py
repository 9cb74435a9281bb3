"""A failing case as a program of a few lines that needs no assay: it is run before anybody sees it.

The script makes the arguments, calls the implementation as its adapter does, prints what comes beside what is due, and
ends with a status that is not 0 while that is wrong. What cannot be shown so is told in one sentence, `NoScriptError`.
"""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...adapters import Adapter, Call, NotStandaloneError, Opening, Ran, Standalone, run_script, without_assay
from ...adapters.declaration import UserError
from ...adapters.foreign_text import visible
from ...oracle.spec_error import SpecError
from ..components import COMPONENTS
from ..diagnosis.recording import Recorder
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported
from .script_arrays import COTANGENT, Format, made
from .script_finding import Finding, find
from .script_text import Way, script_text

_FRAMEWORKS: Final = ("numpy", "torch")
_CALLS: Final = 16
"""Calls of a clause that are looked at."""
_SAID: Final = 80
"""Characters of an error's text that are looked for in what a script prints."""


class NoScriptError(UserError):
    """Why there is no script: one sentence."""

    def __init__(self, why: str) -> None:
        """Say that there is none, and why."""
        super().__init__(f"there is no script: {why}")


def script_of(adapter: Adapter, opening: Opening, clause: Clause, case: Case) -> str:
    """Write a script that shows the failure of a case, and make sure that it does; `NoScriptError` if none does."""
    component = COMPONENTS[case.component]
    if component.gives_data:
        raise NoScriptError(f"{component.name} gives no arrays")
    if adapter.offer.framework not in _FRAMEWORKS:
        raise NoScriptError(f"scripts are of numpy and torch, and this adapter is of {adapter.offer.framework}")
    if len(component.row.results) != 1:
        raise NoScriptError(f"{component.name} gives several results")
    try:
        standalone = without_assay(opening, component.name)
    except NotStandaloneError as error:
        raise NoScriptError(str(error)) from None
    recorder = Recorder(adapter)
    trial = Trial(Subject(recorder), component, case)
    check(clause, trial)
    reasons: list[str] = []
    for call in _calls(recorder, component):
        for way in _ways(trial, clause, call, standalone):
            if text := _tried(way, opening, reasons):
                return text
    nothing = "what is wrong shows in no single call, since each value that comes is within its worst-case bound"
    raise NoScriptError(reasons[0] if reasons else nothing)


def _calls(recorder: Recorder, component: Component) -> list[Call]:
    """List the different calls that a clause has made of the component, gradients first where these are in question."""
    exchanges = [*recorder.in_question, *recorder.exchanges]
    every = [call for exchange in exchanges for call in exchange.calls if call.function == component.name]
    plain = [replace(call, repeated=0, results="") for call in every]
    return list({pickle.dumps(call): call for call in plain}.values())[:_CALLS]


def _ways(trial: Trial, clause: Clause, call: Call, standalone: Standalone) -> Iterator[Way]:
    """Yield how a call may be shown: by gradients of the adapter's own, or by the framework's."""
    offer = trial.offer
    form = Format(offer.framework, trial.dtype, offer.device)
    way = Way(trial, clause, call, standalone, form)
    own = [replace(way, vjp=True)] if way.backward and standalone.vjp else []
    every = [*own, *([way] if not way.backward or offer.framework == "torch" else [])]
    yield from every if standalone.names_vjp else reversed(every)


def _tried(way: Way, opening: Opening, reasons: list[str]) -> str:
    """Return a script that shows a failure; else add why there is none, if something is wrong."""
    if any(layout.startswith("far") for layout in way.call.layouts.values()):
        reasons.append("it takes arrays that lie further than 2^31 elements apart")
        return ""
    if way.trial.case.get("dtype") is None and not way.trial.dtype:
        return ""
    found = _found(way, way.call)
    if found is None:
        return ""
    if found.how == "timeout":
        reasons.append("the call does not end in time, so that a script would show nothing")
        return ""
    kept = False
    for one in made({**way.call.arrays, **_along(way.call)}, way.form):
        kept |= one.same
        finding = found if one.same else _found(way, _with(way.call, one.arrays))
        if finding is None:
            continue
        text = script_text(way, one, finding)
        if shows(run_script(text, opening), finding):
            return text
        reasons.append("by itself, in a new process, the call is not seen to fail")
    if not kept:
        reasons.append("the arrays are too large for one; `--save FILE` keeps them")
    return ""


def _along(call: Call) -> dict[str, Array]:
    return {COTANGENT: call.cotangents["result"]} if call.cotangents else {}


def _with(call: Call, arrays: Mapping[str, Array]) -> Call:
    """Give the call with other arrays."""
    given = dict(arrays)
    cotangents = {"result": given.pop(COTANGENT)} if call.cotangents else {}
    return replace(call, arrays=given, cotangents=cotangents)


def _found(way: Way, call: Call) -> Finding | None:
    """Return what is wrong; None if nothing is, or nobody can say."""
    try:
        return find(way.trial, call)
    except (Unsupported, SpecError, ValueError, ArithmeticError, LookupError, MemoryError):
        return None  # what a clause calls with need not be within the oracle's domain


def shows(ran: Ran, finding: Finding) -> bool:
    """Say whether a script has shown what was found."""
    if not ran.status:
        return False
    if finding.how == "crash":
        return "Traceback" not in ran.printed
    if finding.how == "exception":
        kind, _, said = finding.said.removeprefix("it raised ").partition(": ")
        # What an adapter was heard to say is one line, spelled out; a traceback has the text as it is.
        printed = " ".join(visible(word, None) for word in ran.printed.split())
        return kind in printed and " ".join(said.split())[:_SAID] in printed
    last = (ran.printed.strip().splitlines() or [""])[-1]
    word = {"shape": "the shape is ", "dtype": "the dtype is "}.get(finding.how, "elements are wrong")
    return ran.status == 1 and word in last
