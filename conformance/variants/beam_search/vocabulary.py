"""Beam search, wrong in a large vocabulary: tokens beyond a number that are never chosen, or kept in too few bits."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import Found, beam_arrays


def _seeing(limit: int) -> Callable[..., Found]:
    """Make a search that never chooses a token from the limit on."""

    def search(log_probabilities: Array, **options: Any) -> Found:
        table = log_probabilities.copy()
        table[:, limit:] = -np.inf
        return beam_arrays(table, **options)

    return search


for _limit, _sentence in (
    (1024, "The last part of a vocabulary beyond 1,024 tokens is never chosen."),
    (2048, "Tokens that fill no tile of 2,048 are never chosen."),
):
    variant(f"beam-tokens-beyond-{_limit}", "beam_search", _sentence, needs=f"more than {_limit} tokens")(
        _seeing(_limit)
    )


@variant(
    "beam-tokens-in-float16",
    "beam_search",
    "The tokens pass through float16, which skips every second one beyond 2,048.",
    needs="an odd token beyond 2,048",
)
def beam_tokens_in_float16(log_probabilities: Array, **options: Any) -> Found:
    found = beam_arrays(log_probabilities, **options)
    return [([int(np.float16(token)) for token in tokens], score) for tokens, score in found]


@variant(
    "beam-tokens-in-a-byte",
    "beam_search",
    "The tokens that were taken are kept in a byte.",
    needs="more than 256 tokens",
)
def beam_tokens_in_a_byte(log_probabilities: Array, **options: Any) -> Found:
    found = beam_arrays(log_probabilities, **options)
    return [([token % 256 for token in tokens], score) for tokens, score in found]
