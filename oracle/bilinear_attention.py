"""Bilinear attention: Luong, Pham and Manning 2015, section 3.1, the score called "general".

    s_ij = q_i W k_j^T   o_i = sum_j softmax(s_i)_j value_j

    query (B, L_q, d_q)   key (B, L_k, d_k)   value (B, L_k, d_v)   w (d_q, d_k)   result (B, L_q, d_v)

Without any key, a row holds what `masked_row` says: zeros, NaN (then zeros are right, too), or the mean of
nothing, which is zero.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .general_attention import (
    general_attention,
    general_attention_vjp,
    judged_without_keys,
    mix,
    weigh,
)
from .general_attention_bound import of_steps, values, weighted_values
from .general_attention_tape import attend, dot_products
from .options import check_conventions
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, matrix_product, stored, sum_variance
from .rounding.computed import Computed, exact_arguments
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, rearrange
from .shapes import Array, checked_arrays, checked_cotangent

_Product = Callable[[Callable[[Array], Array]], Array]
"""Of three factors, each put through a function first."""


def bilinear_attention(
    query: ArrayLike, key: ArrayLike, value: ArrayLike, w: ArrayLike, *, masked_row: str = "zero"
) -> Array:
    """Give softmax(query W key^T) value: (B, L_q, d_v).

    SpecError if the shapes do not fit each other, an argument holds no real numbers, or `masked_row` is unknown.
    """
    query, key, value, w = _arguments(query, key, value, w, masked_row)
    with np.errstate(all="ignore"):
        s = query @ w @ key.swapaxes(-1, -2)  # (B, L_q, L_k)
    return general_attention(s, value, masked_row=masked_row)  # (B, L_q, d_v)


def bilinear_attention_vjp(
    cotangent: ArrayLike, query: ArrayLike, key: ArrayLike, value: ArrayLike, w: ArrayLike, *, masked_row: str = "zero"
) -> tuple[Array, Array, Array, Array]:
    """Give the gradients of sum(g o) with respect to query, key, value and W, in their shapes.

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
    query: ArrayLike, key: ArrayLike, value: ArrayLike, w: ArrayLike, *, masked_row: str = "zero", numerics: Numerics
) -> Bound:
    """Say how far from `bilinear_attention` a right implementation may be.

        E^s = (d_q + d_k) U |q| |W| |k| + max(h(q W) |k|, |q| h(W k)) + h(s)      two products
        E^s = (d_q d_k + 1) U |q| |W| |k| + h(s)                                  one sum of terms q_d W_de k_e

    h: half an ulp where `numerics.hidden` stores what passes between the steps. (q W) k^T, q (W k^T) and the one
    sum are right, so that the largest counts, and so it is with V^s. What becomes of E^s: `general_attention_bound`.
    """
    query, key, value, w = _arguments(query, key, value, w, masked_row)
    masked_row, or_nan = judged_without_keys(masked_row, key.shape[1])
    numerics, k_t = of_steps(numerics), key.swapaxes(-1, -2)
    with np.errstate(all="ignore"):
        s, of_query_first = _product_of_three(query, w, k_t, numerics)
        _, of_key_first = _product_of_three(key, w.T, query.swapaxes(-1, -2), numerics)
        turned = (each.swapaxes(-1, -2) for each in of_key_first)
        of_one_sum = _one_sum(lambda f: f(query) @ f(w) @ f(k_t), w.size, numerics)
        of_s = Errors(*map(np.maximum, map(np.maximum, of_query_first, turned), of_one_sum))
        of_s = stored(s, stored(s, of_s, numerics.hidden), numerics.scores)
        weights = weigh(s, None, masked_row)
        expected = mix(weights, value, masked_row)
        relative = Errors(of_s.error / numerics.unit, of_s.variance / numerics.unit**2)
        errors, temperature = weighted_values(weights, relative, values(value, np.float64), expected, numerics)
    return finish(
        expected,
        errors,
        numerics,
        sensitivities={"temperature": temperature},
        rows_independent=numerics.operands is None and numerics.hidden is None,  # W k^T is common to all rows
        or_nan=or_nan,
    )


