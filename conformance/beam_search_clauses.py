"""The clauses of beam search: what any list must be, what follows from the formula, and models made by hand."""

from typing import Any

import numpy as np

from ..oracle.beam_search import Tokens, every_hypothesis
from ..oracle.beam_search_bound import Outcome, sum_bound
from .beam_search import Hypothesis, hypotheses_of, shown
from .beam_search_list import (
    described,
    explained,
    found_by,
    in_some_class,
    require_all,
    require_form,
    require_order,
    require_scores,
    require_search,
)
from .clause import Violation, clause
from .component import Inputs
from .trial import Trial, applies

_SOURCE = "Wu et al. 2016, section 7, equation 14; paper, section 6.1"
_CONTRACT = "the contract"


def _table(trial: Trial, rows: dict[str, dict[str, float]], **options: Any) -> Inputs:
    """A model by hand: `s` starts, `e` ends, what is not listed is impossible."""
    names = ["e", *sorted({*rows, *(name for row in rows.values() for name in row)} - {"s", "e"}), "s"]
    table = np.full((len(names), len(names)), -np.inf)
    for row, entries in rows.items():
        for name, entry in entries.items():
            table[names.index(row), names.index(name)] = entry
    plain = {"beam_size": 2, "max_length": 5, "length_penalty": 0.0, "start": len(names) - 1, "end": 0}
    return Inputs({"log_probabilities": table}, {**plain, **options})


@clause(
    "BEAM-1",
    "beam_search",
    "There are at most beam_size hypotheses, none twice; each begins with start, has end at most as its last token, is "
    "finished by that or by max_length, and takes no step of log-probability -inf.",
    formula="h = (start, h_1 ... h_n), n <= max_length; h_n = end or n = max_length",
    source=_CONTRACT,
    covering=True,
)
def well_formed(trial: Trial) -> float:
    """Whatever the scores are."""
    require_form(found_by(trial), trial.inputs)
    return 0.0


