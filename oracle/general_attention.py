"""Attention in general: "Attention Is All You Need", section 3.2; Bahdanau, Cho and Bengio 2015, section 3.1.

    o_i = sum_j p_ij v_j,   p_i = softmax(s_i) over the keys that query i sees

    s (..., L_q, L_k)   v (..., L_k, d_v)   o (..., L_q, d_v)

"An attention function can be described as mapping a query and a set of key-value pairs to an output": the weights come
from any method of scoring queries against keys. What is left open:

    1   A key that a query does not see does not exist for it: its weight is 0, and NaN in its value is not touched.
    2   A row that sees no key holds zeros, NaN or the mean of all values (of none: zero), as `masked_row` says. Without
        any key, zeros are right where NaN is declared, too: the empty sum.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .options import check_conventions
from .shapes import Array, boolean, check_axes, checked_cotangent, real


def general_attention(
    scores: ArrayLike, value: ArrayLike, visible: ArrayLike | None = None, masked_row: str = "zero"
) -> Array:
    """Give softmax(scores) value over the visible keys, given any scores: (..., L_q, d_v).

    SpecError if the shapes do not fit, an argument holds no numbers, or `masked_row` is none of zero, nan and mean.
    """
    function = "general_attention"
    scores, value = real(function, "scores", scores), real(function, "value", value)
    check_axes(function, {"scores": (scores, "... L_q L_k"), "value": (value, "... L_k d_v")})
    check_conventions(function, masked_row=masked_row)
    seen = None if visible is None else np.broadcast_to(boolean(function, "visible", visible), scores.shape)
    weights = weigh(scores, seen, masked_row)
    return mix(weights, value, masked_row)


def general_attention_vjp(
    cotangent: ArrayLike,
    scores: ArrayLike,
    value: ArrayLike,
    visible: ArrayLike | None = None,
    masked_row: str = "zero",
) -> tuple[Array, Array]:
    """Give the gradients of sum(g o) with respect to scores and values.

        dV = P^T g    dS = P (g V^T - sum_d g o)

    A key that a query does not see gets exactly zero from it, and a row that sees no key passes nothing to its scores.
    The arguments, and SpecError, are those of `general_attention`.
    """
    function = "general_attention_vjp"
    scores, value = real(function, "scores", scores), real(function, "value", value)
    check_axes(function, {"scores": (scores, "... L_q L_k"), "value": (value, "... L_k d_v")})
    check_conventions(function, masked_row=masked_row)
    g = checked_cotangent(function, cotangent, (*scores.shape[:-1], value.shape[-1]))
    seen = None if visible is None else np.broadcast_to(boolean(function, "visible", visible), scores.shape)
    p = weigh(scores, seen, masked_row).p  # (..., L_q, L_k)
    with np.errstate(invalid="ignore"):
        dp = g @ value.swapaxes(-1, -2)  # (..., L_q, L_k)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True))  # (..., L_q, L_k)
        dv = p.swapaxes(-1, -2) @ g  # (..., L_k, d_v)
    return (ds if seen is None else np.where(seen, ds, 0)), dv


class Weights(NamedTuple):
    """The softmax of a block of scores. `seen` None: every key is seen."""

    p: Array
    """(..., L_q, L_k), zero for the keys that are not seen."""
    gap: Array
    """m - s >= 0, zero for the keys that are not seen."""
    m: Array
    """max s over the keys that are seen, zero if there is none: (..., L_q, 1)."""
    n: Array
    """How many keys are seen: (..., L_q, 1)."""
    seen: Array | None


def weigh(scores: Array, seen: Array | None, masked_row: str) -> Weights:
    """Give softmax(s) over the keys that are seen, each step kept."""
    keys = scores.shape[-1]
    n = np.full((*scores.shape[:-1], 1), keys) if seen is None else seen.sum(-1, keepdims=True)
    empty = n == 0
    if masked_row == "mean" and seen is not None and empty.any():
        # The mean of all values is what a row of equal scores has.
        seen, scores, n = seen | empty, np.where(empty, 0, scores), np.where(empty, keys, n)
    with np.errstate(all="ignore"):
        if seen is None:
            m = scores.max(-1, keepdims=True, initial=-np.inf)  # (..., L_q, 1)
        else:
            m = np.where(seen, scores, -np.inf).max(-1, keepdims=True, initial=-np.inf)
        m = np.where(n == 0, 0, m)
        gap = m - scores  # (..., L_q, L_k)
        if seen is not None:
            gap = np.where(seen, gap, 0)
        p = np.negative(gap)
        np.exp(p, out=p)
        if seen is not None:
            p *= seen
        p /= np.where(n == 0, 1, p.sum(-1, keepdims=True))
    return Weights(p, gap, m, n, seen)


def mix(weights: Weights, value: Array, masked_row: str, finite: Array | None = None) -> Array:
    """Give sum_j p_ij v_j; what is not `finite` among the values counts only where it is seen."""
    p, finite = weights.p, np.isfinite(value) if finite is None else finite
    with np.errstate(all="ignore"):
        result = p @ (value if finite.all() else np.where(finite, value, 0))  # (..., L_q, d_v)
        for j in np.flatnonzero(~finite.all(tuple(set(range(value.ndim)) - {value.ndim - 2}))):
            term = p[..., j, None] * value[..., None, j, :]
            counts = ~finite[..., None, j, :] & (True if weights.seen is None else weights.seen[..., j, None])
            result += np.where(counts, term, 0)
    return np.where(weights.n == 0, np.nan, result) if masked_row == "nan" else result


def judged_without_keys(masked_row: str, keys: int) -> tuple[str, bool]:
    """Give the convention by which a result is judged, and whether NaN is right as well.

    Where there is no key at all, a plain softmax and product give the empty sum: zero is right there even if NaN is
    declared for rows that see no key.
    """
    return ("zero", True) if masked_row == "nan" and keys == 0 else (masked_row, False)
