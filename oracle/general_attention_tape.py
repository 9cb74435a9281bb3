"""A step of a recorded computation: values mixed by the softmax of scores, o = P V, and the way back.

    dV = P^T g      dP = g V^T      D = sum_d g o = sum_j P dP      dS = P (dP - D)

The errors, with E_p of `probability_errors` (the backward pass may read the weights, or make them again from the scores
and their log-sum-exp), cast of the weights as in `general_attention_bound`:

    dV   product of P + E_p + cast with g
    D    from the result as it was kept, rounded to the output: sum |g| E_o + n U sum |g o|; or from the weights:
         sum_j (E_p |dP| + (p + E_p) E_dP) + n U sum p |dP|; whichever is more
    dS   E_p |dP - D| + (p + E_p) (E_dP + 2 U (|dP| + |D|)) + cast, and p delta with |delta| <= E_D: that is common to a
         row, so that dQ = dS K has |P K| E_D of it, not P |K| E_D. Where scores are stored in 16 bits, so
         may be all that dS = P dP - P D, D = sum P dP, is made of: half an ulp of P, of both products, and of D

Through the maximum of a row, too, which scores are taken off from before exp: the errors of `error_of_maximum`, on any
of the scores that may be it. dQ has them times the largest |K| of these.

A row that sees no key passes no gradient to its scores. Where it holds the mean of all values (`masked_row`), these get
a share each; whether its scores get any is left open, as it depends on how the row came to be so.
"""

from dataclasses import replace

import numpy as np

from .general_attention import Weights, judged_without_keys, mix, weigh
from .general_attention_bound import cast_error, values, weighted_values
from .rounding.bound import VARIANCE_OF_ROUNDING, Errors, broadcast, is_zero, stored, sum_variance
from .rounding.computed import Anywhere, Common, Computed, product, scaled, stored_in
from .rounding.formats import FORMATS, half_ulp
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array
from .softmax import centred, error_of_maximum, probability_errors


def attend(
    tape: Tape,
    scores: Computed,
    value: Computed,
    seen: Array | None,
    masked_row: str,
    *,
    kept_in: str,
    scale: float = 1.0,
) -> Computed:
    """Record softmax(scores) value over the keys that are seen: (..., L_q, d_v).

    `kept_in` is the format in which the result is kept for the backward pass; `scale` what dS may be multiplied by
    before it is cast.
    """
    numerics = tape.numerics
    masked_row, or_nan = judged_without_keys(masked_row, scores.value.shape[-1])
    tape.or_nan |= or_nan
    s, v = stored_in(tape.read(scores), numerics.scores), tape.read(value)
    weights = weigh(s.value, seen, masked_row)
    kept = _seen(s, weights)
    o = _mixed(weights, kept, v, numerics, masked_row)
    p = Computed(weights.p, *_probabilities(weights, kept, numerics, remade=True))
    kept_o = stored_in(o, kept_in)
    saved = replace(kept_o, value=np.nan_to_num(kept_o.value))
    blind = np.asarray(weights.n == 0 if seen is None else ~np.asarray(seen.any(-1, keepdims=True)))
    largest = _largest(weights, kept)

    def backward(g: Computed) -> tuple[Computed, Computed]:
        cast = _cast(p, numerics)
        through = product(cast.transposed, g, numerics, numerics.gradient_chunks)
        return _through_softmax(tape, p, product(g, v.transposed, numerics), g, saved, blind, largest, scale), through

    return tape.record(o, (scores, value), backward)


def dot_products(tape: Tape, query: Computed, key: Computed, scale: float, terms_in: str | None = None) -> Computed:
    """Record scale q . k: dq = scale g k, dk = scale g^T q. The scale may be at either factor, or its root at both.

    `terms_in` is the format in which the gradient of each single pair of a query and a key may be kept.
    """
    numerics = tape.numerics
    q, k = tape.read(query), tape.read(key)
    # Between a product and its scaling there is a step, on whichever side the scale is.
    step = numerics.hidden if scale != 1 else None
    q = stored_in(q, step)
    s = scaled(stored_in(product(q, k.transposed, numerics), step), scale, numerics)
    magnitude = abs(scale) * (np.abs(q.value) @ np.abs(k.transposed.value))
    s = replace(s, error=s.error + 2 * numerics.unit * magnitude)

    def backward(g: Computed) -> tuple[Computed, ...]:
        chunks = numerics.gradient_chunks
        of_q = product(g, k, numerics, chunks, terms_in)
        of_k = product(g.transposed, q, numerics, chunks, terms_in)
        return tuple(scaled(stored_in(each, step), scale, numerics) for each in (of_q, of_k))

    return tape.record(s, (query, key), backward)


