"""An implementation's own errors against the sizes that rounding depends on, beside its bounds and beside torch's.

It is called through its adapter, wherever that runs. What it refuses, raises or hangs on is a gap with a sentence.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...adapters import Adapter
from ...adapters.foreign_text import visible
from ..components import COMPONENTS
from ..terms.calls import Calls
from ..terms.component import Component
from ..terms.generator import Generator
from ..terms.inputs import Inputs
from ..terms.rounding import rounded
from ..terms.subject import Subject
from ..terms.verdict import Unsupported, Violation
from .errors import Off, off
from .kinds import Plot, Series, Shown, Table, figure

Draw = Callable[[Generator, float], Inputs]


@dataclass(frozen=True)
class Sweep:
    """What is changed, all else kept."""

    name: str
    head: str
    """What is changed, as a table calls it."""
    axis: str
    """And as a plot does."""
    values: Sequence[float]
    draw: Draw
    """Arguments before they are rounded to the dtype."""


def _attention(generator: Generator, *, length: int = 256, width: int = 64, deviation: float = 1.0) -> Inputs:
    """Draw normal values, and queries and keys whose scaled scores have the deviation."""
    shapes = {"query": (1, 2, 32, width), "key": (1, 2, length, width), "value": (1, 2, length, width)}
    arrays = {name: generator.standard_normal(shape) for name, shape in shapes.items()}
    scaled = {name: np.sqrt(deviation) * arrays[name] for name in ("query", "key")}
    return Inputs(arrays | scaled, {"causal": False, "scale": None})


def _rows(generator: Generator, *, length: int = 256, deviation: float = 1.0) -> Inputs:
    return Inputs({"x": deviation * generator.standard_normal((64, length))})


def _normed(generator: Generator, *, length: int = 256, deviation: float = 1.0, bias: bool = True) -> Inputs:
    gain, shift = generator.standard_normal((2, length))
    x = deviation * generator.standard_normal((64, length))
    return Inputs({"x": x, "gain": gain, **({"bias": shift} if bias else {})})


_LONGEST: Final = 40
"""Characters of a name that a plot has room for."""
_LENGTHS: Final = (16, 64, 256, 1024, 4096)
_WIDTHS: Final = (8, 16, 32, 64, 128, 256)
_DEVIATIONS: Final = (0.25, 1, 4, 16, 64)
_SIZES: Final = (2.0**-8, 2.0**-4, 1, 2.0**4, 2.0**8)
_OF_ROWS: Final = (
    Sweep("length", "n", "entries of a row", _LENGTHS, lambda generator, x: _rows(generator, length=int(x))),
    Sweep(
        "logits",
        "logits",
        "standard deviation of the logits",
        _DEVIATIONS,
        lambda generator, x: _rows(generator, deviation=x),
    ),
)

SWEEPS: Final[Mapping[str, Sequence[Sweep]]] = {
    "attention": (
        Sweep("length", "keys", "keys", _LENGTHS, lambda generator, x: _attention(generator, length=int(x))),
        Sweep(
            "head-size", "d_k", "head size d_k = d_v", _WIDTHS, lambda generator, x: _attention(generator, width=int(x))
        ),
        Sweep(
            "logits",
            "scores",
            "standard deviation of the scaled scores",
            _DEVIATIONS,
            lambda generator, x: _attention(generator, deviation=x),
        ),
    ),
    "softmax": _OF_ROWS,
    "log_softmax": _OF_ROWS,
    "layer_norm": (
        Sweep("length", "d", "channels", _LENGTHS, lambda generator, x: _normed(generator, length=int(x))),
        Sweep("size", "x", "standard deviation of the channels", _SIZES, lambda g, x: _normed(g, deviation=x)),
    ),
    "rms_norm": (
        Sweep("length", "d", "channels", _LENGTHS, lambda g, x: _normed(g, length=int(x), bias=False)),
        Sweep(
            "size", "x", "standard deviation of the channels", _SIZES, lambda g, x: _normed(g, deviation=x, bias=False)
        ),
    ),
}
"""Of each component whose errors can be drawn."""


@dataclass
class Measured:
    """What one implementation has given along a sweep."""

    points: list[Off | None] = field(default_factory=list)
    """None: a gap."""
    gaps: list[str] = field(default_factory=list)
    """A sentence for each gap, or for several in a row."""


def measure(adapter: Adapter, component: str, dtype: str, seed: int, beside: Adapter | None) -> Shown:
    """Measure every sweep; `beside` is whom the errors are compared with, torch, where it is there."""
    name, sentences, tables, plots = visible(adapter.offer.name, _LONGEST), [], [], []
    compared = beside is not None and component in beside.offer.functions and dtype in beside.offer.dtypes
    for sweep in SWEEPS[component]:
        own = along(adapter, COMPONENTS[component], dtype, sweep, seed)
        other = along(beside, COMPONENTS[component], dtype, sweep, seed) if beside is not None and compared else None
        said = _said(sweep, own, other)
        sentences += [said, *own.gaps]
        tables.append(_table(sweep, own, other))
        plots.append(_plot(name, component, dtype, sweep, own, other, said))
    sentences.append(
        "Errors are in units of the result's root mean square on normal input. W holds for any order of operations, "
        "S for random input: what is above S is no rounding that the adapter declares."
    )
    return Shown(name, f"{name}: errors of {component} in {dtype}", "docs/bounds.md", sentences, tables, plots)


def along(adapter: Adapter, component: Component, dtype: str, sweep: Sweep, seed: int) -> Measured:
    """Call the implementation at each value, and compare what comes; where it hangs or dies, ask no more."""
    subject, measured = Subject(adapter), Measured()
    calls = Calls(subject, component, component.plainest(dtype))
    numerics = subject.held(dtype).loosest
    for place, value in enumerate(sweep.values):
        generator = Generator("properties", component.name, sweep.name, value, seed)
        drawn = sweep.draw(generator, value)
        inputs = Inputs({name: rounded(array, dtype) for name, array in drawn.arrays.items()}, drawn.options)
        try:
            actual = calls.call(inputs, "contiguous")
        except (Violation, Unsupported) as reason:
            measured.points.append(None)
            measured.gaps.append(f"{sweep.head} = {figure(value)}: {reason}.")
            if subject.lost:
                left = len(sweep.values) - place - 1
                measured.points += [None] * left
                measured.gaps += [f"{sweep.head}, beyond that: not asked."] * bool(left)
                break
            continue
        with np.errstate(all="ignore"):
            bound = component.bounds(inputs, numerics, subject.conventions)["result"]
            measured.points.append(off(actual, bound, dtype))
    return measured


def _said(sweep: Sweep, own: Measured, other: Measured | None) -> str:
    """Say in a sentence how large the errors are."""
    every = [(value, point) for value, point in zip(sweep.values, own.points, strict=True) if point is not None]
    known = [(value, point) for value, point in every if point.is_number]
    broken = ", ".join(figure(value) for value, point in every if not point.is_number)
    about = f"Against {sweep.axis}, {figure(sweep.values[0])} to {figure(sweep.values[-1])}"
    said = f"{about}: " + (f"not all of the result are numbers at {broken}" if broken else "")
    if not every:
        return f"{said}nothing could be measured."
    if known:
        value, worst = max(known, key=lambda each: each[1].of_statistical)
        said += "; " * bool(broken)
        said += f"the largest error is {figure(worst.of_statistical)} of S, at {figure(value)}"
    if outside := [value for value, point in known if point.of_statistical > 1]:
        of_w = max(point.of_worst for _, point in known)
        said += f"; it is outside S at {', '.join(map(figure, outside))}, and {figure(of_w)} of W at most"
    if other is not None and (theirs := [point.of_statistical for point in other.points if point is not None]):
        said += f"; torch's is {figure(max(theirs))} of S"
    return said + "."


def _table(sweep: Sweep, own: Measured, other: Measured | None) -> Table:
    heads = [sweep.head, "error", "S", "W", "/ S", "/ W", ""] + ["torch / S"] * (other is not None)
    rows = []
    for place, (value, point) in enumerate(zip(sweep.values, own.points, strict=True)):
        numbers = [point.drawn, point.statistical, point.worst, point.of_statistical, point.of_worst] if point else []
        cells = [figure(each) for each in numbers] or ["-"] * 5
        row = [figure(value), *cells, point.words if point else "no result"]
        if other is not None:
            theirs = other.points[place]
            row.append(figure(theirs.of_statistical) if theirs else "-")
        rows.append(row)
    return Table(f"against {sweep.axis}", heads, rows)


def _plot(
    name: str, component: str, dtype: str, sweep: Sweep, own: Measured, other: Measured | None, said: str
) -> Plot:
    def of(measured: Measured, take: Callable[[Off], float]) -> list[float]:
        return [float("nan") if point is None else take(point) for point in measured.points]

    drawn = of(own, lambda point: point.drawn)
    series = [Series(f"{name}, largest error", sweep.values, drawn, "blue")]
    if other is not None:
        series.append(Series("torch, largest error", sweep.values, of(other, lambda point: point.drawn), "green"))
    whole = own if other is None else Measured([one or two for one, two in zip(own.points, other.points, strict=True)])
    series.append(Series("S, the statistical bound", sweep.values, of(whole, lambda p: p.statistical), "ink", "dotted"))
    series.append(Series("W, the worst case", sweep.values, of(whole, lambda point: point.worst), "ink", "dashed"))
    far = [(v, p.drawn) for v, p in zip(sweep.values, own.points, strict=True) if p and 1 < p.of_statistical < math.inf]
    if far:
        series.append(Series("outside S", [v for v, _ in far], [drawn for _, drawn in far], "red", "crosses"))
    return Plot(
        f"{component}-{dtype}-{sweep.name}",
        f"{name}: {component} in {dtype}, against {sweep.axis}",
        said,
        sweep.axis,
        "error / result's RMS",
        series,
        x_log=True,
        y_log=True,
    )
