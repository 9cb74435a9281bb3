"""Log-softmax: the logarithm of the probabilities of "Attention Is All You Need", section 3.4, in one piece.

    log_softmax(x)_j = x_j - lse = -(gap_j + log l)      over the last axis

    x (..., n)   m = max x   gap = m - x   l = sum_k exp(-gap_k)   lse = m + log l

It is there because the logarithm of a softmax is not: a probability below the smallest number has none left. An entry
of -inf is a masked one: its log-probability is -inf, and it does not count. A row that holds NaN, +inf or nothing but
-inf is NaN, as IEEE arithmetic has it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .rounding.bound import EXACT, VARIANCE_OF_ROUNDING, Bound, Errors, finish, stored, sum_variance
from .rounding.formats import FORMATS, half_ulp
from .rounding.numerics import Numerics
from .shapes import Array, checked_arrays, checked_cotangent
from .softmax import (
    beyond_formats,
    error_of_maximum,
    exponential_errors,
    largest_size,
    probability_errors,
    with_maximum,
)


def log_softmax(x: ArrayLike) -> Array:
    """Give x - log sum exp x along the last axis: (..., n). Empty if n is 0.

    SpecError if x has no axis, or holds no real numbers.
    """
    return log_probabilities(*checked_arrays("log_softmax", x)).y


def log_softmax_vjp(cotangent: ArrayLike, x: ArrayLike) -> Array:
    """Give dx = g - p sum g, the gradient of sum(g log_softmax(x)): (..., n). The Jacobian is 1 - (1, ..., 1)^T p.

    SpecError if the cotangent g has not the shape of x, or an argument holds no real numbers.
    """
    (x,) = checked_arrays("log_softmax", x)
    g = checked_cotangent("log_softmax_vjp", cotangent, x.shape)
    p = log_probabilities(x).p  # (..., n)
    return np.asarray(g - p * g.sum(-1, keepdims=True))  # (..., n)


def log_softmax_bound(x: ArrayLike, *, numerics: Numerics) -> Bound:
    """Say how far from `log_softmax` a right implementation may be: `log_probability_errors`, rounded."""
    rows = log_probabilities(*checked_arrays("log_softmax", x))
    with np.errstate(all="ignore"):
        mean = (rows.p * rows.gap).sum(-1, keepdims=True)
        errors = log_probability_errors(rows, numerics)
    return finish(rows.y, errors, numerics, sensitivities={"temperature": rows.gap - mean})


def log_softmax_vjp_bound(cotangent: ArrayLike, x: ArrayLike, *, numerics: Numerics) -> dict[str, Bound]:
    """Say how far from `log_softmax_vjp` a right implementation may be.

    With G = sum g and the errors of `kept_probability_errors`:

        E = |G| E_p + p n U sum |g| + U (2 |p G| + |dx|) + eta
        V = G^2 V_p + p^2 V_G + (U^2/3) (2 (p G)^2 + dx^2)

    The largest entries have those of `error_of_maximum` on top, and of `error_of_all`, as p G may be summed apart.
    Steps that pass tensors of a narrower format add half an ulp of G, times p, and of p G.
    """
    dx = log_softmax_vjp(cotangent, x)
    (x,), g = checked_arrays("log_softmax", x), np.asarray(cotangent).astype(np.float64)
    unit, n = numerics.unit, x.shape[-1]
    with np.errstate(all="ignore"):
        rows = log_probabilities(x)
        of_p = kept_probability_errors(rows, log_probability_errors(rows, numerics), numerics)
        total = g.sum(-1, keepdims=True)
        of_total = Errors(
            n * unit * np.abs(g).sum(-1, keepdims=True),
            sum_variance(n, total, (g * g).sum(-1, keepdims=True), unit),
        )
        errors = _gradient_errors(dx, rows.p, of_p, total, stored(total, of_total, numerics.hidden), numerics)
        # A softmax whose maximum is a step of its own is computed in the accumulator's format.
        terms = _gradient_errors(dx, rows.p, EXACT, total, of_total, replace(numerics, hidden=None))
        of_all = error_of_all(rows.p, np.abs(total), unit)
        of_m = error_of_maximum(dx, terms, of_all._replace(variance=of_all.variance + of_total.variance), numerics)
        errors = with_maximum(errors, of_m, rows.seen & (rows.gap == 0))
    return {"x": finish(dx, judgeable(errors), numerics)}


def _gradient_errors(dx: Array, p: Array, of_p: Errors, total: Array, of_total: Errors, numerics: Numerics) -> Errors:
    """Give the errors of g - p G."""
    unit, product = numerics.unit, p * total
    of_product = Errors(
        np.abs(total) * of_p.error + (p + of_p.error) * of_total.error + 2 * unit * np.abs(product),
        total**2 * of_p.variance + p**2 * of_total.variance + 2 * VARIANCE_OF_ROUNDING * (unit * product) ** 2,
        np.abs(total) * of_p.coherent,
    )
    of_product = stored(product, of_product, numerics.hidden)
    return Errors(
        of_product.error + unit * np.abs(dx) + numerics.underflow,
        of_product.variance + VARIANCE_OF_ROUNDING * (unit * dx) ** 2,
        of_product.coherent + numerics.underflow,
    )


def error_of_all(p: Array, total: Array, unit: float) -> Errors:
    """Give the errors of sum p G where its terms are exp(x - m) (G / l): those of the sum, of l, and of G / l.

    E = (2 n + 2) U |G|     V = sum_variance(n, G, sum (p G)^2) + (2 U^2/3) G^2
    """
    n, squares = p.shape[-1], np.square(p * total).sum(-1, keepdims=True)
    variance = sum_variance(n, total, squares, unit) + 2 * VARIANCE_OF_ROUNDING * (unit * total) ** 2
    return Errors((2 * n + 2) * unit * total, variance)


class LogProbabilities(NamedTuple):
    """The log-probabilities of rows and what they are made of; of a row, (..., 1)."""

    y: Array
    p: Array
    gap: Array
    """m - x, and 0 where x is not finite."""
    m: Array
    log_l: Array
    seen: Array
    """Which entries are finite."""
    n: Array
    """How many of a row are."""


def log_probabilities(x: Array) -> LogProbabilities:
    """Compute the formula, and keep its parts.

    log l is taken of l - 1, without one of the largest entries: that of a dominant one is far below an ulp of l.
    """
    with np.errstate(all="ignore"):
        m = x.max(-1, keepdims=True, initial=-np.inf)  # (..., 1)
        gap = m - x  # (..., n)
        e = np.exp(-gap)  # (..., n)
        others = (gap == 0).sum(-1, keepdims=True) - 1 + e.sum(-1, keepdims=True, where=gap > 0)  # (..., 1)
        log_l = np.log1p(others)  # (..., 1)
        seen = np.isfinite(x)
        y = 0.0 - (gap + log_l)  # (..., n)
        p = np.where(np.isnan(y), np.nan, e / (1 + others))  # (..., n)
    return LogProbabilities(y, p, np.where(seen, gap, 0), m, log_l, seen, seen.sum(-1, keepdims=True))


def log_probability_errors(rows: LogProbabilities, numerics: Numerics) -> Errors:
    """Give the errors of log-probabilities, before they are rounded to a format.

    With rho, v of `exponential_errors`, s of `rescalings`, and c_e the error of log, too:

        t = (1 + sum p (exp(U (rho + (c_e + 1) s)) - 1)) exp(n U) - 1                of l, relative to it
        E = -log(1 - t) + U ((c_e + 3) log l + 3 gap + 3 |y|)                        of (x - m) - log l
        V = U^2 sum p^2 v + sum_variance(n, 1, sum p^2) + (U^2/3) (squares of the same terms)

    A relative error of l is an absolute one of log l: here no division cancels what the weights of a row have in
    common, and where one entry dominates, so that y is almost 0, no relative accuracy of y is due. With base 2,
    log2(e) is rounded, the product of x - m with it, and the product with log(2): 3 gap, 3 |y|. A single entry is 0.

    Where `numerics.shift` is rounded, the result may be x - lse, lse = m + log l rounded, or of x log2(e) and
    m log2(e), rounded: in E, 3 |m| + 2 |lse| + 2 |x| + 2 gap stand in place of 3 gap, and sigma of `exponential_errors`
    is max |x|. That grows with what all logits have in common, which x - m takes away.

    Statistics kept in a narrower format add u_s (1 + log l + gap), and u_s |lse| with a rounded shift: l, log l, x - m
    and lse are rounded to it.
    """
    unit, c_e = numerics.unit, numerics.exp_error
    _, p, gap, m, log_l, seen, n = rows
    with np.errstate(all="ignore"):
        y = np.where(seen, rows.y, 0)
        many, size, shifted = n > 1, np.where(seen, np.abs(m - gap), 0), numerics.shift == "exact"
        sigma = 0.0 if shifted else largest_size(m, gap.max(-1, keepdims=True, initial=0))
        rho, v = exponential_errors(gap, sigma, n, numerics)
        weights = (p * np.expm1(unit * (rho + (c_e + 1) * rescalings(gap, seen)))).sum(-1, keepdims=True)
        of_l = (1 + weights) * np.exp(n * unit) - 1
        squares = p * p
        if shifted:
            lse, of_shift, v_of_shift = np.zeros_like(m), 3 * gap, 3 * gap**2
        else:
            lse = np.abs(m + log_l)
            of_shift = 3 * np.abs(m) + 2 * lse + 2 * size + 2 * gap
            v_of_shift = 3 * m**2 + 2 * lse**2 + 2 * size**2 + 2 * gap**2
        error = unit * ((c_e + 3) * log_l + of_shift + 3 * np.abs(y)) + numerics.underflow
        error = error + np.where(of_l < 1, -np.log1p(-np.minimum(of_l, 1)), np.inf)
        of_sum = (squares * v).sum(-1, keepdims=True) + sum_variance(n, 1, squares.sum(-1, keepdims=True), 1)
        roundings = (c_e**2 + 3) * log_l**2 + v_of_shift + 3 * y**2
        variance = unit**2 * (of_sum + VARIANCE_OF_ROUNDING * roundings)
        # Common to many elements: a rounded log2(e) is another temperature; an exp or a log that errs to one side.
        mean = (p * gap).sum(-1, keepdims=True)
        coherent = unit * (2 * np.abs(gap - mean) + c_e * (2 + log_l)) + numerics.underflow
        if numerics.statistics is not None:
            u_s = FORMATS[numerics.statistics].unit_roundoff
            error = error + u_s * (1 + log_l + lse + gap)
            variance = variance + VARIANCE_OF_ROUNDING * u_s**2 * (1 + log_l**2 + lse**2 + gap**2)
    error, variance, coherent = (np.where(many, each, 0) for each in (error, variance, coherent))
    open_ = beyond_formats(size.max(-1, keepdims=True, initial=0), numerics)
    return judgeable(Errors(np.where(open_, np.inf, error), variance, coherent))


def rescalings(gap: Array, seen: Array) -> Array:
    """Say how often an online sum may rescale an entry: once for each larger one, if they come in ascending order."""
    gap = np.where(seen, gap, np.inf)
    ordered = np.argsort(gap, -1)
    sorted_gap = np.take_along_axis(gap, ordered, -1)
    place = np.broadcast_to(np.arange(gap.shape[-1]), gap.shape)
    first = sorted_gap[..., 1:] > sorted_gap[..., :-1]
    larger = np.maximum.accumulate(np.concatenate([place[..., :1], place[..., 1:] * first], -1), -1)
    times = np.empty(gap.shape)
    np.put_along_axis(times, ordered, larger, -1)
    return np.where(seen, times, 0)


def kept_probability_errors(rows: LogProbabilities, of_y: Errors, numerics: Numerics) -> Errors:
    """Give the errors of the probabilities that a backward pass makes: the softmax once more, or exp of what was kept.

        E = max(E of `probability_errors`, p (exp(E_y) - 1 + c_e U) + eta)        and likewise V

    Steps that pass tensors of a narrower format keep y in it, so that E_y has half an ulp of y, and p itself.
    """
    unit, c_e, p = numerics.unit, numerics.exp_error, rows.p
    shifted = numerics.shift == "exact"
    afresh = probability_errors(p, rows.gap, rows.m, rows.n, rows.seen, EXACT, numerics, shifted=shifted)
    of_y = stored(rows.y, of_y, numerics.hidden)
    with np.errstate(all="ignore"):
        kept = np.where(p > 0, p * (np.expm1(of_y.error) + c_e * unit), 0) + rows.seen * numerics.underflow
        v_kept = np.where(p > 0, p * p * (of_y.variance + VARIANCE_OF_ROUNDING * (c_e * unit) ** 2), 0)
    both = Errors(
        np.maximum(afresh.error, kept),
        np.maximum(afresh.variance, v_kept),
        np.maximum(afresh.coherent, p * (of_y.coherent + c_e * unit)),
    )
    if numerics.hidden is None:
        return both
    # A masked entry's 0 is stored exactly.
    half = rows.seen * half_ulp(p + both.error, FORMATS[numerics.hidden])
    return Errors(both.error + half, both.variance + half**2 / 3, both.coherent)


def judgeable(errors: Errors) -> Errors:
    """Make errors that are NaN infinite: what overflows is not judged."""
    return Errors(*(np.where(np.isnan(each), np.inf, each) for each in errors))
