"""Whether two implementations answer alike, within what their roundings may make of one formula."""

import contextlib
from collections.abc import Mapping

import numpy as np

from ...adapters import Call, Reply
from ...oracle.rounding.bound import Bound
from ...oracle.spec_error import SpecError
from ..terms.component import Component, Inputs
from ..terms.rounding import Array
from ..terms.trial import Trial, UnknownDtype


class Allowance:
    """How far two implementations of the same formula may be apart in one call; computed where it is needed."""

    def __init__(self, component: Component, trial: Trial, call: Call) -> None:
        """Compute nothing before it is needed."""
        self._component, self._trial, self._call = component, trial, call
        self._found: Mapping[str, float] | None = None

    def __call__(self) -> Mapping[str, float]:
        """Compute the allowance of each result, by its name, and of each gradient, by its argument.

        Twice S, as each has the errors of its own; the largest of all elements, as those of a wrong answer are not
        known, and are about as large somewhere among the right ones. Absent where nothing finite is known.
        """
        if self._found is None:
            inputs, conventions = Inputs(self._call.arrays, self._call.options), self._trial.conventions
            bounds: dict[str, Bound] = {}
            # No result has come to take a dtype from, or the formula does not take the arguments.
            with contextlib.suppress(UnknownDtype, SpecError):
                numerics = self._trial.numerics
                with np.errstate(all="ignore"):
                    if along := self._call.cotangents:
                        bounds |= self._component.gradient_bounds(inputs, along, numerics, conventions)
                    else:
                        bounds |= self._component.bounds(inputs, numerics, conventions)
            finite = {name: each.statistical[np.isfinite(each.statistical)] for name, each in bounds.items()}
            self._found = {name: 2 * float(each.max()) for name, each in finite.items() if each.size}
        return self._found


def distance(one: Reply, other: Reply, allowance: Allowance, *, numbers: bool = False) -> float | None:
    """Compute the relative distance of two replies; it is None if they are not alike.

    With `numbers`, only those elements of the first are compared that are numbers.
    """
    arrays = [{**each.results, **each.gradients} for each in (one, other)]
    marks = [(each.status, dict(each.dtypes), each.touched, each.aliased) for each in (one, other)]
    if (
        marks[0] != marks[1]
        or arrays[0].keys() != arrays[1].keys()
        or _kind(one) != _kind(other)
        or one.data != other.data
    ):
        return None
    distances = [0.0]
    for name, array in arrays[0].items():
        found = _apart(array, arrays[1][name], name, allowance, numbers=numbers)
        if found is None:
            return None
        distances.append(found)
    return max(distances)


def _kind(reply: Reply) -> str:
    """Name the type of what was raised."""
    return reply.message.partition(":")[0] if reply.status == "error" else ""


def _apart(one: Array, other: Array, name: str, allowance: Allowance, *, numbers: bool) -> float | None:
    if one.shape != other.shape:
        return None
    if numbers:
        one, other = one[np.isfinite(one)], other[np.isfinite(one)]
    different = ~((one == other) | (np.isnan(one) & np.isnan(other)))
    if not different.any():
        return 0.0
    if not (np.isfinite(one) & np.isfinite(other))[different].all():
        return None
    error = np.abs(one[different] - other[different])
    if error.max() > allowance().get(name, 0.0):
        return None
    return float(error.max() / max(np.abs(each[np.isfinite(each)]).max() for each in (one, other)))
