"""What a list of hypotheses must be: formed, scored, ordered and searched for as the formula says.

Where two sums are closer than rounding, a search may choose either: both are followed, and both outcomes are right.
"""

import itertools
from typing import Any

import numpy as np

from ....oracle.beam_search import Tokens, beam_score, beam_search
from ....oracle.beam_search_bound import Outcome, beam_score_bound, beam_search_outcomes
from ....oracle.rounding.numerics import Numerics
from ...terms.component import Inputs
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .cases import Hypothesis, hypotheses_of, shown


def found_by(trial: Trial, inputs: Inputs | None = None) -> list[Hypothesis]:
    """Give what the implementation finds; of the case itself, what another clause may have asked for a moment ago."""
    if inputs is not None:
        return hypotheses_of(trial.data(inputs))
    reply = trial.recent_reply()
    if reply.value is not None or reply.data is None:
        raise Violation("beam_search returned an array or nothing, where a list of (tokens, score) is due")
    return hypotheses_of(reply.data)


def require_form(hypotheses: list[Hypothesis], inputs: Inputs) -> None:
    """Require that each hypothesis could have been found by some search."""
    table, options = inputs.arrays["log_probabilities"], inputs.options
    start, end, longest = (options[name] for name in ("start", "end", "max_length"))
    if len(hypotheses) > options["beam_size"]:
        raise Violation(
            f"there are {len(hypotheses)} hypotheses, but at most beam_size = {options['beam_size']} are due"
        )
    for place, (tokens, _) in enumerate(hypotheses):
        what = f"hypothesis {place}, {list(tokens)}, "
        if tokens[:1] != (start,):
            raise Violation(f"{what}does not begin with start = {start}")
        if strange := [token for token in tokens if not 0 <= token < len(table)]:
            raise Violation(f"{what}holds {strange[0]}, which is no token of a vocabulary of {len(table)}")
        if end in tokens[1:-1]:
            raise Violation(f"{what}goes on after end = {end}")
        if len(tokens) - 1 > longest:
            raise Violation(f"{what}has {len(tokens) - 1} generated tokens, above max_length = {longest}")
        if len(tokens) - 1 < longest and (len(tokens) == 1 or tokens[-1] != end):
            raise Violation(f"{what}is not finished: it has neither end = {end} nor max_length = {longest} tokens")
        if any(table[now, then] == -np.inf for now, then in itertools.pairwise(tokens)):
            raise Violation(f"{what}takes a step whose log-probability is -inf")
        if tokens in [other for other, _ in hypotheses[:place]]:
            raise Violation(f"{what}comes twice")


def require_scores(hypotheses: list[Hypothesis], inputs: Inputs, numerics: Numerics) -> float:
    """Require that each score is that of its tokens."""
    table, alpha, ratio = inputs.arrays["log_probabilities"], inputs.options["length_penalty"], 0.0
    for tokens, score in hypotheses:
        due = beam_score(table, tokens, length_penalty=alpha)
        allowed = beam_score_bound(table, tokens, length_penalty=alpha, numerics=numerics)
        error = abs(score - due)
        if not error <= allowed:
            times = f", {error / allowed:.3g} times the {allowed:.3g} allowed" if allowed else ", and none is allowed"
            raise Violation(
                f"{list(tokens)} has the score {score:.9g}, but should have {due:.9g}: the error is {error:.3g}{times}",
                error / allowed if allowed else float("inf"),
            )
        ratio = max(ratio, error / allowed if allowed else 0.0)
    return ratio


def explained(outcome: Outcome, hypotheses: list[Hypothesis], inputs: Inputs, numerics: Numerics) -> bool:
    """Say whether the list is a best-of of what a right search may have finished."""
    table, size = inputs.arrays["log_probabilities"], inputs.options["beam_size"]
    alpha = inputs.options["length_penalty"]
    found, every = {tokens for tokens, _ in hypotheses}, outcome.certain | outcome.possible
    if not found <= every or not min(size, len(outcome.certain)) <= len(found) <= min(size, len(every)):
        return False

    def reach(tokens: Tokens, sign: int) -> float:
        bound = beam_score_bound(table, tokens, length_penalty=alpha, numerics=numerics)
        return beam_score(table, tokens, length_penalty=alpha) + sign * bound

    # Nothing that is left out is better for certain than something that is in.
    out = max((reach(tokens, -1) for tokens in outcome.certain - found), default=-np.inf)
    return out <= min((reach(tokens, 1) for tokens in found), default=np.inf)


def require_search(trial: Trial, hypotheses: list[Hypothesis], inputs: Inputs, numerics: Numerics) -> float:
    """Require that the list is what some right search returns."""
    options = {name: value for name, value in inputs.options.items() if name != "length_penalty"}
    conventions: dict[str, Any] = {name: trial.conventions[name] for name in ("beam_stop", "beam_ends")}
    table = inputs.arrays["log_probabilities"]
    outcomes = beam_search_outcomes(table, **options, **conventions, numerics=numerics)
    right = [(tuple(tokens), y) for tokens, y in beam_search(table, **inputs.options, **conventions)]
    if outcomes is None:
        # Too many ties to follow; where every step is possible, their number is certain all the same.
        known = len(hypotheses) == len(right) or bool(np.isneginf(table).any())
    else:
        known = any(explained(outcome, hypotheses, inputs, numerics) for outcome in outcomes)
    if not known:
        other = next(
            (k for k, pair in enumerate(zip(hypotheses, right, strict=False)) if pair[0][0] != pair[1][0]), None
        )
        where = f", the first difference at {other}" if other is not None else ""
        raise Violation(f"{described(inputs)}: found {shown(hypotheses)}, but due is {shown(right)}{where}")
    return 0.0


def described(inputs: Inputs) -> str:
    """Write the options of a call in a sentence."""
    return ", ".join(f"{name} {value}" for name, value in inputs.options.items())


def require_all(trial: Trial, inputs: Inputs) -> float:
    """Require all of it, on a model of the clause's own."""
    found = found_by(trial, inputs)
    require_form(found, inputs)

    def check(numerics: Numerics) -> float:
        ratio = require_scores(found, inputs, numerics)
        return max(ratio, require_order(found, inputs, numerics), require_search(trial, found, inputs, numerics))

    return trial.in_strictest_class(check)


def require_order(hypotheses: list[Hypothesis], inputs: Inputs, numerics: Numerics) -> float:
    """Require the order by the scores as returned, and by the true ones where their bounds do not overlap."""
    table, alpha = inputs.arrays["log_probabilities"], inputs.options["length_penalty"]
    for place, ((tokens, score), (later, its)) in enumerate(itertools.pairwise(hypotheses)):
        if its > score:
            raise Violation(f"hypothesis {place} has the score {score:.9g}, the next one {its:.9g}")
        one, other = (beam_score(table, each, length_penalty=alpha) for each in (tokens, later))
        both = sum(beam_score_bound(table, each, length_penalty=alpha, numerics=numerics) for each in (tokens, later))
        if other - one > both:
            raise Violation(f"{list(tokens)} comes before {list(later)}, but is worse: {one:.9g} and {other:.9g}")
    return 0.0
