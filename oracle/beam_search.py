"""Beam search: Wu et al. 2016, section 7; "Attention Is All You Need", section 6.1, with beam size 4 and alpha = 0.6.

    y(h) = sum_t log p(h_t | h_t-1) / lp(n),   lp(n) = ((5 + n) / 6)^alpha

    log_probabilities (V, V): row = last token, column = the next   h: `start`, then n generated tokens

    beam = [start]
    n = 1 ... max_length:
        of the beam_size most probable continuations of the beam, those that end in `end` are finished and leave it
        beam = the beam_size most probable unfinished continuations
    y is the rank of the finished ones, among which are those that max_length cuts; the best beam_size are returned

Where the sources are silent:

1.  `beam_ends`: a continuation that ends in `end` counts if it is among the beam_size most probable ones (`beam`: a
    beam of one is greedy search; transformers, fairseq), or among twice as many (`twice`: tensor2tensor, the paper's
    own program). Its place in the beam is filled up with the next unfinished one.
2.  An entry of -inf is never taken; a hypothesis without any continuation is dropped, unfinished as it is.
3.  `start` ends nothing, even where start = end; max_length 0 gives the start alone, with score 0.
4.  `beam_stop`: `exhaust` goes on until no beam is left or max_length is reached; `first_full` stops as soon as
    beam_size hypotheses have finished. If that is in step max_length, those that it cuts may count or not.
5.  n counts `end` and does not count `start`.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from .options import check_conventions, check_number, check_whole
from .shapes import Array, checked_arrays, real, whole
from .spec_error import SpecError

Tokens = tuple[int, ...]

REACH: Final = {"beam": 1, "twice": 2}
"""How many times beam_size continuations are looked at for ends."""


def beam_search(
    log_probabilities: ArrayLike,
    *,
    beam_size: int,
    max_length: int,
    start: int,
    end: int,
    length_penalty: float = 0.6,
    beam_stop: str = "exhaust",
    beam_ends: str = "beam",
) -> list[tuple[list[int], float]]:
    """Give (tokens, y), best first, at most beam_size; of equally good ones, those of smaller tokens come first.

    SpecError if an argument is out of its range.
    """
    table = table_of(log_probabilities, beam_size, max_length, start, end, beam_stop, beam_ends)
    beam: list[Tokens] = [(start,)]
    finished: list[Tokens] = [] if max_length else beam
    for length in range(1, max_length + 1):
        ranked = sorted(continuations(table, beam), key=lambda h: (-log_probability(table, h), h))
        finished += [h for h in ranked[: REACH[beam_ends] * beam_size] if h[-1] == end]
        beam = [h for h in ranked if h[-1] != end][:beam_size]
        if length == max_length:
            finished += beam
        elif beam_stop == "first_full" and len(finished) >= beam_size:
            break
    scored = [(list(h), beam_score(table, h, length_penalty=length_penalty)) for h in finished]
    return sorted(scored, key=lambda each: (-each[1], each[0]))[:beam_size]


def every_hypothesis(log_probabilities: ArrayLike, *, max_length: int, start: int, end: int) -> list[Tokens]:
    """Give all that a search without a beam would finish, in no order: what a beam that is wide enough returns."""
    table = table_of(log_probabilities, 1, max_length, start, end)

    def grown(h: Tokens) -> Iterator[Tokens]:
        if len(h) - 1 == max_length or (len(h) > 1 and h[-1] == end):
            yield h
            return
        for token in np.flatnonzero(table[h[-1]] > -np.inf).tolist():
            yield from grown((*h, token))

    return list(grown((start,)))


def log_probability(table: Array, tokens: Sequence[int]) -> float:
    """Give the sum over the steps, rounded once."""
    return math.fsum(table[now, then] for now, then in itertools.pairwise(tokens))


def beam_score(log_probabilities: ArrayLike, tokens: Sequence[int], *, length_penalty: float = 0.6) -> float:
    """Give y of a hypothesis."""
    table = real("beam_score", "log_probabilities", log_probabilities)
    return log_probability(table, whole("beam_score", "tokens", tokens).tolist()) / penalty(tokens, length_penalty)


def continuations(table: Array, beam: Sequence[Tokens]) -> list[Tokens]:
    """Give all hypotheses that are one token longer."""
    return [(*h, token) for h in beam for token in np.flatnonzero(table[h[-1]] > -np.inf).tolist()]


def penalty(tokens: Sequence[int], length_penalty: float) -> float:
    """Give lp(n)."""
    check_number("beam_search", "length_penalty", length_penalty)
    return float(((4 + len(tokens)) / 6) ** length_penalty)


def table_of(
    log_probabilities: ArrayLike,
    beam_size: int,
    max_length: int,
    start: int,
    end: int,
    beam_stop: str = "exhaust",
    beam_ends: str = "beam",
) -> Array:
    """Check all arguments, and give the table in float64."""
    (table,) = checked_arrays("beam_search", log_probabilities)
    if not (table <= 0).all():
        raise SpecError("beam_search: log_probabilities holds a NaN or a number above 0, but should hold logarithms")
    for name, value, least in (("beam_size", beam_size, 1), ("max_length", max_length, 0)):
        check_whole("beam_search", name, value, least)
    for name, value in (("start", start), ("end", end)):
        if not isinstance(value, Integral) or not 0 <= value < len(table):
            raise SpecError(f"beam_search: {name} is {value!r}, but should be a token, 0 ... {len(table) - 1}")
    check_conventions("beam_search", beam_stop=beam_stop, beam_ends=beam_ends)
    return table
