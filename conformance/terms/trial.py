"""A trial: one case given to one implementation. What clauses call, and what they compare with.

Theory of operation. A clause gets a trial, asks the implementation for something, and compares what comes with a bound
or with another answer. Nothing happens before the clause asks:

    the arguments        are made at the first look at `inputs`, and then are the same arrays; they are kept with a
                         reply that other clauses look at
    a call               is made each time that one is asked for (`calls.py`). Only `recent_reply` and
                         `recent_gradients` give what another clause has been answered to the same case
    a reply              that is a refusal raises `Unsupported`, one that is a failure raises `Violation`
    a bound              is computed by the oracle, never by a call. That of the case itself is kept, for each numerics
                         and set of conventions: most of a trial's time goes into it
    the dtype            is that of the case. A component without floating-point arguments is judged in the format of
                         its first result, so the clause must have asked for one before it asks for a bound

How large a bound is depends on what the implementation may round, its precision class. A clause does not choose one.
It starts with the strictest (`held.py`); a result outside its bound is compared with that of the next class, and what
has been ruled out stays ruled out, in this case and in all later ones of the clause: an implementation that once needs
class 2 is not of class 1. A result is wrong if it is outside the bound of the last class, which holds what the adapter
declares. `judge`, `judge_gradients`, `aggregates` and `in_strictest_class` all go this way, through `Subject.hold`.
Two answers of the implementation are compared with room for the errors of both, in the last class: `bound`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics
from .aggregates import Aggregate, aggregates
from .calls import Calls, the
from .case import Case
from .comparison import Worst, against_bound, bit_for_bit, same_within
from .component import Component, Inputs
from .power import Power
from .requirements import of_gradient, require_within
from .rounding import Array
from .subject import Subject
from .verdict import Violation

Conventions = Mapping[str, str]
_Kept = TypeVar("_Kept")


class UnknownDtype(RuntimeError):
    """A bound was asked for before a result: a mistake of the judge's."""