def bilinear_attention_vjp_bound(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w: ArrayLike,
    *,
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `bilinear_attention_vjp` a right implementation may be.

    q (W k) and (q W) k are both right, and so are their ways back: the larger error counts.

    Each of dq, dk and dW may also be one sum, as dq_d = sum_je dS_j W_de k_je is; with n terms, n U times the sum of
    their sizes more.
    """
    of = exact_arguments("bilinear_attention_vjp_bound", query, key, value, w)
    numerics = of_steps(numerics)
    shape = (*of["query"].value.shape[:2], of["value"].value.shape[2])
    g = checked_cotangent("bilinear_attention_vjp_bound", cotangent, shape)
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
        q, k, w = (of[name].value for name in ("query", "key", "w"))
        sums: dict[str, tuple[_Product, int]] = {
            "query": (lambda f: f(ds) @ f(k) @ f(w).T, k.shape[1] * k.shape[2]),
            "key": (lambda f: f(ds).swapaxes(-1, -2) @ f(q) @ f(w), q.shape[1] * q.shape[2]),
            "w": (lambda f: (f(q).swapaxes(-1, -2) @ f(ds) @ f(k)).sum(0), ds.size),
        }
        for name, (made, terms) in sums.items():
            y, (e, v, c) = either[name].value, either[name].errors
            error, variance, coherent = _one_sum(made, terms, numerics)
            growth = 1 + numerics.roundings(terms) * numerics.unit
            either[name] = Computed(y, growth * e + error, v + variance, c + coherent)
        return {name: tape.bound(each) for name, each in either.items()}


def _product_of_three(a: Array, b: Array, c: Array, numerics: Numerics) -> tuple[Array, Errors]:
    """Give (a b) c, and the errors of computing it in that order, a b stored in between."""
    ab, first = matrix_product(a, b, numerics)
    first = stored(ab, first, numerics.hidden)
    abc, second = matrix_product(ab, c, numerics)
    growth = 1 + numerics.roundings(c.shape[-2]) * numerics.unit  # the second product is one of a b + E
    if numerics.operands is not None:
        growth *= (1 + FORMATS[numerics.operands].unit_roundoff) ** 2
    error = second.error + growth * first.error @ np.abs(c)
    return abc, Errors(error, second.variance + first.variance @ (c * c), np.zeros_like(error))


def _one_sum(product: _Product, terms: int, numerics: Numerics) -> Errors:
    """Give the errors of a sum of so many terms, each a product of three: n - 1 roundings of the sum, 2 of a term.

        E = (n + 1) U A + n eta             A, Q: `product` of the factors' sizes, and of their squares
        V = sum_variance + (2 U^2/3) Q

    Rounded operands (u_o) add ((1 + u_o)^3 - 1) A.
    """
    n, unit = numerics.roundings(terms), numerics.unit
    total, magnitude, squares = (product(each) for each in (np.asarray, np.abs, np.square))
    error = (n + 1) * unit * magnitude + n * numerics.underflow
    variance = sum_variance(n, total, squares, unit) + 2 * VARIANCE_OF_ROUNDING * unit**2 * squares
    coherent = error if numerics.rounding == "toward-zero" else np.zeros_like(error)
    if numerics.operands is not None:
        u_o = FORMATS[numerics.operands].unit_roundoff
        error = error + ((1 + u_o) ** 3 - 1) * magnitude
        variance = variance + 3 * VARIANCE_OF_ROUNDING * u_o**2 * squares
    return Errors(error, variance, coherent)


def _arguments(
    query: ArrayLike, key: ArrayLike, value: ArrayLike, w: ArrayLike, masked_row: str
) -> tuple[Array, Array, Array, Array]:
    """Check the arguments, and give them in float64."""
    check_conventions("bilinear_attention", masked_row=masked_row)
    query, key, value, w = checked_arrays("bilinear_attention", query, key, value, w)
    return query, key, value, w
