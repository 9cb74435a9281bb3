"""Additive attention: Bahdanau, Cho and Bengio 2015, section 3.1 and appendix A.1.2.

    s_ij = v . tanh(q_i W_q + k_j W_k)   o_i = sum_j softmax(s_i)_j value_j

    query (B, L_q, d_q)   key (B, L_k, d_k)   value (B, L_k, d_v)   result (B, L_q, d_v)
    w_query (d_q, d_a)   w_key (d_k, d_a)   v (d_a,)

Without any key, a row holds what `masked_row` says: zeros, NaN (then zeros are right, too), or the mean of
nothing, which is zero.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .attention import BLOCK
from .general_attention import general_attention_vjp, judged_without_keys, mix, weigh
from .general_attention_bound import of_steps, values, weighted_values
from .general_attention_tape import attend
from .options import check_conventions
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, matrix_product, stored, sum_variance
from .rounding.computed import Computed, exact_arguments, product, stored_in, times, total
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul
from .shapes import Array, checked_arrays, checked_cotangent


def additive_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    v: ArrayLike,
    *,
    masked_row: str = "zero",
) -> Array:
    """Give softmax(v . tanh(query W_q + key W_k)) value: (B, L_q, d_v). A block of queries is held at a time.

    SpecError if the shapes do not fit each other, an argument holds no real numbers, or `masked_row` is unknown.
    """
    call = _arguments(query, key, value, w_query, w_key, v, masked_row)
    with np.errstate(all="ignore"):
        q, k = call.query @ call.w_query, call.key @ call.w_key  # (B, L_q, d_a), (B, L_k, d_a)
        result = np.empty((*q.shape[:2], call.value.shape[2]))
        for part in call.blocks():
            a = q[:, part, None] + k[:, None]  # (B, block, L_k, d_a)
            s = np.tanh(a) @ call.v  # (B, block, L_k)
            result[:, part] = mix(weigh(s, None, masked_row), call.value, masked_row)  # (B, block, d_v)
    return result


def additive_attention_vjp(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    v: ArrayLike,
    *,
    masked_row: str = "zero",
) -> tuple[Array, ...]:
    """Give the gradients of sum(g o) with respect to the six arguments, in their shapes and order.

        t = tanh(q W_q + k W_k)    da_ij = dS_ij v (1 - t_ij^2)    dv = sum_ij dS_ij t_ij
        dq = (sum_j da) W_q^T    dW_q = q^T sum_j da    dk = (sum_i da) W_k^T    dW_k = k^T sum_i da

    dS of `general_attention_vjp`. SpecError as of `additive_attention`, or where the cotangent g has not the shape of
    the result.
    """
    call = _arguments(query, key, value, w_query, w_key, v, masked_row)
    with np.errstate(all="ignore"):
        q, k = call.query @ call.w_query, call.key @ call.w_key  # (B, L_q, d_a), (B, L_k, d_a)
        t = np.tanh(q[:, :, None] + k[:, None])  # (B, L_q, L_k, d_a)
        ds, dvalue = general_attention_vjp(cotangent, t @ call.v, call.value, masked_row=masked_row)
        da = ds[..., None] * call.v * (1 - t * t)  # (B, L_q, L_k, d_a)
        dq, dk = da.sum(2), da.sum(1)  # (B, L_q, d_a), (B, L_k, d_a)
        dw_q, dw_k = (np.einsum("bli,blo->io", *each) for each in ((call.query, dq), (call.key, dk)))
        dv = np.einsum("bij,bija->a", ds, t)
    return dq @ call.w_query.T, dk @ call.w_key.T, dvalue, dw_q, dw_k, dv


def additive_attention_bound(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    v: ArrayLike,
    *,
    masked_row: str = "zero",
    numerics: Numerics,
) -> Bound:
    """Say how far from `additive_attention` a right implementation may be.

        E_a = (d_q + d_k) U (|q| |W_q| + |k| |W_k|) + h(q W_q) + h(k W_k) + h(a)    two products and a sum, or one
        E_t = max tanh' E_a + c_e U + h(t)                  tanh' <= 1, and falls off: it is taken where |a| is least
        E^s = d_a U |v| |t| + |v| E_t + h(s)

    h: half an ulp where `numerics.hidden` stores what passes between the steps. c_e U is absolute: tanh by
    exponentials cancels for small a. What becomes of E^s: `general_attention_bound`.
    """
    call = _arguments(query, key, value, w_query, w_key, v, masked_row)
    masked_row, or_nan = judged_without_keys(masked_row, call.key.shape[1])
    numerics = of_steps(numerics)
    unit, c_e, n = numerics.unit, numerics.exp_error, numerics.roundings(call.v.size)
    with np.errstate(all="ignore"):
        q, of_q = _projection(call.query, call.w_query, call.w_key.shape[0], numerics)
        k, of_k = _projection(call.key, call.w_key, call.w_query.shape[0], numerics)
        expected, temperature, *parts = (np.empty((*q.shape[:2], call.value.shape[2])) for _ in range(5))
        errors, scaled = Errors(*parts), values(call.value, np.float64)
        for part in call.blocks():
            a = q[:, part, None] + k[:, None]  # (B, block, L_k, d_a)
            of_a = Errors(*(x[:, part, None] + y[:, None] for x, y in zip(of_q, of_k, strict=True)))
            # Two products and a sum have one rounding more, one product the partial sums of both.
            of_a = of_a._replace(variance=of_a.variance + VARIANCE_OF_ROUNDING * (unit * a) ** 2)
            of_a = stored(a, of_a, numerics.hidden)
            t = np.tanh(a)
            of_t = stored(t, _errors_of_tanh(a, of_a, numerics), numerics.hidden)
            s, of_s = matrix_product(t, call.v[:, None], numerics)  # (B, block, L_k, 1)
            e_s = of_s.error + (1 + n * unit) * (of_t.error @ np.abs(call.v))[..., None]
            v_s = of_s.variance + (of_t.variance @ call.v**2)[..., None]
            of_s = stored(s, stored(s, Errors(e_s, v_s), numerics.hidden), numerics.scores)
            weights = weigh(s[..., 0], None, masked_row)
            expected[:, part] = mix(weights, call.value, masked_row)
            relative = Errors(of_s.error[..., 0] / unit, of_s.variance[..., 0] / unit**2)
            block, temperature[:, part] = weighted_values(weights, relative, scaled, expected[:, part], numerics)
            for whole, each in zip(errors, block, strict=True):
                whole[:, part] = each
        # A tanh that errs to one side is another temperature.
        errors = errors._replace(coherent=errors.coherent + c_e * unit * np.abs(temperature))
    return finish(
        expected,
        errors,
        numerics,
        sensitivities={"temperature": temperature},
        rows_independent=numerics.operands is None and numerics.hidden is None,  # keys are projected once for all rows
        or_nan=or_nan,
    )


def additive_attention_vjp_bound(
    cotangent: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    v: ArrayLike,
    *,
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `additive_attention_vjp` a right implementation may be.

    With E_t of `additive_attention_bound`: d(tanh a) = g v (1 - t^2), whose errors are 2 |t| E_t + E_t^2 + 3 U.
    """
    check_conventions("additive_attention_vjp_bound", masked_row=masked_row)
    of = exact_arguments("additive_attention_vjp_bound", query, key, value, w_query, w_key, v)
    numerics = of_steps(numerics)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        q, k = matmul(tape, of["query"], of["w_query"]), matmul(tape, of["key"], of["w_key"])
        s = _additive_scores(tape, q, k, of["v"])
        o = attend(tape, s, of["value"], None, masked_row, kept_in=numerics.output)
        return tape.bounds(o, checked_cotangent("additive_attention_vjp_bound", cotangent, o.value.shape), of)


