"""The clauses of beam search on models made by hand, each of which has one right answer."""

from typing import Any

import numpy as np

from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .cases import Hypothesis, hypotheses_of, shown
from .hypotheses import described, found_by, require_all

_SOURCE = "Wu et al. 2016, section 7, equation 14; paper, section 6.1"
_CONTRACT = "the contract"


def _table(trial: Trial, rows: dict[str, dict[str, float]], **options: Any) -> Inputs:
    """Make a model by hand: `s` starts, `e` ends, what is not listed is impossible."""
    names = ["e", *sorted({*rows, *(name for row in rows.values() for name in row)} - {"s", "e"}), "s"]
    table = np.full((len(names), len(names)), -np.inf)
    for row, entries in rows.items():
        for name, entry in entries.items():
            table[names.index(row), names.index(name)] = entry
    plain = {"beam_size": 2, "max_length": 5, "length_penalty": 0.0, "start": len(names) - 1, "end": 0}
    return Inputs({"log_probabilities": table}, {**plain, **options})


@clause(
    "BEAM-7",
    "beam_search",
    "The length penalty decides between hypotheses of different lengths: 0 for the short here, 1 for the long.",
    formula="-2 > -2.5, but -2 / (6/6) < -2.5 / (9/6)",
    role="decides",
    why="It has a model by hand on which the length penalty decides, with six penalties from -1 to 2.",
    source=_SOURCE,
)
def penalty_decides(trial: Trial) -> float:
    """Let one token at -2 compete with four at -2.5 together."""
    rows = {"s": {"e": -2.0, "a": -0.5}, "a": {"b": -0.5}, "b": {"c": -0.5}, "c": {"e": -1.0}}
    return max(
        require_all(trial, _table(trial, rows, length_penalty=alpha, beam_size=size))
        for alpha in (0.0, 0.6, 1.0, -0.5, -1.0, 2.0)
        for size in (2, 3)
    )


@clause(
    "BEAM-8",
    "beam_search",
    "A hypothesis of end alone has a length of 1, and so its log-probability for a score under every length penalty.",
    formula="((5 + 1)/6)^alpha = 1",
    role="decides",
    why="It has the shortest hypotheses there are, where a length that begins at 0 is reported as such.",
    source=_SOURCE,
)
def length_of_one(trial: Trial) -> float:
    """Take a length of 1, and with one token before it, of 2."""
    return max(
        require_all(trial, _table(trial, {"s": {"e": -1.5, "a": -1.0}, "a": {"e": -1.0}}, length_penalty=alpha))
        for alpha in (0.0, 0.6, 1.0, -1.0, 3.0)
    )


@clause(
    "BEAM-9",
    "beam_search",
    "The search ends as `beam_stop` declares: when nothing is left to continue, or when beam_size have finished.",
    formula="exhaust: the late one at -0.75 is found, though two have finished before; first_full: it is not",
    role="decides",
    why="It has a model by hand on which the two rules of stopping find different lists.",
    source="the convention",
)
def stops(trial: Trial) -> float:
    """Let two finish early and badly, one late and well."""
    rows = {"s": {"e": -2.0, "a": -0.25}, "a": {"e": -3.0, "b": -0.25}, "b": {"e": -0.25}}
    return max(require_all(trial, _table(trial, rows, length_penalty=alpha)) for alpha in (0.0, 0.6, 1.0))


@clause(
    "BEAM-10",
    "beam_search",
    "A finished hypothesis leaves the beam, and its place is filled up.",
    formula="beam_size = 2: after (start, end), both a and b go on",
    role="decides",
    why="It has a model by hand on which a finished hypothesis that keeps its place costs the second best.",
    source=_CONTRACT,
)
def place_filled_up(trial: Trial) -> float:
    """Let the third of the first step have the second place in the end."""
    rows = {"s": {"e": -0.5, "a": -1.5, "b": -2.0}, "a": {"e": -3.0, "a": -3.0}, "b": {"e": -0.25, "b": -4.0}}
    return max(require_all(trial, _table(trial, rows, max_length=length)) for length in (1, 2, 3, 4))


