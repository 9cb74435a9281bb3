"""What a script has to show of a case: the elements that are wrong, or that no result comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...adapters import Call
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ..terms.comparison import ratios
from ..terms.inputs import Inputs
from ..terms.rounding import Array
from ..terms.trial import Trial
from ..terms.verdict import Violation

_ELEMENTS: Final = 4
"""Elements that a script looks at, those that are furthest off."""

Due = tuple[tuple[int, ...], float, float]
"""Index, expected, bound."""


@dataclass(frozen=True)
class Finding:
    """What is wrong in one array."""

    of: str
    """`result`, or the argument whose gradient it is."""
    how: str
    """`value`, `shape`, `dtype`, `exception` or `crash`."""
    shape: tuple[int, ...]
    due: Sequence[Due]
    nan_too: bool = False
    """Whether NaN is right as well."""
    said: str = ""
    """What was said in place of a result."""


def find(trial: Trial, call: Call) -> Finding | None:
    """Make a call, and return what is wrong with what comes; None if nothing is."""
    inputs, backward = Inputs(call.arrays, call.options), bool(call.cotangents)
    try:
        reply = trial.answered(trial.subject.adapter.sequence([call])[0])
        actual = trial.gradients_of(reply, inputs) if backward else trial.results_of(reply, inputs)
    except Violation as violation:
        return _without_result(violation, _bounds(trial, call, inputs) if trial.dtype else {})
    bounds = _bounds(trial, call, inputs)
    each = {name: ratios(array, bounds[name], trial.dtype, statistical=False) for name, array in actual.items()}
    worst = max(each, key=lambda name: float(np.max(each[name], initial=0.0)))
    due = _due(each[worst], bounds[worst], trial.dtype)
    if due:
        return Finding(worst, "value", np.shape(actual[worst]), due, nan_too=bounds[worst].or_nan)
    if call.dtype and not backward and reply.dtype != call.dtype:
        return Finding(worst, "dtype", np.shape(actual[worst]), ())
    return None


def _bounds(trial: Trial, call: Call, inputs: Inputs) -> Mapping[str, Bound]:
    return trial.gradient_bounds(inputs, call.cotangents) if call.cotangents else trial.bounds(inputs)


def _without_result(violation: Violation, bounds: Mapping[str, Bound]) -> Finding:
    """Say what is due where nothing came, or something of another shape."""
    name = next(iter(bounds), "result")
    for each in bounds:
        if str(violation).startswith(f"the gradient of {each} "):
            name = each
    bound: Any = bounds.get(name)
    shape = np.shape(bound.expected) if bound is not None else ()
    return Finding(name, violation.how, shape, () if bound is None else _plain(bound), said=str(violation))


def _due(found: Array, bound: Bound, dtype: str) -> list[Due]:
    """List the elements that are outside, the worst first; not those that may be infinite or finite, as they round."""
    order = np.argsort(-found, axis=None, kind="stable")
    outside = (flat for flat in order if not found.flat[flat] <= 1)
    listed: list[Due] = []
    for flat in outside:
        where = tuple(map(int, np.unravel_index(flat, found.shape)))
        expected, worst = float(bound.expected[where]), float(bound.worst[where])
        largest = FORMATS[dtype].largest
        if np.isfinite(expected) and abs(expected) + worst > largest:
            if abs(expected) - worst <= 2 * largest:
                continue
            expected = float(np.copysign(np.inf, expected))
        listed.append((where, expected, 0.0 if not np.isfinite(expected) else worst))
        if len(listed) == _ELEMENTS:
            break
    return listed


def _plain(bound: Bound) -> list[Due]:
    """List the first elements."""
    indices = list(np.ndindex(np.shape(bound.expected)))[:_ELEMENTS] if np.size(bound.expected) < 1000 else []
    each = [(where, float(bound.expected[where]), float(bound.worst[where])) for where in indices]
    return [one for one in each if np.isfinite(one[1]) and np.isfinite(one[2])]
