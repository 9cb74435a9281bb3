"""Where cases come from: a covering set first, then random draws; the same for the same seed.

What a run catches must not hang on luck, so each run begins with the covering set of the component, of which the seed
decides the values alone; except in the quick profile, random draws follow, and find what only three parameters together
show.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from ..terms.at_size import sizes_of_models
from ..terms.case import Case
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.generator import SEEDS, Generator
from ..terms.inputs import Inputs
from .coincidences import coinciding_cases
from .covering import Row, covering_set
from .profiles import Profile
from .sizes import own_shapes

_Item = TypeVar("_Item")

_ATTEMPTS: Final = 100
"""Draws for each case that is wanted: many combinations are inadmissible."""


def covering_cases(component: Component, dtype: str, seed: int) -> list[Case]:
    """Cover every pair of options of every two factors; the seed decides the values."""
    return list(_covering_cases(component, dtype, seed))


@functools.lru_cache(maxsize=2)  # of the component and the dtype that are judged, clause after clause
def _covering_cases(component: Component, dtype: str, seed: int) -> tuple[Case, ...]:
    rows = _covering_rows(component)
    every = [
        component.case([options[k] for options, k in zip(component.factors.values(), row, strict=True)], dtype, 0)
        for row in rows
    ]
    return tuple(case.but(seed=(seed * len(every) + number) % SEEDS) for number, case in enumerate(every))


def generic_cases(
    component: Component, dtype: str, seed: int, count: int, suits: Callable[[Inputs], bool]
) -> list[Case]:
    """Give the first so many generic cases of the covering set, of the plainest options, whose arguments suit."""
    every = (case for case in covering_cases(component, dtype, seed) if component.generic(case))
    found = itertools.islice((case for case in every if suits(component.make(case))), count)
    return [component.with_optional(case) for case in found]


_ROWS: Final[dict[object, list[Row]]] = {}
"""Those of each component, by what they are made from: a component that keeps its bounds is not kept with them."""


def _covering_rows(component: Component) -> list[Row]:
    options_of_each = tuple(tuple(tuple(each.items()) for each in options) for options in component.factors.values())
    key = component.name, options_of_each, component.admissible
    if key not in _ROWS:
        _ROWS[key] = _made_rows(component)
    return _ROWS[key]


def _made_rows(component: Component) -> list[Row]:
    factors = list(component.factors.values())

    def admissible(row: Row) -> bool:
        return component.admissible(
            component.case([options[k] for options, k in zip(factors, row, strict=True)], "float64", 0)
        )

    return covering_set([len(options) for options in factors], admissible)


def drawn_cases(component: Component, dtype: str, seed: int, count: int) -> list[Case]:
    """Draw so many cases, with every option of a factor as likely as the others.

    We do not draw with Hypothesis: it mixes in the constants of whatever modules are loaded, so the same seed would
    give other cases in another program.
    """
    factors = list(component.factors.values())
    generator = Generator("drawn cases", component.name, seed)
    drawn: list[Case] = []
    for _ in range(count * _ATTEMPTS):
        if len(drawn) == count:
            break
        options = [options[int(generator.integers(len(options)))] for options in factors]
        case = component.case(options, dtype, int(generator.integers(SEEDS)))
        if component.admissible(case):
            drawn.append(case)
    return drawn


_FEW: Final = 3
"""Cases at sizes of models where few are asked for."""


def cases_at_size(component: Component, dtype: str, profile: Profile, seed: int) -> list[Case]:
    """Give the cases at the sizes of models of a component whose factors are these.

    The user's own sizes come first: each has a covering set of everything else. The others grow, so that what is wrong
    or does not fit shows early.
    """
    always = [
        component.plainest(dtype, seed + number).but(**each)
        for number, each in enumerate(sizes_of_models(component).always)
    ]
    own = [
        case
        for shape in own_shapes(component, profile.shapes)
        for case in covering_cases(replace(component, factors={**component.factors, "sizes": [shape]}), dtype, seed)
    ]
    every = covering_cases(component, dtype, seed)
    if profile.at_size == "few":
        return [*own, *always[:_FEW], *every[:_FEW]]
    missing = {(name, k) for name, options in component.factors.items() for k in range(len(options))}
    for number, case in enumerate(every if profile.at_size == "each" else ()):
        missing -= set(zip(component.factors, component.option_indices(case), strict=True))
        if not missing:
            every = every[: number + 1]
            break
    sizes = sizes_of_models(component).sizes
    return [*own, *sorted([*always, *every], key=lambda case: math.prod(case[name] for name in sizes))]


def evenly_spaced(every: Sequence[_Item], count: int) -> Iterator[_Item]:
    """Choose so many items, evenly over the list."""
    count = min(count, len(every))
    return (every[number * len(every) // count] for number in range(count))


def cases_of(clause: Clause, component: Component, dtype: str, profile: Profile, seed: int) -> Iterator[Case]:
    """Draw the cases of a clause, each once."""
    if clause.cases is not None:
        every = list(clause.cases(component, dtype, seed))
    elif clause.at_size:
        every = cases_at_size(component, dtype, profile, seed)
    elif clause.covering:
        covering = covering_cases(component, dtype, seed)
        if clause.halved and profile.halves:
            usable = [case for case in covering if clause.prepare(case) is not None]
            covering = usable[: (len(usable) + 1) // 2]
        every = [*component.probes(dtype), *covering]
        every += coinciding_cases(component, dtype, seed)
        every += drawn_cases(component, dtype, seed, profile.drawn)
    else:
        every = [*clause.probes(component, dtype), *covering_cases(component, dtype, seed)[: profile.spread]]
        every += drawn_cases(component, dtype, seed, profile.drawn_for_properties)
    seen = set()
    for case in every:
        prepared = clause.prepare(case)
        # A clause's own cases may be larger than the many.
        if prepared is None or prepared in seen:
            continue
        if clause.cases is not None or component.admissible(prepared):
            seen.add(prepared)
            yield prepared
