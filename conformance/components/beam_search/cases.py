"""Beam search: its cases, and what is read off a result. Its clauses are in `clauses.py` and `model_clauses.py`.

A model is a table of log-probabilities of the next token given the last one, exact in the dtype of the case.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from ....oracle.beam_search import Tokens
from ...cases.values import generator_of
from ...terms.case import Case
from ...terms.component import Array, Component, Inputs, factor, register
from ...terms.elementary import exp, log
from ...terms.generator import Generator
from ...terms.rounding import rounded
from ...terms.verdict import Violation

Hypothesis = tuple[Tokens, float]

_SOURCE = "Wu et al. 2016, section 7; paper, section 6.1"


def _normalised(logits: Array) -> Array:
    # A sum from left to right: numpy's `sum` takes an order of its own.
    total = np.add.accumulate(exp(logits), axis=1)[:, -1:]
    return np.asarray(logits - log(total))


def _forbidden(generator: Generator, table: Array, end: int) -> Array:
    """Forbid three in ten entries, but at most all but one of a row."""
    allowed: Array = np.asarray(generator.random(table.shape) >= 0.3)
    allowed[np.arange(len(table)), generator.integers(0, len(table), len(table))] = True
    return np.where(allowed, table, -np.inf)


def _dead(generator: Generator, table: Array, end: int) -> Array:
    """Make rows that nothing follows, every third or so."""
    table = _forbidden(generator, table, end)
    table[generator.random(len(table)) < 0.35] = -np.inf
    return table


def _certain(generator: Generator, table: Array, end: int) -> Array:
    """Let one token follow with probability 1."""
    following = generator.integers(0, len(table), len(table))
    return np.where(np.arange(len(table)) == following[:, None], 0.0, -np.inf)


def _at_end(change: float) -> Callable[[Generator, Array, int], Array]:
    """Change the probability to end, as log-odds."""
    return lambda generator, table, end: _normalised(table + change * (np.arange(len(table)) == end))


_REGIMES: Final[Mapping[str, Callable[[Generator, Array, int], Array]]] = {
    "normal": lambda generator, table, end: table,
    "peaked": lambda generator, table, end: _normalised(4 * table),
    "ending": _at_end(2.5),
    "endless": _at_end(-4.0),
    "forbidden": _forbidden,
    "dead": _dead,
    "certain": _certain,
    "improbable": lambda generator, table, end: _normalised(np.asarray(40 * generator.standard_normal(table.shape))),
    "ties": lambda generator, table, end: generator.choice([-0.5, -1.0, -2.25], table.shape),
    "flat": lambda generator, table, end: _normalised(np.zeros_like(table)),
}
"""Of a random table."""

_ENDS: Final[Mapping[str, Callable[[int], tuple[int, int]]]] = {
    "apart": lambda vocabulary: (vocabulary - 1, 0),
    "reversed": lambda vocabulary: (0, vocabulary - 1),
    "same": lambda vocabulary: (vocabulary // 2, vocabulary // 2),
}
"""Which tokens `start` and `end` are."""


def _make(case: Case) -> Inputs:
    start, end = _ENDS[case["ends"]](case["V"])
    generator = generator_of(case, "log_probabilities")
    table = _normalised(generator.standard_normal((case["V"], case["V"])))
    options = {name: case[name] for name in ("beam_size", "max_length", "length_penalty")}
    table = rounded(_REGIMES[case["regime"]](generator, table, end), case["dtype"])
    return Inputs({"log_probabilities": np.minimum(table, 0.0)}, {**options, "start": start, "end": end})


def _probes(dtype: str) -> Iterator[Case]:
    """Give beams that are full for several steps, with ends among them: what no pair of small sizes makes."""
    plain = BEAM_SEARCH.plainest(dtype)
    for seed, beam_size in enumerate((2, 3, 4, 5, 6, 8)):
        for regime, alpha in (("normal", 0.6), ("ending", 1.0), ("forbidden", 0.0)):
            yield plain.but(V=12, beam_size=beam_size, max_length=5, length_penalty=alpha, regime=regime, seed=7 + seed)


BEAM_SEARCH: Component = register(
    Component(
        name="beam_search",
        formula="the best beam_size hypotheses by log-probability / ((5 + length)/6)^length_penalty that the beam "
        "finishes",
        source=_SOURCE,
        factors={
            "vocabulary": factor("V", 4, 2, 3, 6, 12, 1),
            "beam": factor("beam_size", 2, 1, 3, 5, 8, 20),
            "length": factor("max_length", 3, 1, 2, 4, 5, 8, 0),
            "penalty": factor("length_penalty", 0.6, 0.0, 1.0, -0.5, 2.0),
            "ends": factor("ends", *_ENDS),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", "contiguous", "transposed", "sliced", "strided"),
        },
        inputs=_make,
        admissible=lambda case: case["V"] > 0 and case["beam_size"] > 0 and case["V"] * case["beam_size"] <= 100,
        probes=lambda dtype: list(_probes(dtype)),
    )
)


def hypotheses_of(data: Any) -> list[Hypothesis]:
    """Read a list of (tokens, score); `Violation` in words if it is none."""
    if not isinstance(data, list):
        raise Violation(f"the result is {data!r:.100}, but should be a list of (tokens, score)")
    hypotheses = []
    for place, each in enumerate(data):
        if not isinstance(each, list | tuple) or len(each) != 2 or not isinstance(each[0], list | tuple):
            raise Violation(f"the result[{place}] is {each!r:.100}, but should be (tokens, score)")
        tokens, score = each
        if not all(isinstance(token, int) and not isinstance(token, bool) for token in tokens):
            raise Violation(f"the tokens of result[{place}] are {tokens!r:.100}, but should be whole numbers")
        if not isinstance(score, int | float) or isinstance(score, bool):
            raise Violation(f"the score of result[{place}] is {score!r:.100}, but should be a number")
        hypotheses.append((tuple(tokens), float(score)))
    return hypotheses


def shown(hypotheses: list[Hypothesis]) -> str:
    """Write a list in a sentence."""
    first = ", ".join(f"{list(tokens)} at {score:.6g}" for tokens, score in hypotheses[:5])
    return f"{first or 'none'}{f' and {len(hypotheses) - 5} more' if len(hypotheses) > 5 else ''}"
