"""Earlier calls that a case hangs on: it is right by itself, in a new process, and wrong after them. It is tried."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..terms.case import Case
from ..terms.checking import check
from ..terms.generator import SEEDS
from ..terms.subject import Subject
from ..terms.trial import Trial
from .failing import Failing

_EARLIER: Final = 128
"""Earlier cases that may be needed for one to fail: as many calls, each time from a new process."""


def right_by_itself(failing: Failing) -> bool:
    """Say whether a case passes in a new process, of which nothing was asked before; no if there can be none."""
    return failing.subject.adapter.afresh() and failing.again().passed


def after_calls(failing: Failing, smallest: Failing, before: Sequence[Case]) -> Failing:
    """Say after which calls a case fails that is right by itself: one that is like it but for a size, or those before.

    What it takes is tried with the smallest case first, as it has failed after some calls.
    """
    case = smallest.case
    sizes = {name: value + 1 for name, value in case.items() if type(value) is int and value and name != "seed"}
    for name, value in {"seed": (case["seed"] + 1) % SEEDS, **sizes}.items():
        earlier = case.but(**{name: value})
        usable = failing.clause.prepare(earlier) == earlier and failing.component.admissible(earlier)
        if usable and _fails_after(smallest, [earlier]):
            call = "with other values" if name == "seed" else f"with {name} = {value}"
            return _saying(smallest, f"but not after a call {call}")
    counts = {2**k for k in range(_EARLIER.bit_length())} | {min(len(before), _EARLIER)}
    for count in sorted(counts) if before else ():
        # Other clauses have made calls, too: where too few came before it of its own, they come again.
        if _fails_after(failing, [before[-1 - k % len(before)] for k in reversed(range(count))]):
            words = f"the {count} cases before it" if count <= len(before) else f"{count} other calls"
            return _saying(failing, f"but not after {before[-1].id if count == 1 else words}")
    return _saying(failing, "and it hangs on earlier calls")


def _fails_after(failing: Failing, earlier: Sequence[Case]) -> bool:
    """Say whether a case fails in a new process after others."""
    if not failing.subject.adapter.afresh():
        return False
    for case in earlier:
        check(failing.clause, Trial(Subject(failing.subject.adapter), failing.component, case))
    return failing.again().failed


def _saying(failing: Failing, remark: str) -> Failing:
    """Put first what says most: that the case alone shows nothing."""
    reason = f"it is right by itself, in a new process, {remark}: {failing.outcome.reason}"
    return replace(failing, outcome=replace(failing.outcome, reason=reason))
