"""One axis for several rules: results of right implementations upwards, of wrong ones downwards, the line at 1."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from .kinds import Plot, Strip

_LEAST, _MOST = -3.0, 4.0
"""Powers of ten that are drawn; what is smaller or larger, or no number, stands in the last bar."""
_BARS: Final = 28
_LOWEST: Final = 0.04
"""The height of a bar of one result, at least."""
_KINDS: Final = ("right", "wrong")


def draw_strips(figure: Any, plot: Plot, colours: Mapping[str, tuple[str, str]]) -> None:
    """Draw a strip for each rule, on one axis."""
    right, wrong, ink, faint = (colours[name][0] for name in ("blue", "red", "ink", "faint"))
    every = figure.subplots(len(plot.strips), 1, sharex=True, sharey=True)
    edges = np.linspace(_LEAST, _MOST, _BARS + 1)
    # Of each kind the highest bar has the height 1, and no bar is too low to be seen.
    most = [max(_counted(strip.of(kind), edges).max() for strip in plot.strips) for kind in _KINDS]
    for axes, strip in zip(every, plot.strips, strict=True):
        for kind, highest, sign, colour in zip(_KINDS, most, (1, -1), (right, wrong), strict=True):
            counts = _counted(strip.of(kind), edges)
            heights = sign * np.where(counts, np.maximum(counts / highest, _LOWEST), 0)
            axes.bar(edges[:-1], heights, np.diff(edges) * 0.86, align="edge", color=colour)
        axes.axhline(0, color=faint, linewidth=0.8)
        axes.axvline(0, color=ink, linewidth=2)
        axes.grid(visible=False)
        axes.set_ylim(-1.45, 1.45)
        axes.set_xlim(_LEAST, _MOST)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_title(strip.name, loc="left", fontsize=9.5, color=ink)
        _tell(axes, strip, (right, wrong))
    powers = range(int(_LEAST), int(_MOST) + 1)
    every[-1].set_xticks(powers, [*(f"{10.0**k:g}" for k in powers[:-1]), "more"])
    every[-1].set_xlabel(plot.x)


def _counted(values: Sequence[float], edges: Any) -> Any:
    """Count what falls into each bar."""
    with np.errstate(divide="ignore"):
        powers = np.log10(np.asarray(values, float))
    # An error of exactly 1 is allowed, and stands before the line.
    inside = np.clip(powers, edges[0], edges[-1] - 1e-9)
    places = np.clip(np.ceil((inside - edges[0]) / (edges[1] - edges[0])).astype(int) - 1, 0, len(edges) - 2)
    return np.bincount(places, minlength=len(edges) - 1)


def _tell(axes: Any, strip: Strip, colours: tuple[str, str]) -> None:
    """Write at each side of the line what stands there: rejected right ones, accepted wrong ones."""
    right, wrong = len(strip.right), len(strip.wrong)
    words = (
        (-0.08, 1, "right", f"right ones accepted: {right - strip.rejected} of {right}", colours[0], "normal"),
        (0.08, 1, "left", f"right ones rejected: {strip.rejected}", colours[0], _weight(strip.rejected)),
        (-0.08, -1, "right", f"wrong ones accepted: {strip.accepted}", colours[1], _weight(strip.accepted)),
        (0.08, -1, "left", f"wrong ones rejected: {wrong - strip.accepted} of {wrong}", colours[1], "normal"),
    )
    for x, sign, side, text, colour, weight in words:
        axes.text(x, sign * 1.25, text, ha=side, va="center", fontsize=8.5, color=colour, fontweight=weight)


def _weight(count: int) -> str:
    """Print what is amiss in bold."""
    return "bold" if count else "normal"
