"""Plots as SVG, by matplotlib: the same bytes for the same numbers, light and dark as the reader's screen is.

Colours are those of the pages. What matplotlib writes is light; a style sheet of the picture itself turns each colour
into its dark one where the reader prefers that, so that one file serves both, alone or in a page.
"""

import html
import io
import math
import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .kinds import Plot, Series
from .strips import draw_strips

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "ink": ("#1b1f24", "#e6e9ec"),
    "faint": ("#57606a", "#9aa5b1"),
    "rule": ("#d0d7de", "#323a43"),
    "paper": ("#fefefe", "#0f1317"),
    "blue": ("#0550ae", "#7ab8ff"),
    "orange": ("#9a5b00", "#e8b64c"),
    "green": ("#1a6f37", "#6fd08c"),
    "red": ("#b3261e", "#ff8a80"),
    "purple": ("#5b3fa0", "#b9a3f5"),
}
"""Each in the light and in the dark."""

LACKING: Final = "plots are drawn by matplotlib, which is not installed: pip install 'assay[plots]'"

_STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "line": {"linewidth": 1.6, "marker": "o", "markersize": 3.5},
    "dashed": {"linewidth": 1.4, "linestyle": (0, (5, 2))},
    "dotted": {"linewidth": 1.4, "linestyle": (0, (1.2, 1.6))},
    "dots": {"linestyle": "none", "marker": "o", "markersize": 3.5},
    "crosses": {"linestyle": "none", "marker": "x", "markersize": 7, "markeredgewidth": 2},
}
_MANY: Final = 40
"""Points of a line from which on it has no marks."""

_LINE: Final = 58
"""Letters of a title."""

_FEW: Final = 100
"""Times the lowest number, up to which powers of ten alone would be too few marks of an axis."""

WIDTH, HEIGHT = 5.2, 3.6
"""Inches: at the width of a telephone its letters can still be read."""


def _settings() -> Any:
    """Give what matplotlib must know for colours of ours and for the same bytes at every call."""
    ink, faint = COLOURS["ink"][0], COLOURS["faint"][0]
    return {
        "svg.hashsalt": "assay",
        "svg.fonttype": "none",
        "font.size": 9.5,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": faint,
        "xtick.color": faint,
        "ytick.color": faint,
        "axes.facecolor": COLOURS["paper"][0],
        "figure.facecolor": COLOURS["paper"][0],
        "axes.grid": True,
        "grid.color": COLOURS["rule"][0],
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
    }


def can_draw() -> bool:
    """Say whether matplotlib is there."""
    try:
        import matplotlib  # noqa: F401  (an extra)
    except ImportError:
        return False
    return True


def svg(plot: Plot, width: float = WIDTH) -> str:
    """Draw a plot, so many inches wide."""
    import matplotlib as mpl  # an extra
    from matplotlib.figure import Figure

    with mpl.rc_context(_settings()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that its own font lacks, and the reader's has
        size = (width, HEIGHT * (1 + 0.3 * (len(plot.strips) > 1)))
        figure: Any = Figure(figsize=size, layout="constrained")
        if plot.strips:
            draw_strips(figure, plot, COLOURS)
        else:
            axes = figure.subplots()
            (_lines if plot.matrix is None else _colour)(figure, axes, plot)
            axes.set_xlabel(_plain(plot.x))
            axes.set_ylabel(_plain(plot.y))
        figure.suptitle(
            textwrap.fill(_plain(plot.title), int(_LINE * width / WIDTH)),
            x=0.02,
            ha="left",
            fontsize=10.5,
            fontweight="bold",
        )
        return _text_of(figure, plot.says)


def _text_of(figure: Any, says: str) -> str:
    """Write a figure of matplotlib as SVG that is light or dark, and says in words what it shows."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = file.getvalue().decode()
    opening = re.search(r"<svg ([^>]*)>", drawn)
    assert opening is not None
    label = html.escape(f"assay properties: {says}")
    begun = f'<svg role="img" aria-label="{label}" {opening[1]}>\n<style>{_style_sheet()}</style>'
    return begun + drawn[opening.end() :].rstrip() + "\n"


def _style_sheet() -> str:
    """Give what makes each colour dark: it outweighs what stands at the elements themselves."""
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in COLOURS.values()
        for what in ("fill", "stroke")
    )
    return f"@media(prefers-color-scheme:dark){{{rules}}}"


def _lines(figure: Any, axes: Any, plot: Plot) -> None:
    from matplotlib.ticker import LogLocator

    for each in plot.series:
        style = dict(_STYLES[each.style])
        if each.style == "line" and len(each.x) > _MANY:
            style["marker"] = ""
        y = [value if math.isfinite(value) else math.nan for value in each.y]
        axes.plot(each.x, y, color=COLOURS[each.colour][0], label=_plain(each.name) or "_", **style)
    if plot.x_log:
        axes.set_xscale("log", base=2 if _doubling(plot.series) else 10)
    if plot.y_log:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        if high < _FEW * low:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if _doubling(plot.series) and plot.x_log:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    if named := [each for each in plot.series if each.name]:
        figure.legend(loc="outside lower left", ncols=1 + (len(named) > 3))


def _doubling(series: Sequence[Series]) -> bool:
    """Say whether every place on the x axis is a power of two."""
    return all(x > 0 and math.frexp(x)[0] == 0.5 for each in series for x in each.x)


def _colour(figure: Any, axes: Any, plot: Plot) -> None:
    drawn = axes.imshow(plot.matrix, aspect="auto", interpolation="nearest", cmap="RdBu_r")
    axes.grid(visible=False)
    figure.colorbar(drawn, ax=axes, shrink=0.9)


def _plain(text: str) -> str:
    """Give a text in which a dollar sign begins no formula."""
    return text.replace("$", r"\$")
