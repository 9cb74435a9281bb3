"""Every row of attention at the sizes of models, and of its gradients: on inputs where the formula needs no scores.

Of a large case the oracle compares some rows. Where queries select keys by their class, all of the result is known in a
time that is proportional to its size, and judged:

    result          |o - y| <= r y                                          y: a share of a block
    value           |dV - y| <= b y                                         y: a sum of shares of one sign
    key             |dK - scale alpha (up - down)| <= b scale alpha (up + 3 down)
    query           |dQ| <= 4 b scale beta g o                              it is zero: both parts cancel

    r = slack(n) + 2 e U + 4 (s + ln n) (U + u_s) + 2 n v          n keys are selected, each has the score s
    b = r + slack(q) + 4 u_h + 2 q w                              q queries select a key

with `slack` as in `at_size.py`. The keys selected have equal scores whatever their roundings, since each is one product
beside zeros. e U: the error of exp, which may be another one for the rest of a tile; u_s: what keeps the log-sum-exp,
of which weights are computed anew, in parts that are merged or backwards; v, w: half the smallest subnormal number of
the format of weights, and of what passes between steps, whose unit roundoff is u_h: weights, g V^T, its difference from
g o, and its product. A gradient that goes through the maximum, too, brings back what rounding has left of the sum of dS
over a row, at most 2 b g o, to the keys that are largest: evenly (2 down more), or to one key of the class, which may
be off by 2 b scale alpha sum g o. What other keys add is below LEAK for each, and that is there as well.
"""

import math
from typing import Final

import numpy as np

from ....oracle.rounding.formats import FORMATS
from ....oracle.rounding.numerics import Numerics
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Array
from ...terms.requirements import of_gradient, skip_unless
from ...terms.trial import Trial
from ..every.at_size import fitting
from .at_size import slack
from .cases import plain
from .selection import LEAK, Selection

_COMPONENT = "attention"
_MOST_SCORES: Final = 2**24
"""Scores whose gradients an implementation is asked for: it may hold all of them."""
_NO_CHECK: Final = 0.25
"""From this relative error on, a bound says nothing of a share."""


def _alike_for_all_queries(case: Case) -> Case | None:
    """Leave out a mask that treats queries unlike each other; the values are the same for every seed."""
    mask = "none" if case["mask"] == "random" else case["mask"]
    return None if 0 in (case["B"], case["L_q"], case["L_k"]) else plain(case, mask=mask, seed=0)


def _with_few_scores(case: Case) -> Case | None:
    scores: int = case["B"] * case["H"] * case["L_q"] * case["L_k"]
    return _alike_for_all_queries(case) if scores <= _MOST_SCORES else None


def _of_result(numerics: Numerics, selection: Selection) -> float:
    """Give r."""
    keys = int(selection.selected.max(initial=1))
    weights = FORMATS[numerics.probabilities or numerics.accumulate]
    of_log = numerics.unit + (FORMATS[numerics.statistics].unit_roundoff if numerics.statistics else 0)
    return (
        slack(numerics, keys)
        + 2 * numerics.exp_error * numerics.unit
        + 4 * (selection.score + math.log(keys)) * of_log
        + 2 * keys * weights.half_smallest_subnormal
    )


def _of_gradients(numerics: Numerics, selection: Selection) -> float:
    """Give b."""
    _, heads, groups, queries, *_ = selection.sizes
    most = -(-queries // selection.classes) * heads // groups
    between = FORMATS[numerics.hidden or numerics.accumulate]
    return (
        _of_result(numerics, selection)
        + slack(numerics, most)
        + 4 * between.unit_roundoff
        + 2 * most * between.half_smallest_subnormal
    )


@clause(
    "SDPA-27",
    _COMPONENT,
    "At the sizes of models, every row whose query selects a class of keys holds the share of each block among them.",
    formula="q_i k_j = s where r(i) = r(j), else 0; v_j = e_block(j): o_i = (keys of each block selected) / (selected)",
    source="paper, section 3.2.1, equation 1; exp(-s) < 3e-56",
    prepare=_alike_for_all_queries,
    at_size=True,
)
def every_row_at_size(trial: Trial) -> float:
    """Judge all rows that select a key."""
    selection = Selection(trial.inputs, trial.conventions)
    actual = trial.results_of(fitting(trial, trial.ask(selection.inputs)), selection.inputs)["result"]
    relative = _of_result(trial.numerics, selection)
    skip_unless(relative < _NO_CHECK)
    expected = selection.result
    least = 2 * FORMATS[trial.numerics.output].half_smallest_subnormal + LEAK * selection.sizes[4]
    # A row that selects no key is not judged.
    allowance = np.where(selection.selected[..., None] > 0, relative * expected + least, np.inf)
    return trial.require_same(
        actual, expected, allowance, "a row does not hold the shares of the keys that its query selects"
    )


@clause(
    "SDPA-28",
    _COMPONENT,
    "There, every key, value and query has the gradient that these shares give.",
    formula="dV_j = sum_i g_i / n_i, dK_j = scale sum_i (g_i v_j - g_i o_i) q_i / n_i over the i that select j; dQ = 0",
    source="paper, section 3.2.1, equation 1, differentiated",
    prepare=_with_few_scores,
    at_size=True,
)
def every_gradient_at_size(trial: Trial) -> float:
    """Judge all keys, values and queries; a query that selects no key gets no cotangent."""
    selection = Selection(trial.inputs, trial.conventions)
    g = np.where(selection.selected[..., None] > 0, selection.cotangent, 0)
    actual = trial.gradients_of(fitting(trial, trial.ask_gradients(selection.inputs, g)), selection.inputs)
    relative = _of_gradients(trial.numerics, selection)
    skip_unless(relative < _NO_CHECK)
    up, down = selection.pushes
    alpha, beta = selection.entries
    least = 2 * FORMATS[trial.numerics.output].half_smallest_subnormal
    leak = LEAK * alpha * beta * selection.scale * g.size
    of_query = np.broadcast_to(4 * selection.scale * beta * selection.share_of_cotangent[..., None], (*g.shape[:3], 1))
    of_key = selection.along(up - down)
    with np.errstate(all="ignore"):
        off = np.abs(actual.get("key", 0) - of_key).max(-1) / (up + 3 * down)
    of_maximum = _through_maximum(selection, np.nan_to_num(off))
    due: dict[str, tuple[Array, Array]] = {
        "value": (selection.of_value, selection.of_value),
        "key": (of_key, selection.along(up + 3 * down + of_maximum)),
        "query": (np.zeros_like(of_query), of_query),
    }
    return max(
        trial.require_same(
            gradient,
            np.broadcast_to(due[name][0], gradient.shape),
            np.broadcast_to(relative * due[name][1] + least + leak, gradient.shape),
            f"the {of_gradient(name)} is wrong where queries select keys by their class",
        )
        for name, gradient in actual.items()
    )


def _through_maximum(selection: Selection, off: Array) -> Array:
    """Give the key of each class that is furthest off, (B, H_kv, L_k), what the maximum of its rows may bring back."""
    more = np.zeros(off.shape)
    for each in range(selection.classes):
        of_rows = np.where(selection.class_of_query == each, selection.share_of_cotangent, 0).sum(-1)  # (B, H)
        brought = 2 * of_rows.reshape(*off.shape[:2], -1).sum(-1)  # (B, H_kv)
        furthest = np.where(selection.class_of_key == each, off, -1).argmax(-1)[..., None]
        np.put_along_axis(more, furthest, brought[..., None], -1)
    return more
