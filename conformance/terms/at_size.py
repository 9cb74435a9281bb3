"""Sizes of models: at which a component is judged beyond its small cases, and what of a large result is looked at.

A row of a result does not depend on the others, so that the oracle can compute chosen rows alone, as the result of a
smaller call. Where a result is small enough, all of it is judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...oracle.rounding.numerics import Numerics
from .case import Case, Value
from .comparison import Worst
from .generator import Generator
from .inputs import Conventions, Inputs
from .rounding import Array

if TYPE_CHECKING:
    from .component import Component

Limits: TypeAlias = tuple[Array, Array]
"""The smallest and the largest that an element may be, broadcastable to the result; NaN: anything is open."""


@dataclass(frozen=True)
class Part:
    """A part of a result, as the result of a smaller call."""

    inputs: Inputs
    chosen: tuple[Array, ...]
    """The indices along each axis of the whole result."""

    def of(self, result: Array) -> Array:
        """Take the part out of the whole result."""
        return np.asarray(result[np.ix_(*self.chosen)])

    def placed(self, worst: Worst, shape: tuple[int, ...]) -> Worst:
        """Say of an element of the part, and of what lies around it, where it is in the whole result."""
        near = worst.around
        if near is not None and len(shape) > 1:
            before = tuple(int(axis[k]) for axis, k in zip(self.chosen[:-2], near.before, strict=True))
            rows, columns = (self.chosen[axis][list(of)].tolist() for axis, of in ((-2, near.rows), (-1, near.columns)))
            near = replace(near, shape=shape, before=before, rows=rows, columns=columns)
        return replace(worst, where=self.place(worst.where), around=near if len(shape) > 1 else None)

    def place(self, where: tuple[int, ...]) -> tuple[int, ...]:
        """Say where an element of the part is in the whole result."""
        return tuple(int(axis[index]) for axis, index in zip(self.chosen, where, strict=True))


@dataclass(frozen=True)
class AtSize:
    """At which sizes of models a component is judged."""

    shapes: Sequence[Mapping[str, Value]]
    """All sizes of a case together; the first is small, and is where a failing size is shrunk to."""
    beside: Mapping[str, Sequence[Mapping[str, Value]]]
    """Of the other factors, the options that are worth their time at size; of those left out, the plainest."""
    always: Sequence[Mapping[str, Value]] = ()
    """What is judged in every profile, before all others: sizes with what only they are wrong with."""
    few: int = 1
    """The first so many shapes are those that an interpreter of kernels can take."""
    part: Callable[[Case, Inputs, Conventions], Part] | None = None
    """What is compared with the oracle, where that is not all of the result."""
    limits: Callable[[Inputs, Numerics, Conventions], Limits] | None = None
    """Between which numbers every element lies, that the oracle does not compute among them."""
    inside: Callable[[Case], int] = lambda case: 0
    """How many numbers the oracle computes on the way at once, where these are more than arguments and result."""
    admissible: Callable[[Case], bool] = lambda case: True
    """Whether the sizes of a case go together."""
    rule: str = ""
    """How they go together, in words."""
    differentiated: Callable[[Case], bool] = lambda case: True
    """Whether the gradients are judged, too."""
    noisy: Sequence[Mapping[str, Value]] = ()
    """Shapes with elements enough to tell of which precision class they are, where the classes differ in its bound."""

    @property
    def sizes(self) -> tuple[str, ...]:
        """The parameters that are sizes."""
        return tuple(self.shapes[0])


def sizes_of_models(component: "Component") -> AtSize:
    """Give the sizes of models of a component that has them."""
    if component.at_size is None:
        raise LookupError(f"{component.name} has no sizes of models")
    return component.at_size


def chosen(length: int, count: int, generator: Generator) -> Array:
    """Choose so many indices: the first and the last, those at the largest powers of two, and random ones, in order."""
    if length <= count:
        return np.arange(length)
    found = {0, length - 1}
    power: int = 1 << (length - 1).bit_length()
    while power > 1 and len(found) < count // 2:
        power //= 2
        found |= {each for each in (power - 1, power) if 0 <= each < length}
    while len(found) < count:
        found.add(int(generator.integers(length)))
    return np.array(sorted(found))
