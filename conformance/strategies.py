"""Strategies of Hypothesis, for property-based tests of one's own: `pip install 'assay[hypothesis]'`."""

try:
    from hypothesis import strategies as st
except ImportError as error:
    message = "assay.conformance.strategies needs Hypothesis: pip install 'assay[hypothesis]'"
    raise ImportError(message) from error

from .components import COMPONENTS
from .terms.case import Case
from .terms.generator import SEEDS


def cases(component: str, dtype: str = "float32") -> st.SearchStrategy[Case]:
    """Make a Hypothesis strategy of a component's cases, for tests of one's own; it shrinks to small, plain ones."""
    known = COMPONENTS[component]
    options = st.tuples(*(st.sampled_from(list(options)) for options in known.factors.values()))
    drawn = st.builds(lambda chosen, seed: known.case(chosen, dtype, seed), options, st.integers(0, SEEDS - 1))
    return drawn.filter(known.admissible)
