"""How close errors come to their bounds, as pictures: by clause, against the sizes that they depend on, and by regime.

All are drawn on one scale of powers of ten, with the bound at 1. What is drawn is what the results of a report say:
a report that was made before it told sizes and regimes has the first picture alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..judging.measured import LEAST

Data = Mapping[str, Any]

_STRIP: Final = 640
"""The width of a strip of marks."""
_MOST: Final = 10 ** (1 / 2)
"""The largest error ratio that a strip has room for."""
_WIDTH, _HEIGHT = 340, 170
"""Of a picture against a size; `_LEFT` of it and `_BELOW` are for the names of ticks."""
_LEFT, _BELOW, _EDGE = 34, 24, 8
_BEYOND: Final = 10.0
"""The error ratio from where on a mark sits at the edge of a picture: it fails, by whatever factor."""
_NAMES: Final = 96
"""The width of the names of regimes."""
_ROW, _LINE = 5, 13
"""The height of a dtype in a picture of regimes, and the least of a regime, which has a name."""


def _share(ratio: float, most: float) -> float:
    """Give where a ratio is between the least and the most, on a scale of powers of ten."""
    inside = min(max(ratio, LEAST), most)
    return math.log(inside / LEAST) / math.log(most / LEAST)


def _across(ratio: float) -> float:
    """Give where a ratio is drawn in a strip."""
    return round(_STRIP * (0.02 + 0.96 * _share(ratio, _MOST)), 1)


def strips(judged: Sequence[Data], dtypes: Sequence[str]) -> dict[str, Any]:
    """Give the marks of each component: one a clause and dtype that has passed and has an error ratio."""
    passed = [each for each in judged if each["status"] == "pass" and each["worst_ratio"]]
    rows = []
    for component in dict.fromkeys(each["component"] for each in passed):
        own = [each for each in passed if each["component"] == component]
        marks = [
            {
                "x": _across(each["worst_ratio"]),
                "y": 4 + 14 * dtypes.index(each["dtype"]) / max(1, len(dtypes) - 1),
                "dtype": each["dtype"] or "none",
                "said": f"{each['clause']} {each['dtype']}: {each['worst_ratio']:.3g}",
            }
            for each in own
        ]
        largest = max(own, key=lambda each: float(each["worst_ratio"]))
        said = f"{component}: {len(own)} checks, the largest ratio {largest['worst_ratio']:.2g} in {largest['clause']}"
        rows.append({"component": component, "marks": marks, "said": said})
    ticks = [{"x": _across(ratio), "text": f"{ratio:g}"} for ratio in (LEAST, 1e-3, 1e-2, 0.1, 1.0)]
    return {"rows": rows, "ticks": ticks, "one": _across(1.0)}


def pictures(judged: Sequence[Data], dtypes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give of each component that tells them its pictures against sizes, and that by regime."""
    telling = [each for each in judged if each.get("measured")]
    for component in dict.fromkeys(each["component"] for each in telling):
        own = [each for each in telling if each["component"] == component]
        names = dict.fromkeys(name for each in own for name, of in each["measured"]["sizes"].items() if _sizes(of))
        found = [_against(name, own) for name in names]
        regimes = _by_regime(own, dtypes)
        if found or regimes["rows"]:
            yield {"component": component, "against": found, "regimes": regimes if regimes["rows"] else None}


