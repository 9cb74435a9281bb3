"""The clauses of beam search: what any list must be, and what follows from the formula."""

import numpy as np

from ....oracle.beam_search import Tokens, every_hypothesis
from ....oracle.beam_search_bound import Outcome, sum_bound
from ...terms.clause import clause
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .cases import shown
from .hypotheses import (
    described,
    explained,
    found_by,
    require_form,
    require_order,
    require_scores,
    require_search,
)

_SOURCE = "Wu et al. 2016, section 7, equation 14; paper, section 6.1"
_CONTRACT = "the contract"


@clause(
    "BEAM-1",
    "beam_search",
    "There are at most beam_size hypotheses, none twice; each begins with start, has end at most as its last token, is "
    "finished by that or by max_length, and takes no step of log-probability -inf.",
    formula="h = (start, h_1 ... h_n), n <= max_length; h_n = end or n = max_length",
    role="decides",
    why="It names what no list may hold: a hypothesis twice, unfinished, too long or impossible.",
    source=_CONTRACT,
    covering=True,
)
def well_formed(trial: Trial) -> float:
    """Check the form, whatever the scores are."""
    require_form(found_by(trial), trial.inputs)
    return 0.0


@clause(
    "BEAM-2",
    "beam_search",
    "The score is the sum of the steps' log-probabilities over the length penalty; the length counts end, not start.",
    formula="y = sum_t log p(h_t | h_t-1) / ((5 + n)/6)^alpha",
    role="decides",
    why="It judges scores whatever was found, so that a wrong penalty is told apart from a wrong search.",
    source=_SOURCE,
    covering=True,
)
def scores(trial: Trial) -> float:
    """Check the scores of the tokens that are returned, right or wrong."""
    found = found_by(trial)
    skip_unless(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return trial.in_strictest_class(lambda numerics: require_scores(found, trial.inputs, numerics))


@clause(
    "BEAM-3",
    "beam_search",
    "The best hypothesis comes first.",
    formula="y_1 >= y_2 >= ...",
    role="decides",
    why="It judges the order whatever was found: a list sorted without the penalty is reported as such.",
    source=_CONTRACT,
    covering=True,
)
def best_first(trial: Trial) -> float:
    """Check the order by their own scores, and by the true ones."""
    found = found_by(trial)
    skip_unless(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return trial.in_strictest_class(lambda numerics: require_order(found, trial.inputs, numerics))


@clause(
    "BEAM-4",
    "beam_search",
    "The hypotheses are those that the beam finishes, the best of them; where rounding may turn a choice, either.",
    formula="beam = the beam_size best unfinished continuations; those of the best that end are finished",
    role="decides",
    why="It compares the list with every outcome of a right search, on all tables; BEAM-5 to 14 say what is wrong.",
    source=f"{_SOURCE}; `beam_stop` says when the search ends",
    covering=True,
)
def search(trial: Trial) -> float:
    """Follow every outcome of a right search."""
    found = found_by(trial)
    skip_unless(all(0 <= token < trial.case["V"] for tokens, _ in found for token in tokens))
    return trial.in_strictest_class(lambda numerics: require_search(trial, found, trial.inputs, numerics))


# What follows from it


@clause(
    "BEAM-5",
    "beam_search",
    "A beam of one is greedy search, unless `beam_ends` says that a second best end counts.",
    formula="beam_size = 1, alpha = 0: h_t = argmax p(. | h_t-1)",
    role="decides",
    why="It compares a beam of one with greedy search, written out here beside the oracle's search.",
    source=_SOURCE,
    prepare=lambda case: case.but(beam_size=1, length_penalty=0.0, max_length=max(case["max_length"], 1)),
)
def greedy(trial: Trial) -> float:
    """Look where no step is closer than rounding. With alpha = 0 nothing that comes later can be better."""
    skip_unless(trial.conventions["beam_ends"] == "beam")
    table, end, numerics = *(trial.inputs.keywords[name] for name in ("log_probabilities", "end")), trial.numerics
    due: Tokens = (trial.inputs.options["start"],)
    while len(due) - 1 < trial.case["max_length"] and (len(due) == 1 or due[-1] != end):
        row = table[due[-1]]
        first, second = [*map(int, np.argsort(-row, kind="stable")), -1][:2]
        if row[first] == -np.inf:
            break
        both = [sum_bound(table, (*due, token), numerics) for token in (first, second) if row[token] > -np.inf]
        skip_unless(second < 0 or row[first] - row[second] > sum(both))
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
    role="decides",
    why="It lists every hypothesis in place of searching: a mistake in the oracle's search would show.",
    source=f"{_SOURCE}; by enumeration",
    prepare=lambda case: case.but(V=min(case["V"], 3), max_length=min(case["max_length"], 3), beam_size=12),
)
def exhaustive(trial: Trial) -> float:
    """Take twelve, which are enough for three tokens and three steps and not all there are, and forty, which are."""
    for size in (12, 40):
        inputs = trial.inputs.but(beam_size=size)
        names = ("max_length", "start", "end")
        every = every_hypothesis(inputs.arrays["log_probabilities"], **{name: inputs.options[name] for name in names})
        found = found_by(trial, inputs)
        require_form(found, inputs)
        outcome = Outcome(frozenset(every), frozenset())
        if not explained(outcome, found, inputs, trial.numerics):
            raise Violation(
                f"{described(inputs)}: of all {len(every)} hypotheses, these are not the best: {shown(found)}"
            )
    return 0.0


# Models by hand
