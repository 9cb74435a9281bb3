"""Detokenization: the text whose tokens they are. Sennrich, Haddow and Birch 2016, section 3.2.

    text = t_1 t_2 ... t_n

A merge joins its parts and changes nothing else, so joining the tokens undoes any number of them: it needs no merges.
"""

from collections.abc import Sequence

from .spec_error import SpecError
from .tokenize import pairs_of


def detokenize(tokens: Sequence[str], merges: Sequence[Sequence[str]]) -> str:
    """Give the tokens, joined; SpecError if they are no texts or the merges are no pairs of texts."""
    pairs_of("detokenize", merges)
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            raise SpecError(f"detokenize: tokens[{place}] is a {type(token).__name__}, but should be a str")
    return "".join(tokens)
