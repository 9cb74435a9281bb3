"""Which keys an attention counts, and how much: its weights, read with one-hot values.

    result = P V, so that with columns of the identity in place of V it is columns of P

With several heads, W^V and W^O give each head the same columns, and each its own place in the result. A mask, a tile
that is left out, and a row that is no mean show there as what they are.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...adapters import Adapter
from ..cases.drawing import evenly_spaced
from ..terms.case import Case
from ..terms.component import Component, Inputs
from ..terms.rounding import Array
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from .simple_numbers import simple_number

OF_VALUES: Final = "of values 0 and 1 each key has the weight that is due: it hangs on the values"
"""What is said where the weights are right."""
_CALLS: Final = 64
"""Calls that are made with as many columns as the case has; where it takes more, one with all."""
_MOST: Final = 2**16
"""Weights that are read."""
_FEWEST: Final = 3
"""Keys of a row that a law needs: two weights are always in some proportion."""
_SHOWN: Final = 3
"""Queries of which it is said which keys they count."""
_AXES: Final = 4
"""Items, heads, keys and channels, where heads share keys."""
_TRIED: Final = 8
"""Heads, and items, whose keys are tried in place of others'."""
_APART: Final = 0.01
"""What share of a factor two others must differ by to be two, and may differ by to be one."""


@dataclass(frozen=True)
class Weights:
    """The weights of an implementation, and what they should be: each with the axes of a result, and of the keys."""

    actual: Array
    expected: Array
    allowance: Array

    @property
    def wrong(self) -> Array:
        """Which are outside their bounds."""
        return np.asarray(np.abs(self.actual - self.expected) > self.allowance)

    def row(self, where: tuple[int, ...]) -> "Weights":
        """Give those of one query."""
        return Weights(self.actual[where], self.expected[where], self.allowance[where])


def of_weights(adapter: Adapter, component: Component, case: Case) -> str:
    """Say what is wrong with the weights of an attention in a case whose result is wrong, or that they are right."""
    axes = component.row.arrays.get("value", "").split()
    if axes[-2:] not in (["L_k", "d_v"], ["L_k", "d_model"]) or not component.row.results["result"].startswith("B "):
        return ""
    trial = Trial(Subject(adapter), component, case)
    try:
        plain, bound = trial.call(), trial.bound()
        weights = _read(trial, plain.shape)
    except (Unsupported, Violation):
        return ""
    if weights is None or not np.isfinite(weights.actual).all() or not np.isfinite(plain).all():
        return ""
    if not weights.wrong.any():
        wrong = (np.abs(plain - bound.expected) > bound.worst).any()
        return f"{OF_VALUES}{', or their projections' * ('w_value' in trial.inputs.arrays)}" * bool(wrong)
    found = (_told(weights), _of_other_rows(weights), _of_other_keys(trial, weights))
    return next(itertools.chain.from_iterable(found), "")


def _read(trial: Trial, shape: tuple[int, ...]) -> Weights | None:
    """Ask for the weights of a result of this shape, some keys at a time, a channel of the values for each."""
    keys, width = trial.inputs.arrays["value"].shape[-2], _channels(trial)
    heads = trial.inputs.options.get("heads", 1)
    if not width or not 0 < math.prod(shape[:-1]) * heads * keys <= _MOST:
        return None
    if keys > _CALLS * width:
        if "w_value" in trial.inputs.arrays:
            return None
        width = keys
    found = []
    for first in range(0, keys, width):
        inputs = _with_keys(trial.inputs, first, width)
        bound = trial.bound(inputs)
        every = np.stack(np.broadcast_arrays(trial.call(inputs), bound.expected, bound.worst))
        if "w_value" in inputs.arrays:
            every = every[..., : heads * width]
            every = every.reshape(*every.shape[:-1], heads, width).swapaxes(-2, -3)
        found.append(every)
    return Weights(*np.concatenate(found, -1)[..., :keys])


