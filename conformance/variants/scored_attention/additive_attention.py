"""Additive attention: softmax(v . tanh(query w_query + key w_key)) value."""

from collections.abc import Callable
from functools import wraps

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, normalised, tensorfloat32, wide
from ..catalogue import WIDE, variant


def energies(query: Array, key: Array, w_query: Array, w_key: Array) -> Array:
    """query w_query + key w_key for each pair: (B, L_q, L_k, d_a)."""
    return np.asarray((query @ w_query)[:, :, None] + (key @ w_key)[:, None])


def weights(score: Array) -> Array:
    """Softmax over the keys; there may be none."""
    e = np.exp(score - largest(score))
    return normalised(e)


def attend(query: Array, key: Array, value: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    """Compute softmax(v . tanh(q W_q + k W_k)) V."""
    return weights(np.tanh(energies(query, key, w_query, w_key)) @ v) @ value


Scores = Callable[[Array, Array, Array, Array, Array], Array]


def by_scores(score: Scores) -> Callable[..., Array]:
    """Make the contract's function of one that computes the scores of (query, key, w_query, w_key, v)."""

    @wraps(attend)
    def additive_attention(query: Array, key: Array, value: Array, *weight: Array) -> Array:
        return weights(score(query, key, *weight)) @ value

    return wide(additive_attention)


# Right


@variant("additive-plain", "additive_attention", "The formula, a step at a time.", wrong=False)
@wide
def additive_plain(*arrays: Array) -> Array:
    return attend(*arrays)


@variant("additive-concatenated", "additive_attention", "One product of [query, key] and stacked weights.", wrong=False)
@by_scores
def additive_concatenated(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    (batch, queries, d_q), (_, keys, d_k) = query.shape, key.shape
    pairs = np.concatenate(
        [
            np.broadcast_to(query[:, :, None], (batch, queries, keys, d_q)),
            np.broadcast_to(key[:, None], (batch, queries, keys, d_k)),
        ],
        -1,
    )
    return np.asarray(np.tanh(pairs @ np.concatenate([w_query, w_key])) @ v)


@variant("additive-float64-inside", "additive_attention", "Everything in float64.", wrong=False)
def additive_float64_inside(query: Array, *others: Array) -> Array:
    return attend(query.astype(FLOAT64), *(each.astype(FLOAT64) for each in others)).astype(query.dtype)


@variant(
    "additive-empty-sum",
    "additive_attention",
    "NaN is declared for rows that see no key; without any key, they are the empty sum, zero.",
    wrong=False,
    conventions={"masked_row": "nan"},
)
@wide
def additive_empty_sum(*arrays: Array) -> Array:
    return attend(*arrays)


# Wrong


@variant("additive-without-tanh", "additive_attention", "There is no tanh.", needs="energies of 1 or more")
@by_scores
def additive_without_tanh(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return energies(query, key, w_query, w_key) @ v


@variant("additive-relu", "additive_attention", "relu stands for tanh.", needs="energies of both signs")
@by_scores
def additive_relu(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return np.maximum(energies(query, key, w_query, w_key), 0) @ v


@variant(
    "additive-tanh-of-each",
    "additive_attention",
    "tanh is applied to query and key apart, before they are added.",
    needs="energies of 1 or more",
)
@by_scores
def additive_tanh_of_each(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return np.asarray((np.tanh(query @ w_query)[:, :, None] + np.tanh(key @ w_key)[:, None]) @ v)


@variant(
    "additive-tanh-overflows",
    "additive_attention",
    "tanh is (e^x - e^-x) / (e^x + e^-x), which is NaN for large x.",
    needs="energies above 89 (float32 arithmetic) or 710 (float64)",
    seen_in=("vllm-project/vllm#56578",),
)
@by_scores
def additive_tanh_overflows(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    x = energies(query, key, w_query, w_key)
    return np.asarray((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)) @ v)


@variant("additive-scaled", "additive_attention", "The scores are divided by sqrt(d_a).", needs="d_a above 1")
@by_scores
def additive_scaled(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return np.asarray(np.tanh(energies(query, key, w_query, w_key)) @ v * v.shape[0] ** -0.5)


@variant("additive-v-ignored", "additive_attention", "The channels are summed without v.", needs="v unlike all ones")
@by_scores
def additive_v_ignored(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return np.asarray(np.tanh(energies(query, key, w_query, w_key)).sum(-1))


@variant(
    "additive-key-by-query-weight",
    "additive_attention",
    "The keys are projected with w_query.",
    needs="d_q = d_k, two keys or more",
)
@by_scores
def additive_key_by_query_weight(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    return np.tanh(energies(query, key, w_query, w_query if w_query.shape == w_key.shape else w_key)) @ v


@variant(
    "additive-over-queries",
    "additive_attention",
    "The weights are normalised over the queries.",
    needs="more than one query or key",
)
@wide
def additive_over_queries(query: Array, key: Array, value: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    score = np.tanh(energies(query, key, w_query, w_key)) @ v
    return weights(score.swapaxes(-1, -2)).swapaxes(-1, -2) @ value


@variant(
    "additive-without-max",
    "additive_attention",
    "No largest score is subtracted, so exp overflows.",
    needs="scores above 89 (float32 arithmetic) or 710 (float64), so a large v",
)
@wide
def additive_without_max(query: Array, key: Array, value: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    e = np.exp(np.tanh(energies(query, key, w_query, w_key)) @ v)
    return normalised(e) @ value


@variant(
    "additive-no-keys-nan",
    "additive_attention",
    "Without any key the result is NaN.",
    needs="L_k = 0",
    seen_in=("tensorflow/nmt#210",),
)
@wide
def additive_no_keys_nan(query: Array, key: Array, *others: Array) -> Array:
    return attend(query, key, *others) * (1 if key.shape[1] else np.nan)


# 16-bit operands are exact in tensorfloat32.
@variant(
    "additive-tensorfloat32",
    "additive_attention",
    "The operands are rounded to 11 significant bits, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def additive_tensorfloat32(*arrays: Array) -> Array:
    return attend(*map(tensorfloat32, arrays))


@variant(
    "additive-scores-half-range",
    "additive_attention",
    "The scores are summed over half of the channels only.",
    needs="d_a above 1",
)
@by_scores
def additive_scores_half_range(query: Array, key: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    half = -(-v.shape[0] // 2)
    return np.tanh(energies(query, key, w_query, w_key))[..., :half] @ v[:half]


@variant(
    "additive-causal",
    "additive_attention",
    "Later keys are masked, as in a decoder's attention to itself.",
    needs="two keys or more",
)
@wide
def additive_causal(query: Array, key: Array, value: Array, w_query: Array, w_key: Array, v: Array) -> Array:
    score = np.tanh(energies(query, key, w_query, w_key)) @ v
    return weights(np.where(np.tri(*score.shape[1:], dtype=np.bool), score, -np.inf)) @ value