@clause(
    "BEAM-2",
    "beam_search",
    "The score is the sum of the steps' log-probabilities over the length penalty; the length counts end, not start.",
    formula="y = sum_t log p(h_t | h_t-1) / ((5 + n)/6)^alpha",
    source=_SOURCE,
    covering=True,
)
def scores(trial: Trial) -> float:
    """Of the tokens that are returned, right or wrong."""
    found = found_by(trial)
    applies(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return in_some_class(trial, lambda numerics: require_scores(found, trial.inputs, numerics))


@clause(
    "BEAM-3",
    "beam_search",
    "The best hypothesis comes first.",
    formula="y_1 >= y_2 >= ...",
    source=_CONTRACT,
    covering=True,
)
def best_first(trial: Trial) -> float:
    """By their own scores, and by the true ones."""
    found = found_by(trial)
    applies(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return in_some_class(trial, lambda numerics: require_order(found, trial.inputs, numerics))


@clause(
    "BEAM-4",
    "beam_search",
    "The hypotheses are those that the beam finishes, the best of them; where rounding may turn a choice, either.",
    formula="beam = the beam_size best unfinished continuations; those of the best that end are finished",
    source=f"{_SOURCE}; `beam_stop` says when the search ends",
    covering=True,
)
def search(trial: Trial) -> float:
    """Every outcome of a right search is known."""
    found = found_by(trial)
    applies(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return in_some_class(trial, lambda numerics: require_search(trial, found, trial.inputs, numerics))


# What follows from it


@clause(
    "BEAM-5",
    "beam_search",
    "A beam of one is greedy search, unless `beam_ends` says that a second best end counts.",
    formula="beam_size = 1, alpha = 0: h_t = argmax p(. | h_t-1)",
    source=_SOURCE,
    prepare=lambda case: case.but(beam_size=1, length_penalty=0.0, max_length=max(case["max_length"], 1)),
)
def greedy(trial: Trial) -> float:
    """Where no step is closer than rounding. With alpha = 0 nothing that comes later can be better."""
    applies(trial.conventions["beam_ends"] == "beam")
    table, end, numerics = *(trial.inputs.arguments[name] for name in ("log_probabilities", "end")), trial.ladder[-1][1]
    due: Tokens = (trial.inputs.options["start"],)
    while len(due) - 1 < trial.case["max_length"] and (len(due) == 1 or due[-1] != end):
        row = table[due[-1]]
        first, second = [*map(int, np.argsort(-row, kind="stable")), -1][:2]
        if row[first] == -np.inf:
            break
        both = [sum_bound(table, (*due, token), numerics) for token in (first, second) if row[token] > -np.inf]
        applies(second < 0 or row[first] - row[second] > sum(both))
        due = (*due, first)
    finished = len(due) - 1 == trial.case["max_length"] or (len(due) > 1 and due[-1] == end)
    found = [tokens for tokens, _ in found_by(trial, trial.inputs)]
    if found != ([due] if finished else []):
        said = f"goes to {list(due)}" if finished else f"is stuck after {list(due)}, where nothing can follow"
        raise Violation(
            f"{described(trial.inputs)}: found {[list(tokens) for tokens in found]}, but greedy search {said}"
        )
    return 0.0


@clause(
    "BEAM-6",
    "beam_search",
    "A beam that is wide enough for every hypothesis finds the best of all.",
    formula="beam_size >= all continuations of a step: the best by y of every h",
    source=f"{_SOURCE}; by enumeration",
    prepare=lambda case: case.but(V=min(case["V"], 3), max_length=min(case["max_length"], 3), beam_size=12),
)
def exhaustive(trial: Trial) -> float:
    """Twelve are enough for three tokens and three steps, and are not all there are; forty are."""
    for size in (12, 40):
        inputs = trial.inputs.but(beam_size=size)
        names = ("max_length", "start", "end")
        every = every_hypothesis(inputs.arrays["log_probabilities"], **{name: inputs.options[name] for name in names})
        found = found_by(trial, inputs)
        require_form(found, inputs)
        outcome = Outcome(frozenset(every), frozenset())
        if not explained(outcome, found, inputs, trial.ladder[-1][1]):
            raise Violation(
                f"{described(inputs)}: of all {len(every)} hypotheses, these are not the best: {shown(found)}"
            )
    return 0.0


# Models by hand


@clause(
    "BEAM-7",
    "beam_search",
    "The length penalty decides between hypotheses of different lengths: 0 for the short here, 1 for the long.",
    formula="-2 > -2.5, but -2 / (6/6) < -2.5 / (9/6)",
    source=_SOURCE,
)
def penalty_decides(trial: Trial) -> float:
    """One token at -2 and four at -2.5 together."""
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
    source=_SOURCE,
)
def length_of_one(trial: Trial) -> float:
    """And with one token before it, a length of 2."""
    return max(
        require_all(trial, _table(trial, {"s": {"e": -1.5, "a": -1.0}, "a": {"e": -1.0}}, length_penalty=alpha))
        for alpha in (0.0, 0.6, 1.0, -1.0, 3.0)
    )


@clause(
    "BEAM-9",
    "beam_search",
    "The search ends as `beam_stop` declares: when nothing is left to continue, or when beam_size have finished.",
    formula="exhaust: the late one at -0.75 is found, though two have finished before; first_full: it is not",
    source="the convention",
)
def stops(trial: Trial) -> float:
    """Two finish early and badly, one late and well."""
    rows = {"s": {"e": -2.0, "a": -0.25}, "a": {"e": -3.0, "b": -0.25}, "b": {"e": -0.25}}
    return max(require_all(trial, _table(trial, rows, length_penalty=alpha)) for alpha in (0.0, 0.6, 1.0))


@clause(
    "BEAM-10",
    "beam_search",
    "A finished hypothesis leaves the beam, and its place is filled up.",
    formula="beam_size = 2: after (start, end), both a and b go on",
    source=_CONTRACT,
)
def place_filled_up(trial: Trial) -> float:
    """The third of the first step has the second place in the end."""
    rows = {"s": {"e": -0.5, "a": -1.5, "b": -2.0}, "a": {"e": -3.0, "a": -3.0}, "b": {"e": -0.25, "b": -4.0}}
    return max(require_all(trial, _table(trial, rows, max_length=length)) for length in (1, 2, 3, 4))


@clause(
    "BEAM-11",
    "beam_search",
    "With max_length 0 the result is the start alone, with score 0.",
    formula="max_length = 0: [((start), 0)]",
    source=_CONTRACT,
    prepare=lambda case: case.but(max_length=0),
)
def no_step(trial: Trial) -> float:
    """Exactly."""
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
    source=_CONTRACT,
    prepare=lambda case: case.but(ends="same", max_length=max(case["max_length"], 1)),
)
def start_is_no_end(trial: Trial) -> float:
    """All that holds of other searches."""
    return require_all(trial, trial.inputs)


@clause(
    "BEAM-13",
    "beam_search",
    "A step of -inf is never taken, so there may be fewer than beam_size hypotheses, or none.",
    formula="log p = -inf: no continuation",
    source=_CONTRACT,
    prepare=lambda case: case.but(regime="dead", max_length=max(case["max_length"], 1)),
)
def impossible_steps(trial: Trial) -> float:
    """Rows that nothing follows; one path only; no path at all."""
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
    source=_CONTRACT,
    prepare=lambda case: case.but(regime="flat"),
)
def ties(trial: Trial) -> float:
    """Every step is as probable as every other."""
    return require_all(trial, trial.inputs)


@clause(
    "BEAM-15",
    "beam_search",
    "A call does not depend on the calls before it, and leaves the table as it was.",
    formula="f(x) after f(x') = f(x)",
    source="a formula has no memory",
)
def no_memory(trial: Trial) -> float:
    """Before it: another table, a wider beam, another length penalty; after it: itself."""
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
