"""Memory: what is free, what a case at the sizes of models needs, and what judge and implementation have had."""

import math
from collections.abc import Mapping
from typing import Final

from ...adapters import Adapter, free, in_words, peak_of
from ..terms.case import Case
from ..terms.component import REGISTERED

SHARE: Final = 4
"""By default, one part of so many of what is free may be used."""

_BASE: Final = 2**27
"""Bytes that a case needs at any size."""

_OF_ARGUMENTS, _OF_GRADIENTS, _OF_RESULTS, _OF_INSIDE = 6, 18, 48, 24
"""How often arguments, their gradients, results, and the largest array on the way are held, as measured."""


def budget_by_default() -> int | None:
    """Return a quarter of what is free in bytes; None where the system does not say what is."""
    left = free()
    return None if left is None else left // SHARE


def peaks(adapter: Adapter) -> dict[str, int]:
    """Return the most memory that judge and implementation have had so far, of those of which it is known."""
    each = {"judge": peak_of(), "implementation": adapter.peak}
    return {name: size for name, size in each.items() if size is not None}


def too_large(case: Case, memory: int | None) -> str:
    """Say why there is no memory for a case at the sizes of models; empty where there is."""
    needed = needs(case)
    if memory is None or needed <= memory:
        return ""
    return f"a case of this size needs about {in_words(needed)}, and {in_words(memory)} are there (--memory)"


def needs(case: Case) -> int:
    """Estimate how many bytes judge and implementation need for a case: rather more than they do.

    The arrays, and what the judge computes on the way, in float64 and as often as the oracle's expressions and bounds
    hold them at once; 0 of a component without sizes of models. What an implementation holds on the way is not known.
    """
    component = REGISTERED[case.component]
    if component.at_size is None:
        return 0
    row, inside = component.row, component.at_size.inside(case)
    words = {word for axes in (*row.arrays.values(), *row.results.values()) for word in axes.split()}
    sizes = {name: int(case[name]) for name in component.at_size.sizes if name != "axes"}
    further = math.prod(size for name, size in sizes.items() if name not in words)

    def numbers(arrays: Mapping[str, str]) -> int:
        return sum(math.prod(_size(word, sizes, further) for word in axes.split()) for axes in arrays.values())

    differentiated = component.gradient is not None and component.at_size.differentiated(case)
    of_arguments = _OF_ARGUMENTS + (_OF_GRADIENTS if differentiated else 0)
    copies = of_arguments * numbers(row.arrays) + _OF_RESULTS * numbers(row.results) + _OF_INSIDE * inside
    return _BASE + 8 * copies


def is_small(case: Case) -> bool:
    """Say whether the arrays of a case need less than any case does beside them, so that further ones take no time."""
    return needs(case) < 2 * _BASE


def _size(word: str, sizes: Mapping[str, int], further: int) -> int:
    """Give the size of an axis; `...` are those that have no word, and those of all heads are side by side."""
    if word == "...":
        return further
    return sizes[word] if word in sizes else sizes["heads"] * sizes[word.removeprefix("h")]
