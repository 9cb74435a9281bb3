"""The catalogue's wrong variants before the clauses: which of them each violates."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ...adapters import Adapter, open_object
from ..cases.profiles import PROFILES, Profile
from ..cases.sizes import drawn_for
from ..components import CLAUSES, COMPONENTS
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.recent import RecentReplies
from ..terms.subject import Subject
from ..variants import Variant, find
from .sharing import sharing
from .trying import Tried, trying

Pair = tuple[str, str]
"""Clause and dtype."""

_NOTHING: Final = 0
"""Bytes of replies that are kept: those of hundreds of implementations to hundreds of cases would fill the memory."""


def opened(several: Iterable[Variant], dtype: str) -> Iterator[tuple[Variant, Adapter]]:
    """Open those that are to be judged in a dtype; all where it is empty."""
    for variant in several:
        if not dtype or dtype in variant.dtypes:
            yield variant, open_object(variant.adapter(), variant.name)


def tried_by_each(
    clause: Clause, component: Component, dtype: str, profile: Profile, seed: int, adapters: Sequence[Adapter]
) -> list[Tried]:
    """Put the cases of a clause to many implementations; `component` should come from `sharing`."""
    subjects = [Subject(adapter, RecentReplies(_NOTHING)) for adapter in adapters]
    return trying(clause, drawn_for(clause, component), dtype, profile, seed, subjects).go_on()


def violated(name: str, seed: int, pairs: Mapping[str, Sequence[Pair]]) -> dict[str, set[Pair]]:
    """Say which of the clauses each variant of a component violates with that seed, of those asked for."""
    component = sharing(COMPONENTS[name])
    asked = defaultdict(list)
    for variant, each in pairs.items():
        for pair in each:
            asked[pair].append(variant)
    found: dict[str, set[Pair]] = {variant: set() for variant in pairs}
    for (clause, dtype), names in sorted(asked.items(), key=lambda item: (item[0][1], item[0][0])):
        every = list(opened(map(find, names), dtype))
        adapters = [adapter for _, adapter in every]
        judged = tried_by_each(CLAUSES[clause], component, dtype, PROFILES["quick"], seed, adapters)
        for (of, _), one in zip(every, judged, strict=True):
            if one.failure is not None:
                found[of.name].add((clause, dtype))
    return found


def violated_in_turn(item: tuple[str, Sequence[str]]) -> tuple[str, list[str]]:
    """Say which of the clauses a variant violates with seed 0, in any dtype."""
    name, clauses = item
    variant = find(name)
    dtypes = variant.dtypes if COMPONENTS[variant.component].has_dtype else ("",)
    return name, [
        clause
        for clause in clauses
        if any(violated(variant.component, 0, {name: [(clause, dtype)]})[name] for dtype in dtypes)
    ]