def _largest(weights: Weights, of_scores: Errors) -> Array:
    """Tell which scores may be the largest of their row, as far as their errors say."""
    seen = True if weights.seen is None else weights.seen
    least = np.where(seen, weights.gap + of_scores.error, np.inf).min(-1, keepdims=True, initial=np.inf)
    return np.asarray(seen & (weights.gap - of_scores.error <= least))


def _of_maximum(largest: Array, of_m: Errors, numerics: Numerics) -> Anywhere:
    """Give what the maximum's gradient adds to one of the largest, with which it may be stored."""
    error, variance, coherent = stored(np.zeros_like(of_m.error), of_m, numerics.scores)
    once_more = 1 + (FORMATS[numerics.probabilities].unit_roundoff if numerics.probabilities else 0.0)
    return Anywhere(largest, once_more * error, once_more**2 * variance + VARIANCE_OF_ROUNDING * np.square(coherent))


def _with_more(a: Computed, more: Errors) -> Computed:
    """Give the same with more errors."""
    return replace(a, error=a.error + more.error, variance=a.variance + more.variance)


def _seen(s: Computed, weights: Weights) -> Errors:
    """Give the errors of the scores of keys that are seen."""
    shape = s.value.shape
    every = (broadcast(each, shape) for each in s.errors)
    return Errors(*(each if weights.seen is None else np.where(weights.seen, each, 0) for each in every))


def _probabilities(weights: Weights, of_scores: Errors, numerics: Numerics, *, remade: bool = False) -> Errors:
    p, gap, m, n, seen = weights
    seen = np.ones(p.shape, bool) if seen is None else seen
    return probability_errors(p, gap, m, n, seen, of_scores, numerics, remade=remade)


def _mixed(weights: Weights, of_scores: Errors, v: Computed, numerics: Numerics, masked_row: str) -> Computed:
    """Give the result, from values that may have errors themselves."""
    y = mix(weights, v.value, masked_row)
    unit = numerics.unit
    relative = Errors(of_scores.error / unit, of_scores.variance / unit**2)
    (error, variance, coherent), _ = weighted_values(weights, relative, values(v.value, np.float64), y, numerics)
    p = weights.p
    if not v.exact:
        e_p = _probabilities(weights, of_scores, numerics).error
        e_v, v_v, c_v = (broadcast(each, v.value.shape) for each in v.errors)
        error = error + (p + e_p) @ e_v * (1 + 2 * unit * weights.n)
        variance, coherent = variance + np.square(p) @ v_v, coherent + p @ c_v
    if not is_zero(of_scores.coherent):
        spread = np.maximum(p @ np.square(v.value) - np.square(y), 0)
        coherent = coherent + np.sqrt((p * np.square(of_scores.coherent)).sum(-1, keepdims=True) * spread)
    return Computed(y, error, variance, coherent)


def _cast(p: Computed, numerics: Numerics) -> Computed:
    """Give the weights as they meet the cotangent."""
    error, variance = p.error, p.variance
    for form in dict.fromkeys(form for form in (numerics.probabilities, numerics.hidden) if form is not None):
        error = error + cast_error(p.value + p.error, form)
        variance = variance + VARIANCE_OF_ROUNDING * np.square(cast_error(p.value, form))
    return replace(p, error=error, variance=variance)


