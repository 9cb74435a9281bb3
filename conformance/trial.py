"""A trial: one case given to one implementation. What clauses call, and what they compare with."""

import weakref
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from ..adapters import Adapter, Call, Reply
from ..adapters.contract import CONVENTIONS, DTYPES
from ..oracle.bound import Bound
from ..oracle.numerics import Numerics, precision_classes
from .aggregates import Statistic, statistics
from .case import Case
from .clause import Inapplicable, Unsupported, Violation
from .comparison import Array, Worst, against_bound, bit_for_bit, same_within
from .component import Component, Inputs

# What each argument takes in turn under the layout `mixed`.
_MIXED: Final = ("transposed", "sliced", "swapped", "strided")


@dataclass
class Subject:
    """The implementation under judgement, and what has been learnt of it in this clause."""

    adapter: Adapter
    step: int = 0
    """The first precision class that has not failed yet, as a place in the ladder."""
    met: int = 0
    """The class that was needed: 0 until anything was compared with a bound."""
    declarations: str = ""
    """What was declared beyond the class's own, where that was needed."""
    lost: bool = False
    """Whether the last call ended in a time-out or a crash."""
    conventions: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Complete the conventions with the defaults."""
        self.conventions = {name: values[0] for name, values in CONVENTIONS.items()} | dict(
            self.adapter.offer.conventions
        )


@dataclass
class _Recent:
    """The replies of one component in one dtype: those clauses that look at other sides of them follow each other."""

    of: tuple[str, str]
    replies: dict[Case, Reply] = field(default_factory=dict)


_RECENT: Final[weakref.WeakKeyDictionary[Adapter, _Recent]] = weakref.WeakKeyDictionary()


class Trial:
    """One case, its arrays, and calls of the implementation with them."""

    def __init__(self, subject: Subject, component: Component, case: Case) -> None:
        """Nothing is computed before it is asked for."""
        self.subject, self.component, self.case = subject, component, case
        self.dtype: str = case["dtype"] if component.has_dtype else ""
        self._bounds: dict[Numerics, Bound] = {}

    @cached_property
    def inputs(self) -> Inputs:
        """The arguments of the case."""
        return self.component.make(self.case)

    @property
    def conventions(self) -> Mapping[str, str]:
        """Every convention, as declared or by default."""
        return self.subject.conventions

    def generator(self, *purpose: object) -> np.random.Generator:
        """Random numbers of the case's seed, another stream for each purpose."""
        return np.random.default_rng([self.case["seed"], *(zlib.crc32(str(each).encode()) for each in purpose)])

    # Calls

    def recent_reply(self) -> Reply:
        """The reply to the case itself, which another clause may have asked for a moment ago."""
        recent = _RECENT.get(self.subject.adapter)
        if recent is None or recent.of != (self.component.name, self.dtype):
            recent = _RECENT[self.subject.adapter] = _Recent((self.component.name, self.dtype))
        if self.case not in recent.replies:
            recent.replies[self.case] = self.reply()
        return self._answered(recent.replies[self.case])

    def reply(self, inputs: Inputs | None = None, layout: str | None = None) -> Reply:
        """Call the implementation; `Unsupported` if it refuses, `Violation` if it fails."""
        given = inputs or self.inputs
        reply = self.subject.adapter.call(
            self.component.name, given.arrays, given.options, dtype=self.dtype, layouts=self._layouts(given, layout)
        )
        return self._answered(reply)

    def call(self, inputs: Inputs | None = None, layout: str | None = None) -> Array:
        """The result in float64, of the right shape; `Violation` if it has another."""
        return self.value_of(self.reply(inputs, layout), inputs or self.inputs)

    def sequence(self, several: list[Inputs]) -> list[Array]:
        """One call after another, on the same arrays where their shapes agree."""
        calls = [
            Call(self.component.name, each.arrays, each.options, self.dtype, self._layouts(each, None))
            for each in several
        ]
        replies = self.subject.adapter.sequence(calls)
        return [self.value_of(self._answered(reply), each) for reply, each in zip(replies, several, strict=True)]

    def _answered(self, reply: Reply) -> Reply:
        self.subject.lost = reply.status in ("died", "timeout")
        if reply.status == "unsupported":
            raise Unsupported(reply.message)
        if reply.status != "ok":
            verb = {"error": "it raised ", "died": "the process ended: "}.get(reply.status, "")
            last = f" ({reply.detail.splitlines()[-1].strip()})" if reply.status == "died" and reply.detail else ""
            raise Violation(f"{verb}{reply.message}{last}")
        if not self.dtype and reply.value is not None:
            if reply.dtype not in DTYPES:
                raise Violation(f"the result is {reply.dtype}, which is no floating-point format")
            self.dtype = str(reply.dtype)
        return reply

    def value_of(self, reply: Reply, inputs: Inputs) -> Array:
        """The result in a reply; `Violation` if it has not the shape that is due."""
        if reply.value is None:
            raise Violation(f"{self.component.name} returned no array")
        due = self.component.shape(inputs)
        if reply.value.shape != due:
            raise Violation(f"the result has the shape {reply.value.shape}, but should have {due}")
        return reply.value

    def _layouts(self, inputs: Inputs, layout: str | None) -> dict[str, str]:
        chosen = layout or self.case.get("layout", "contiguous")
        offered = self.subject.adapter.offer.layouts
        names = sorted(inputs.arrays)
        each = {name: _MIXED[k % len(_MIXED)] if chosen == "mixed" else chosen for k, name in enumerate(names)}
        return {
            name: kind
            for name, kind in each.items()
            if kind in offered and kind != "contiguous" and (kind != "expanded" or _repeats(inputs.arrays[name]))
        }

    # Bounds

    @cached_property
    def ladder(self) -> tuple[tuple[int, Numerics], ...]:
        """The precision classes that the implementation may be in; those it is not in for certain are left out."""
        if not self.dtype:
            self.call()  # the format of a result that has no arguments to take it from
        declared = self.subject.adapter.offer.numerics.get(self.dtype, {})
        return precision_classes(self.dtype, declared)

    def bound(self, inputs: Inputs | None = None) -> Bound:
        """The bound under the numerics that the implementation is held to."""
        return self._bound(inputs, self.ladder[-1][1])

    def _bound(self, inputs: Inputs | None, numerics: Numerics) -> Bound:
        """That of the case itself is computed once: most of a trial's time goes into it."""
        if inputs is None and numerics in self._bounds:
            return self._bounds[numerics]
        with np.errstate(all="ignore"):
            bound = self.component.bound(inputs or self.inputs, numerics, self.conventions)
        if inputs is None:
            self._bounds[numerics] = bound
        return bound

    def judge(self, actual: Array, inputs: Inputs | None = None, *, statistical: bool = False) -> Worst:
        """The result against its bound, in the strictest precision class that has not failed before."""
        while True:
            number, numerics = self.ladder[self.subject.step]
            worst = against_bound(actual, self._bound(inputs, numerics), self.dtype, statistical=statistical)
            if worst.ratio <= 1 or not self._relaxed():
                self._note(number)
                return worst

    def statistics(self, actual: Array) -> list[Statistic]:
        """Every valid statistic, likewise."""
        while True:
            number, numerics = self.ladder[self.subject.step]
            found = statistics(actual, self._bound(None, numerics), self.dtype)
            if all(each.ratio <= 1 for each in found) or not self._relaxed():
                self._note(number)
                return found

    def _relaxed(self) -> bool:
        if self.subject.step + 1 == len(self.ladder):
            return False
        self.subject.step += 1
        return True

    def _note(self, number: int) -> None:
        self.subject.met = max(self.subject.met, number)
        declared = self.subject.adapter.offer.numerics.get(self.dtype, {})
        if declared and self.subject.step + 1 == len(self.ladder):
            self.subject.declarations = ", ".join(f"{name} = {value}" for name, value in declared.items())

    # Requirements

    def require_same(self, actual: Array, other: Array, allowance: Array, claim: str) -> float:
        """Two results that should agree within an allowance; `Violation` that begins with the claim."""
        return required(same_within(actual, other, allowance), claim)

    def require_bits(self, actual: Array, other: Array, claim: str, chosen: Array | None = None) -> float:
        """Two results that should agree bit for bit."""
        return required(bit_for_bit(actual, other, chosen), claim)


def _repeats(array: Array) -> bool:
    """Whether all of axis 0 holds the same bits, as the layout `expanded` needs."""
    return array.ndim > 1 and array.tobytes() == np.broadcast_to(array[:1], array.shape).tobytes()


def required(worst: Worst, claim: str) -> float:
    """The ratio, or a `Violation` of the claim."""
    if worst.ratio > 1:
        raise Violation(f"{claim}: {worst.sentence}", worst.ratio)
    return worst.ratio


def applies(condition: object) -> None:
    """Leave the case aside unless the condition holds."""
    if not condition:
        raise Inapplicable
