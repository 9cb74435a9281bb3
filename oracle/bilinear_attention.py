"""Bilinear attention: Luong, Pham and Manning 2015, section 3.1, the score called "general".

    s_ij = q_i W k_j^T   o_i = sum_j softmax(s_i)_j value_j

    query (B, L_q, d_q)   key (B, L_k, d_k)   value (B, L_k, d_v)   w (d_q, d_k)   result (B, L_q, d_v)

Without any key, a row holds what `masked_row` says: zeros, NaN, or the mean of nothing, which is zero.
"""

from typing import Any

import numpy as np

from .general_attention import check_masked_row, general_attention, general_attention_vjp, mix, weigh
from .general_attention_bound import of_steps, values, weighted_values
from .general_attention_tape import attend, dot_products
from .rounding.bound import Bound, Errors, finish, matrix_product, stored, sum_variance
from .rounding.computed import Computed, bounded, exact_arguments
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, rearrange
from .shapes import Array, check, real


def bilinear_attention(query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero") -> Array:
    """softmax(query W key^T) value: (B, L_q, d_v).

    SpecError if the shapes do not fit each other, an argument holds no real numbers, or `masked_row` is unknown.
    """
    query, key, value, w = _arguments(query, key, value, w, masked_row)
    with np.errstate(all="ignore"):
        s = query @ w @ key.swapaxes(-1, -2)  # (B, L_q, L_k)
    return general_attention(s, value, masked_row=masked_row)  # (B, L_q, d_v)


def bilinear_attention_vjp(
    cotangent: Any, query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero"
) -> tuple[Array, Array, Array, Array]:
    """The gradients of sum(g o) with respect to query, key, value and W, in their shapes.

        dq = dS k W^T    dk = dS^T q W    dW = sum_b q^T dS k      dS of `general_attention_vjp`

    SpecError as of `bilinear_attention`, or where the cotangent g has not the shape of the result.
    """
    query, key, value, w = _arguments(query, key, value, w, masked_row)
    with np.errstate(all="ignore"):
        s = query @ w @ key.swapaxes(-1, -2)  # (B, L_q, L_k)
        ds, dvalue = general_attention_vjp(cotangent, s, value, masked_row=masked_row)
        dk = ds.swapaxes(-1, -2) @ query  # (B, L_k, d_q)
        dw = (dk.swapaxes(-1, -2) @ key).sum(0)  # (d_q, d_k)
    return ds @ key @ w.T, dk @ w, dvalue, dw


def bilinear_attention_bound(
    query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero", numerics: Numerics
) -> Bound:
    """How far from `bilinear_attention` a right implementation may be.

        E^s = (d_q + d_k) U |q| |W| |k| + max(h(q W) |k|, |q| h(W k)) + h(s)

    h: half an ulp where `numerics.hidden` stores what passes between the steps. (q W) k^T and q (W k^T) are both right,
    so that the larger counts, and so it is with V^s. What becomes of E^s: `general_attention_bound`.
    """
    query, key, value, w = _arguments(query, key, value, w, masked_row)
    numerics, k_t = of_steps(numerics), key.swapaxes(-1, -2)
    with np.errstate(all="ignore"):
        s, of_query_first = _product_of_three(query, w, k_t, numerics)
        _, of_key_first = _product_of_three(key, w.T, query.swapaxes(-1, -2), numerics)
        turned = (each.swapaxes(-1, -2) for each in of_key_first)
        of_s = Errors(*(np.maximum(a, b) for a, b in zip(of_query_first, turned, strict=True)))
        of_s = stored(s, stored(s, of_s, numerics.hidden), numerics.scores)
        weights = weigh(s, None, masked_row)
        expected = mix(weights, value, masked_row)
        relative = Errors(of_s.error / numerics.unit, of_s.variance / numerics.unit**2)
        errors, temperature = weighted_values(weights, relative, values(value, np.float64), expected, numerics)
    return finish(
        expected,
        errors,
        numerics,
        directions={"temperature": temperature},
        rows_independent=numerics.operands is None and numerics.hidden is None,  # W k^T is common to all rows
    )


def bilinear_attention_vjp_bound(
    cotangent: Any, query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero", numerics: Numerics
) -> dict[str, Bound]:
    """q (W k) and (q W) k are both right, and so are their ways back: the larger error counts.

    dW may also be one sum over all pairs of a query and a key, n of them: n U sum |q| |dS| |k| more.
    """
    of = exact_arguments("bilinear_attention_vjp_bound", query=query, key=key, value=value, w=w)
    numerics = of_steps(numerics)
    g = real("bilinear_attention_vjp_bound", "cotangent", cotangent)
    found = []
    with np.errstate(all="ignore"):
        for query_first in (True, False):
            tape = Tape(numerics)
            if query_first:
                s = dot_products(tape, matmul(tape, of["query"], of["w"]), of["key"], 1.0, numerics.hidden)
            else:
                turned = rearrange(tape, of["w"], np.transpose, np.transpose)
                s = dot_products(tape, of["query"], matmul(tape, of["key"], turned), 1.0, numerics.hidden)
            o = attend(tape, s, of["value"], None, masked_row, kept_in=numerics.output)
            found.append(tape.gradients(o, g, of))
        either = {}
        for name, one in found[0].items():
            (e, v, c), (e_2, v_2, c_2) = one.errors, found[1][name].errors
            either[name] = Computed(one.value, np.maximum(e, e_2), np.maximum(v, v_2), np.maximum(c, c_2))
        ds, _ = general_attention_vjp(g, s.value, of["value"].value, masked_row=masked_row)
        n, unit, dw = numerics.roundings(ds.size), numerics.unit, either["w"]
        magnitude, squares = (
            np.einsum("bid,bij,bje->de", *(function_of(each) for each in (of["query"].value, ds, of["key"].value)))
            for function_of in (np.abs, np.square)
        )
        error = (1 + n * unit) * dw.error + n * unit * magnitude + n * numerics.underflow
        variance = dw.variance + sum_variance(n, dw.value, squares, unit)
        either["w"] = Computed(dw.value, error, variance, dw.coherent)
        return {name: bounded(each, numerics, rows_independent=False) for name, each in either.items()}


def _product_of_three(a: Array, b: Array, c: Array, numerics: Numerics) -> tuple[Array, Errors]:
    """(a b) c, and the errors of computing it in that order, a b stored in between."""
    ab, first = matrix_product(a, b, numerics)
    first = stored(ab, first, numerics.hidden)
    abc, second = matrix_product(ab, c, numerics)
    growth = 1 + numerics.roundings(c.shape[-2]) * numerics.unit  # the second product is one of a b + E
    if numerics.operands is not None:
        growth *= (1 + FORMATS[numerics.operands].unit_roundoff) ** 2
    error = second.error + growth * first.error @ np.abs(c)
    return abc, Errors(error, second.variance + first.variance @ (c * c), np.zeros_like(error))


def _arguments(query: Any, key: Any, value: Any, w: Any, masked_row: str) -> tuple[Array, Array, Array, Array]:
    """The arguments in float64, their shapes checked."""
    names, axes = ("query", "key", "value", "w"), ("B L_q d_q", "B L_k d_k", "B L_k d_v", "d_q d_k")
    given = zip(names, (query, key, value, w), strict=True)
    arrays = [real("bilinear_attention", name, array) for name, array in given]
    check("bilinear_attention", dict(zip(names, zip(arrays, axes, strict=True), strict=True)))
    check_masked_row("bilinear_attention", masked_row)
    query, key, value, w = arrays
    return query, key, value, w
