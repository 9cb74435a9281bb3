"""The arrays of one case: what is given, what comes back, what is due; shown where they are small, kept in a file."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...adapters.foreign_text import visible
from ...oracle.rounding.bound import Bound
from ..terms.comparison import ratios
from ..terms.rounding import Array
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from .terminal import Screen

_SMALL: Final = 64
"""Elements of an array that is printed whole."""
_WORST: Final = 8
"""Elements that are printed beside their bounds, those that are furthest off."""
_WIDEST: Final = 1000
"""Columns of a row of an array; the terminal wraps it."""
_COTANGENT: Final = "cotangent."
_GRADIENT: Final = "gradient."


@dataclass(frozen=True)
class CaseArrays:
    """A call, and what came of it."""

    case: str
    dtype: str
    given: Mapping[str, Any]
    """Arguments and options by name, and the cotangents where gradients were asked for."""
    actual: Mapping[str, Array]
    """Results and gradients by name."""
    due: Mapping[str, Bound]
    data: Any
    """A result that is no array."""
    refusal: str
    """What came in place of a result or gradient; empty where all came."""


def arrays_of(trial: Trial, *, backward: bool) -> CaseArrays:
    """Call the implementation with the arguments of a case, backwards as well where that is asked for."""
    given, data, refusal = dict(trial.inputs.keywords), None, ""
    actual: dict[str, Array] = {}
    due: dict[str, Bound] = {}
    try:
        if trial.component.gives_data:
            data = trial.data()
        else:
            actual |= trial.results()
            due |= trial.bounds()
        if backward:
            given |= {_COTANGENT + name: each for name, each in trial.cotangents.items()}
            gradients, bounds = trial.gradients(), trial.gradient_bounds()
            actual |= {_GRADIENT + name: each for name, each in gradients.items()}
            due |= {_GRADIENT + name: bounds[name] for name in gradients}
    except (Unsupported, Violation) as reason:
        refusal = str(reason)
    return CaseArrays(trial.case.id, trial.dtype, given, actual, due, data, refusal)


def show_arrays(screen: Screen, arrays: CaseArrays) -> None:
    """Show what was given, and what came of it, where that is small; and the elements that are furthest off."""
    screen.say(visible(arrays.case))
    shown = dict(_shown(arrays))
    width = max(map(len, shown), default=0) + 2
    for name, value in shown.items():
        for k, line in enumerate(_lines(value)):
            screen.say(f"{'' if k else name:{width}}{line}")
    for name, actual in arrays.actual.items():
        _show_worst(screen, name if len(arrays.actual) > 1 else "element", actual, arrays.due[name], arrays.dtype)
    if arrays.refusal:
        screen.say((visible(arrays.refusal), "red"))


def _shown(arrays: CaseArrays) -> Iterator[tuple[str, Any]]:
    yield from arrays.given.items()
    if arrays.data is not None:
        yield "result", arrays.data
    for name, actual in arrays.actual.items():
        yield name, actual
        if 0 < np.size(actual) <= _SMALL:
            yield f"expected {name}", arrays.due[name].expected


def _lines(value: Any) -> list[str]:
    """Write an array that is small and not empty, the shape of another, or what is no array."""
    if not isinstance(value, np.ndarray):
        return [visible(repr(value))]
    if not 0 < value.size <= _SMALL:
        return [f"array of shape {value.shape}"]
    text = np.array2string(
        value, separator=", ", formatter={"float_kind": lambda each: f"{each:.9g}"}, max_line_width=_WIDEST
    )
    return text.splitlines()


def _show_worst(screen: Screen, title: str, actual: Array, bound: Bound, dtype: str) -> None:
    found = ratios(actual, bound, dtype, statistical=False)
    screen.say(f"{title:20}{'actual':>24}{'expected':>24}{'bound':>12}{'ratio':>10}")
    for flat in np.argsort(-found, axis=None, kind="stable")[:_WORST]:
        where = tuple(map(int, np.unravel_index(flat, found.shape)))
        values = f"{actual[where]:24.16g}{bound.expected[where]:24.16g}{bound.worst[where]:12.3g}{found[where]:10.3g}"
        screen.say(f"{where!s:20}{values}")


def npz(arrays: CaseArrays) -> bytes:
    """Make a file that `numpy.load` reads: the case, the arguments by name, `actual.`, `expected.` and `bound.`."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **dict(_entries(arrays)))
    return file.getvalue()


def _entries(arrays: CaseArrays) -> Iterator[tuple[str, Any]]:
    yield "case", arrays.case  # it comes first: by it a file of ours is known
    yield "dtype", arrays.dtype
    for name, value in arrays.given.items():
        yield name, _kept(value)
    for name, actual in arrays.actual.items():
        yield f"actual.{name}", actual
        yield f"expected.{name}", arrays.due[name].expected
        yield f"bound.{name}", arrays.due[name].worst
    if arrays.data is not None:
        yield "actual.result", _kept(arrays.data)


def _kept(value: Any) -> Any:
    """Give what numpy keeps without pickle: an array or a plain value as it is, anything else as JSON."""
    return value if isinstance(value, np.ndarray | bool | int | float | str) else json.dumps(value, default=repr)