class Trial(Calls):
    """Calls of an implementation with one case, and comparisons of what comes with the oracle's bounds."""

    def __init__(self, subject: Subject, component: Component, case: Case) -> None:
        """Compute nothing before it is asked for."""
        super().__init__(subject, component, case)
        self._bounds: dict[object, Mapping[str, Bound]] = {}
        self._part: tuple[Inputs | None, dict[object, Mapping[str, Bound]]] = None, {}
        self._gradient_bounds: dict[object, Mapping[str, Bound]] = {}
        self.power = Power()
        """How much the comparisons with bounds could have seen, so far."""

    @property
    def conventions(self) -> Conventions:
        """Every convention, as declared or by default."""
        return self.subject.conventions

    @property
    def numerics(self) -> Numerics:
        """All that the implementation may do: the numerics of its last precision class."""
        return self.subject.held(self._known_dtype).loosest

    @property
    def _known_dtype(self) -> str:
        if not self.dtype:
            raise UnknownDtype(
                f"a bound of {self.component.name} depends on the dtype of its result: ask for that first"
            )
        return self.dtype

    # Bounds

    def bound(self, inputs: Inputs | None = None, conventions: Conventions | None = None) -> Bound:
        """Return the bound of the first result, likewise."""
        return self.bounds(inputs, conventions)["result"]

    def bounds(self, inputs: Inputs | None = None, conventions: Conventions | None = None) -> Mapping[str, Bound]:
        """Return the bounds under all that the implementation may do, and under its conventions or others."""
        return self._bounds_of_results(inputs, self.numerics, conventions)

    def _bounds_of_results(
        self, inputs: Inputs | None, numerics: Numerics, conventions: Conventions | None = None
    ) -> Mapping[str, Bound]:
        conventions = self.conventions if conventions is None else conventions
        if inputs is not None and inputs is not self._part[0]:
            self._part = inputs, {}  # those of the latest other call
        return _kept(
            self._bounds if inputs is None else self._part[1],
            (numerics, *sorted(conventions.items())),
            lambda: self.component.bounds(inputs or self.inputs, numerics, conventions),
        )

    @property
    def known_bound(self) -> Bound | None:
        """The bound of the case's first result under whatever numerics it was compared with; None if it was not."""
        return next((bounds["result"] for bounds in self._bounds.values()), None)

    def gradient_bounds(
        self, inputs: Inputs | None = None, cotangent: Array | Mapping[str, Array] | None = None
    ) -> Mapping[str, Bound]:
        """Return the bound of each gradient, likewise."""
        return self._bounds_of_gradients(inputs, cotangent, self.numerics)

    def _bounds_of_gradients(
        self, inputs: Inputs | None, cotangent: Array | Mapping[str, Array] | None, numerics: Numerics
    ) -> Mapping[str, Bound]:
        return _kept(
            self._gradient_bounds if inputs is None and cotangent is None else None,
            (numerics, *sorted(self.conventions.items())),
            lambda: self.component.gradient_bounds(
                inputs or self.inputs, self.along(cotangent), numerics, self.conventions
            ),
        )

    # Comparisons, in the strictest precision class that is left

    def judge(
        self, actual: Array | Mapping[str, Array], inputs: Inputs | None = None, *, statistical: bool = False
    ) -> Worst:
        """Compare the first result, or every one, with its bound, and return the element that is furthest off."""
        each = actual if isinstance(actual, Mapping) else {"result": actual}
        return self._judge(each, lambda numerics: self._bounds_of_results(inputs, numerics), statistical=statistical)

    def judge_gradients(
        self,
        actual: Mapping[str, Array],
        inputs: Inputs | None = None,
        cotangent: Array | None = None,
        *,
        statistical: bool = False,
    ) -> Worst:
        """Compare the gradients with their bounds, and return the element of all that is furthest off."""
        named = {of_gradient(name): gradient for name, gradient in actual.items()}

        def bounds(numerics: Numerics) -> Mapping[str, Bound]:
            found = self._bounds_of_gradients(inputs, cotangent, numerics)
            return {of_gradient(name): found[name] for name in actual}

        return self._judge(named, bounds, statistical=statistical)

    def _judge(
        self, actual: Mapping[str, Array], bounds_of: Callable[[Numerics], Mapping[str, Bound]], *, statistical: bool
    ) -> Worst:
        bounds: Mapping[str, Bound] = {}

        def attempt(numerics: Numerics) -> Worst:
            nonlocal bounds
            bounds = bounds_of(numerics)
            each = [
                replace(against_bound(array, bounds[name], self.dtype, statistical=statistical), of=name)
                for name, array in actual.items()
            ]
            return max(each, key=lambda one: one.ratio)

        worst = self.subject.hold(self._known_dtype, attempt, lambda worst: worst.ratio <= 1)
        for name in actual:
            self.power.take(bounds[name], statistical=statistical)
        return worst

    def aggregates(self, actual: Mapping[str, Array]) -> list[Aggregate]:
        """Compute every aggregate that is valid on each result."""

        def attempt(numerics: Numerics) -> list[Aggregate]:
            bounds = self._bounds_of_results(None, numerics)
            return [
                each if name == "result" else replace(each, name=f"{each.name} of {the(name)}")
                for name, array in actual.items()
                for each in aggregates(array, bounds[name], self.dtype)
            ]

        return self.subject.hold(self._known_dtype, attempt, lambda found: all(each.ratio <= 1 for each in found))

    def in_strictest_class(self, check: Callable[[Numerics], float]) -> float:
        """Check what is no array: return the error ratio, or raise the `Violation` of the last class."""

        def attempt(numerics: Numerics) -> float | Violation:
            try:
                return check(numerics)
            except Violation as violation:
                return violation

        found = self.subject.hold(self._known_dtype, attempt, lambda found: not isinstance(found, Violation))
        if isinstance(found, Violation):
            raise found
        return found

    # Two answers

    def require_same(self, actual: Array, other: Array, allowance: Array, claim: str) -> float:
        """Require that two results agree within an allowance; the `Violation` begins with the claim."""
        return require_within(same_within(actual, other, allowance, self.dtype), claim)

    def require_same_results(
        self, actual: Mapping[str, Array], other: Mapping[str, Array], claim: str, items: slice = slice(None)
    ) -> float:
        """Require that two answers to the case, or to these items of its batch, agree within the bounds of both."""
        if all(np.array_equal(each, other[name], equal_nan=True) for name, each in actual.items()):
            return 0.0
        bounds = self.bounds()
        return max(
            self.require_same(each, other[name], 2 * _items(bounds[name].worst, items), of_result(claim, name))
            for name, each in actual.items()
        )

    def require_bits(self, actual: Array, other: Array, claim: str, chosen: Array | None = None) -> float:
        """Require that two results agree bit for bit."""
        return require_within(bit_for_bit(actual, other, chosen), claim)


def _items(bound: Array, items: slice) -> Array:
    """Take items of a batch; a result that is one number has none."""
    return bound[items] if np.ndim(bound) else bound


def of_result(claim: str, name: str) -> str:
    """Say of which result something is claimed, where that is not the first."""
    return claim if name == "result" else f"{claim}, {the(name)}"


def _kept(kept: dict[object, _Kept] | None, key: object, compute: Callable[[], _Kept]) -> _Kept:
    """Return what is kept under the key, or compute it, and keep it where there is a place for it."""
    if kept is not None and key in kept:
        return kept[key]
    with np.errstate(all="ignore"):
        found = compute()
    if kept is not None:
        kept[key] = found
    return found
