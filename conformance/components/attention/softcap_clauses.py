"""The clauses of attention's option `softcap`, on cases of their own: no other clause asks for what some lack."""

from collections.abc import Iterator
from typing import Final

from ...cases.drawing import covering_cases, evenly_spaced
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.trial import Trial
from ..every.gradients import gradient
from ..every.values import value

_COMPONENT = "attention"
_SOURCE = "Gemma Team 2024 (Gemma 2, arXiv 2408.00118), section 2: logit soft-capping"

_CASES: Final = 24
_REGIMES: Final = ("normal", "sharp", "logits-1e2", "logits-1e4")
"""Those with scores around the caps, and far beyond them."""


def _capped(component: Component, dtype: str, seed: int) -> Iterator[Case]:
    """Take some of the covering set, each regime with each cap."""
    every = filter(component.differentiated, covering_cases(component, dtype, seed))
    caps = component.optional["softcap"]
    for k, case in enumerate(evenly_spaced(list(filter(_is_seen, every)), _CASES)):
        yield component.with_optional(case.but(regime=_REGIMES[k % len(_REGIMES)]), softcap=caps[k % len(caps)])


def _is_seen(case: Case) -> bool:
    """Say whether the case has rows, and scores that compete."""
    return bool(case["B"] and case["L_q"] and case["L_k"] > 1)


def _with_softcap(case: Case) -> Case | None:
    return case if "softcap" in case else None


@clause(
    "SDPA-25",
    _COMPONENT,
    "With a softcap c, the scores are capped softly, after the scale and before the mask.",
    formula="softmax(mask(c tanh(s / c))) V, s = Q K^T / sqrt(d_k); within the bounds of ALL-1",
    source=_SOURCE,
    prepare=_with_softcap,
    cases=lambda component, dtype, seed: list(_capped(component, dtype, seed)),
)
def scores_are_capped(trial: Trial) -> float:
    """Judge the value as ALL-1 does."""
    return value(trial)


@clause(
    "SDPA-26",
    _COMPONENT,
    "With a softcap c, the gradients of query and key go through the slope of the cap.",
    formula="dS is multiplied by 1 - tanh^2(s / c); within the bounds of GRAD-1",
    source=f"{_SOURCE}, differentiated",
    prepare=_with_softcap,
    cases=lambda component, dtype, seed: list(_capped(component, dtype, seed)),
)
def gradients_are_capped(trial: Trial) -> float:
    """Judge the gradients as GRAD-1 does."""
    return gradient(trial)
