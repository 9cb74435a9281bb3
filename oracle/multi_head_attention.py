"""Multi-head attention: "Attention Is All You Need", section 3.2.2.

    MultiHead(Q, K, V) = Concat(head_1, ..., head_h) W^O
    head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)

    query (B, L_q, d_model)   key, value (B, L_k, d_model)   result (B, L_q, d_model)
    w_query, w_key (d_model, h d_k)   w_value (d_model, h d_v)   w_output (h d_v, d_model)

The matrices of the heads stand side by side: head i has the columns i d_k ... (i + 1) d_k - 1 of W^Q and W^K, columns
i d_v ... of W^V and the same rows of W^O. The paper takes d_k = d_v = d_model / h; no formula needs it. There are no
biases. A row that sees no key holds, before W^O, what `masked_row` says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .attention import attention, attention_vjp, seen_by
from .general_attention_bound import of_steps
from .general_attention_tape import attend, dot_products
from .options import check_conventions, check_whole
from .rounding.bound import Bound
from .rounding.computed import Computed
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, rearrange
from .shapes import Array, checked_arrays, checked_cotangent, row_of
from .spec_error import SpecError


def multi_head_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    *,
    heads: int,
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
) -> Array:
    """Give Concat(head_1, ..., head_h) W^O: (B, L_q, d_model).

    SpecError if the shapes do not fit each other or `heads`, an argument holds no real numbers (the mask: booleans), or
    a convention is unknown.
    """
    query, key, value, w_query, w_key, w_value, w_output = arguments(
        "multi_head_attention", (query, key, value, w_query, w_key, w_value, w_output), heads
    )
    q, k, v = (split(x @ w, heads) for x, w in ((query, w_query), (key, w_key), (value, w_value)))  # (B, h, L, d)
    options: Any = {"mask": mask, "causal": causal, "causal_alignment": causal_alignment, "masked_row": masked_row}
    o = attention(q, k, v, **options)  # (B, h, L_q, d_v)
    return np.asarray(merged(o) @ w_output)  # (B, L_q, d_model)


def multi_head_attention_vjp(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    *,
    heads: int,
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
) -> tuple[Array, ...]:
    """Give the gradients of sum(g MultiHead(Q, K, V)) with respect to the seven arrays, in their shapes and order.

        do = g W^O^T    dW^O = Concat(heads)^T g    (dq, dk, dv) of `attention_vjp`
        dQ = dq W^Q^T    dW^Q = Q^T dq    and likewise for K and V

    SpecError as of `multi_head_attention`, or where the cotangent g has not the shape of the result.
    """
    function = "multi_head_attention_vjp"
    query, key, value, w_query, w_key, w_value, w_output = arguments(
        function, (query, key, value, w_query, w_key, w_value, w_output), heads
    )
    g = checked_cotangent(function, cotangent, query.shape)
    options: Any = {"mask": mask, "causal": causal, "causal_alignment": causal_alignment, "masked_row": masked_row}
    q, k, v = (split(x @ w, heads) for x, w in ((query, w_query), (key, w_key), (value, w_value)))
    o = merged(attention(q, k, v, **options))  # (B, L_q, h d_v)
    of_heads = attention_vjp(split(g @ w_output.T, heads), q, k, v, **options)
    dq, dk, dv = (merged(each) for each in of_heads)  # (B, L, h d)
    of_weights = (_summed(x, d) for x, d in ((query, dq), (key, dk), (value, dv), (o, g)))
    return dq @ w_query.T, dk @ w_key.T, dv @ w_value.T, *of_weights


def multi_head_attention_bound(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    *,
    heads: int,
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
    numerics: Numerics,
) -> Bound:
    """Say how far from `multi_head_attention` a right implementation may be: `multi_head_step`, recorded on a tape.

    Arguments and SpecError are those of `multi_head_attention`.
    """
    arrays, visible = (query, key, value, w_query, w_key, w_value, w_output), (mask, causal, causal_alignment)
    tape, _, result = _recorded("multi_head_attention_bound", arrays, heads, visible, masked_row, numerics)
    return tape.bound(result)


def multi_head_attention_vjp_bound(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    w_value: ArrayLike,
    w_output: ArrayLike,
    *,
    heads: int,
    mask: ArrayLike | None = None,
    causal: bool = False,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `multi_head_attention_vjp` a right implementation may be, by the name of each argument."""
    function = "multi_head_attention_vjp_bound"
    arrays, visible = (query, key, value, w_query, w_key, w_value, w_output), (mask, causal, causal_alignment)
    tape, of, result = _recorded(function, arrays, heads, visible, masked_row, numerics)
    with np.errstate(all="ignore"):
        return tape.bounds(result, checked_cotangent(function, cotangent, result.value.shape), of)


def arguments(function: str, arrays: Sequence[ArrayLike], heads: int) -> tuple[Array, ...]:
    """Check shapes and the number of heads, and give the arrays in float64."""
    checked = checked_arrays(function, *arrays)
    check_whole(function, "heads", heads, 1)
    *_, w_query, _, w_value, _ = checked
    for name, size in (("w_query", w_query.shape[1]), ("w_value", w_value.shape[1])):
        if size % heads:
            raise SpecError(f"{function}: {name} has {size} columns, but should have a multiple of heads = {heads}")
    return checked


def split(x: Array, heads: int) -> Array:
    """Give (B, L, h d) as (B, h, L, d)."""
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).swapaxes(1, 2)


def merged(x: Array) -> Array:
    """Give (B, h, L, d) as (B, L, h d)."""
    batch, heads, length, d = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, heads * d)


def _summed(x: Array, d: Array) -> Array:
    """Give x^T d, over all items and positions."""
    return np.asarray(np.einsum("bli,blo->io", x, d))


def _recorded(
    function: str,
    arrays: Sequence[ArrayLike],
    heads: int,
    visible: tuple[ArrayLike | None, bool, str],
    masked_row: str,
    numerics: Numerics,
) -> tuple[Tape, dict[str, Computed], Computed]:
    """Record one call: give its tape, its arguments by name, and its result."""
    check_conventions(function, causal_alignment=visible[2], masked_row=masked_row)
    checked = zip(row_of(function).arrays, arguments(function, arrays, heads), strict=True)
    of = {name: Computed(array) for name, array in checked}
    (batch, queries, _), keys = of["query"].value.shape, of["key"].value.shape[1]
    seen = seen_by((batch, heads, queries, keys), *visible)
    tape = Tape(of_steps(numerics))
    with np.errstate(all="ignore"):
        result = multi_head_step(tape, of["query"], of["key"], of["value"], of, heads, seen, masked_row)
    return tape, of, result


def multi_head_step(
    tape: Tape,
    query: Computed,
    key: Computed,
    value: Computed,
    weights: Mapping[str, Computed],
    heads: int,
    seen: Array | None,
    masked_row: str,
) -> Computed:
    """Record projections, heads, attention, and the last product, each a step of the tape."""

    def projected(x: Computed, w: Computed) -> Computed:
        return rearrange(tape, matmul(tape, x, w), lambda array: split(array, heads), merged)

    q, k = projected(query, weights["w_query"]), projected(key, weights["w_key"])
    v = projected(value, weights["w_value"])
    d_k = q.value.shape[-1]
    scale = 1 / np.sqrt(d_k) if d_k else 1.0
    kept_in = tape.numerics.hidden or tape.numerics.accumulate
    o = attend(tape, dot_products(tape, q, k, scale), v, seen, masked_row, kept_in=kept_in, scale=scale)
    return matmul(tape, rearrange(tape, o, merged, lambda array: split(array, heads)), weights["w_output"])