def _channels(trial: Trial) -> int:
    """Count the channels of a head's values; none where the heads' would not all be in the result."""
    inputs = trial.inputs
    if "w_value" not in inputs.arrays:
        return int(inputs.arrays["value"].shape[-1])
    (width, channels), heads = inputs.arrays["w_value"].shape, int(inputs.options["heads"])
    return channels // heads if channels <= width else 0


def _with_keys(inputs: Inputs, first: int, width: int) -> Inputs:
    """Give each of so many keys, from the first on, a channel of the values of its own."""
    value = inputs.arrays["value"]
    if "w_value" not in inputs.arrays:
        return inputs.but(value=_identity((*value.shape[:-1], width), -first))
    wide, channels = inputs.arrays["w_value"].shape
    value = _identity(value.shape, -first) * (np.arange(wide) < width)
    of_each_head = np.tile(np.eye(wide, width), inputs.options["heads"])
    return inputs.but(value=value, w_value=of_each_head, w_output=np.eye(channels, wide))


def _identity(shape: tuple[int, ...], diagonal: int = 0) -> Array:
    return np.broadcast_to(np.eye(shape[-2], shape[-1], diagonal), shape).copy()


def _of_other_rows(weights: Weights) -> Iterator[str]:
    """Say of which item, or head, one has the weights in place of its own."""
    for axis, word in enumerate(("item", "head")[: weights.actual.ndim - 2]):
        others = tuple(k for k in range(weights.actual.ndim) if k != axis)
        for at in np.flatnonzero(weights.wrong.any(others)):
            for place in range(min(weights.actual.shape[axis], _TRIED)):
                of_one, reach = (each.take(place, axis) for each in (weights.expected, weights.allowance))
                if (np.abs(weights.actual.take(at, axis) - of_one) <= reach).all():
                    yield f"{word} {at} has the weights of {word} {place}"


def _of_other_keys(trial: Trial, weights: Weights) -> Iterator[str]:
    """Say of which item, or of which head, keys are taken that are not a row's own."""
    key = trial.inputs.arrays["key"]
    if key.ndim != _AXES:
        return
    identity = _identity((*key.shape[:-1], key.shape[-2]))
    for axis, word in ((1, "head"), (0, "item")):
        for place in range(min(key.shape[axis], _TRIED) if key.shape[axis] > 1 else 0):
            of_one = np.broadcast_to(key.take([place], axis), key.shape).copy()
            bound = trial.bound(trial.inputs.but(key=of_one, value=identity))
            fits = np.abs(weights.actual - bound.expected) <= bound.worst
            others = tuple(k for k in range(_AXES) if k != axis)
            wrong = weights.wrong.any(others)
            for at in np.flatnonzero(wrong & fits.all(others)):
                yield f"{word} {at} has the weights that it would have with the keys of {word} {place}"


def _told(weights: Weights) -> Iterator[str]:
    """Say what is wrong with the first row that shows it, most telling first."""
    actual, expected, allowance = weights.actual, weights.expected, weights.allowance
    lost, added = (actual == 0) & (expected > allowance), (np.abs(actual) > allowance) & (expected == 0)
    rows = [tuple(map(int, where)) for where in np.argwhere(np.any(lost | added, -1))]
    counts, due = np.where(expected > 0, ~lost, added), expected > 0
    alike: dict[tuple[object, ...], list[tuple[int, ...]]] = {}
    for where in rows:
        alike.setdefault((where[:-1], counts[where].tobytes(), due[where].tobytes()), []).append(where)
    told = [
        f"{_query(weights, *some)} count{'s' * (len(some) == 1)} {_keys(np.flatnonzero(counts[some[0]]))} in place of "
        f"{_keys(np.flatnonzero(due[some[0]]))}"
        for some in evenly_spaced(list(alike.values()), _SHOWN)
    ]
    if told:
        yield ", ".join(told) + _whose(counts, due, rows)
    sums, due_sums = actual.sum(-1), expected.sum(-1)
    for where in _rows(np.abs(sums - due_sums) > allowance.sum(-1)):
        found = f"the weights of {_query(weights, where)} sum to {sums[where]:.4g}, not to {due_sums[where]:.4g}"
        yield found + "; in proportion to each other they are right" * _in_proportion(weights.row(where))
    for where in _rows(weights.wrong.any(-1)):
        if law := _law(weights.row(where)):
            yield f"of {_query(weights, where)}, {law}"


