"""Softmax: Bridle 1990; "Attention Is All You Need", section 3.2.1, equation 1, and section 3.4.

    softmax(x)_j = exp(x_j - m) / sum_k exp(x_k - m),   m = max x      over the last axis

    x (..., n)

m changes nothing but the range. An entry of -inf is a masked one: its probability is 0 exactly. A row that holds NaN,
+inf or nothing but -inf is NaN, as IEEE arithmetic has it.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .rounding.bound import EXACT, VARIANCE_OF_ROUNDING, Bound, Errors, broadcast, finish, sum_variance
from .rounding.computed import Computed, bounded, from_bound
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .shapes import Array, checked_arrays, checked_cotangent


def softmax(x: ArrayLike) -> Array:
    """Give exp(x - max x) over its sum along the last axis: (..., n). Empty if n is 0.

    SpecError if x has no axis, or holds no real numbers.
    """
    (x,) = checked_arrays("softmax", x)
    with np.errstate(all="ignore"):
        m = x.max(-1, keepdims=True, initial=-np.inf)  # (..., 1)
        e = np.exp(x - m)  # (..., n)
        return np.asarray(e / e.sum(-1, keepdims=True))  # (..., n)


def softmax_vjp(cotangent: ArrayLike, x: ArrayLike) -> Array:
    """Give dx = p (g - sum p g), the gradient of sum(g softmax(x)): (..., n). The Jacobian is diag(p) - p p^T.

    SpecError if the cotangent g has not the shape of x, or an argument holds no real numbers.
    """
    (x,) = checked_arrays("softmax", x)
    g = checked_cotangent("softmax_vjp", cotangent, x.shape)
    p = softmax(x)  # (..., n)
    with np.errstate(invalid="ignore"):
        return np.asarray(p * (g - (p * g).sum(-1, keepdims=True)))  # (..., n)


def softmax_bound(x: ArrayLike, *, numerics: Numerics) -> Bound:
    """Say how far from `softmax` a right implementation may be: `probability_errors` of exact numbers, rounded."""
    with np.errstate(all="ignore"):
        y, errors, gap, _ = _probabilities(x, numerics)
        mean = (y * gap).sum(-1, keepdims=True)
    return finish(y, errors, numerics, sensitivities={"temperature": y * (mean - gap)})


def softmax_vjp_bound(cotangent: ArrayLike, x: ArrayLike, *, numerics: Numerics) -> dict[str, Bound]:
    """Say how far from `softmax_vjp` a right implementation may be, from the result as it was rounded.

    The gradient may go through the maximum, too: the largest entries have the errors of `error_of_maximum` on top.
    """
    with np.errstate(all="ignore"):
        y, of_p, _, largest = _probabilities(x, numerics)
        g = Computed(checked_cotangent("softmax_vjp_bound", cotangent, y.shape))
        dx, _ = softmax_backward(from_bound(finish(y, of_p, numerics)), g, numerics)
        terms, of_d = softmax_backward(Computed(y), g, numerics)
        of_m = error_of_maximum(terms.value, terms.errors, of_d, numerics)
        errors = with_maximum(dx.errors, of_m, largest)
        return {"x": bounded(Computed(dx.value, *errors), numerics)}


def probability_errors(
    p: Array,
    gap: Array,
    m: Any,
    n: Any,
    seen: Any,
    of_scores: Errors,
    numerics: Numerics,
    *,
    remade: bool = False,
    shifted: bool = False,
) -> Errors:
    """Give the errors of softmax weights p, made from scores that have errors of their own.

    With rho of `exponential_errors`, to which those of the scores are added, R = sum p rho, l = sum exp(x - m), r of
    `rescalings`:

        E = p ((1 - p) rho + (R - p rho)) + U p (n + sum r + 3 + |lse| + max |x| + c_e log l) + eta
        V = p^2 ((1 - p)^2 v + sum_{k != j} p_k^2 v_k) + p^2 (sum_variance(n, 1, sum p^2) + U^2 (1 + ...))

    The error that all weights of a row have in common cancels against their sum. What no sum cancels is the rounding of
    lse = m + log l where the result is exp(x - lse), without a division. A single entry has none of it: lse = x.
    `shifted`: the maximum is taken off first (`exponential_errors`), so that it may be exp((x - m) - log l), and
    gap + log l stands in place of |lse| + max |x|.
    A weight is at most 1 whatever its score, but for what exp(x - lse) adds, x perhaps being computed a second time:
    E <= exp(U (n + 3 + |lse| + ...) + 2 E^x). `remade`: a backward pass makes the weights again as exp(x - lse) from
    other scores than those of the sum, so that nothing cancels: rho + R in place of (1 - p) rho + (R - p rho).
    """
    unit, c_e = numerics.unit, numerics.exp_error
    farthest = gap.max(-1, keepdims=True, initial=0)
    log_l = np.log(np.exp(-gap).sum(-1, keepdims=True, where=seen))
    sigma = 0.0 if shifted else largest_size(m, farthest)
    rho, v = exponential_errors(gap, sigma, n, numerics)
    rho, v = rho + of_scores.error / unit, v + of_scores.variance / unit**2
    r = rescalings(p, n)
    rho_p = p * rho + c_e * r
    r_sum = rho_p.sum(-1, keepdims=True)
    # Beyond the first order: weights off by exp(+-U rho), sums by U (n + sum r).
    sums = n + r.sum(-1, keepdims=True)
    growth = np.exp(2 * unit * (rho.max(-1, keepdims=True, initial=0) + c_e * n)) / np.maximum(1 - unit * sums, 0)
    lse = np.where(n > 1, (gap + log_l if shifted else np.abs(m + log_l) + sigma) + c_e * log_l, 0)
    own, others = (1 - p) * p * rho, p * (r_sum - rho_p + c_e * r)
    if remade:
        own, others = p * rho, p * (r_sum + c_e * r)
    error = unit * (growth * (own + others + p * sums) + p * (3 + lse)) + seen * numerics.underflow
    squares = p * p
    cancelled = (squares * v).sum(-1, keepdims=True) + (v if remade else (1 - p) ** 2 * v - squares * v)
    of_sum = sum_variance(n, 1, squares.sum(-1, keepdims=True), 1) + VARIANCE_OF_ROUNDING * (3 + lse**2)
    variance = unit**2 * squares * (cancelled + of_sum)
    mean = (p * gap).sum(-1, keepdims=True)
    # Common to many elements: a rounded log2(e) is another temperature; an exp that errs to one side.
    coherent = unit * p * (2 * np.abs(gap - mean) + 2 * c_e) + seen * numerics.underflow
    coherent = coherent + p * (of_scores.coherent + (p * of_scores.coherent).sum(-1, keepdims=True))
    sizes = np.where(seen, np.abs(m - gap) + of_scores.error, 0).max(-1, keepdims=True, initial=0)
    limited = np.where(np.isfinite(p), seen * np.exp(unit * (n + 3 + lse) + 2 * of_scores.error), np.inf)
    error = np.where(beyond_formats(sizes, numerics), np.inf, np.where(error < limited, error, limited))
    return Errors(error, *(np.where(np.isfinite(each), each, np.inf) for each in (variance, coherent)))


def beyond_formats(largest: Array, numerics: Numerics) -> Array:
    """Tell which rows have scores that a format does not hold in which they may be kept: what comes of these is open.

    `largest` is the largest size of a score of the row. An infinite score makes a NaN of its row, exp(inf - inf).
    """
    forms = (numerics.accumulate, numerics.scores, numerics.statistics)
    return largest > min(FORMATS[form].largest for form in forms if form is not None)


def largest_size(m: Any, farthest: Any) -> Any:
    """Give max |s| of scores between m and `farthest` below it."""
    return np.maximum(np.abs(m), np.abs(m - farthest))


def exponential_errors(gap: Any, sigma: Any, n: Any, numerics: Numerics) -> tuple[Any, Any]:
    """Give rho and v: the error and the variance of exp(s - m) relative to it, in units of U and U^2; s is exact.

        rho = 6 gap + 2 sigma + 4 log n + c_e (2 + log n)        gap = m - s
        v   = (2 gap^2 + sigma^2 + c_e^2 + (1 + c_e^2) log2(n + 1)) / 3

    gap is rounded when it is made, multiplied by a rounded log2(e), and once more so where parts of a row are merged:
    6. With exp2 the products m log2(e) of successive maxima round on their own: 2 sigma. Parts that are merged by their
    log-sum-exp add its rounding, its logarithm and another exponential: at most log n each. v counts log2(n + 1)
    maxima, as many as a random order has. A single entry is exp(0) over itself: nothing.

    sigma is max |s|; it is 0 where `numerics.shift` is exact and s are logits, arguments without errors. Then a maximum
    is taken off before anything else is rounded, which costs a rounding of gap, however large s is: running maxima that
    rise from m_1 to m cost no more in all, (m_1 - s) + ... + (m - m_k) = gap. Scores of attention have errors as large
    as sigma of their own, so that nothing would be gained there.

    Statistics kept in a narrower format add u_s (1 + sigma + log n): merged parts have log-sum-exps rounded to it.
    """
    c_e, log_n, many = numerics.exp_error, np.log(np.maximum(n, 1)), n > 1
    row = many * (2 * sigma + 4 * log_n + c_e * (2 + log_n))
    v_row = many * (sigma**2 + c_e**2 + (1 + c_e**2) * np.log2(n + 1)) / 3
    if numerics.statistics is not None:
        u_s = FORMATS[numerics.statistics].unit_roundoff / numerics.unit
        row = row + many * u_s * (1 + sigma + log_n)
        v_row = v_row + many * u_s**2 * (1 + sigma**2 + log_n**2) / 3
    rho = gap * 6
    rho += row.astype(rho.dtype)
    v = gap * gap
    v *= 2 / 3
    v += v_row.astype(v.dtype)
    return rho, v


def rescalings(p: Any, n: Any, off: Any = 1.0) -> Any:
    """Give p times how often an online softmax may rescale a weight: min((n - 1) p, off (1 - p)).

    A weight is rescaled when a larger score arrives, so as often as the others are larger, n - 1 times at most. Each
    that is larger has a larger probability, and together the others have 1 - p, so that (1 - p) / p are larger at most;
    `off` times as many if probabilities are off by it. (Milakov and Gimelshein 2018; a tile may be a single key.)
    """
    r = 1 - p
    r *= off
    return np.minimum((n - 1).astype(p.dtype) * p, r, out=r)


def _probabilities(x: ArrayLike, numerics: Numerics) -> tuple[Array, Errors, Array, Array]:
    """Give the softmax, its errors before rounding, how far each entry is below the largest, and which are that."""
    y = softmax(x)
    (x,) = checked_arrays("softmax", x)
    seen = np.isfinite(x)
    n = seen.sum(-1, keepdims=True)
    m = x.max(-1, keepdims=True, initial=-np.inf)
    gap = np.where(seen, m - x, 0)
    of_p = probability_errors(y, gap, m, n, seen, EXACT, numerics, shifted=numerics.shift == "exact")
    return y, of_p, gap, seen & (gap == 0)


def error_of_maximum(ds: Array, errors: Errors, of_d: Errors, numerics: Numerics) -> Errors:
    """Say how far off is what comes back to the maximum of a row of scores: (..., 1).

    softmax(s) = exp(s - m) / l does not depend on m. What comes back to it, -sum_j dS_j, is zero, and many backward
    passes leave it out; plain automatic differentiation computes it, of terms that have errors E_j, and gives it to the
    largest score, or to one or all of several that are equal:

        E_m = sum_j E_j + E_D + n U sum_j (|dS_j| + E_j) + n eta
        V_m = sum_j V_j + V_D + sum_variance(n, 0, sum_j dS_j^2)

    E_j are those that dS_j = p_j (dP_j - D) has from exact weights: whatever exp(s_j - m) comes to, it is in l as well,
    so that what the weights of a row are off cancels in the sum. The error of D is p_j E_D in an element, little where
    weights are small; here it is sum p E_D = E_D.
    """
    n, unit = ds.shape[-1], numerics.unit
    size, squares = np.abs(ds).sum(-1, keepdims=True), np.square(ds).sum(-1, keepdims=True)
    e, v, c = (broadcast(each, ds.shape).sum(-1, keepdims=True) for each in errors)
    error = e + of_d.error + n * unit * (size + e) + n * numerics.underflow
    return Errors(error, v + of_d.variance + sum_variance(n, 0, squares, unit), c)


def with_maximum(errors: Errors, of_m: Errors, largest: Array) -> Errors:
    """Add what comes back to the maximum to the errors of the largest entries."""
    return Errors(*(each + np.where(largest, more, 0) for each, more in zip(errors, of_m, strict=True)))


def softmax_backward(p: Computed, g: Computed, numerics: Numerics) -> tuple[Computed, Errors]:
    """Give p (g - sum p g), p as it was kept, and the errors of the sum."""
    e, v, _ = p.errors
    e_g, v_g, _ = g.errors
    terms, n = np.abs(p.value * g.value), p.value.shape[-1]
    d = (p.value * g.value).sum(-1, keepdims=True)
    e_d = (e * np.abs(g.value) + (p.value + e) * e_g).sum(-1, keepdims=True)
    e_d = e_d + n * (numerics.unit * (terms.sum(-1, keepdims=True) + e_d) + numerics.underflow)
    v_d = (v * g.value**2 + p.value**2 * v_g).sum(-1, keepdims=True)
    v_d = v_d + sum_variance(n, d, np.square(terms).sum(-1, keepdims=True), numerics.unit)
    return centred(p, g, d, e_d, v_d, numerics), Errors(e_d, v_d)


def centred(p: Computed, g: Computed, d: Array, e_d: Array, v_d: Array, numerics: Numerics) -> Computed:
    """Give p (g - d): three roundings."""
    e_p, v_p, c_p = p.errors
    e_g, v_g, c_g = g.errors
    difference, size, unit = g.value - d, p.value + e_p, numerics.unit
    inner = e_g + e_d + 2 * unit * (np.abs(g.value) + np.abs(d) + e_g + e_d)
    y = p.value * difference
    error = e_p * np.abs(difference) + size * inner + unit * np.abs(y) + numerics.underflow * (size > 0)
    once = VARIANCE_OF_ROUNDING * unit**2
    v_inner = v_g + v_d + once * (np.square(g.value) + np.square(d))
    variance = v_p * np.square(difference) + np.square(p.value) * v_inner + 2 * once * np.square(y)
    return Computed(y, error, variance, c_p * np.abs(difference) + p.value * c_g)
