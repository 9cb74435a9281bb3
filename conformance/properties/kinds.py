"""What a topic shows: sentences with measured numbers, tables of these, and plots as data, which `drawing.py` draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..terms.rounding import Array

Colour: TypeAlias = Literal["ink", "faint", "blue", "orange", "green", "red", "purple"]
Style: TypeAlias = Literal["line", "dashed", "dotted", "dots", "crosses"]


@dataclass(frozen=True)
class Series:
    """Points of one plot. A number that is not finite is a gap."""

    name: str
    """As the legend calls it; empty: not there."""
    x: Sequence[float]
    y: Sequence[float]
    colour: Colour
    style: Style = "line"


@dataclass(frozen=True)
class Strip:
    """One rule before right and wrong results, each by its error as a part of what the rule allows."""

    name: str
    right: Sequence[float]
    wrong: Sequence[float]

    def of(self, kind: str) -> Sequence[float]:
        """Give the results of a kind."""
        return self.wrong if kind == "wrong" else self.right

    @property
    def rejected(self) -> int:
        """How many right ones the rule rejects."""
        return sum(each > 1 for each in self.right)

    @property
    def accepted(self) -> int:
        """How many wrong ones the rule accepts."""
        return sum(each <= 1 for each in self.wrong)


@dataclass(frozen=True)
class Plot:
    """One plot."""

    name: str
    """That of its file, without an ending."""
    title: str
    says: str
    """What is seen, for who cannot see it."""
    x: str
    y: str
    series: Sequence[Series] = ()
    x_log: bool = False
    y_log: bool = False
    matrix: Array | None = None
    """Drawn as colours in place of the series: a row of it is a row of the plot, the first on top."""
    strips: Sequence[Strip] = ()
    """Drawn one above the other, in place of the series."""


@dataclass(frozen=True)
class Table:
    """A small table of measured numbers, each written by `figure`, or of words."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """What is shown of one topic, or of one's own kernel."""

    name: str
    title: str
    source: str
    sentences: Sequence[str]
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Topic:
    """Something about the numbers of a Transformer that can be measured."""

    name: str
    title: str
    source: str
    measure: Callable[[int], Shown]
    """What is shown, from a seed; of its name, title and source it says nothing."""

    def shown(self, seed: int) -> Shown:
        """Measure it."""
        return replace(self.measure(seed), name=self.name, title=self.title, source=self.source)


def found(sentences: Sequence[str], tables: Sequence[Table] = (), plots: Sequence[Plot] = ()) -> Shown:
    """Give what a topic shows, which gets its name from the topic."""
    return Shown("", "", "", sentences, tables, plots)


def figure(value: float) -> str:
    """Write three digits; a whole number below ten thousand whole."""
    return str(int(value)) if abs(value) < 10_000 and value == int(value) else f"{value:.3g}"
