"""A trial: one case given to one implementation. What clauses call, and what they compare with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from ...adapters import Call, Reply
from ...adapters.contract import DTYPES
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics, precision_classes
from .aggregates import Statistic, statistics
from .case import Case
from .comparison import Worst, against_bound, bit_for_bit, same_within
from .component import Component, Inputs
from .generator import Generator
from .requirements import of_gradient, require_within
from .rounding import Array, rounded
from .subject import Subject, recent_replies
from .verdict import Inapplicable, NotOffered, Unsupported, Violation

# What each argument takes in turn under the layout `mixed`.
_MIXED: Final = ("transposed", "sliced", "swapped", "strided")


class Trial:
    """One case, its arrays, and calls of the implementation with them."""

    def __init__(self, subject: Subject, component: Component, case: Case) -> None:
        """Nothing is computed before it is asked for."""
        self.subject, self.component, self.case = subject, component, case
        self.dtype: str = case["dtype"] if component.has_dtype else ""
        self._bounds: dict[Numerics, Bound] = {}
        self._gradient_bounds: dict[Numerics, Mapping[str, Bound]] = {}

    @cached_property
    def inputs(self) -> Inputs:
        """The arguments of the case."""
        return self.component.make(self.case)

    @property
    def conventions(self) -> Mapping[str, str]:
        """Every convention, as declared or by default."""
        return self.subject.conventions

    def generator(self, *purpose: object) -> Generator:
        """Return the random numbers that a clause needs for a purpose; no argument of the case shares them."""
        return Generator(self.case.component, self.case["seed"], "clause", *purpose)

    # Calls

    def recent_reply(self) -> Reply:
        """The reply to the case itself, which another clause may have asked for a moment ago."""
        return self._recent(self.reply, gradients=False)

    def recent_gradients(self) -> Reply:
        """The reply with the gradients of the case itself, likewise."""
        return self._recent(self.gradient_reply, gradients=True)

    def _recent(self, ask: Callable[[], Reply], *, gradients: bool) -> Reply:
        replies = recent_replies(self.subject.adapter, self.component.name, self.dtype)
        if (self.case, gradients) not in replies:
            replies[self.case, gradients] = ask()
        return self.answered(replies[self.case, gradients])

    def reply(self, inputs: Inputs | None = None, layout: str | None = None) -> Reply:
        """Call the implementation; `Unsupported` if it refuses, `Violation` if it fails."""
        given = inputs or self.inputs
        reply = self.subject.adapter.call(
            self.component.name, given.arrays, given.options, dtype=self.dtype, layouts=self.layouts(given, layout)
        )
        return self.answered(reply)

    def call(self, inputs: Inputs | None = None, layout: str | None = None) -> Array:
        """The result in float64, of the right shape; `Violation` if it has another."""
        return self.value_of(self.reply(inputs, layout), inputs or self.inputs)

    # Gradients

    @cached_property
    def cotangent(self) -> Array:
        """What the gradients are taken along: random, so that no element stands for another."""
        return rounded(self.generator("cotangent").standard_normal(self.component.shape(self.inputs)), self.dtype)

    def gradient_reply(
        self,
        inputs: Inputs | None = None,
        cotangent: Array | None = None,
        layout: str | None = None,
        of_cotangent: str = "contiguous",
        wrt: Sequence[str] | None = None,
    ) -> Reply:
        """Ask for the gradients of `sum(result * cotangent)`; `Unsupported` where there are none."""
        name, given = self.component.name, inputs or self.inputs
        if name not in self.subject.adapter.offer.gradients:
            raise NotOffered(f"no gradient of {name} is offered")
        layouts = self.layouts(given, layout)
        if of_cotangent in self.subject.adapter.offer.layouts:
            layouts["cotangent"] = of_cotangent
        along = self.cotangent if cotangent is None else cotangent
        reply = self.subject.adapter.call(
            name, given.arrays, given.options, dtype=self.dtype, layouts=layouts, cotangent=along, wrt=wrt
        )
        return self.answered(reply)

    def gradients(self, inputs: Inputs | None = None, cotangent: Array | None = None, **how: Any) -> dict[str, Array]:
        """The gradient of each real argument; `Violation` where one has not the shape of its argument."""
        return self.gradients_of(self.gradient_reply(inputs, cotangent, **how), inputs)

    def gradients_of(self, reply: Reply, inputs: Inputs | None = None) -> dict[str, Array]:
        """Those in a reply."""
        arrays = (inputs or self.inputs).arrays
        for name, gradient in reply.gradients.items():
            if gradient.shape != arrays[name].shape:
                raise Violation(
                    f"the gradient of {name} has the shape {gradient.shape}, but should have {arrays[name].shape}"
                )
        if not reply.gradients:
            raise Violation(f"{self.component.name} returned no gradient")
        return dict(reply.gradients)

    def gradient_bounds(
        self, inputs: Inputs | None = None, cotangent: Array | None = None, numerics: Numerics | None = None
    ) -> Mapping[str, Bound]:
        """The bound of each gradient, under the numerics that the implementation is held to."""
        numerics = numerics or self.ladder[-1][1]
        own = inputs is None and cotangent is None
        if own and numerics in self._gradient_bounds:
            return self._gradient_bounds[numerics]
        if self.component.gradient is None:
            raise Inapplicable
        along = self.cotangent if cotangent is None else cotangent
        with np.errstate(all="ignore"):
            bounds = self.component.gradient(inputs or self.inputs, along, numerics, self.conventions)
        if own:
            self._gradient_bounds[numerics] = bounds
        return bounds

    def judge_gradients(self, actual: Mapping[str, Array], *, statistical: bool = False) -> Worst:
        """The gradient that is furthest off, in the strictest precision class that has not failed before."""
        while True:
            number, numerics = self.ladder[self.subject.step]
            bounds = self.gradient_bounds(numerics=numerics)
            each = [
                replace(
                    against_bound(gradient, bounds[name], self.dtype, statistical=statistical), of=of_gradient(name)
                )
                for name, gradient in actual.items()
            ]
            worst = max(each, key=lambda one: one.ratio)
            if worst.ratio <= 1 or not self._relaxed():
                self._note(number)
                return worst

    # Several calls

    def data(self, inputs: Inputs | None = None) -> Any:
        """The result of a component that returns lists, texts or numbers."""
        reply = self.reply(inputs)
        if reply.value is not None or reply.data is None:
            raise Violation(f"{self.component.name} returned an array or nothing, where lists or texts are due")
        return reply.data

    def sequence(self, several: list[Inputs]) -> list[Array]:
        """One call after another, on the same arrays where their shapes agree."""
        calls = [
            Call(self.component.name, each.arrays, each.options, self.dtype, self.layouts(each, None))
            for each in several
        ]
        replies = self.subject.adapter.sequence(calls)
        return [self.value_of(self.answered(reply), each) for reply, each in zip(replies, several, strict=True)]

    def answered(self, reply: Reply) -> Reply:
        """The reply, if it is one; `Unsupported` or `Violation` if it is not."""
        self.subject.note_reply(reply)
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

    def layouts(self, inputs: Inputs, layout: str | None = None) -> dict[str, str]:
        """How each argument is to lie in memory: that of the case, or one given, where it is offered."""
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
        return require_within(same_within(actual, other, allowance, self.dtype), claim)

    def require_bits(self, actual: Array, other: Array, claim: str, chosen: Array | None = None) -> float:
        """Two results that should agree bit for bit."""
        return require_within(bit_for_bit(actual, other, chosen), claim)


def _repeats(array: Array) -> bool:
    """Whether all of axis 0 holds the same bits, as the layout `expanded` needs."""
    return array.ndim > 1 and array.tobytes() == np.broadcast_to(array[:1], array.shape).tobytes()
