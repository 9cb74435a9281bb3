"""Profiles: how many cases a clause is judged on. They differ in examples, never in rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Profile:
    """Numbers of cases, for each clause, component and dtype."""

    drawn: int
    """Random cases after the whole covering set, for the clauses that are judged on that."""
    spread: int
    """Cases of the covering set for each other clause."""
    drawn_for_properties: int
    """Random cases for each other clause."""


PROFILES: Final[Mapping[str, Profile]] = {
    "quick": Profile(drawn=0, spread=10, drawn_for_properties=4),
    "standard": Profile(drawn=300, spread=100, drawn_for_properties=50),
    "exhaustive": Profile(drawn=5000, spread=1000, drawn_for_properties=1000),
}
