"""How far from `attention` a right implementation may be: the errors of the scores, and a test for single keys.

The scores s = scale q . k, in whatever order, with A = |scale| |q| . |k|:

    E^s = ((n + 4) U + 2 u_o + u_o^2) A + u_s (|s| + E^s) + what is flushed to zero
    V^s = sum_variance(n, s, Q) + (U^2/3) (Q + 3 s^2) + (2/3) u_o^2 Q + u_s^2 s^2 / 3      Q = scale^2 q^2 . k^2

A softcap c makes c t of s, t = tanh(s / c), and of its errors, with t' = 1 - t^2 where |s| is least,

    E^c = min(t' E^s, 2 c) + R      V^c = t'^2 V^s + R^2 / 3      R = U (r c + 3 |s| (1 - t^2))
    r = max((c_e + 2) |t|, c_e (1 - t^2) / 2 + 2 + 4 |t|)

for the quotient, a factor that is rounded itself, tanh and the product; u_s stores the result once more. The second r
is that of t = 1 - w, w = 2 / (e^(2 s / c) + 1), as kernels write tanh: w errs by c_e (1 - t^2) / 2 for the exponential
and 2 w <= 2 + 2 |t| for sum and quotient; difference and product by |t| each. Back, dS is multiplied by 1 - t^2, which
errs by min(E^s / c, 1) + (2 c_e + 14) U: |d(1 - t^2) / d(s / c)| <= 4 / (3 sqrt(3)) < 1, and 2 |t| r <= 2 c_e + 12.

n is d_k, or how often the accumulator rounds. 4: query and key may each be multiplied by the root of the scale, which
is rounded, beforehand (log2(e) among it); or the product afterwards. u_o: operands that are rounded first; u_s: scores
that are stored in a narrower format, scaled or not. What becomes of it: `general_attention_bound`.
"""

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from .attention import Call, arguments, capped, seen_by
from .general_attention import judged_without_keys, mix, weigh
from .general_attention_bound import values, weighted_values
from .general_attention_tape import attend, dot_products
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish
from .rounding.computed import Computed, exact_arguments, stored_in, times, total
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array, checked_cotangent

FAST: Final = 1024
"""From so many keys on, the bound is computed in float32."""

RANGE: Final = 2.0**40
"""How far apart the values of a channel, and how large the scores, may be for float32: squares stay within 2^+-126."""

HELD: Final = 2**22
"""Up to so many weights (32 MiB) are kept for the key score."""

CLUSTERED: Final = 6.0
"""The key score counts only where the sum over queries exceeds so many times its own scatter: free of any model."""


def attention_bound(
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
    numerics: Numerics,
    fast: bool | None = None,
) -> Bound:
    """Give `attention` and its bound, from the same pass. The arguments, and SpecError, are those of `attention`.

    `fast` None: in float32 where that is worth while and safe. A row that sees no key is exact if it holds zeros; the
    mean of all values has the bound of equal scores.
    """
    call = arguments(query, key, value, mask, causal, scale, softcap, causal_alignment, masked_row, rows)
    masked_row, or_nan = judged_without_keys(masked_row, call.key.shape[2])
    fast = (call.key.shape[2] >= FAST if fast is None else fast) and _within_range(call)
    arithmetic = np.float32 if fast else np.float64
    shape = (*call.query.shape[:3], call.value.shape[3])
    expected, temperature, *parts = (np.empty(shape) for _ in range(5))
    errors, every = Errors(*parts), (*shape[:3], call.key.shape[2])
    p = np.zeros(every) if 0 < np.prod(every) <= HELD else None
    v = values(call.value, arithmetic)
    finite = call._replace(query=_finite(call.query), key=_finite(call.key))
    k, of_values = finite.key.swapaxes(-1, -2).astype(arithmetic), np.isfinite(call.value)
    with np.errstate(all="ignore"):
        magnitude, squares = np.abs(k), np.square(k)
    for part, keys, seen in call.blocks():
        q = finite.query[:, :, part]
        with np.errstate(all="ignore"):
            s = call.query[:, :, part] @ call.key[:, :, keys].swapaxes(-1, -2)  # (B, H, block, keys)
        weights = weigh(capped(s, softcap), seen, masked_row)
        expected[:, :, part] = mix(weights, call.value[:, :, keys], masked_row, of_values[:, :, keys])
        of_key = magnitude[..., keys], squares[..., keys]
        of_scores = _errors_of_scores(finite, q.astype(arithmetic), of_key, s, seen, numerics)
        of_keys = v._replace(moments=v.moments[:, :, keys], magnitude=v.magnitude[:, :, keys])
        of_block, temperature[:, :, part] = weighted_values(weights, of_scores, of_keys, expected[:, :, part], numerics)
        for whole, block in zip(errors, of_block, strict=True):
            whole[:, :, part] = block
        if p is not None:
            p[:, :, part, keys] = weights.p
    bound = finish(
        expected,
        errors,
        numerics,
        sensitivities={"temperature": temperature},
        rows_independent=numerics.operands is None,  # rounded keys and values are common to all queries
        or_nan=or_nan,
    )
    if p is None:
        return bound
    score = partial(key_score, bound=bound, p=p, value=_finite(call.value))
    return replace(bound, tests={"key": score})


