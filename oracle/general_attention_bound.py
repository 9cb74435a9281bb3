"""The rounding errors of a weighted mean of values, o = softmax(s) V, from those of the scores s.

With U, eta, c_e of `Numerics`; per query: p its weights, n the keys it sees, m = max s, gap = m - s, l = sum exp(-gap),
lse = m + log l; rho of `exponential_errors` and the scores' own errors, r of `rescalings`, (n - 1) p or 1 - p at most:

    E = spread + g (U ((n p + r) |V| + (n + sum r) |o|) + cast) + U (3 + |lse| + max |s| + c_e log l) |o| + underflow
    spread = g sqrt(sum w) sqrt(sum_j w_j (v_j - o)^2),   w = p (exp(U rho) - 1) + c_e U r,
    g = exp(sum w + c_e n U) / (1 - 2 n U)

What all weights of a row have in common cancels against their sum, so only v - o counts; the inequality of Cauchy and
Schwarz keeps that without an array of L_q L_k d_v. The mean of the weights themselves is never outside the values:
spread <= max |v| + |o|. |V| and |o| come from the two sums: n products each, and as many rescalings as r says.
|lse| and max |s|: exp(s - lse) without a division has the rounding of lse in common, and no sum to cancel it against.

    V = U^2 (sum p^2 v (v_j - o)^2 + sums) + sum cast^2 v^2 / 3         sums: `sum_variance`, of o and of l
    coherent = 2 U |T| + c_e U (p_max |v_argmax - o| + |o|),   T = sum p s (v - o) = d o / d log(scale)

A constant bias of exp cancels but for exp(0) = 1. Cast of the weights (numerics.probabilities, and operands), whatever
they are relative to, as the running maximum of a tile: cast = min(p, max(u p, smallest subnormal / 2)).

All of it is one pass with a matrix product for each sum. In float32 (`arithmetic`) it takes half of the time: values
are scaled to 1, errors to U, so that nothing underflows.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from .general_attention import Weights
from .rounding.bound import SMALLEST_ROOT, VARIANCE_OF_ROUNDING, Errors, sum_variance
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .shapes import Array
from .softmax import beyond_formats, exponential_errors, largest_size, rescalings

FIRST_ORDER: Final = 2.0**-6
"""Relative errors of weights up to here take the common factor exp(rho) <= 1.016; above, `exp` is applied to each."""

UNBOUNDED: Final = 60.0
"""A weight that may be off by e^60 may be any: exp of it is in float32's range still, and below, no weight is lost."""


class Values(NamedTuple):
    """The values, each channel scaled by a power of two to at most 1: exactly, and squares do not underflow."""

    size: Array
    """The power of two: (..., 1, d_v)."""
    largest: Array
    """max |v|: (..., 1, d_v), in units of it."""
    total: Array
    """sum |v|, likewise."""
    moments: Array
    """v^2, v and 1 side by side: (..., L_k, 2 d_v + 1)."""
    magnitude: Array
    """|v|."""

    @property
    def squares(self) -> Array:
        """v^2."""
        return self.moments[..., : self.magnitude.shape[-1]]

    @property
    def plain(self) -> Array:
        """v."""
        return self.moments[..., self.magnitude.shape[-1] : -1]


def values(value: Array, arithmetic: Any) -> Values:
    """Give what the bound needs of the values; those that are not finite have no error."""
    v = np.where(np.isfinite(value), value, 0)
    _, exponent = np.frexp(np.abs(v).max(-2, keepdims=True, initial=0))
    size = np.ldexp(1.0, np.maximum(exponent, -1021))
    v = (v / size).astype(arithmetic)
    magnitude = np.abs(v)
    moments = np.concatenate([v * v, v, np.ones_like(v[..., :1])], -1)
    return Values(
        size, magnitude.max(-2, keepdims=True, initial=0), magnitude.sum(-2, keepdims=True), moments, magnitude
    )


def weighted_values(
    weights: Weights, of_scores: Errors, v: Values, expected: Array, numerics: Numerics
) -> tuple[Errors, Array]:
    """Give the errors of the result before it is rounded, and T: each (..., L_q, d_v).

    `of_scores` are in units of U and U^2, zero for the keys that are not seen.
    """
    unit, eta = numerics.unit, numerics.underflow
    with np.errstate(all="ignore"):
        rows = _rows_of(weights, v, expected, numerics)
        off, v_p = _errors_of_weights(rows, of_scores, v, numerics)
        error = _error(rows, off, v, numerics)
        variance = _variance(rows, v_p, v)
        coherent, temperature = _coherent(rows, v, numerics)
        if numerics.rounding == "toward-zero":
            coherent = error
        for more, of_more in _narrower_formats(rows, off, v, numerics):
            error = error + more
            variance += of_more

        # Weights, products, sums and the quotient may be flushed to zero below the smallest normal number.
        flushed = np.where(rows.n > 0, eta * (v.total * v.size + 2 * rows.n.astype(np.float64) + 1), 0)
        error, coherent = v.size * error + flushed, v.size * coherent + flushed
        sigma = v.size * unit * np.sqrt(variance.astype(np.float64))
        # Where float64 has no square of the deviation, there is only the worst case.
        coherent = np.where(sigma < SMALLEST_ROOT, error, coherent)
        sizes = rows.sigma + unit * of_scores.error.max(-1, keepdims=True, initial=0)
        unbounded = ~np.isfinite(expected) | beyond_formats(sizes, numerics)
        errors = (np.where(unbounded | np.isnan(each), np.inf, each) for each in (error, sigma**2, coherent))
        return Errors(*errors), v.size * temperature