def _whose(counts: Array, due: Array, rows: Sequence[tuple[int, ...]]) -> str:
    """Say of which item, or head, these rows count the keys, where that is so of each."""
    for axis, word in enumerate(("item", "head")[: counts.ndim - 2]):
        for place in range(min(counts.shape[axis], _TRIED)):
            others = [(*where[:axis], place, *where[axis + 1 :]) for where in rows]
            if all((counts[where] == due[other]).all() for where, other in zip(rows, others, strict=True)):
                return f": those of {word} {place}"
    return ""


def _rows(marked: Any) -> Iterator[tuple[int, ...]]:
    """Give the places of the first row that is marked, if any is."""
    yield from (tuple(map(int, where)) for where in np.argwhere(marked)[:1])


def _in_proportion(row: Weights) -> bool:
    """Say whether weights that do not have the sum that is due are what is due times a number."""
    if not row.actual.sum() > 0:
        return False
    factor = row.expected.sum() / row.actual.sum()
    reach = 2 * (row.allowance * max(factor, 1) + row.expected * row.allowance.sum())
    return bool((np.abs(row.actual * factor - row.expected) <= reach).all())


def _law(row: Weights) -> str:
    """Find how the weights of a row follow from those that are due: some count more, or the scores are other ones."""
    seen = np.flatnonzero((row.expected > 8 * row.allowance) & (row.actual > 0))
    if len(seen) < _FEWEST:
        return ""
    ratio, error = row.actual[seen] / row.expected[seen], float((row.allowance[seen] / row.expected[seen]).max())
    order = np.argsort(ratio)
    gaps = np.diff(np.log(ratio[order]))
    cut = int(np.argmax(gaps)) + 1
    few, many = sorted((order[:cut], order[cut:]), key=len)
    times = float(np.median(ratio[few]) / np.median(ratio[many]))
    alike = all(np.ptp(ratio[each]) <= _APART * abs(times - 1) * ratio[each].min() for each in (few, many))
    if alike and abs(times - 1) > _APART:
        factor = simple_number(times, 4 * error) or f"{times:.3g}"
        verb = "count" if len(few) > 1 else "counts"
        return f"{_keys(sorted(seen[few]))} {verb} {factor} times as much beside the others as is due"
    slope, level = np.polyfit(np.log(row.expected[seen]), np.log(row.actual[seen]), 1)
    rest = np.abs(np.log(row.actual[seen]) - slope * np.log(row.expected[seen]) - level)
    if np.ptp(np.log(row.expected[seen])) > _APART and (rest <= 4 * row.allowance[seen] / row.expected[seen]).all():
        factor = simple_number(float(slope), 4 * error) or f"{slope:.3g}"
        return f"the weights are those of the scores times {factor}"
    return ""


def _query(weights: Weights, *rows: tuple[int, ...]) -> str:
    """Name a row, or several of one head; where there is one item or one head, it is not named."""
    words = ("item", "head")[: len(rows[0]) - 1]
    named = [f"{word} {at}" for word, at, size in zip(words, rows[0], weights.actual.shape, strict=False) if size > 1]
    return " of ".join([_indices("query", "queries", [each[-1] for each in rows]), *reversed(named)])


def _keys(indices: Iterable[int]) -> str:
    """Name keys: `keys 0 to 63`, `key 2`, `no key`."""
    return _indices("key", "keys", list(indices)) or "no key"


def _indices(one: str, many: str, indices: Sequence[int]) -> str:
    """Name indices by the word for one, or for many, as runs; nothing where there are none."""
    every = np.asarray(indices, int)
    if not len(every):
        return ""
    words = [_run(run) for run in np.split(every, np.flatnonzero(np.diff(every) > 1) + 1)]
    if len(words) > _FEWEST:
        words = [*words[:_FEWEST], f"{len(words) - _FEWEST} more runs of them"]
    several = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"{many if len(every) > 1 else one} {several}"


def _run(run: Array) -> str:
    return f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0])
