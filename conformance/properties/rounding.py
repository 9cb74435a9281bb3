"""Rounding error of attention against length: right computations of both precision classes, and scores of 16 bits.

error = max |actual - y| / S, times S      y, W and S from the oracle; docs/bounds.md
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from ...oracle.attention_bound import attention_bound
from ...oracle.rounding.numerics import precision_classes
from ..terms.generator import Generator
from ..terms.rounding import NUMPY, Array, rounded
from ..variants import find
from .errors import Off, off
from .kinds import Colour, Plot, Series, Shown, Table, Topic, figure, found

Measured: TypeAlias = tuple[dict[str, Off], list[Off]]

LENGTHS: Final = (16, 64, 256, 1024, 4096)
_HEADS, _QUERIES, _WIDTH = 2, 32, 64

COMPUTED: Final[dict[str, Sequence[tuple[str, str, int, Colour]]]] = {
    "float32": (
        ("a step at a time, class 1", "attention-plain", 0, "blue"),
        ("over tiles of 64 keys, class 1", "attention-tiled-64", 0, "green"),
        ("scores kept in float16", "attention-scores-float16", 0, "red"),
    ),
    "bfloat16": (
        ("all in float32, class 1", "attention-plain", 0, "blue"),
        ("weights kept in bfloat16, class 2", "attention-probabilities-rounded", 1, "green"),
        ("scores kept in bfloat16", "scores-narrow", 1, "red"),
    ),
    "float16": (
        ("all in float32, class 1", "attention-plain", 0, "blue"),
        ("weights kept in float16, class 2", "attention-probabilities-rounded", 1, "green"),
        ("scores kept in float16", "scores-narrow", 1, "red"),
    ),
}
"""What is compared in each format: words, the variant that computes so, the place of its class, its colour."""


def arguments(dtype: str, length: int, seed: int) -> dict[str, Array]:
    """Draw query, key and value of mean 0 and variance 1, exact in the dtype."""
    shapes = {"query": _QUERIES, "key": length, "value": length}
    generator = Generator("properties", "rounding", length, seed)
    return {name: rounded(generator.standard_normal((1, _HEADS, rows, _WIDTH)), dtype) for name, rows in shapes.items()}


def errors(dtype: str, length: int, seed: int) -> Measured:
    """Give the error of each computation beside the bound of its class; then the first one's beside that of each."""
    given = arguments(dtype, length, seed)
    bounds = [
        attention_bound(given["query"], given["key"], given["value"], numerics=numerics)
        for _, numerics in precision_classes(dtype)
    ]
    narrow = {name: array.astype(NUMPY[dtype]) for name, array in given.items()}
    actual = {name: find(name).function(**narrow).astype(np.float64) for _, name, *_ in COMPUTED[dtype]}
    each = {words: off(actual[name], bounds[place], dtype) for words, name, place, _ in COMPUTED[dtype]}
    return each, [off(next(iter(actual.values())), bound, dtype) for bound in bounds]


def measure(seed: int) -> Shown:
    """Measure every format at every length."""
    every = {dtype: [errors(dtype, length, seed) for length in LENGTHS] for dtype in COMPUTED}
    sentences = [_said(dtype, measured) for dtype, measured in every.items()]
    sentences.append(
        f"Errors are in units of the result's root mean square; {_HEADS} heads, {_QUERIES} queries, d_k = {_WIDTH}, "
        "normal numbers. W holds for any order of operations on any input, S for random input."
    )
    tables = [_table(dtype, measured) for dtype, measured in every.items()]
    return found(sentences, tables, [_plot(dtype, measured) for dtype, measured in every.items()])


def _said(dtype: str, measured: Sequence[Measured]) -> str:
    """Say how right and wrong ones stand to the bound, and how the bounds grow."""
    *right, scores = (words for words, *_ in COMPUTED[dtype])
    most = max(each[words].of_statistical for each, _ in measured for words in right)
    narrow = max(each[scores].of_statistical for each, _ in measured)
    first, last = (bounds[-1] for _, bounds in (measured[0], measured[-1]))
    return (
        f"{dtype}, {LENGTHS[0]} to {LENGTHS[-1]} keys: right computations come to {figure(most)} of S at most; with "
        f"{scores}, {figure(narrow)} of S. S is {figure(first.statistical)} of the result at {LENGTHS[0]} keys and "
        f"{figure(last.statistical)} at {LENGTHS[-1]}; W grows from {figure(first.worst)} to {figure(last.worst)}."
    )


def _table(dtype: str, measured: Sequence[Measured]) -> Table:
    rows = [
        [
            str(length),
            *(figure(one.drawn) for one in each.values()),
            *(figure(value) for bound in bounds for value in (bound.statistical, bound.worst)),
        ]
        for length, (each, bounds) in zip(LENGTHS, measured, strict=True)
    ]
    words = (each for each, *_ in COMPUTED[dtype])
    return Table(f"{dtype}: the largest error, and the bounds", ("keys", *words, *_bounds(dtype)), rows)


def _bounds(dtype: str) -> list[str]:
    """Name the bounds of each class."""
    classes = [number for number, _ in precision_classes(dtype)]
    return [f"{name} of class {number}" for number in classes for name in ("S", "W")]


def _plot(dtype: str, measured: Sequence[Measured]) -> Plot:
    series = [
        Series(words, LENGTHS, [each[words].drawn for each, _ in measured], colour)
        for words, _, _, colour in COMPUTED[dtype]
    ]
    names = iter(_bounds(dtype))
    last = len(measured[0][1]) - 1
    for place in range(last + 1):
        colour: Colour = "ink" if place == last else "faint"
        of_class = [bounds[place] for _, bounds in measured]
        series.append(Series(next(names), LENGTHS, [each.statistical for each in of_class], colour, "dotted"))
        series.append(Series(next(names), LENGTHS, [each.worst for each in of_class], colour, "dashed"))
    return Plot(
        f"rounding-{dtype}",
        f"Attention in {dtype}: the largest error against length",
        _said(dtype, measured),
        "keys",
        "error / result's RMS",
        series,
        x_log=True,
        y_log=True,
    )


TOPIC: Final = Topic("rounding", "Rounding error of attention against length", "docs/bounds.md", measure)
