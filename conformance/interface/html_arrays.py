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
_FEWEST_DIGITS, _MOST_DIGITS = 3, 9
"""Digits of a number; what is right to the last of them is told by the difference."""


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
    right: bool
    """Whether no element is wrong, so that something else must be."""


def shown(array: Mapping[str, Any]) -> Shown:
    """Make the tables of one array of a report."""
    actual, expected, ratio = (_numbers(array[name]) for name in ("actual", "expected", "ratio"))
    wrong = [[not each <= 1 for each in row] for row in ratio]
    difference = [[a - e for a, e in zip(*rows, strict=True)] for rows in zip(actual, expected, strict=True)]
    scale = max((abs(each) for row in expected for each in row if math.isfinite(each)), default=0.0)
    one, other = ("actual", "expected") if array.get("due", True) else ("one answer", "the other answer")
    digits = _telling_digits(actual, expected, wrong)
    heats = [
        Heat(one, _cells(actual, wrong, scale, digits)),
        Heat(other, _cells(expected, wrong, scale, digits)),
        Heat("difference", _cells(difference, wrong, _largest(difference), _FEWEST_DIGITS)),
    ]
    rows = _indices(array, "rows", -2, len(actual))
    columns = _indices(array, "columns", -1, len(actual[0]) if actual else 0)
    right = not any(any(row) for row in wrong)
    return Shown(
        _caption(array, len(rows), len(columns)), columns, rows, heats, _bars(ratio, array, rows, columns), right
    )


def _indices(array: Mapping[str, Any], name: str, axis: int, count: int) -> Sequence[int]:
    """Give the indices of the rows or columns, which follow each other where nothing else is said."""
    told = array.get(name, ())
    return told if len(told) == count else range(array["first"][axis], array["first"][axis] + count)


def _caption(array: Mapping[str, Any], height: int, width: int) -> str:
    """Name the array, and say which part of it is shown."""
    shape, before = array["shape"], ", ".join(map(str, array["first"][:-2]))
    where = f"{array['name']}[{before}, :, :]" if before else array["name"]
    whole = (height, width) == tuple([1, 1, *shape][-2:])
    cut = "" if whole else f": {height} by {width} of it, around the worst element"
    return f"{where} of shape {tuple(shape)}{cut}" if shape else where


def _numbers(rows: Sequence[Sequence[float | str]]) -> list[list[float]]:
    return [[float(each) for each in row] for row in rows]


def _largest(rows: Sequence[Sequence[float]]) -> float:
    return max((abs(each) for row in rows for each in row if math.isfinite(each)), default=0.0)


def _telling_digits(
    actual: Sequence[Sequence[float]], expected: Sequence[Sequence[float]], wrong: Sequence[Sequence[bool]]
) -> int:
    """Give the fewest digits with which every wrong element looks unlike what is due."""
    pairs = [
        pair for rows in zip(actual, expected, wrong, strict=True) for *pair, bad in zip(*rows, strict=True) if bad
    ]
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        if all(f"{one:.{digits}g}" != f"{other:.{digits}g}" for one, other in pairs):
            return digits
    return _MOST_DIGITS


def _cells(
    rows: Sequence[Sequence[float]], wrong: Sequence[Sequence[bool]], scale: float, digits: int
) -> list[list[Cell]]:
    return [
        [
            Cell(f"{each:.{digits}g}", f"{each!r}", _level(each, scale), bad)
            for each, bad in zip(row, bad_row, strict=True)
        ]
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
    # Beside what is wrong, what has no error tells nothing.
    telling = [one for one in every if one[0] < 0] or every
    drawn = []
    for negative, i, j in sorted(telling)[:_BARS]:
        each = -negative
        if each <= 1:
            width, said = _BOUND * each, f"{each:.2g} of the {allowed[i][j]:.2g} allowed"
        elif math.isfinite(each):
            decades = min(math.log10(each), _DECADES)
            width = _BOUND * (1 + 2 * decades / _DECADES)
            said = f"{each:.3g} times the {allowed[i][j]:.2g} allowed"
        else:
            width, said = 3 * _BOUND, _of_no_number(array["actual"][i][j], array["expected"][i][j], allowed[i][j])
        place = (*array["first"][:-2], rows[i], columns[j])
        where = ", ".join(map(str, place[len(place) - len(array["shape"]) :]))
        drawn.append(Bar(f"[{where}]" if where else array["name"], round(width, 1), said, each > 1))
    return drawn


def _of_no_number(actual: float | str, expected: float | str, allowed: float) -> str:
    """Say what is wrong where no number of times does."""
    if allowed == 0 and not isinstance(actual, str) and not isinstance(expected, str):
        return "none is allowed"
    return f"{_word(actual)} in place of {_word(expected)}"


def _word(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