def attention_vjp_bound(
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
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `attention_vjp` a right implementation may be.

    Scores, softmax, values; what is between the products stays in the accumulator. What `hidden` may store is the
    gradient of each query head, before those of a group are summed.

    A row that sees no key and holds NaN (`masked_row`) has a gradient of its query that nothing limits; nor are those
    of the keys and values of its head limited, unless the cotangent is zero in that row.
    """
    call = arguments(query, key, value, mask, causal, scale, softcap, causal_alignment, masked_row, None)
    groups, heads = np.shape(key)[1], call.query.shape[1]
    seen = seen_by((*call.query.shape[:3], call.key.shape[2]), mask, causal, causal_alignment)
    tape = Tape(replace(numerics, hidden=None))
    of = exact_arguments("attention_vjp_bound", query, key, value)
    with np.errstate(all="ignore"):
        k, v = (_for_each_head(tape, of[name], groups, heads, numerics.hidden) for name in ("key", "value"))
        s = _capped_step(tape, dot_products(tape, of["query"], k, call.scale), softcap)
        o = attend(tape, s, v, seen, masked_row, kept_in=numerics.output, scale=call.scale)
        g = checked_cotangent("attention_vjp_bound", cotangent, o.value.shape)
        bounds = tape.bounds(o, g, of)
    if masked_row == "nan" and seen is not None and call.key.shape[2]:
        blind = ~np.asarray(seen.any(-1))
        loud = np.asarray((blind & g.any(-1)).any(-1))  # (B, H)
        loud = np.asarray(loud.reshape(len(loud), groups, heads // groups).any(-1))  # (B, H_kv)
        for name, open_ in (("query", blind), ("key", loud), ("value", loud)):
            for array in (bounds[name].worst, bounds[name].statistical):
                array[open_] = np.inf
    return bounds


def key_score(error: Array, *, bound: Bound, p: Array, value: Array) -> float:
    """Give the largest |z| for "the weight of key j is wrong", over all heads and keys: a matched filter.

        d o_i / d log w_j = p_ij (v_j - o_i)
        r_ij = p_ij sum_d e_id (v_jd - o_id) / deviation_id^2       z_j = sum_i r_ij / sqrt(sum_i I_ij)
        I_ij = p_ij^2 sum_d (v_jd - o_id)^2 / deviation_id^2        t_j = |sum_i r_ij| / sqrt(sum_i r_ij^2)

    0 where t is 6 or less: z relies on the deviation, t only on queries that err independently.
    """
    with np.errstate(all="ignore"):
        o, v_t = _finite(bound.expected), value.swapaxes(-1, -2)
        precision = _finite(1 / bound.deviation**2)
        g = _finite(error) * precision
        r = p * (g @ v_t - (g * o).sum(-1, keepdims=True))  # (B, H, L_q, L_k)
        centred = precision @ (v_t * v_t) - 2 * (precision * o) @ v_t + (precision * o * o).sum(-1, keepdims=True)
        information = (p * p * np.maximum(centred, 0)).sum(-2)  # (B, H, L_k)
        total, scatter = np.abs(r.sum(-2)), np.sqrt((r * r).sum(-2))
        # A key that carries less information than one standard deviation tells nothing.
        counts = (information >= 1) & (total > CLUSTERED * scatter)
        return float(np.max(total / np.sqrt(np.maximum(information, 1)), where=counts, initial=0))


def _errors_of_scores(
    call: Call, q: Array, of_key: tuple[Array, Array], s: Array, seen: Array | None, numerics: Numerics
) -> Errors:
    """Give E^s and V^s in units of U and U^2, of some queries, and of keys by their magnitudes and squares."""
    unit, n, arithmetic = numerics.unit, numerics.roundings(q.shape[-1]), q.dtype
    magnitude, squares = of_key
    with np.errstate(all="ignore"):
        error = np.abs(q) @ magnitude  # A
        variance = (q * q) @ squares  # Q
        of_a, of_q, of_s = n + 4.0, ((n + 1) / 6 + 1) / 3, (n / 3 + 3) / 3
        if numerics.operands is not None:
            u_o = FORMATS[numerics.operands].unit_roundoff
            of_a += (2 * u_o + u_o**2) / unit
            of_q += 2 * VARIANCE_OF_ROUNDING * (u_o / unit) ** 2
        s = np.where(np.isfinite(s) if seen is None else seen & np.isfinite(s), s, 0)
        # Query and key may be multiplied before they are scaled.
        unscaled = 1 / min(1.0, abs(call.scale)) if call.scale else 1.0
        open_ = unscaled * error > FORMATS[numerics.accumulate].largest
        error *= of_a
        error += _flushed(call, numerics) / unit
        if numerics.scores is not None:
            u_s, tiny = FORMATS[numerics.scores].unit_roundoff, FORMATS[numerics.scores].half_smallest_subnormal
            error += (u_s * (np.abs(s) / unit + error) + max(1.0, abs(call.scale)) * tiny / unit).astype(arithmetic)
            of_s += VARIANCE_OF_ROUNDING * (u_s / unit) ** 2
            open_ |= unscaled * (np.abs(s) + unit * error) > FORMATS[numerics.scores].largest
        if open_.any():
            error[open_] = np.inf
        variance *= of_q
        variance += (of_s * np.square(s)).astype(arithmetic, copy=False)
        if call.softcap is not None:
            error, variance = _capped(s, error, variance, call.softcap, numerics)
        if seen is not None:
            error, variance = np.where(seen, error, 0), variance * seen
    return Errors(error, variance)


def _capped(s: Array, error: Array, variance: Array, softcap: float, numerics: Numerics) -> tuple[Array, Array]:
    """E^c and V^c from E^s and V^s, all in units of U and U^2."""
    t = np.tanh(s / softcap)
    steep = 1 - np.square(np.tanh(np.maximum(np.abs(s) - numerics.unit * error, 0) / softcap))
    of_tanh = (numerics.exp_error + 2) * np.abs(t)
    of_exp = numerics.exp_error / 2 * (1 - np.square(t)) + 2 + 4 * np.abs(t)
    own = softcap * np.maximum(of_tanh, of_exp) + 3 * np.abs(s) * (1 - np.square(t))
    if numerics.scores is not None:
        own = own + FORMATS[numerics.scores].unit_roundoff / numerics.unit * softcap * np.abs(t)
    limited = np.minimum(steep * error, 2 * softcap / numerics.unit) + own
    return limited.astype(error.dtype), (steep**2 * variance + VARIANCE_OF_ROUNDING * own**2).astype(variance.dtype)


def _capped_step(tape: Tape, scores: Computed, softcap: float | None) -> Computed:
    """Record c tanh(s / c), and back: ds = g (1 - t^2)."""
    if softcap is None:
        return scores
    s, unit, c_e = tape.read(scores), tape.numerics.unit, tape.numerics.exp_error
    e, v, _ = s.errors
    error, variance = _capped(s.value, e / unit, v / unit**2, softcap, tape.numerics)
    t = np.tanh(s.value / softcap)

    def backward(g: Computed) -> tuple[Computed]:
        own = (2 * c_e + 14) * unit
        of_slope = np.minimum(e / softcap, 1) + own
        spread = np.minimum(v / softcap**2, 1) + VARIANCE_OF_ROUNDING * own**2
        return (times(g, Computed(1 - np.square(t), of_slope, spread), tape.numerics),)

    return tape.record(Computed(softcap * t, unit * error, unit**2 * variance), (scores,), backward)


def _flushed(call: Call, numerics: Numerics) -> float:
    """Give the absolute error of a score whose operands and products are flushed to zero."""
    tiny = numerics.underflow
    if numerics.operands is not None:
        tiny += FORMATS[numerics.operands].half_smallest_subnormal
    norms = (float(np.abs(each).sum(-1).max(initial=0)) for each in (call.query, call.key))
    # The query may have been scaled beforehand or not, or query and key by the root each.
    stretch = max(1.0, abs(call.scale), abs(call.scale) ** -0.5) if call.scale else 1.0
    return float(tiny * stretch * (call.key.shape[3] + sum(norms)))


def _finite(array: Array) -> Array:
    """Give the array with zero for what is not finite."""
    return np.where(np.isfinite(array), array, 0)


def _within_range(call: Call) -> bool:
    """Say whether float32 has the squares of all that the bound is made of."""
    size = np.abs(_finite(call.value))
    smallest = np.min(size, axis=-2, where=size > 0, initial=np.inf)
    spread = size.max(-2, initial=0) <= RANGE * smallest
    norms = (np.sqrt(np.square(_finite(each)).sum(-1)).max(initial=0) for each in (call.query, call.key))
    return bool(np.all(spread) and np.prod([*norms]) <= RANGE)


def _for_each_head(tape: Tape, a: Computed, groups: int, heads: int, kept_in: str | None) -> Computed:
    """Record key or value heads, repeated for the query heads that they serve; back, the sum over these."""
    if groups == heads:
        return a
    size = heads // groups
    repeated = a.mapped(lambda array: np.repeat(array, size, axis=1))

    def backward(g: Computed) -> tuple[Computed]:
        split = stored_in(g, kept_in).mapped(
            lambda array: array.reshape(array.shape[0], groups, size, *array.shape[2:])
        )
        summed = total(split, 2, tape.numerics, tape.numerics.gradient_chunks)
        return (summed.mapped(lambda array: array[:, :, 0]),)

    return tape.record(repeated, (a,), backward)
