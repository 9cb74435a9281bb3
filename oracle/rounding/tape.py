"""A computation recorded step by step, with its rounding errors, and its gradients by going back along it.

    tape = Tape(numerics)
    h = relu(tape, affine(tape, x, w_1, b_1))
    tape.gradients(affine(tape, h, w_2, b_2), cotangent, {"x": x, ...})      name -> Computed

Every step gives its result from its arguments, and from the gradient of its result those of its arguments: the chain
rule (reverse mode). `numerics.hidden` stores what passes from one step to the next, forwards and backwards, as unfused
frameworks do. The gradients of an argument that is used several times are added up in the order of the steps back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..shapes import Array
from .bound import VARIANCE_OF_ROUNDING, Bound, Z
from .computed import Computed, added, bounded, product, stored_in, times, total
from .numerics import Numerics

Backward = Callable[[Computed], Sequence[Computed | None]]


class Tape:
    """The steps of one computation."""

    def __init__(self, numerics: Numerics) -> None:
        """Begin with nothing recorded."""
        self.numerics = numerics
        self.or_nan = False
        """Whether NaN is right as well, in the result and in every gradient."""
        self._steps: list[tuple[Computed, Sequence[Computed], Backward]] = []

    def read(self, argument: Computed) -> Computed:
        """Give an argument as the next step finds it: stored, unless it came in exactly.

        What is common to many elements after one step (a relative error c of all of them, say) is no more so after the
        next: mixed by generic weights, c sum y w is as large as independent errors of that size would make it. So it
        goes on as a deviation, that of an error anywhere within +-c: its variance is c^2/3.
        """
        if argument.exact:
            return argument
        spread = VARIANCE_OF_ROUNDING * np.square(argument.coherent)
        loose = replace(argument, variance=argument.variance + spread, coherent=0.0)
        return stored_in(loose, self.numerics.hidden)

    def record(self, result: Computed, arguments: Sequence[Computed], backward: Backward) -> Computed:
        """Record one step: its result, what it was made of, and how a gradient goes back; None: it does not."""
        self._steps.append((result, arguments, backward))
        return result

    def gradients(self, result: Computed, cotangent: Array, of: Mapping[str, Computed]) -> dict[str, Computed]:
        """Give the gradient of sum(result * cotangent) with respect to each."""
        found: dict[int, Computed] = {id(result): Computed(cotangent)}
        for made, arguments, backward in reversed(self._steps):
            gradient = found.pop(id(made), None)
            if gradient is None:
                continue
            for argument, part in zip(arguments, backward(self.read(gradient)), strict=True):
                if part is None:
                    continue
                before = found.get(id(argument))
                found[id(argument)] = (
                    part if before is None else added(self.read(before), self.read(part), self.numerics)
                )
        return {name: found.get(id(each), Computed(np.zeros_like(each.value))) for name, each in of.items()}

    def bounds(self, result: Computed, cotangent: Array, of: Mapping[str, Computed]) -> dict[str, Bound]:
        """Give those gradients with their bounds."""
        every = self.gradients(result, cotangent, of)
        return {name: self.bound(each) for name, each in every.items()}

    def bound(self, result: Computed) -> Bound:
        """Give the bound of a result; its rows share what went before."""
        return bounded(result, self.numerics, rows_independent=False, or_nan=self.or_nan)


def matmul(tape: Tape, x: Computed, w: Computed) -> Computed:
    """Record x w with a matrix w (k, m): dx = g w^T, dw = x^T g, summed over all rows of x."""
    y, backward = _linear(tape, x, w)
    return tape.record(y, (x, w), backward)


def affine(tape: Tape, x: Computed, w: Computed, b: Computed) -> Computed:
    """Record x w + b: db = sum g. A sum may start with its bias, which is then in each of its partial sums."""
    numerics = tape.numerics
    xw, of_factors = _linear(tape, x, w)
    n, unit, bias = numerics.roundings(w.value.shape[0]), numerics.unit, b.value
    y = added(tape.read(xw), b, numerics)
    early = VARIANCE_OF_ROUNDING * unit**2 * np.maximum(n * bias * (bias + xw.value), 0)
    y = Computed(y.value, y.error + n * unit * np.abs(bias), y.variance + early, y.coherent)

    def backward(g: Computed) -> tuple[Computed, ...]:
        of_b = total(g.mapped(_rows), 0, numerics, numerics.gradient_chunks)
        return (*of_factors(g), of_b.mapped(lambda array: array[0]))

    return tape.record(y, (x, w, b), backward)


def _linear(tape: Tape, x: Computed, w: Computed) -> tuple[Computed, Callable[[Computed], tuple[Computed, Computed]]]:
    """Give x w, and the way back."""
    a, numerics = tape.read(x), tape.numerics

    def backward(g: Computed) -> tuple[Computed, Computed]:
        rows, of_rows, chunks = a.mapped(_rows), g.mapped(_rows), numerics.gradient_chunks
        return product(g, w.transposed, numerics, chunks), product(rows.transposed, of_rows, numerics, chunks)

    return product(a, w, numerics), backward


def relu(tape: Tape, h: Computed, at_zero: float = 0.0, *, mixed: bool = False) -> Computed:
    """Record max(0, h): dh = g where h > 0, `at_zero` g at 0, else 0. Where h may lie on either side, so may dh.

    Where that is likely, the variance is 2 (|g| / Z)^2. Many gates do not open all at once; one that does adds all of
    |g| to what rounding makes beside it, t: (|g| + t)^2 <= 2 |g|^2 + 2 t^2, and 2 t^2 is below (Z sigma)^2 up to
    t = 4.2 sigma.

    That has no room left where dh W^T goes on into further products (`mixed`): those add up one row of W with generic
    weights, so that what comes of one gate is |g| times a random number, which may be several of its deviations. A
    gate that is s deviations of h from zero opens once in so many as a normal error reaches s; both happen once in as
    many as one reaches Z where that number is within sqrt(Z^2 - s^2) deviations: the variance is (1 - s^2 / Z^2) |g|^2.
    Of several gates that open at once likewise, since their s^2 add up: (Z^2 - sum s^2) sum |g|^2 is below
    sum (Z^2 - s^2) |g|^2.
    """
    a = tape.read(h)
    e, v, c = a.errors
    clipped = np.clip(a.value + e, 0, e)
    result = Computed(np.maximum(0, a.value), clipped, np.where(clipped > 0, v, 0), np.minimum(c, clipped))

    def backward(g: Computed) -> tuple[Computed]:
        open_, e_g = a.value > 0, g.errors
        either = np.abs(a.value) <= e
        likely = np.abs(a.value) <= np.minimum(Z * np.sqrt(v) + c, e)
        size = np.abs(g.value)
        share: Any = 2 / Z**2
        if mixed:
            away = np.maximum(np.abs(a.value) - c, 0) / np.sqrt(v)
            share = np.fmax(share, 1 - np.square(away / Z))
        error = np.where(either, size + e_g.error, np.where(open_, e_g.error, 0))
        variance = np.where(open_ | likely, e_g.variance, 0) + np.where(likely, share * np.square(size), 0)
        value = np.where(open_, g.value, np.where(a.value == 0, at_zero * g.value, 0))
        return (Computed(value, error, variance, np.where(open_, e_g.coherent, 0)),)

    return tape.record(result, (h,), backward)


def add(tape: Tape, a: Computed, b: Computed) -> Computed:
    """Record a + b of equal shapes: both get g."""
    return tape.record(added(tape.read(a), tape.read(b), tape.numerics), (a, b), lambda g: (g, g))


def multiply(tape: Tape, a: Computed, b: Computed) -> Computed:
    """Multiply element by element, a b: da = g b, db = g a."""
    one, other, numerics = tape.read(a), tape.read(b), tape.numerics
    return tape.record(
        times(one, other, numerics), (a, b), lambda g: (times(g, other, numerics), times(g, one, numerics))
    )


def rearrange(tape: Tape, a: Computed, there: Callable[[Array], Array], back: Callable[[Array], Array]) -> Computed:
    """Give the same elements in another order or shape; `back` undoes `there`."""
    return tape.record(a.mapped(there), (a,), lambda g: (g.mapped(back),))


def _rows(array: Array) -> Array:
    """Make one of all axes but the last."""
    return array.reshape(-1, array.shape[-1])