class _Call(NamedTuple):
    """The arguments in float64, checked."""

    query: Array
    key: Array
    value: Array
    w_query: Array
    w_key: Array
    v: Array

    def blocks(self) -> Iterator[slice]:
        """Yield a range of queries after another."""
        step = max(BLOCK // max(self.key.shape[0] * self.key.shape[1] * self.v.size, 1), 1)
        for start in range(0, self.query.shape[1], step):
            yield slice(start, min(start + step, self.query.shape[1]))


def _arguments(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    w_query: ArrayLike,
    w_key: ArrayLike,
    v: ArrayLike,
    masked_row: str,
) -> _Call:
    """Check the arguments, and give them in float64."""
    check_conventions("additive_attention", masked_row=masked_row)
    return _Call(*checked_arrays("additive_attention", query, key, value, w_query, w_key, v))


def _projection(x: Array, w: Array, others: int, numerics: Numerics) -> tuple[Array, Errors]:
    """Give x W and its errors as one of two products, or as a part of one sum with `others` more terms.

    E = (n + n_others) U |x| |W|      an implementation that sums apart has n U |x| |W| and U |a|, which is less
    """
    product, errors = matrix_product(x, w, numerics)
    more = numerics.roundings(others)
    squares = (x * x) @ (w * w)
    error = errors.error + more * (numerics.unit * (np.abs(x) @ np.abs(w)) + numerics.underflow)
    # The partial sums of both products, whose mixed terms (x W_q)(k W_k) are at most half of their squares each.
    variance = errors.variance + sum_variance(more, product, squares, numerics.unit)
    n = numerics.roundings(x.shape[-1])
    variance = variance + sum_variance(n + more, product, 0, numerics.unit)
    return product, stored(product, Errors(error, variance, np.zeros_like(error)), numerics.hidden)


def _errors_of_tanh(a: Array, of_a: Errors, numerics: Numerics) -> Errors:
    """Give E_t and V_t of tanh(a): its slope is taken where |a| is least."""
    of_exp = numerics.exp_error * numerics.unit
    steepest = 1 - np.tanh(np.maximum(np.abs(a) - of_a.error, 0)) ** 2
    error = np.minimum(steepest * of_a.error, 2) + of_exp
    return Errors(error, np.minimum(steepest**2 * of_a.variance + VARIANCE_OF_ROUNDING * of_exp**2, error**2))


def _additive_scores(tape: Tape, query: Computed, key: Computed, v: Computed) -> Computed:
    """Record v . tanh(q_i + k_j), and back."""
    numerics, unit = tape.numerics, tape.numerics.unit
    q, k = tape.read(query), tape.read(key)
    (e_q, v_q, _), (e_k, v_k, _) = q.errors, k.errors
    shape_q, shape_k = q.value.shape, k.value.shape
    e_q, v_q = (np.broadcast_to(each, shape_q)[:, :, None] for each in (e_q, v_q))
    e_k, v_k = (np.broadcast_to(each, shape_k)[:, None] for each in (e_k, v_k))
    a = q.value[:, :, None] + k.value[:, None]  # (B, L_q, L_k, d_a)
    e_a = e_q + e_k + unit * np.abs(a)
    kept = stored_in(Computed(a, e_a, v_q + v_k + VARIANCE_OF_ROUNDING * np.square(unit * a)), numerics.hidden)
    t = np.tanh(a)
    of_t = _errors_of_tanh(a, Errors(kept.error, kept.variance), numerics)
    tanh = stored_in(Computed(t, of_t.error, of_t.variance), numerics.hidden)
    column = Computed(v.value[:, None])
    s = product(tanh, column, numerics).mapped(lambda array: array[..., 0])

    def backward(g: Computed) -> tuple[Computed, Computed, Computed]:
        chunks = numerics.gradient_chunks
        ds = g.mapped(lambda array: array[..., None])  # (B, L_q, L_k, 1)
        slope = 1 - np.square(t)
        e_slope = tanh.error * (2 * np.abs(t) + tanh.error) + 3 * unit
        v_slope = 4 * np.square(t) * tanh.variance + 2 * VARIANCE_OF_ROUNDING * unit**2
        outer = tape.read(times(ds, Computed(np.broadcast_to(v.value, t.shape)), numerics))
        da = tape.read(times(outer, stored_in(Computed(slope, e_slope, v_slope), numerics.hidden), numerics))
        rows = tanh.mapped(lambda array: array.reshape(-1, array.shape[-1]).swapaxes(0, 1))
        dv = product(rows, ds.mapped(lambda array: array.reshape(-1, 1)), numerics, chunks)
        return (
            total(da, 2, numerics, chunks).mapped(lambda array: array[:, :, 0]),
            total(da, 1, numerics, chunks).mapped(lambda array: array[:, 0]),
            dv.mapped(lambda array: array[:, 0]),
        )

    return tape.record(s, (query, key, v), backward)
