"""Strategies of Hypothesis, for tests of one's own."""

from hypothesis import strategies as st

from .cases.drawing import _SEEDS
from .components import COMPONENTS
from .terms.case import Case


def cases(component: str, dtype: str = "float32") -> st.SearchStrategy[Case]:
    """A Hypothesis strategy of the cases of a component, for tests of one's own; it shrinks to small, plain ones."""
    known = COMPONENTS[component]
    options = st.tuples(*(st.sampled_from(list(options)) for options in known.factors.values()))
    drawn = st.builds(lambda chosen, seed: known.case(chosen, dtype, seed), options, st.integers(0, _SEEDS - 1))
    return drawn.filter(known.admissible)