@clause(
    "BEAM-11",
    "beam_search",
    "With max_length 0 the result is the start alone, with score 0.",
    formula="max_length = 0: [((start), 0)]",
    role="decides",
    why="It names the search of no step, whose one answer is known without any search.",
    source=_CONTRACT,
    prepare=lambda case: case.but(max_length=0),
)
def no_step(trial: Trial) -> float:
    """Compare exactly."""
    found = found_by(trial, trial.inputs)
    due: list[Hypothesis] = [((trial.inputs.options["start"],), 0.0)]
    if found != due:
        raise Violation(f"with max_length 0 there is {shown(found)}, but should be {shown(due)}")
    return 0.0


@clause(
    "BEAM-12",
    "beam_search",
    "Where start = end, the start ends nothing, and a later one does.",
    formula="start = end: (start) is unfinished, (start, end) is finished",
    role="decides",
    why="It judges models whose start is their end, and nothing else, where the start must end nothing.",
    source=_CONTRACT,
    prepare=lambda case: case.but(ends="same", max_length=max(case["max_length"], 1)),
)
def start_is_no_end(trial: Trial) -> float:
    """Require all that holds of other searches."""
    return require_all(trial, trial.inputs)


@clause(
    "BEAM-13",
    "beam_search",
    "A step of -inf is never taken, so there may be fewer than beam_size hypotheses, or none.",
    formula="log p = -inf: no continuation",
    role="decides",
    why="It adds to tables with dead ends three by hand: one path, a beam that is stuck, and no path at all.",
    source=_CONTRACT,
    prepare=lambda case: case.but(regime="dead", max_length=max(case["max_length"], 1)),
)
def impossible_steps(trial: Trial) -> float:
    """Take rows that nothing follows; one path only; no path at all."""
    ratio = require_all(trial, trial.inputs)
    only = _table(trial, {"s": {"a": -0.25}, "a": {"b": -0.5}, "b": {"e": -1.0}}, beam_size=4)
    stuck = _table(trial, {"s": {"a": -0.25, "b": -3.0}, "b": {"e": -1.0}}, beam_size=1)
    nothing = _table(trial, {"s": {"a": -0.25}, "a": {"b": -0.5}}, beam_size=3)
    return max(ratio, *(require_all(trial, each) for each in (only, stuck, nothing)))


@clause(
    "BEAM-14",
    "beam_search",
    "Equal scores may come in any order, but all beam_size of them come.",
    formula="p = 1/V: the score is a function of the length",
    role="decides",
    why="It judges ties and nothing else: a search that keeps one hypothesis for each parent loses some.",
    source=_CONTRACT,
    prepare=lambda case: case.but(regime="flat"),
)
def ties(trial: Trial) -> float:
    """Make every step as probable as every other."""
    return require_all(trial, trial.inputs)


@clause(
    "BEAM-15",
    "beam_search",
    "A call does not depend on the calls before it, and leaves the table as it was.",
    formula="f(x) after f(x') = f(x)",
    role="decides",
    why="It searches another table, a wider beam and another penalty first, which no other clause does.",
    source="a formula has no memory",
)
def no_memory(trial: Trial) -> float:
    """Call before it with another table, a wider beam, another length penalty; and after it again."""
    inputs = trial.component.make(trial.case.but(seed=trial.case["seed"] + 2**20))
    wider = inputs.but(beam_size=inputs.options["beam_size"] + 2)
    for before in (trial.inputs, wider, inputs.but(length_penalty=inputs.options["length_penalty"] + 1)):
        found_by(trial, before)
    ratio, first = require_all(trial, inputs), found_by(trial, inputs)
    reply = trial.reply(inputs)
    if reply.touched:
        raise Violation(f"the call changed its argument {', '.join(reply.touched)}")
    if (again := hypotheses_of(reply.data)) != first:
        raise Violation(f"{described(inputs)}: first {shown(first)}, then {shown(again)}")
    return ratio
