"""Scaled dot-product attention: "Attention Is All You Need", section 3.2.1, equation 1.

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V

    Q (B, H, L_q, d_k)   K (B, H_kv, L_k, d_k)   V (B, H_kv, L_k, d_v)   result (B, H, L_q, d_v)
    mask, True = may attend, broadcastable to (B, H, L_q, L_k)

What the paper leaves open:

    1   H_kv divides H: query head h meets key/value head h // (H / H_kv) (grouped queries, Ainslie et al. 2023).
    2   causal: query i sees the keys j <= i ("top-left"), or j <= i + L_k - L_q ("bottom-right"), on top of the mask.
    3   A row that sees no key holds zeros, NaN or the mean of all values, as `masked_row` says.
    4   The scale may be any number; None is 1/sqrt(d_k). d_v need not be d_k.
    5   softcap c > 0: scores are c tanh(s / c) before the mask (Gemma 2, section 2); None: they are s.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .general_attention import general_attention_vjp, mix, weigh
from .options import check_conventions, check_number
from .shapes import Array, boolean, checked_arrays, real, row_of, whole
from .spec_error import SpecError

BLOCK: Final = 2**19
"""How many scores are held at a time, 4 MiB of them: what a processor's cache has. At least one query of each head."""


def attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
    rows: ArrayLike | None = None,
) -> Array:
    """Give softmax(Q K^T scale) V over the keys that each query sees: (B, H, L_q, d_v).

    `rows` are the queries to be computed, in that order, as if all were: (B, H, len(rows), d_v). A block of queries is
    held at a time. SpecError if the shapes do not fit each other, an argument holds no numbers (the mask: booleans), a
    row does not exist, or a convention is unknown.
    """
    call = arguments(query, key, value, mask, causal, scale, softcap, causal_alignment, masked_row, rows)
    result = np.empty((*call.query.shape[:3], call.value.shape[3]))
    finite = np.isfinite(call.value)
    for part, keys, seen in call.blocks():
        with np.errstate(all="ignore"):
            s = capped(call.query[:, :, part] @ call.key[:, :, keys].swapaxes(-1, -2), call.softcap)
        p = weigh(s, seen, masked_row)  # (B, H, block, keys)
        result[:, :, part] = mix(p, call.value[:, :, keys], masked_row, finite[:, :, keys])  # (B, H, block, d_v)
    return result


def attention_vjp(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
) -> tuple[Array, Array, Array]:
    """Give the gradients of sum(g attention(Q, K, V)): those of query, key and value, in their shapes.

        dV = P^T g    dS = P (g V^T - sum_d g o)    dQ = scale dS K    dK = scale dS^T Q
        with a softcap, dS (1 - tanh^2(s / c)) in place of dS

    Those of a key/value head are sums over the query heads that it serves. SpecError as of `attention`, or where the
    cotangent g has not the shape of the result.
    """
    call = arguments(query, key, value, mask, causal, scale, softcap, causal_alignment, masked_row, None)
    g = real("attention_vjp", "cotangent", cotangent)
    groups = np.shape(key)[1]
    shape = (*call.query.shape[:3], call.key.shape[2])
    seen = visible(shape, mask, causal, causal_alignment)  # (B, H, L_q, L_k)
    with np.errstate(all="ignore"):
        s = capped(call.query @ call.key.swapaxes(-1, -2), call.softcap)  # (B, H, L_q, L_k)
        ds, dv = general_attention_vjp(g, s, call.value, seen, masked_row)
        if call.softcap is not None:
            ds = ds * (1 - np.square(s / call.softcap))
        dq = call.scale * (ds @ call.key)  # (B, H, L_q, d_k)
        dk = ds.swapaxes(-1, -2) @ call.query  # (B, H, L_k, d_k)
    return dq, of_groups(dk, groups), of_groups(dv, groups)


def capped(scores: Array, softcap: float | None) -> Array:
    """Give the scores, or c tanh(s / c)."""
    return scores if softcap is None else np.asarray(softcap * np.tanh(scores / softcap))


