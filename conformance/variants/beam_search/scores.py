"""Beam search with wrong scores: the length penalty, the length, the sum."""

import functools
from collections.abc import Callable

import ml_dtypes
import numpy as np

from ..arithmetic import Array, widened
from ..catalogue import WIDE, variant
from .right import Found, Tokens, penalty, searched, wu


def scored(score: Callable[[float, float, Tokens], float]) -> Callable[..., Found]:
    """Make a search with another score, of (alpha, sum, tokens)."""

    def function(
        log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
    ) -> Found:
        table = widened(log_probabilities)
        own = functools.partial(score, length_penalty)
        return searched(table, beam_size, max_length, start, end, length_penalty, score=own)

    return function


_seen: tuple[str, ...]
for _name, _sentence, _seen, _score in (
    (
        "power-of-length",
        "The penalty is length^alpha.",
        ("huggingface/transformers#19006",),
        lambda alpha, total, tokens: total / max(len(tokens) - 1, 1) ** alpha,
    ),
    (
        "no-penalty",
        "The length penalty is ignored.",
        ("OpenNMT/OpenNMT-tf#456",),
        lambda alpha, total, tokens: total,
    ),
    (
        "start-counted",
        "The length counts start.",
        ("huggingface/transformers#26624", "vllm-project/vllm#2606"),
        lambda alpha, total, tokens: total / penalty(len(tokens), alpha),
    ),
    (
        "end-not-counted",
        "The length does not count the last token.",
        (),
        lambda alpha, total, tokens: total / penalty(max(len(tokens) - 2, 0), alpha),
    ),
    (
        "multiplied",
        "The penalty multiplies.",
        ("huggingface/transformers#19006",),
        lambda alpha, total, tokens: total * penalty(len(tokens) - 1, alpha),
    ),
    (
        "mean",
        "The score is the mean of the steps, whatever alpha is.",
        (),
        lambda alpha, total, tokens: total / max(len(tokens) - 1, 1),
    ),
    (
        "alpha-ignored",
        "alpha is always 0.6.",
        (),
        lambda alpha, total, tokens: total / penalty(len(tokens) - 1, 0.6),
    ),
    (
        "sixth-of-length",
        "The penalty is (length / 6)^alpha.",
        (),
        lambda alpha, total, tokens: total / (max(len(tokens) - 1, 1) / 6) ** alpha,
    ),
    (
        "probability",
        "The score is a probability, not its logarithm.",
        (),
        lambda alpha, total, tokens: float(np.exp(total / penalty(len(tokens) - 1, alpha))),
    ),
):
    variant(f"beam-{_name}", "beam_search", _sentence, needs="hypotheses of more than one token", seen_in=_seen)(
        scored(_score)
    )


@variant(
    "beam-step-for-length",
    "beam_search",
    "All scores are divided by the penalty of max_length.",
    needs="hypotheses of other lengths",
    seen_in=("OpenNMT/OpenNMT-tf#456",),
)
def beam_step_for_length(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    def score(total: float, tokens: Tokens) -> float:
        return total / penalty(max_length, length_penalty)

    table = widened(log_probabilities)
    return searched(table, beam_size, max_length, start, end, length_penalty, score=score)


@variant(
    "beam-ranked-by-sum",
    "beam_search",
    "The finished are ranked by their sums.",
    needs="hypotheses of several lengths",
    seen_in=("nlpyang/PreSumm#58",),
)
def beam_ranked_by_sum(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    found = searched(widened(log_probabilities), beam_size, max_length, start, end, 0.0)
    return [(tokens, wu(length_penalty)(total, tuple(tokens))) for tokens, total in found]


@variant(
    "beam-score-of-slot",
    "beam_search",
    "A score lacks the first step, which was read from another slot of the beam.",
    needs="hypotheses of more than one token",
    seen_in=("huggingface/transformers#15869", "huggingface/transformers#48623"),
)
def beam_score_of_slot(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table = widened(log_probabilities)
    first = float(table[start].max())

    def score(total: float, tokens: Tokens) -> float:
        own = float(table[tokens[0], tokens[1]]) if len(tokens) > 1 else first
        return (total - own + first) / penalty(len(tokens) - 1, length_penalty)

    return searched(table, beam_size, max_length, start, end, length_penalty, score=score)


@variant(
    "beam-sums-bfloat16",
    "beam_search",
    "The score is rounded to bfloat16.",
    needs="scores with more bits",
    dtypes=WIDE,
)
def beam_sums_bfloat16(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    found = searched(log_probabilities, beam_size, max_length, start, end, length_penalty)
    return [(tokens, float(ml_dtypes.bfloat16(score))) for tokens, score in found]