class _Rows(NamedTuple):
    """The softmax of a block of queries, in the arithmetic of the bound."""

    p: Array
    gap: Array
    m: Array
    n: Array
    o: Array
    """The result, in units of `Values.size`."""
    first: Array
    """Where the largest weight stands: (..., L_q, 1), or (..., L_q, 0) without keys."""
    of_first: Array
    """v_first - o, as sum_k p_k (v_first - v_k): nothing cancels where the others weigh next to nothing."""
    p_max: Array
    sigma: Array
    """max |s|"""
    lse: Array
    """|lse| + max |s| + c_e log l, and 0 for a single key."""


def _rows_of(weights: Weights, v: Values, expected: Array, numerics: Numerics) -> _Rows:
    arithmetic = v.moments.dtype
    p, gap, m, n = (each.astype(arithmetic) for each in weights[:4])
    o = np.where(np.isfinite(expected), expected / v.size, 0).astype(arithmetic)
    first = p.argmax(-1)[..., None] if p.shape[-1] else np.zeros((*p.shape[:-1], 0), np.intp)
    of_first = -o
    if first.size:
        others = p.copy()
        np.put_along_axis(others, first, 0, -1)
        of_others = others @ v.moments[..., o.shape[-1] :]  # sum p v, sum p
        of_first = np.take_along_axis(v.plain, first, -2) * of_others[..., -1:] - of_others[..., :-1]
    many = n > 1
    p_max, farthest = p.max(-1, keepdims=True, initial=0), gap.max(-1, keepdims=True, initial=0)
    log_l = np.where(many, -np.log(p_max), 0)  # the largest weight is exp(0) / l
    sigma = largest_size(m, farthest)
    lse = np.where(many, np.abs(m + log_l) + sigma + numerics.exp_error * log_l, 0)
    return _Rows(p, gap, m, n, o, first, of_first, p_max, sigma, lse)


class _Off(NamedTuple):
    """How far off the weights may be, and what follows from it."""

    growth: Array
    """g."""
    once: Array
    """What the division by a rounded sum costs: 1 - 2 n U."""
    spread: Array
    shift: Array
    """What weights that are off add to sum p |v| at most."""
    r: Array
    """Of `rescalings`."""


def _errors_of_weights(rows: _Rows, of_scores: Errors, v: Values, numerics: Numerics) -> tuple[_Off, Array]:
    """Give what errors of the weights make of E, and their variance relative to p^2."""
    p, n, o, unit, c_e = rows.p, rows.n, rows.o, numerics.unit, numerics.exp_error
    rho, v_p = exponential_errors(rows.gap, rows.sigma, n, numerics)
    rho += of_scores.error
    v_p += of_scores.variance
    worst = unit * rho.max(-1, keepdims=True, initial=0)
    if worst.max(initial=0) > FIRST_ORDER:
        rho = np.expm1(np.minimum(unit * rho, UNBOUNDED)) / unit
        g = np.where(worst < UNBOUNDED, 1, np.inf)
    else:
        g = np.exp(worst)
    score = unit * of_scores.error.max(-1, keepdims=True, initial=0)
    r = rescalings(p, n, np.exp(np.minimum(2 * score, UNBOUNDED)))
    w = rho
    w *= p
    w += c_e * r
    total, second = _centred(w, v, rows)
    g = g * np.exp(unit * (c_e * n + total))
    once = np.maximum(1 - 2 * n * unit, 0)
    # Weights that may be off by anything, though they are 0: inf * 0, of which fmin takes the other.
    spread = np.fmin(g * unit * np.sqrt(total * second) / once, v.largest + np.abs(o))
    return _Off(g, once, spread, unit * total * v.largest, r), v_p


def _error(rows: _Rows, off: _Off, v: Values, numerics: Numerics) -> Array:
    """Give E of the weights, of the sums of o and of l, and of the last steps; a sum of p |v| is at most max |v|."""
    n, g, size, unit = rows.n, off.growth, np.abs(rows.o), numerics.unit
    of_o = np.minimum(g * ((off.r + rows.p * n) @ v.magnitude + 2 * n * off.shift), 2 * n * v.largest)
    of_l = np.minimum(g * (n + off.r.sum(-1, keepdims=True)), 2 * n) * size
    return np.asarray(off.spread + unit * (of_o + of_l) / off.once + unit * (3 + rows.lse) * size)


