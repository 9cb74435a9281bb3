"""Sizes that agree on purpose: what tells axes from each other by their sizes is right until two of them are equal.

A component names the sizes of its axes. All of them differ in one case, all agree in one, and in a few more they agree
by pairs, each two in one of them, with all else unlike: a round of a tournament is a case. Where there is a mask, each
of them comes with masks of several shapes.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from ..terms.case import Case, Value
from ..terms.component import Component
from ..terms.generator import SEEDS

MASKS: Final = ("none", "padding-right", "per-head", "random", "causal")
"""Masks of unlike shapes: for items, for heads, for queries."""

_SMALLEST: Final = 2


def coinciding_cases(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give the cases whose sizes agree by pairs, all together, or not at all; the seed decides the values."""
    plain = component.plainest(dtype)
    known = {option[name] for options in component.factors.values() for option in options for name in option}
    masks = [{"mask": mask} for mask in MASKS if mask in known] if "mask" in plain else [{}]
    found = [plain.but(**sizes, **mask) for sizes in _agreeing(component, plain) for mask in masks]
    return [case.but(seed=(seed * len(found) + number) % SEEDS) for number, case in enumerate(found)]


def _agreeing(component: Component, plain: Case) -> Iterator[dict[str, Value]]:
    """Give sizes for each way in which they agree; those that a component does not admit are left out."""
    names = component.coinciding
    for together in _ways(names):
        for values in itertools.permutations(range(_SMALLEST, _SMALLEST + len(together))):
            sizes: dict[str, Value] = {}
            for group, value in zip(together, values, strict=True):
                sizes |= dict.fromkeys(group, value)
            if component.admissible(plain.but(**sizes)):
                yield sizes
                break


def _ways(names: Sequence[str]) -> list[list[tuple[str, ...]]]:
    """List partitions of the names: each for itself, all together, and the rounds of a tournament of pairs."""
    if len(names) < 2:
        return []
    seats = [*names, *([""] if len(names) % 2 else [])]
    ways: list[list[tuple[str, ...]]] = [[(name,) for name in names], [tuple(names)]]
    for _ in seats[1:]:
        pairs = zip(seats[: len(seats) // 2], reversed(seats[len(seats) // 2 :]), strict=True)
        ways.append([tuple(name for name in pair if name) for pair in pairs])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return [way for number, way in enumerate(ways) if way not in ways[:number]]
