"""Where cases come from: a covering set first, then draws of Hypothesis; the same for the same seed.

What a run catches must not hang on luck, so each run begins with the covering set of the component; random draws
follow, and find what only three parameters together show.
"""

import functools
import tempfile
from collections.abc import Iterator
from typing import Final

import hypothesis
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from .case import Case
from .component import COMPONENTS, Component
from .covering import Row, covering_set

_SEEDS: Final = 2**31


def cases(component: str, dtype: str = "float32") -> st.SearchStrategy[Case]:
    """A Hypothesis strategy of the cases of a component, for tests of one's own; it shrinks to small, plain ones."""
    known = COMPONENTS[component]
    options = st.tuples(*(st.sampled_from(list(options)) for options in known.factors.values()))
    drawn = st.builds(lambda chosen, seed: known.case(chosen, dtype, seed), options, st.integers(0, _SEEDS - 1))
    return drawn.filter(known.admissible)


def covering_cases(component: Component, dtype: str, seed: int) -> list[Case]:
    """Every pair of options of every two factors, and the component's probes; values by the seed."""
    rows = _covering_rows(component.name)
    every = [
        component.case([options[k] for options, k in zip(component.factors.values(), row, strict=True)], dtype, 0)
        for row in rows
    ]
    return [case.but(seed=(seed * len(every) + number) % _SEEDS) for number, case in enumerate(every)]


@functools.cache
def _covering_rows(name: str) -> list[Row]:
    component = COMPONENTS[name]
    factors = list(component.factors.values())

    def admissible(row: Row) -> bool:
        return component.admissible(
            component.case([options[k] for options, k in zip(factors, row, strict=True)], "float64", 0)
        )

    return covering_set([len(options) for options in factors], admissible)


def drawn_cases(component: Component, dtype: str, seed: int, count: int) -> list[Case]:
    """So many draws, in the order in which Hypothesis makes them."""
    drawn: list[Case] = []
    if count == 0:
        return drawn

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(cases(component.name, dtype))
    def draw(case: Case) -> None:
        drawn.append(case)

    with tempfile.TemporaryDirectory() as folder:
        # Hypothesis keeps constants that it found in source files; a run leaves nothing behind.
        set_hypothesis_home_dir(folder)
        try:
            draw()
        finally:
            set_hypothesis_home_dir(None)
    return drawn


def spread(every: list[Case], count: int) -> Iterator[Case]:
    """So many of them, evenly over the list."""
    count = min(count, len(every))
    return (every[number * len(every) // count] for number in range(count))