def _variance(rows: _Rows, v_p: Array, v: Values) -> Array:
    """Give V in units of U^2, of weights whose variances relative to p^2 are `v_p`."""
    n, o = rows.n, rows.o
    squares = rows.p * rows.p
    q, q_p = squares @ v.squares, squares.sum(-1, keepdims=True)  # sum p^2 v^2, sum p^2
    squares *= v_p
    _, variance = _centred(squares, v, rows)
    variance += sum_variance(n, o, q, 1) + VARIANCE_OF_ROUNDING * q
    variance += o * o * (sum_variance(n, 1, q_p, 1) + VARIANCE_OF_ROUNDING * (3 + rows.lse**2))
    return variance


def _coherent(rows: _Rows, v: Values, numerics: Numerics) -> tuple[Array, Array]:
    """Give what may be common to many elements, and T in units of `Values.size`."""
    d, p, o, unit, c_e = rows.o.shape[-1], rows.p, rows.o, numerics.unit, numerics.exp_error
    s = rows.m - rows.gap
    s *= p
    moment = s @ v.moments[..., d:]  # sum p s v, sum p s
    temperature = moment[..., :d] - o * moment[..., d:]
    biased = c_e * (rows.p_max * np.abs(rows.of_first) + np.abs(o))
    return unit * (2 * np.abs(temperature) + biased), temperature


def _narrower_formats(rows: _Rows, off: _Off, v: Values, numerics: Numerics) -> Iterator[tuple[Array, Any]]:
    """Yield what each narrower format adds to E, and to V in units of U^2."""
    p, g, unit, operands = rows.p, off.growth, numerics.unit, numerics.operands
    for form in dict.fromkeys(form for form in (numerics.probabilities, operands) if form is not None):
        cast, u = cast_error(p, form), FORMATS[form].unit_roundoff
        lost = np.minimum(g * (cast @ v.magnitude + u * off.shift), v.largest)
        if p.dtype == np.float64:  # in float32, u p does for typical errors too: up to 1.2 times as much
            cast = np.minimum(typical_cast_error(p, rows.p_max, form), cast, out=cast)
        yield lost / off.once, np.square(cast, out=cast) @ v.squares * (VARIANCE_OF_ROUNDING / unit**2)
    if operands is not None:
        u, tiny = FORMATS[operands].unit_roundoff, FORMATS[operands].half_smallest_subnormal
        rounded = u * (1 + u) * np.minimum(g * (p @ v.magnitude + off.shift), v.largest)
        yield rounded, VARIANCE_OF_ROUNDING * (u / unit) ** 2 * ((p * p) @ v.squares)
        yield tiny / v.size, 0.0
    if numerics.statistics is not None:
        u_s = (rows.n > 1) * FORMATS[numerics.statistics].unit_roundoff
        yield u_s * np.abs(rows.o) / off.once, VARIANCE_OF_ROUNDING * (u_s / unit * rows.o) ** 2


def cast_error(p: Array, form: str) -> Array:
    """Say what rounding a weight to a format may change, whatever it is relative to: at most the weight itself."""
    cast = p * FORMATS[form].unit_roundoff
    np.maximum(cast, FORMATS[form].half_smallest_subnormal, out=cast)
    return np.minimum(cast, p, out=cast)


def typical_cast_error(p: Array, p_max: Array, form: str) -> Array:
    """Give half an ulp of a weight, relative to 1 or to the largest of its row, whichever is more: u p / 2 to u p."""
    of_ones, of_largest = _power_of_two(p), _power_of_two(p / p_max)
    of_largest *= p_max
    half = np.maximum(of_ones, of_largest, out=of_ones)
    half *= FORMATS[form].unit_roundoff
    return np.maximum(half, FORMATS[form].half_smallest_subnormal, out=half)


def _power_of_two(x: Array) -> Array:
    """Give 2^floor(log2 x) of positive numbers in float64; zero of subnormal ones."""
    exponents = np.asarray(x, np.float64).view(np.int64) & 0x7FF0_0000_0000_0000
    return exponents.view(np.float64)


def of_steps(numerics: Numerics) -> Numerics:
    """Give the numerics of an attention that goes step by step: its probabilities pass between two of them."""
    return replace(numerics, probabilities=numerics.probabilities or numerics.hidden)


def _centred(w: Array, v: Values, rows: _Rows) -> tuple[Array, Array]:
    """Give sum_j w_j and sum_j w_j (v_j - o)^2; `w` is changed.

    From sum w v^2, sum w v and sum w, whose cancellation may lose n eps of the first. The largest weight stands apart:
    where it is nearly 1, o is nearly its value, and what is lost of it would exceed all that the others are off.
    """
    of_first, o, d = np.take_along_axis(w, rows.first, -1).sum(-1, keepdims=True), rows.o, rows.o.shape[-1]
    np.put_along_axis(w, rows.first, 0, -1)
    moment = w @ v.moments
    second, mean, total = moment[..., :d], moment[..., d : 2 * d], moment[..., 2 * d :]
    lost = rows.n * float(np.finfo(w.dtype).eps) * second
    centred = np.maximum(second - 2 * o * mean + o * o * total, 0) + lost
    return total + of_first, centred + of_first * np.square(rows.of_first)
