"""Beam search over a table of log-probabilities: right ones, and what the wrong ones are made from."""

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, widened
from ..catalogue import NARROW, variant

Tokens = tuple[int, ...]
Found = list[tuple[list[int], float]]


def penalty(length: int, alpha: float) -> float:
    """Compute the length penalty of Wu et al., ((5 + length) / 6)^alpha."""
    return float(((5 + length) / 6) ** alpha)


def continuations(table: Array, beam: list[tuple[Any, Tokens]]) -> list[tuple[Any, Tokens]]:
    """(sum, tokens) of all that can follow, best first."""
    every = [
        (total + table[tokens[-1], token], (*tokens, token))
        for total, tokens in beam
        for token in range(len(table))
        if table[tokens[-1], token] > -np.inf
    ]
    return sorted(every, key=lambda each: -float(each[0]))


def best(finished: list[tuple[Any, Tokens]], count: int, score: Callable[[float, Tokens], float]) -> Found:
    """Sort by a score, and return the best hypotheses with it."""
    scored = [(list(tokens), score(float(total), tokens)) for total, tokens in finished]
    return sorted(scored, key=lambda each: -each[1])[:count]


def wu(alpha: float) -> Callable[[float, Tokens], float]:
    """Make the score of Wu et al.; a length counts `end` and does not count `start`."""
    return lambda total, tokens: total / penalty(len(tokens) - 1, alpha)


def searched(
    table: Array,
    beam_size: int,
    max_length: int,
    start: int,
    end: int,
    length_penalty: float,
    *,
    score: Callable[[float, Tokens], float] | None = None,
    stops: Callable[[list[tuple[Any, Tokens]], list[tuple[Any, Tokens]]], bool] = lambda beam, finished: False,
    reach: int = 1,
) -> Found:
    """Search with a score and an end of the search that are left open."""
    score = score or wu(length_penalty)
    beam: list[tuple[Any, Tokens]] = [(table.dtype.type(0), (start,))]
    finished = beam if max_length == 0 else []
    for length in range(1, max_length + 1):
        every = continuations(table, beam)
        finished = finished + [each for each in every[: reach * beam_size] if each[1][-1] == end]
        beam = [each for each in every if each[1][-1] != end][:beam_size]
        if length == max_length:
            finished = finished + beam
        elif stops(beam, finished):
            break
    return best(finished, beam_size, score)


# Right


@variant("beam-plain", "beam_search", "All continuations are sorted.", wrong=False)
def beam_plain(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    return searched(widened(log_probabilities), beam_size, max_length, start, end, length_penalty)


@variant(
    "beam-heap", "beam_search", "A heap of the continuations, from which the best are taken one by one.", wrong=False
)
def beam_heap(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table = widened(log_probabilities).astype(FLOAT64)
    beam: list[tuple[float, Tokens]] = [(0.0, (start,))]
    finished = list(beam) if not max_length else []
    for length in range(1, max_length + 1):
        heap = [
            (cost - table[tokens[-1], token], (*tokens, int(token)))
            for cost, tokens in beam
            for token in np.flatnonzero(np.isfinite(table[tokens[-1]]))
        ]
        heapq.heapify(heap)
        beam, taken = [], 0
        while heap and len(beam) < beam_size:
            cost, tokens = heapq.heappop(heap)
            if tokens[-1] != end:
                beam.append((cost, tokens))
            elif taken < beam_size:
                finished.append((cost, tokens))
            taken += 1
        if length == max_length:
            finished += beam
    scored = [(-cost / penalty(len(tokens) - 1, length_penalty), list(tokens)) for cost, tokens in finished]
    return [(tokens, score) for score, tokens in heapq.nlargest(beam_size, scored)]


@variant("beam-arrays", "beam_search", "Backpointers in arrays, the tokens read off at the end.", wrong=False)
def beam_arrays(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table = widened(log_probabilities)
    vocabulary, sums, last = len(table), np.zeros(1, table.dtype), np.array([start])
    history, finished = [(last, np.array([-1]))], [] if max_length else [(0.0, 0, 0)]
    for length in range(1, max_length + 1):
        flat = (sums[:, None] + table[last]).ravel()
        order = np.argsort(-flat, kind="stable")
        order = order[np.isfinite(flat[order])]
        finished += [(float(flat[at]), length, int(at)) for at in order[:beam_size] if at % vocabulary == end]
        going = order[order % vocabulary != end][:beam_size]
        if length == max_length:
            finished += [(float(flat[at]), length, int(at)) for at in going]
        sums, last = flat[going], going % vocabulary
        history.append((last, going // vocabulary))
    result = []
    for total, length, at in finished:
        tokens, beam = ([at % vocabulary], at // vocabulary) if length else ([start], 0)
        for step in range(length - 1, -1, -1):
            token, parent = history[step][0][beam], history[step][1][beam]
            tokens.append(int(token))
            beam = int(parent)
        result.append((tokens[::-1], total / penalty(length, length_penalty)))
    return sorted(result, key=lambda each: -each[1])[:beam_size]


@variant("beam-normalised-inside", "beam_search", "The beam is ranked by scores, not by sums.", wrong=False)
def beam_normalised_inside(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table, kind = widened(log_probabilities), widened(log_probabilities).dtype.type
    beam: list[tuple[Any, Tokens]] = [(kind(0), (start,))]
    finished: list[tuple[Any, Tokens]] = [] if max_length else beam
    for length in range(1, max_length + 1):
        divisor = kind(penalty(length, length_penalty))
        every = sorted(continuations(table, beam), key=lambda each: (-float(each[0] / divisor), each[1]))
        finished = finished + [(total / divisor, tokens) for total, tokens in every[:beam_size] if tokens[-1] == end]
        beam = [each for each in every if each[1][-1] != end][:beam_size]
    if max_length:
        finished = finished + [(total / kind(penalty(max_length, length_penalty)), tokens) for total, tokens in beam]
    return best(finished, beam_size, lambda total, tokens: total)


@variant(
    "beam-sums-16-bit",
    "beam_search",
    "Sums and scores are kept in the 16-bit format of the table.",
    wrong=False,
    dtypes=NARROW,
)
def beam_sums_16_bit(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    def score(total: float, tokens: Tokens) -> float:
        return float(rounded(np.array(wu(length_penalty)(total, tokens)), log_probabilities.dtype))

    return searched(log_probabilities, beam_size, max_length, start, end, length_penalty, score=score)


@variant(
    "beam-first-full",
    "beam_search",
    "It stops when beam_size have finished, and says so.",
    wrong=False,
    conventions={"beam_stop": "first_full"},
)
def beam_first_full(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    return searched(
        widened(log_probabilities),
        beam_size,
        max_length,
        start,
        end,
        length_penalty,
        stops=lambda beam, finished: len(finished) >= beam_size,
    )


@variant(
    "beam-twice",
    "beam_search",
    "Ends are looked for among twice as many continuations, as in tensor2tensor, and it says so.",
    wrong=False,
    conventions={"beam_ends": "twice"},
)
def beam_twice(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    return searched(widened(log_probabilities), beam_size, max_length, start, end, length_penalty, reach=2)
