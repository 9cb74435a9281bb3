"""The bound of beam search: how far off a score may be, and which choices rounding may turn.

A search is a chain of choices, so its result has no bound of its own: a sum that is off by one rounding may cost a
hypothesis its place. But sums have a bound, and where two are further apart than both of theirs together, every right
implementation makes the same choice. Where they are not, either choice is followed.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .beam_search import REACH, Tokens, beam_score, continuations, log_probability, penalty, table_of
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .shapes import Array


@dataclass(frozen=True)
class Outcome:
    """What a search may have finished: hypotheses that it must have, and such as rounding may have lost."""

    certain: frozenset[Tokens]
    possible: frozenset[Tokens]


def beam_search_outcomes(
    log_probabilities: ArrayLike,
    *,
    beam_size: int,
    max_length: int,
    start: int,
    end: int,
    beam_stop: str = "exhaust",
    beam_ends: str = "beam",
    numerics: Numerics,
    limit: int = 64,
) -> set[Outcome] | None:
    """Give every outcome of a right search, whose sums are within `sum_bound`: where two are closer, either may win.

    None where there are more than `limit`, as for a table of equal entries.
    """
    table = table_of(log_probabilities, beam_size, max_length, start, end, beam_stop, beam_ends)
    nothing: frozenset[Tokens] = frozenset()
    alone: frozenset[Tokens] = frozenset({(start,)})
    if max_length == 0:
        return {Outcome(alone, nothing)}
    searches, outcomes = {(alone, Outcome(nothing, nothing))}, set()
    for length in range(1, max_length + 1):
        went_on: set[tuple[frozenset[Tokens], Outcome]] = set()
        for beam, done in searches:
            every = {h: _interval(table, h, numerics) for h in continuations(table, sorted(beam))}
            first, others = _selected(every, REACH[beam_ends] * beam_size)
            sure = frozenset(h for h in first if h[-1] == end)
            maybe = frozenset(h for h in others if h[-1] == end)
            now = Outcome(done.certain | sure, done.possible | maybe)
            if beam_stop == "first_full" and len(now.certain) + len(now.possible) >= beam_size:
                outcomes.add(now)
                if len(now.certain) >= beam_size and length < max_length:
                    continue
            first, others = _selected({h: i for h, i in every.items() if h[-1] != end}, beam_size)
            free = min(beam_size, len(first) + len(others)) - len(first)
            if math.comb(len(others), free) > limit:
                return None
            for chosen in itertools.combinations(sorted(others), free):
                kept = frozenset(first) | frozenset(chosen)
                if length == max_length:
                    outcomes.add(Outcome(now.certain | kept, now.possible))
                elif kept:
                    went_on.add((kept, now))
                else:
                    outcomes.add(now)
        searches = went_on
        if len(searches) + len(outcomes) > limit:
            return None
    return outcomes


def beam_score_bound(
    log_probabilities: ArrayLike, tokens: Sequence[int], *, length_penalty: float = 0.6, numerics: Numerics
) -> float:
    """Say how far from `beam_score` the score of a hypothesis may be.

        E = E_sum / lp (1 + r) + |y| r + u |y| (1 + r),   r = e^(U (c_e + 2 + |alpha| (2 + |ln((5 + n)/6)|)) + u_h) - 1

    In r: a power and the division; the base (5 + n)/6, two roundings, which the exponent magnifies; alpha, rounded; lp,
    where it is kept in 16 bits as well. u is that of the format in which the score comes: what sums are kept in.
    """
    table = np.asarray(log_probabilities, np.float64)
    y, base = abs(beam_score(table, tokens, length_penalty=length_penalty)), (4 + len(tokens)) / 6
    powers = numerics.exp_error + 2 + abs(length_penalty) * (2 + abs(math.log(base)))
    r = math.expm1(numerics.unit * powers + _stored(numerics)) * _doubled(numerics)
    form = FORMATS[numerics.hidden or numerics.accumulate]
    before = sum_bound(table, tokens, numerics) / penalty(tokens, length_penalty) * (1 + r) + y * r
    return before + form.unit_roundoff * (y + before) + (form.half_smallest_subnormal if y else 0.0)


def sum_bound(table: Array, tokens: Sequence[int], numerics: Numerics) -> float:
    """Say how far from the log-probability of a hypothesis a computed one may be.

    E = n (U + u_h) sum |log p|     u_h only where the sums are kept in 16 bits between the steps

    The entries are exact, and all have one sign, so no partial sum is larger than the whole: n - 1 roundings. One more
    for a division by the penalty, after which two that are close may be equal.
    """
    size = -log_probability(table, tokens)
    return float((len(tokens) - 1) * (numerics.unit + _stored(numerics)) * size * _doubled(numerics))


def _selected(every: dict[Tokens, tuple[float, float]], count: int) -> tuple[list[Tokens], list[Tokens]]:
    """Give, of intervals, those that are certainly among the `count` largest, and those that may be."""
    low = np.array([interval[0] for interval in every.values()])
    high = np.array([interval[1] for interval in every.values()])
    # How many others may be above, and how many certainly are.
    may = np.array([(high >= each).sum() - 1 for each in low])
    must = np.array([(low > each).sum() for each in high])
    certain = [h for h, above in zip(every, may, strict=True) if above < count]
    possible = [h for h, above, sure in zip(every, may, must, strict=True) if above >= count > sure]
    return certain, possible


def _interval(table: Array, tokens: Tokens, numerics: Numerics) -> tuple[float, float]:
    y, off = log_probability(table, tokens), sum_bound(table, tokens, numerics)
    return y - off, y + off


def _stored(numerics: Numerics) -> float:
    return FORMATS[numerics.hidden].unit_roundoff if numerics.hidden else 0.0


def _doubled(numerics: Numerics) -> float:
    """Give 2 for float64, in which the oracle may be off by as much, and else 1."""
    return 2.0 if numerics.accumulate == "float64" else 1.0
