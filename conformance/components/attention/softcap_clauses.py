"""The clauses of attention's option `softcap`, on cases of their own: no other clause asks for what some lack."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...cases.drawing import covering_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.trial import Trial
from ..every.gradients import gradient
from ..every.values import value

_COMPONENT = "attention"
_SOURCE = "Gemma Team 2024 (Gemma 2, arXiv 2408.00118), section 2: logit soft-capping"

_REGIMES: Final = ("normal", "sharp", "logits-1e2", "logits-1e4")
"""Those with scores around the caps, and far beyond them."""


_PATHS: Final = tuple(
    {"L_q": queries, "L_k": keys, "mask": mask} for queries, keys in ((1, 17), (17, 65)) for mask in ("none", "causal")
)
"""One query and many, over keys that no tile divides, without a mask of their own: a kernel has a path for each."""


def _capped(component: Component, dtype: str, seed: int) -> Iterator[Case]:
    """Meet every cap with every option of each other factor, with each regime, and on the plain paths."""
    differentiated = filter(component.differentiated, covering_cases(component, dtype, seed))
    every, caps = list(filter(_is_seen, differentiated)), component.optional["softcap"]
    plain = [component.plainest(dtype, seed=seed + place).but(**path) for place, path in enumerate(_PATHS)]
    for number, cap in enumerate(caps):
        first = number * len(every) // len(caps)
        for k, case in enumerate([*plain, *_of_every_option(component, [*every[first:], *every[:first]])]):
            yield component.with_optional(case.but(regime=_REGIMES[k % len(_REGIMES)]), softcap=cap)


def _of_every_option(component: Component, every: Sequence[Case]) -> Iterator[Case]:
    """Choose those of which each has an option that none before it has."""
    met: set[tuple[int, int]] = set()
    for case in every:
        options = set(enumerate(component.option_indices(case)))
        if not options <= met:
            met |= options
            yield case


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
