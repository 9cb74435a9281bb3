"""Profiles: on how many cases a clause is judged, and whether also where it only explains. The rules are the same.

The quick profile draws nothing at random: what it finds must not hang on the seed, which decides the values alone.
The strict profile has the same cases, with values that nobody knows before the implementation has been loaded.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ..terms.generator import SEEDS


@dataclass(frozen=True)
class Profile:
    """Numbers of cases, for each clause, component and dtype."""

    drawn: int
    """Random cases after the whole covering set, for the clauses that are judged on that."""
    spread: int
    """The first cases of the covering set, for each other clause."""
    drawn_for_properties: int
    """Random cases for each other clause."""
    halves: bool = False
    """Whether half of the covering set has to do, for the clauses whose cases take longest."""
    explains: bool = True
    """Whether the clauses that only explain are judged where nothing has failed, too."""
    at_size: Literal["few", "each", "pairs"] = "each"
    """Of the cases at sizes of models: the first few, until each option has occurred, or every pair of two."""
    shapes: Sequence[Mapping[str, int]] = ()
    """Sizes of the user's own, by their names: a component that has all of them is judged there as well."""
    strict: bool = False
    """Whether the implementation may have been written to pass: the seed is drawn late, and values are asked again."""
    memory: int | None = None
    """The bytes that a case at sizes of models may need; None: whatever it needs."""


PROFILES: Final[Mapping[str, Profile]] = {
    "quick": Profile(drawn=0, spread=14, drawn_for_properties=0, halves=True, explains=False),
    "strict": Profile(drawn=0, spread=14, drawn_for_properties=0, halves=True, explains=False, strict=True),
    "standard": Profile(drawn=300, spread=100, drawn_for_properties=50, at_size="pairs"),
    "exhaustive": Profile(drawn=5000, spread=1000, drawn_for_properties=1000, at_size="pairs"),
}


def profile_with(name: str, shapes: Sequence[Mapping[str, int]], memory: int | None = None) -> Profile:
    """Give the profile of that name, with sizes of the user's own and a budget."""
    return replace(PROFILES[name], shapes=tuple(shapes), memory=memory)


RANDOM: Final = "random"
"""What is asked for in place of a seed, so that one is drawn."""


def seed_for(name: str, asked: int | str | None) -> tuple[int, bool]:
    """Give the seed of a run in a profile, and whether it was drawn now: by then, the adapter should be open.

    It is the one that was asked for, or 0; in the strict profile the system draws it.
    """
    if isinstance(asked, int):
        return asked, False
    late = asked == RANDOM or PROFILES[name].strict
    return (secrets.randbelow(SEEDS) if late else 0), late
