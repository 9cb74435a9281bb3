"""The arrays of a failing case on the page: actual, expected, difference as heat maps; errors beside their bounds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LEVELS: Final = 5
"""Shades of a sign, as the style sheet has them."""
_BARS: Final = 8
"""Elements that are drawn beside their bounds, the worst first."""
_BOUND: Final = 100
"""Where the bound is drawn in a bar of 300."""
_DECADES: Final = 6
"""Powers of ten beyond the bound that a bar has room for."""


@dataclass(frozen=True)
class Cell:
    """One element."""

    text: str
    exact: str
    level: int
    """Its sign and size, from -5 to 5."""
    wrong: bool


@dataclass(frozen=True)
class Heat:
    """One array as a table."""

    name: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Bar:
    """The error of one element beside its bound."""

    where: str
    width: float
    said: str
    over: bool


@dataclass(frozen=True)
class Shown:
    """What a cause looks like in one array."""

    caption: str
    columns: Sequence[int]
    rows: Sequence[int]
    heats: Sequence[Heat]
    bars: Sequence[Bar]


def shown(array: Mapping[str, Any]) -> Shown:
    """Make the tables of one array of a report."""
    actual, expected, ratio = (_numbers(array[name]) for name in ("actual", "expected", "ratio"))
    wrong = [[not each <= 1 for each in row] for row in ratio]
    difference = [[a - e for a, e in zip(*rows, strict=True)] for rows in zip(actual, expected, strict=True)]
    first, shape = array["first"], array["shape"]
    height, width = len(actual), len(actual[0]) if actual else 0
    before = ", ".join(map(str, first[:-2]))
    where = f"{array['name']}[{before}, :, :]" if before else array["name"]
    whole = (height, width) == tuple([1, 1, *shape][-2:])
    cut = "" if whole else f": {height} by {width} of it, around the worst element"
    caption = f"{where} of shape {tuple(shape)}{cut}" if shape else where
    scale = max((abs(each) for row in expected for each in row if math.isfinite(each)), default=0.0)
    heats = [
        Heat("actual", _cells(actual, wrong, scale)),
        Heat("expected", _cells(expected, wrong, scale)),
        Heat("difference", _cells(difference, wrong, _largest(difference))),
    ]
    columns, rows = range(first[-1], first[-1] + width), range(first[-2], first[-2] + height)
    bars = _bars(ratio, array, list(rows), list(columns))
    return Shown(caption, list(columns), list(rows), heats, bars)


def _numbers(rows: Sequence[Sequence[float | str]]) -> list[list[float]]:
    return [[float(each) for each in row] for row in rows]


def _largest(rows: Sequence[Sequence[float]]) -> float:
    return max((abs(each) for row in rows for each in row if math.isfinite(each)), default=0.0)


def _cells(rows: Sequence[Sequence[float]], wrong: Sequence[Sequence[bool]], scale: float) -> list[list[Cell]]:
    return [
        [Cell(f"{each:.3g}", f"{each!r}", _level(each, scale), bad) for each, bad in zip(row, bad_row, strict=True)]
        for row, bad_row in zip(rows, wrong, strict=True)
    ]


def _level(value: float, scale: float) -> int:
    """Give the shade of a number beside the largest: 0 for 0 and for what is no number."""
    if math.isnan(value) or not value:
        return 0
    share = min(abs(value) / scale, 1.0) if scale else 1.0
    return int(math.copysign(max(1, round(_LEVELS * share)), value))


def _bars(
    ratio: Sequence[Sequence[float]], array: Mapping[str, Any], rows: Sequence[int], columns: Sequence[int]
) -> list[Bar]:
    """Draw the worst elements: within the bound to scale, beyond it by powers of ten."""
    allowed = _numbers(array["allowed"])
    every = [(-each, i, j) for i, row in enumerate(ratio) for j, each in enumerate(row)]
    drawn = []
    for negative, i, j in sorted(every)[:_BARS]:
        each = -negative
        if each <= 1:
            width, said = _BOUND * each, f"{each:.2g} of the {allowed[i][j]:.2g} allowed"
        elif math.isfinite(each):
            decades = min(math.log10(each), _DECADES)
            width = _BOUND * (1 + 2 * decades / _DECADES)
            said = f"{each:.3g} times the {allowed[i][j]:.2g} allowed"
        else:
            width, said = 3 * _BOUND, f"no number of this kind is due, or {allowed[i][j]:.2g} is allowed"
        where = ", ".join(map(str, (*array["first"][:-2], rows[i], columns[j])))
        drawn.append(Bar(f"[{where}]", round(width, 1), said, each > 1))
    return drawn
