"""Bilinear attention: softmax(query w key^T) value."""

import numpy as np

from ..arithmetic import FLOAT64, Array, normalised, tensorfloat32, wide
from ..catalogue import WIDE, variant
from .additive_attention import weights


def scores(query: Array, key: Array, w: Array) -> Array:
    """query w key^T: (B, L_q, L_k)."""
    return query @ w @ key.swapaxes(-1, -2)


def attend(query: Array, key: Array, value: Array, w: Array) -> Array:
    """Compute softmax(q W k^T) V."""
    return weights(scores(query, key, w)) @ value


# Right


@variant("bilinear-plain", "bilinear_attention", "The formula, the query projected first.", wrong=False)
@wide
def bilinear_plain(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, w)


@variant("bilinear-key-first", "bilinear_attention", "The keys are projected first.", wrong=False)
@wide
def bilinear_key_first(query: Array, key: Array, value: Array, w: Array) -> Array:
    return weights(query @ (key @ w.T).swapaxes(-1, -2)) @ value


@variant("bilinear-one-sum", "bilinear_attention", "A score is one sum of products of three.", wrong=False)
@wide
def bilinear_one_sum(query: Array, key: Array, value: Array, w: Array) -> Array:
    return weights(np.einsum("bqd,de,bke->bqk", query, w, key)) @ value


@variant("bilinear-float64-inside", "bilinear_attention", "Everything in float64.", wrong=False)
def bilinear_float64_inside(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(*(each.astype(FLOAT64) for each in (query, key, value, w))).astype(query.dtype)


@variant(
    "bilinear-nan-without-keys",
    "bilinear_attention",
    "Without any key, a row is NaN, as declared.",
    wrong=False,
    conventions={"masked_row": "nan"},
)
@wide
def bilinear_nan_without_keys(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, w) * (1 if key.shape[1] else np.nan)


# Wrong


@variant("bilinear-scaled", "bilinear_attention", "The scores are divided by sqrt(d_k).", needs="d_k above 1")
@wide
def bilinear_scaled(query: Array, key: Array, value: Array, w: Array) -> Array:
    return weights(scores(query, key, w) * key.shape[-1] ** -0.5) @ value


@variant("bilinear-w-transposed", "bilinear_attention", "A square w is transposed.", needs="d_q = d_k above 1")
@wide
def bilinear_w_transposed(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, w.T if w.shape[0] == w.shape[1] else w)


@variant("bilinear-w-ignored", "bilinear_attention", "A square w is ignored.", needs="d_q = d_k")
@wide
def bilinear_w_ignored(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, np.eye(*w.shape, dtype=w.dtype) if w.shape[0] == w.shape[1] else w)


@variant("bilinear-w-diagonal", "bilinear_attention", "Only the diagonal of w counts.", needs="d_q or d_k above 1")
@wide
def bilinear_w_diagonal(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, w * np.eye(*w.shape, dtype=w.dtype))


@variant(
    "bilinear-over-queries",
    "bilinear_attention",
    "The weights are normalised over the queries.",
    needs="more than one query or key",
    seen_in=("PetrochukM/PyTorch-NLP#2",),
)
@wide
def bilinear_over_queries(query: Array, key: Array, value: Array, w: Array) -> Array:
    return weights(scores(query, key, w).swapaxes(-1, -2)).swapaxes(-1, -2) @ value


@variant(
    "bilinear-without-max",
    "bilinear_attention",
    "No largest score is subtracted, so exp overflows.",
    needs="scores above 89 (float32 arithmetic) or 710 (float64)",
)
@wide
def bilinear_without_max(query: Array, key: Array, value: Array, w: Array) -> Array:
    e = np.exp(scores(query, key, w))
    return normalised(e) @ value


@variant(
    "bilinear-no-keys-nan",
    "bilinear_attention",
    "Without any key the result is NaN.",
    needs="L_k = 0",
    seen_in=("tensorflow/nmt#210",),
)
@wide
def bilinear_no_keys_nan(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(query, key, value, w) * (1 if key.shape[1] else np.nan)


# 16-bit operands are exact in tensorfloat32.
@variant(
    "bilinear-tensorfloat32",
    "bilinear_attention",
    "The operands are rounded to 11 significant bits, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def bilinear_tensorfloat32(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(*map(tensorfloat32, (query, key, value, w)))


@variant(
    "bilinear-first-weight-row",
    "bilinear_attention",
    "Every query gets the weights of the first.",
    needs="two queries or more",
)
@wide
def bilinear_first_weight_row(query: Array, key: Array, value: Array, w: Array) -> Array:
    return attend(np.broadcast_to(query[:, :1], query.shape), key, value, w)


@variant(
    "bilinear-causal",
    "bilinear_attention",
    "Later keys are masked, as in a decoder's attention to itself.",
    needs="two keys or more",
)
@wide
def bilinear_causal(query: Array, key: Array, value: Array, w: Array) -> Array:
    score = scores(query, key, w)
    return weights(np.where(np.tri(*score.shape[1:], dtype=np.bool), score, -np.inf)) @ value
