"""Attention in arbitrary precision: scaled dot-product, additive, bilinear, and multi-head attention."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from arbitrary_precision import exact, filled, probabilities, product, total


def general_attention(scores: Any, value: Any, visible: Any = None, masked_row: str = "zero") -> Any:
    """Sum the values of the visible keys, weighted by the softmax of their scores, for any leading axes."""
    scores, value = exact(scores), exact(value)
    keys, d_v = value.shape[-2:]
    visible = np.broadcast_to(True if visible is None else visible, scores.shape)
    result = np.empty((*scores.shape[:-1], d_v), object)
    for place in np.ndindex(*scores.shape[:-1]):
        seen = [j for j in range(keys) if visible[(*place, j)]]
        result[place] = mixed(seen, lambda j, place=place: scores[(*place, j)], value[place[:-1]], masked_row)
    return result


def mixed(seen: list[int], score: Callable[[int], Any], value: Any, masked_row: str) -> Any:
    """Compute one row of the result: sum over the keys seen of p_j v_j; value (L_k, d_v)."""
    keys, d_v = value.shape
    if not seen and masked_row == "nan":
        return filled((d_v,), lambda _: mpmath.nan)
    if not seen and masked_row == "mean" and keys:
        return filled((d_v,), lambda k: total(value[j, k] for j in range(keys)) / keys)
    p = probabilities([score(j) for j in seen])
    return filled((d_v,), lambda k: total(p_j * value[j, k] for p_j, j in zip(p, seen, strict=True)))


def attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
) -> Any:
    """softmax(Q K^T / sqrt(d_k)) V over the keys that each query sees."""
    query, key, value = map(exact, (query, key, value))
    (batch, heads, queries, d_k), (groups, keys) = query.shape, key.shape[1:3]
    factor = 1 / mpmath.sqrt(d_k) if scale is None else mpmath.mpf(scale)
    mask = np.broadcast_to(True if mask is None else mask, (batch, heads, queries, keys))
    later = keys - queries if causal_alignment == "bottom-right" else 0
    result = np.empty((batch, heads, queries, value.shape[3]), object)
    for b, h, i in np.ndindex(batch, heads, queries):
        g = h // (heads // groups)
        seen = [j for j in range(keys) if mask[b, h, i, j] and (not causal or j <= i + later)]

        def score(j: int, q: Any = query[b, h, i], k: Any = key[b, g]) -> Any:
            s = factor * total(q[c] * k[j, c] for c in range(d_k))
            return s if softcap is None else softcap * mpmath.tanh(s / softcap)

        result[b, h, i] = mixed(seen, score, value[b, g], masked_row)
    return result


def additive_attention(
    query: Any, key: Any, value: Any, w_query: Any, w_key: Any, v: Any, *, masked_row: str = "zero"
) -> Any:
    """Compute attention with the scores v . tanh(q W_q + k W_k)."""
    query, key, value, w_query, w_key, v = map(exact, (query, key, value, w_query, w_key, v))
    result = np.empty((*query.shape[:2], value.shape[2]), object)
    for b, i in np.ndindex(*query.shape[:2]):
        q, k = product(query[b, i : i + 1], w_query), product(key[b], w_key)

        def score(j: int, q: Any = q, k: Any = k) -> Any:
            return total(v[a] * mpmath.tanh(q[0, a] + k[j, a]) for a in range(len(v)))

        result[b, i] = mixed(list(range(key.shape[1])), score, value[b], masked_row)
    return result


def bilinear_attention(query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero") -> Any:
    """Compute attention with the scores q W k^T."""
    query, key, value, w = map(exact, (query, key, value, w))
    result = np.empty((*query.shape[:2], value.shape[2]), object)
    for b, i in np.ndindex(*query.shape[:2]):

        def score(j: int, q: Any = query[b, i], k: Any = key[b]) -> Any:
            return total(q[c] * w[c, d] * k[j, d] for c in range(w.shape[0]) for d in range(w.shape[1]))

        result[b, i] = mixed(list(range(key.shape[1])), score, value[b], masked_row)
    return result


def multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    w_query: Any,
    w_key: Any,
    w_value: Any,
    w_output: Any,
    *,
    heads: int,
    **options: Any,
) -> Any:
    """Concat(head_1, ..., head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V): paper, section 3.2.2."""
    query, key, value, w_output = map(exact, (query, key, value, w_output))
    q, k, v = (_heads(x, exact(w), heads) for x, w in ((query, w_query), (key, w_key), (value, w_value)))
    o = attention(q, k, v, **options)
    batch, _, queries, d_v = o.shape
    result = np.empty((batch, queries, w_output.shape[1]), object)
    for b in range(batch):
        concat = filled((queries, heads * d_v), lambda i, c, b=b: o[b, c // d_v, i, c % d_v])
        result[b] = product(concat, w_output)
    return result


def _heads(x: Any, w: Any, heads: int) -> Any:
    """X W_h for each head, W_h being the h-th group of columns: (B, heads, L, d)."""
    d = w.shape[1] // heads
    result = np.empty((x.shape[0], heads, x.shape[1], d), object)
    for b, h in np.ndindex(x.shape[0], heads):
        result[b, h] = product(x[b], w[:, h * d : (h + 1) * d])
    return result
