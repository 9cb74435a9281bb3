"""Beam search, wrong: the end of the search, the beam, the list."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array, widened
from ..catalogue import variant
from .right import Found, Tokens, best, continuations, searched, wu

Beam = list[tuple[Any, Tokens]]

# The end of the search


def stopping(stops: Callable[[int, Beam, Beam], bool]) -> Callable[..., Found]:
    """Make a search that ends when `stops`, of (beam_size, beam, finished), says so."""

    def function(
        log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
    ) -> Found:
        table = widened(log_probabilities)
        return searched(
            table,
            beam_size,
            max_length,
            start,
            end,
            length_penalty,
            stops=lambda beam, finished: stops(beam_size, beam, finished),
        )

    return function


_seen: tuple[str, ...]
for _name, _sentence, _seen, _stops in (
    (
        "first-full-undeclared",
        "It stops when beam_size have finished, and does not say so.",
        ("ottokart/beam_search#1", "neulab/xnmt#572"),
        lambda size, beam, finished: len(finished) >= size,
    ),
    (
        "stops-at-first",
        "It stops when one has finished.",
        ("joeynmt/joeynmt#148",),
        lambda size, beam, finished: bool(finished),
    ),
    (
        "stops-at-best",
        "It stops when the best of a step has finished.",
        ("joeynmt/joeynmt#148",),
        lambda size, beam, finished: (
            bool(finished) and max(f[0] for f in finished) > max((b[0] for b in beam), default=0)
        ),
    ),
):
    variant(f"beam-{_name}", "beam_search", _sentence, needs="a late hypothesis that is better", seen_in=_seen)(
        stopping(_stops)
    )


@variant(
    "beam-cut-lost",
    "beam_search",
    "What max_length cuts is not returned.",
    needs="hypotheses that do not end",
)
def beam_cut_lost(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    found = searched(widened(log_probabilities), beam_size, max_length, start, end, length_penalty)
    return [(tokens, score) for tokens, score in found if len(tokens) > 1 and tokens[-1] == end]


@variant("beam-one-step-more", "beam_search", "max_length does not count end.", needs="hypotheses that do not end")
def beam_one_step_more(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    return searched(widened(log_probabilities), beam_size, max_length + 1, start, end, length_penalty)


@variant("beam-start-ends", "beam_search", "Where start = end, the start ends the search.", needs="start = end")
def beam_start_ends(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    if start == end:
        return [([start], 0.0)]
    return searched(widened(log_probabilities), beam_size, max_length, start, end, length_penalty)


# The beam


def moving(step: Callable[[Beam, int, int], tuple[Beam, Beam]]) -> Callable[..., Found]:
    """Make a search with a step of its own: (continuations, beam_size, end) -> (beam, finished)."""

    def function(
        log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
    ) -> Found:
        table = widened(log_probabilities)
        beam: Beam = [(table.dtype.type(0), (start,))]
        finished: Beam = []
        for _ in range(max_length):
            beam, done = step(continuations(table, beam), beam_size, end)
            finished += done
        return best(finished + beam, beam_size, wu(length_penalty))

    return function


def _slot_kept(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    return [each for each in every[:size] if each[1][-1] != end], [each for each in every[:size] if each[1][-1] == end]


def _slot_filled(every: Beam, size: int, end: int) -> Beam:
    return [each for each in every if each[1][-1] != end][:size]


def _all_ends(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    return _slot_filled(every, size, end), [each for each in every if each[1][-1] == end]


def _twice(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    return _slot_filled(every, size, end), [each for each in every[: 2 * size] if each[1][-1] == end]


def _not_frozen(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    return every[:size], [each for each in every[:size] if each[1][-1] == end]


def _one_too_few(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    beam = [each for each in every if each[1][-1] != end][: max(size - 1, 1)]
    return beam, [each for each in every[:size] if each[1][-1] == end]


def _one_a_parent(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    first: dict[Tokens, tuple[Any, Tokens]] = {}
    for each in every:
        first.setdefault(each[1][:-1] if len(each[1]) > 2 else each[1], each)
    kept = list(first.values())
    return [each for each in kept if each[1][-1] != end][:size], [each for each in kept[:size] if each[1][-1] == end]


def _worst(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    return _all_ends(every[::-1], size, end)[0], [each for each in every[:size] if each[1][-1] == end]


def _parents_lost(every: Beam, size: int, end: int) -> tuple[Beam, Beam]:
    going = [each for each in every if each[1][-1] != end][:size]
    histories = sorted(each[1][:-1] for each in going)
    beam = [(total, (*history, tokens[-1])) for (total, tokens), history in zip(going, histories, strict=True)]
    return beam, [each for each in every[:size] if each[1][-1] == end]


for _name, _sentence, _seen, _step in (
    ("slot-kept", "A finished hypothesis keeps its place in the beam.", ("facebookresearch/ParlAI#2058",), _slot_kept),
    ("all-ends", "Whatever ends is finished, however improbable it is.", (), _all_ends),
    ("twice-undeclared", "Ends are looked for among twice as many continuations, and it does not say so.", (), _twice),
    (
        "not-frozen",
        "A finished hypothesis stays in the beam and is continued.",
        ("facebookresearch/ParlAI#2058", "OpenNMT/OpenNMT-py#137"),
        _not_frozen,
    ),
    ("one-too-few", "The beam is one too narrow.", (), _one_too_few),
    ("one-a-parent", "Of each hypothesis, the best continuation alone is kept.", (), _one_a_parent),
    ("worst-kept", "The least probable continuations are kept.", (), _worst),
    (
        "parents-lost",
        "The tokens so far stay in their slots, whichever hypothesis is continued there.",
        ("tensorflow/tensorflow#9904",),
        _parents_lost,
    ),
):
    variant(f"beam-{_name}", "beam_search", _sentence, needs="a beam of two, several steps", seen_in=_seen)(
        moving(_step)
    )


# The list


def changed(change: Callable[[Found, int, int], Found]) -> Callable[..., Found]:
    """Make a search that finds the right list and changes it; the change is one of (list, start, end)."""

    def function(
        log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
    ) -> Found:
        return change(
            searched(widened(log_probabilities), beam_size, max_length, start, end, length_penalty), start, end
        )

    return function


def recut(found: Found, end: int) -> Found:
    """Cut the tokens of the first step, of the second, ..., into as many hypotheses, each up to its end."""
    longest = max(len(tokens) for tokens, _ in found)
    padded = [tokens + [end] * (longest - len(tokens)) for tokens, _ in found]
    flat = [token for step in zip(*padded, strict=True) for token in step]
    rows = [flat[k : k + longest] for k in range(0, len(flat), longest)]
    return [
        (row[: row.index(end, 1) + 1] if end in row[1:] else row, score)
        for row, (_, score) in zip(rows, found, strict=True)
    ]


for _name, _sentence, _seen, _change in (
    ("start-left-out", "The tokens lack start.", (), lambda found, start, end: [(t[1:], y) for t, y in found]),
    (
        "end-left-out",
        "The tokens lack end.",
        (),
        lambda found, start, end: [(t[:-1] if len(t) > 1 and t[-1] == end else t, y) for t, y in found],
    ),
    (
        "padded",
        "Shorter hypotheses are padded with end.",
        ("facebookresearch/ParlAI#2058",),
        lambda found, start, end: [(t + [end] * (max(len(u) for u, _ in found) - len(t)), y) for t, y in found],
    ),
    (
        "first-word-only",
        "Of every hypothesis but the first, two tokens are returned.",
        ("tensorflow/tensor2tensor#790",),
        lambda found, start, end: [*found[:1], *((t[:2], y) for t, y in found[1:])],
    ),
    (
        "time-major",
        "The tokens come a step at a time, and are cut into hypotheses as if they came one hypothesis after another.",
        ("tensorflow/nmt#180",),
        lambda found, start, end: recut(found, end),
    ),
    ("worst-first", "The list is in ascending order.", (), lambda found, start, end: found[::-1]),
    ("best-only", "One hypothesis is returned.", (), lambda found, start, end: found[:1]),
    ("best-repeated", "Every hypothesis is the best.", (), lambda found, start, end: found[:1] * len(found)),
):
    variant(f"beam-{_name}", "beam_search", _sentence, needs="several hypotheses", seen_in=_seen)(changed(_change))


@variant(
    "beam-impossible-steps",
    "beam_search",
    "-inf is taken for a large negative number, and such steps fill the beam.",
    needs="entries of -inf",
)
def beam_impossible_steps(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table = np.maximum(widened(log_probabilities), -1e4)
    return searched(table, beam_size, max_length, start, end, length_penalty)


_BEST: dict[tuple[int, int], Found] = {}


@variant(
    "beam-finished-kept",
    "beam_search",
    "What an earlier call finished is returned among the hypotheses of the next.",
    needs="two calls with the same start and end",
)
def beam_finished_kept(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    table = widened(log_probabilities)
    found = searched(table, beam_size, max_length, start, end, length_penalty)
    kept = [each for each in _BEST.get((start, end), []) if each not in found]
    _BEST[start, end] = found
    return sorted([*found, *kept], key=lambda each: -each[1])[:beam_size]


@variant(
    "beam-stop-bound-too-low",
    "beam_search",
    "It stops when no unfinished hypothesis would enter the list if it ended now, though a longer one may.",
    needs="a positive length penalty, and a better hypothesis that ends later",
    seen_in=("huggingface/transformers#20901",),
)
def beam_stop_bound_too_low(
    log_probabilities: Array, *, beam_size: int, max_length: int, start: int, end: int, length_penalty: float = 0.6
) -> Found:
    score = wu(length_penalty)

    def stops(beam: Beam, finished: Beam) -> bool:
        reached = sorted((score(float(total), tokens) for total, tokens in finished), reverse=True)
        possible = [score(float(total), tokens) for total, tokens in beam]
        return len(reached) >= beam_size and all(each <= reached[beam_size - 1] for each in possible)

    return searched(
        widened(log_probabilities), beam_size, max_length, start, end, length_penalty, score=score, stops=stops
    )