def of_groups(gradient: Array, groups: int) -> Array:
    """Give the sum over the query heads of each key/value head: (B, H_kv, L_k, d)."""
    batch, heads, *rest = gradient.shape
    return np.asarray(gradient.reshape(batch, groups, heads // max(groups, 1), *rest).sum(2))


def visible(
    shape: tuple[int, int, int, int],
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
    rows: ArrayLike | None = None,
) -> Array:
    """Say which key each query sees: bool (B, H, L_q, L_k), or (B, H, len(rows), L_k), perhaps a read-only view.

    SpecError if the mask does not fit or holds no booleans, a row does not exist, or the alignment is unknown.
    """
    *_, queries, keys = shape
    chosen = _rows(queries, rows)
    seen = _mask(shape, mask)[:, :, chosen]
    return seen & _causal(chosen, queries, keys, causal_alignment) if causal else seen


def seen_by(
    shape: tuple[int, int, int, int],
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
) -> Array | None:
    """Give the same as `visible`; None where nothing hides any key."""
    return None if mask is None and not causal else visible(shape, mask, causal, causal_alignment)


class Call(NamedTuple):
    """The arguments of one call in float64, checked, with a key/value head for each query head."""

    query: Array
    """(B, H, rows, d_k), multiplied by the scale."""
    key: Array
    """(B, H, L_k, d_k)."""
    value: Array
    """(B, H, L_k, d_v)."""
    scale: float
    softcap: float | None
    mask: Array | None
    """(B, H, L_q, L_k), a view."""
    causal: bool
    alignment: str
    rows: Array
    queries: int
    """L_q."""

    def blocks(self, block: int = BLOCK) -> Iterator[tuple[slice, slice, Array | None]]:
        """Yield a range of queries after another, the first keys up to those seen, and which each sees; None: all."""
        batch, heads, length, _ = self.query.shape
        keys = self.key.shape[2]
        step = max(block // max(batch * heads * keys, 1), 1)
        for start in range(0, length, step):
            part = slice(start, min(start + step, length))
            chosen = self.rows[part]
            first = slice(self._reach(chosen))
            seen = None if self.mask is None else self.mask[:, :, chosen]
            if self.causal:
                earlier = _causal(chosen, self.queries, keys, self.alignment)[:, first]
                seen = np.broadcast_to(earlier, (batch, heads, *earlier.shape)) if seen is None else seen & earlier
            yield part, first, seen

    def _reach(self, chosen: Array) -> int:
        """Say how many keys count for these queries: all, where a query that sees none may hold the mean of all."""
        keys: int = self.key.shape[2]
        seen = chosen + 1 + _offset(self.queries, keys, self.alignment)
        return keys if self.mask is not None or not self.causal or seen.min() < 1 else min(int(seen.max()), keys)


def arguments(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    mask: ArrayLike | None,
    causal: bool,
    scale: float | None,
    softcap: float | None,
    causal_alignment: str,
    masked_row: str,
    rows: ArrayLike | None,
) -> Call:
    """Check the arguments, and spell the scale and the heads out."""
    query, key, value = checked_arrays("attention", query, key, value)
    (batch, heads, queries, d_k), (_, groups, keys, _) = query.shape, key.shape
    if heads % groups if groups else heads:
        raise SpecError(f"attention: key has {groups} heads, but should have a divisor of query's {heads}")
    check_conventions("attention", causal_alignment=causal_alignment, masked_row=masked_row)
    if softcap is not None:
        check_number("attention", "softcap", softcap, "a number above 0, or None", lambda c: 0 < c < np.inf)
    if scale is None:
        scale = 1 / np.sqrt(d_k) if d_k else 1.0
    check_number("attention", "scale", scale, "a number, or None")
    shape = (batch, heads, queries, keys)
    chosen = _rows(queries, rows)
    with np.errstate(all="ignore"):
        scaled = float(scale) * query[:, :, chosen]
    if groups != heads:
        key, value = (np.repeat(each, heads // groups, axis=1) for each in (key, value))
    seen = None if mask is None else _mask(shape, mask)
    return Call(scaled, key, value, float(scale), softcap, seen, causal, causal_alignment, chosen, queries)


def _mask(shape: tuple[int, int, int, int], mask: ArrayLike | None) -> Array:
    """Give the mask as a view of the shape; no mask hides nothing."""
    seen = boolean("attention", "mask", True if mask is None else mask)
    try:
        return np.broadcast_to(seen, shape)
    except ValueError:
        axes = ", ".join(row_of("attention").masks["mask"].split())
        raise SpecError(
            f"attention: mask has the shape {seen.shape}, but should be broadcastable to ({axes}) = {shape}"
        ) from None


def _rows(queries: int, rows: ArrayLike | None) -> Array:
    """Give the queries that are asked for."""
    if rows is None:
        return np.arange(queries)
    chosen = whole("attention", "rows", rows)
    if chosen.ndim != 1 or np.any((chosen < 0) | (chosen >= queries)):
        raise SpecError(f"attention: rows is {rows!r}, but should be a list of queries from 0 to {queries - 1}")
    return chosen


def _causal(chosen: Array, queries: int, keys: int, alignment: str) -> Array:
    """Say which keys those queries see by their position: (rows, L_k)."""
    check_conventions("attention", causal_alignment=alignment)
    return np.asarray(np.arange(keys) <= chosen[:, None] + _offset(queries, keys, alignment))


def _offset(queries: int, keys: int, alignment: str) -> int:
    """Say how many keys the first query sees beside its own."""
    return keys - queries if alignment == "bottom-right" else 0
