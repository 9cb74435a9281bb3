"""Every three of mask, memory layout and grouping of heads at once, each by its kinds, on a few keys.

The covering set has every two of them. Kernels choose their code by all three together: whether the mask broadcasts and
along which axes, whether rows lie apart, and whether heads share keys. What is of one kind, such as padding on the left
and on the right, takes turns: all triples of single masks, layouts and numbers of heads are 1,624, and these are 476.
"""

import itertools
from collections import defaultdict
from typing import Final

from ...cases.masks import MASKS, mask_of
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import LAYOUTS, Component
from ...terms.generator import SEEDS
from ...terms.requirements import require_within
from ...terms.trial import Trial
from .cases import ATTENTION

_GROUPINGS: Final = (((1, 1),), ((2, 2), (3, 3)), ((2, 1), (3, 1)), ((4, 2), (6, 2), (6, 3)))
"""H and H_kv: a single head, one for each key head, one key head for all, and groups."""

_SIZES: Final = ((3, 5, 4, 4), (5, 3, 4, 7), (1, 7, 8, 8), (4, 4, 4, 4), (7, 2, 1, 3), (2, 9, 5, 4), (6, 6, 3, 3))
"""L_q, L_k, d_k and d_v."""

_OF_FEW: Final = 5
"""Coprime to the numbers of kinds, so that what is left has every kind."""


def kind_of(mask: str) -> tuple[bool, bool, tuple[int, ...]]:
    """Say whether a mask is causal, whether it leaves rows without a key, and the shape of its array."""
    made, parts = mask_of(ATTENTION.plainest("float32").but(mask=mask), (2, 3, 4, 5)), mask.split("+")
    return "causal" in parts, "blind-rows" in parts, () if made is None else made.shape


def _masks() -> list[list[str]]:
    """Give the masks of each kind."""
    found = defaultdict(list)
    for mask in MASKS:
        found[kind_of(mask)].append(mask)
    return list(found.values())


def triples(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give a case for each kind of mask, layout and kind of grouping; what is of one kind, and sizes, take turns.

    Where an adapter asks for few sizes, since its calls take long, it has one size, and every fifth case.
    """
    few = "sizes" in component.factors
    plain, found = component.plainest(dtype), []
    for (m, masks), (k, layout), (g, groupings) in itertools.product(
        enumerate(_masks()), enumerate(LAYOUTS), enumerate(_GROUPINGS)
    ):
        heads, groups = groupings[0 if few else (m + k) % len(groupings)]
        queries, keys, d_k, d_v = _SIZES[0 if few else (m + 2 * k + 3 * g) % len(_SIZES)]
        sizes = {"B": 2, "H": heads, "H_kv": groups, "L_q": queries, "L_k": keys, "d_k": d_k, "d_v": d_v}
        found.append(plain.but(**sizes, mask=masks[(k + g) % len(masks)], layout=layout))
    every = [case.but(seed=(seed * len(found) + number) % SEEDS) for number, case in enumerate(found)]
    return every[:: _OF_FEW if few else 1]


@clause(
    "SDPA-29",
    "attention",
    "Every kind of mask is right in every memory layout with every grouping of heads.",
    formula="|actual - y| <= W",
    source="paper, section 3.2.1, equation 1: softmax(Q K^T / sqrt(d_k)) V",
    cases=triples,
)
def three_at_once(trial: Trial) -> float:
    """Compare with the formula."""
    return require_within(trial.judge(trial.call()), "the value is wrong with such a mask, layout and grouping")
