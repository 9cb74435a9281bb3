"""Smoke first: a few easy cases that tell whether an adapter talks to its implementation rightly.

What is due is compared loosely. A result that is further off than a tenth of the largest number that is due, and than
its bound, is no matter of rounding: the wires are wrong, or the implementation is. Which wire it is, is found by trying
(`wires.py`); it is told only where it explains every case. What no wire explains is left to the clauses.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...adapters import Adapter, Call, Reply
from ...oracle.rounding.bound import Bound
from ..cases.coincidences import coinciding_cases
from ..components import COMPONENTS
from ..terms.case import Case
from ..terms.component import Component
from ..terms.generator import SEEDS
from ..terms.inputs import Inputs
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import How
from .plan import Line
from .result import Failure, Result
from .wires import Wire, wires

_CLAUSE: Final = "ALL-1"
"""What an adapter violates that hands over something else."""
_SHARE: Final = 0.1
"""Of the largest number that is due: two results that have nothing in common differ by about as much as that number,
and no format rounds by a tenth."""
_SHARE_EXPLAINED: Final = 0.01
"""The same where a wire is thought to explain it: near the right number is not right."""
_SECONDS: Final = 3.0
"""What the cases of one component may take: an interpreted kernel, with seconds for a call, is left to the clauses."""
_FEWEST: Final = 2
"""Cases that must be explained: one may be so by chance."""

_OPTIONS: Final = {
    "mask": ("padding-right", "random", "causal"),
    "memory_mask": ("padding-right",),
    "scale": (0.3,),
    "epsilon": (0.25, 0.1),
    "smoothing": (0.3,),
    "weight_decay": (0.5,),
    "beta_1": (0.5,),
    "activation": ("reglu",),
}
"""The main options, one of which a case has."""


@dataclass(frozen=True)
class _Smoke:
    """One easy case, and what came of it."""

    trial: Trial
    reply: Reply

    @property
    def right(self) -> bool:
        """Whether what came is near what is due."""
        return _near(self.result, self.trial.bound(), _SHARE)

    @property
    def result(self) -> Array | None:
        """What came, if it was an array."""
        return self.reply.results.get("result") if self.reply.status == "ok" else None

    @property
    def how(self) -> How:
        """How it fails, as a clause would say."""
        if self.result is None:
            return "exception"
        return "value" if self.result.shape == self.trial.bound().expected.shape else "shape"

    def explained(self, wire: Wire) -> bool:
        """Say whether it is right with a wire the other way; one that has no part in it changes nothing."""
        inputs, bound = self.trial.inputs, self.trial.bound()
        if wire.instead is not None:
            return _near(self.result, self._due_for(wire.instead(inputs)), _SHARE_EXPLAINED)
        reply = _asked(self.trial, wire.given(inputs) or inputs)
        if reply.status != "ok" or "result" not in reply.results:
            return False
        due = replace(bound, expected=wire.due(bound.expected), worst=wire.due(bound.worst))
        try:
            taken = wire.taken(reply.results["result"], inputs)
        except (IndexError, ValueError):  # it has not the shape that the wire takes
            return False
        return _near(taken, due, _SHARE_EXPLAINED)

    def _due_for(self, instead: Inputs | None) -> Bound | None:
        """Say what is due for other arguments, which the oracle may refuse."""
        try:
            return None if instead is None else self.trial.bound(instead)
        except ValueError:
            return None


def smoke(adapter: Adapter, lines: Sequence[Line], seed: int) -> dict[Line, Result]:
    """Say of each component whether a wire is wrong: the lines that are violated then, in the order of the plan."""
    found: dict[Line, Result] = {}
    subject = Subject(adapter)
    for line in _first_lines(lines):
        started = time.monotonic()
        failure = _wire_of(subject, line, seed)
        if failure is not None:
            found[line] = Result(_CLAUSE, line.clause.level, line.component, line.dtype, "fail", 1, failure=failure)
            found[line].seconds = round(time.monotonic() - started, 3)
        if subject.lost:  # and would be so again, a time-out later
            break
    return found


def _first_lines(lines: Sequence[Line]) -> list[Line]:
    """Choose the line of each component that is asked: of float32, or of the first dtype."""
    found: dict[str, Line] = {}
    for line in lines:
        asked = line.offered and not line.again and line.clause.id == _CLAUSE and line.dtype
        if asked and (line.component not in found or line.dtype == "float32"):
            found[line.component] = line
    return list(found.values())


def _wire_of(subject: Subject, line: Line, seed: int) -> Failure | None:
    """Say which wire is wrong, if one explains every easy case."""
    component, until = COMPONENTS[line.component], time.monotonic() + _SECONDS
    answered: list[_Smoke] = []
    for case in smoke_cases(component, line.dtype, seed):
        trial = Trial(subject, component, case)
        reply = _asked(trial, trial.inputs)
        if subject.lost or time.monotonic() > until:
            return None
        if reply.status != "unsupported":
            answered.append(_Smoke(trial, reply))
    # Those that are wrong come first: most wires explain none of them.
    answered.sort(key=lambda each: each.right)
    if len(answered) < _FEWEST or answered[0].right:
        return None
    wrong = answered[0]
    for wire in wires(component, wrong.trial.inputs, line.dtype):
        if wire.breaks and wrong.how == "value":
            continue
        if all(each.explained(wire) for each in answered):
            seems = f"the adapter seems to {wire.seems}"
            message = f"{seems}: with {wire.undone}, all {len(answered)} smoke cases are right"
            shown = wrong.trial.case.id
            return Failure(message, shown, None, how=wrong.how, cause=f"{_CLAUSE} {shown}")
        if subject.lost or time.monotonic() > until:
            break
    return None


def smoke_cases(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give the easy cases: sizes that differ, generic values; then one main option each."""
    plain = component.plainest(dtype)
    agreeing = coinciding_cases(component, dtype, seed)
    first = agreeing[0] if agreeing else plain
    if "d_k" in first and "d_model" in first:
        # Most layers are made for this alone.
        first = first.but(d_v=first["d_k"], d_model=first["heads"] * first["d_k"])
    first = first.but(seed=seed % SEEDS)
    cases = [first, first.but(seed=(seed + 1) % SEEDS)]
    for name, values in _OPTIONS.items():
        known = [option[name] for options in component.factors.values() for option in options if name in option]
        for value in values:
            if value in known:
                case = first.but(**{name: value})
                # How a causal mask lies beside other sizes is a convention.
                square = value == "causal" and "L_q" in case
                cases.append(case.but(L_q=case["L_k"]) if square else case)
    return [case for case in dict.fromkeys(cases) if component.admissible(case)]


def _asked(trial: Trial, inputs: Inputs) -> Reply:
    """Call the implementation with the arguments of a case, or with others."""
    call = Call(trial.component.name, inputs.arrays, inputs.options, trial.case["dtype"])
    reply = trial.subject.adapter.sequence([call])[0]
    trial.subject.note_reply(reply)
    return reply


def _near(result: Array | None, due: Bound | None, share: float) -> bool:
    """Say whether a result is within its bound, or within a share of the largest number that is due."""
    if result is None or due is None or result.shape != np.shape(due.expected):
        return False
    allowance = np.maximum(due.worst, share * np.max(np.abs(due.expected), initial=0))
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(result - due.expected) <= allowance))