def _through_softmax(
    tape: Tape, p: Computed, of_p: Computed, g: Computed, o: Computed, blind: Array, largest: Array, scale: float
) -> Computed:
    """Give dS from dP; `o` is the result as it was kept, `largest` which scores may be the maximum of their row."""
    numerics, unit, n = tape.numerics, tape.numerics.unit, p.value.shape[-1]
    # What is stored in a narrower format has a gradient that is: the probabilities, and the scores after them.
    dp = stored_in(stored_in(tape.read(of_p), numerics.probabilities), numerics.scores)
    if numerics.hidden is not None or numerics.scores is not None:
        # Between operations on stored tensors, the weights are one.
        p = _cast(p, numerics)
    # D from the result
    terms, d_v = np.abs(g.value * o.value), g.value.shape[-1]
    d = (p.value * dp.value).sum(-1, keepdims=True)
    e_g, v_g, _ = g.errors
    e_o, v_o, c_o = o.errors
    first = (np.abs(g.value) * e_o + e_g * (np.abs(o.value) + e_o)).sum(-1, keepdims=True)
    first = first + d_v * unit * (terms.sum(-1, keepdims=True) + first)
    v_first = (np.square(g.value) * (v_o + np.square(c_o)) + v_g * np.square(o.value)).sum(-1, keepdims=True)
    v_first = v_first + sum_variance(d_v, d, np.square(terms).sum(-1, keepdims=True), unit)
    # D from the weights
    e_p, v_p, _ = p.errors
    e_dp, v_dp, _ = dp.errors
    terms = np.abs(p.value * dp.value)
    second = (e_p * np.abs(dp.value) + (p.value + e_p) * e_dp).sum(-1, keepdims=True)
    second = second + n * unit * (terms.sum(-1, keepdims=True) + second)
    v_second = (v_p * np.square(dp.value) + np.square(p.value) * v_dp).sum(-1, keepdims=True)
    v_second = v_second + sum_variance(n, d, np.square(terms).sum(-1, keepdims=True), unit)
    eta = (n + d_v) * numerics.underflow
    d_error, d_variance = np.maximum(first, second) + eta, np.maximum(v_first, v_second)
    ds, terms = (centred(each, dp, d, 0 * d_error, 0 * d_variance, numerics) for each in (p, Computed(p.value)))
    if numerics.scores is not None:
        # P dP - P D of tensors that are stored: two products beside the difference; and D, the sum of such products.
        form, weight, of_d = FORMATS[numerics.scores], p.value + e_p, np.abs(d) + d_error
        first, second = (
            np.where(weight > 0, half_ulp(weight * size, form), 0) for size in (np.abs(dp.value) + e_dp, of_d)
        )
        squares = np.square(first), np.square(second)
        of_both = Errors(first + second, VARIANCE_OF_ROUNDING * (squares[0] + squares[1]))
        ds, terms = (_with_more(each, of_both) for each in (ds, terms))
        last = half_ulp(of_d, form)
        d_error = d_error + first.sum(-1, keepdims=True) + last
        d_variance = d_variance + VARIANCE_OF_ROUNDING * (squares[0].sum(-1, keepdims=True) + np.square(last))
    of_terms = stored_in(terms, numerics.scores).errors
    of_m = error_of_maximum(terms.value, of_terms, Errors(d_error, d_variance), numerics)
    if numerics.probabilities is not None:
        form = FORMATS[numerics.probabilities]
        u, tiny = form.unit_roundoff, form.half_smallest_subnormal
        size, flushed = np.abs(ds.value), tiny * max(1.0, 1 / abs(scale or 1))
        cast = np.where(p.value + e_p > 0, u * (size + ds.error) + flushed, 0)
        likely = VARIANCE_OF_ROUNDING * (np.square(u * size) + u**2 * ds.variance + flushed**2)
        ds = _with_more(ds, Errors(cast, likely))
    if blind.any():
        either = np.where(blind, np.abs(p.value * (dp.value - d)), 0)
        ds = replace(ds, value=np.where(blind, 0, ds.value), error=ds.error + either)
    ds = stored_in(stored_in(ds, numerics.scores), numerics.scores)
    # A delta on top of weights that are off, too.
    ds = replace(ds, error=ds.error + e_p * d_error)
    common = Common(np.where(blind, 0, p.value), d_error, d_variance)
    return replace(ds, common=common, anywhere=_of_maximum(largest, of_m, numerics))