def _against(name: str, own: Sequence[Data]) -> dict[str, Any]:
    """Draw the largest ratio and the median against a size."""
    told = _joined([(each["dtype"], _sizes(each["measured"]["sizes"].get(name, {}))) for each in own])
    sizes = sorted({size for of in told.values() for size in of})
    low, high = math.log2(sizes[0]), math.log2(sizes[-1])
    inner = _WIDTH - _LEFT - 2 * _EDGE

    def x(size: int) -> float:
        return round(_LEFT + _EDGE + inner * ((math.log2(size) - low) / (high - low) if high > low else 0.5), 1)

    lines = []
    for dtype, of in told.items():
        points = [
            {
                "x": x(size),
                "y": _up(largest),
                "middle": _up(median),
                "over": largest > 1,
                "said": f"{name} {_up_to(size)}, {dtype}: {_of_cases(cases, median, largest)}",
            }
            for size, (cases, median, largest) in sorted(of.items())
        ]
        lines.append({"dtype": dtype or "none", "points": points})
    step = -(-len(sizes) // 6)
    return {
        "name": name,
        "lines": lines,
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "bottom": _HEIGHT - _BELOW,
        "one": _up(1.0),
        "levels": [{"y": _up(ratio), "text": _tick(ratio)} for ratio in (1e-3, 1e-2, 0.1, 1.0, _BEYOND)],
        "ticks": [{"x": x(size), "text": _in_short(size)} for size in sizes[::step]],
        "said": f"Error against {name}: {'; '.join(_largest_of(told))}",
    }


def _joined(told: Sequence[tuple[str, dict[int, Sequence[float]]]]) -> dict[str, dict[int, Sequence[float]]]:
    """Join what small sizes and those of models tell: all cases, the larger error, and the median of the more cases."""
    found: dict[str, dict[int, Sequence[float]]] = {}
    for dtype, of in told:
        here = found.setdefault(dtype, {}) if of else {}
        for size, numbers in of.items():
            first, second = sorted((numbers, here.get(size, (0, 0.0, 0.0))), key=lambda each: -each[0])
            here[size] = (first[0] + second[0], first[1], max(first[2], second[2]))
    return found


def _of_cases(cases: float, median: float, largest: float) -> str:
    return (
        f"{largest:.3g} of one case"
        if cases == 1
        else f"of {cases} cases at most {largest:.3g}, about half {median:.3g}"
    )


def _sizes(of: Mapping[str, Sequence[float]]) -> dict[int, Sequence[float]]:
    """Read sizes; a report by another hand may have what is none."""
    return {int(size): of[size] for size in of if size.isascii() and size.isdecimal() and len(size) < 18 and int(size)}


def _up(ratio: float) -> float:
    return round(_HEIGHT - _BELOW - (_HEIGHT - _BELOW - _EDGE) * _share(ratio, _BEYOND), 1)


def _up_to(size: int) -> str:
    """Name the sizes that are gathered at a power of two."""
    return f"{size}" if size <= 2 else f"{size // 2 + 1} to {size}"


def _in_short(size: int) -> str:
    """Write a power of two: 128, 4K, 1M."""
    for power, letter in ((20, "M"), (10, "K")):
        if size >= 1 << power:
            return f"{size >> power}{letter}"
    return str(size)


def _largest_of(told: Mapping[str, Mapping[int, Sequence[float]]]) -> Iterator[str]:
    """Say of each dtype which ratio is the largest, and at which size."""
    for dtype, of in told.items():
        ratio, size = max((numbers[2], size) for size, numbers in of.items())
        yield f"{dtype or 'no dtype'} at most {ratio:.3g}, at {_up_to(size)}"


def _by_regime(own: Sequence[Data], dtypes: Sequence[str]) -> dict[str, Any]:
    """Draw for each regime and dtype the largest ratio, the quartiles as a bar, and the median."""
    told = {each["dtype"]: each["measured"]["regimes"] for each in own if each["measured"]["regimes"]}
    present = [dtype for dtype in dtypes if dtype in told]
    names = dict.fromkeys(name for of in told.values() for name in of)
    height = max(_ROW * len(present) + 4, _LINE)
    rows = []
    for place, name in enumerate(names):
        bars = []
        for line, dtype in enumerate(present):
            if name in told[dtype]:
                cases, lower, median, upper, largest = told[dtype][name]
                numbers = f"quartiles {lower:.3g}, {median:.3g}, {upper:.3g} of {cases} cases"
                bars.append(
                    {
                        "dtype": dtype or "none",
                        "y": place * height + (height - _ROW * len(present)) / 2 + _ROW * (line + 0.5),
                        "from": _along(lower),
                        "median": _along(median),
                        "to": _along(upper),
                        "largest": _along(largest),
                        "over": largest > 1,
                        "said": f"{name}, {dtype or 'no dtype'}: largest {largest:.3g}, {numbers}",
                    }
                )
        rows.append({"name": name, "y": place * height + height / 2 + 3, "bars": bars})
    bottom = len(rows) * height
    worst = [f"{dtype or 'no dtype'} at most {max(n[4] for n in told[dtype].values()):.3g}" for dtype in present]
    return {
        "rows": rows,
        "width": _WIDTH,
        "height": bottom + _BELOW - 6,
        "bottom": bottom,
        "left": _NAMES,
        "one": _along(1.0),
        "ticks": [{"x": _along(ratio), "text": _tick(ratio)} for ratio in (1e-3, 1e-2, 0.1, 1.0, _BEYOND)],
        "said": f"Errors by regime, of {len(rows)} regimes: {'; '.join(worst)}",
    }


def _tick(ratio: float) -> str:
    """Name a ratio; the last one has all that is larger."""
    return f"{ratio:g}" + "+" * (ratio == _BEYOND)


def _along(ratio: float) -> float:
    return round(_NAMES + (_WIDTH - _NAMES - _EDGE) * _share(ratio, _BEYOND), 1)
