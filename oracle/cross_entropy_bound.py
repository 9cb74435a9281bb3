"""How far from `cross_entropy` and its gradient a right implementation may be.

Nothing here rounds more than the log-probabilities (`log_probability_errors`, E_y and V_y), but for label smoothing,
whose sum over all classes has n roundings, and the mean over tokens.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .cross_entropy import Problem, arguments, logit_gradient, scales, token_losses
from .log_softmax import (
    LogProbabilities,
    error_of_all,
    judgeable,
    kept_probability_errors,
    log_probabilities,
    log_probability_errors,
)
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, sum_variance
from .rounding.formats import FORMATS, half_ulp
from .rounding.numerics import Numerics
from .shapes import Array
from .softmax import error_of_maximum, with_maximum


def cross_entropy_bound(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
    numerics: Numerics,
) -> Bound:
    """Give the bound on `cross_entropy`, whose options it takes, with E_i and V_i of `_token_errors`.

        E = mean E_i + (count + 3) U loss         V = sum V_i / count^2 + sum_variance(count, ...) + U^2 loss^2

    A token's share may be divided by the count before the sum or after it. Where steps pass tensors of a narrower
    format, the sum over tokens is one: u loss.
    """
    problem = arguments("cross_entropy", logits, targets, label_smoothing, reduction, ignore_index, smoothing_over)
    unit = numerics.unit
    with np.errstate(all="ignore"):
        rows = log_probabilities(problem.logits)
        losses = token_losses(problem, rows.y)
        of_each, narrow = _token_errors(problem, rows, numerics)
        if reduction == "none":
            variance = of_each.variance + VARIANCE_OF_ROUNDING * narrow**2
            errors = Errors(of_each.error + narrow, variance, of_each.coherent)
            return finish(losses, judgeable(errors), numerics)
        count = np.float64(problem.divisor)
        loss = np.asarray(losses.sum() / count)
        roundings = (count > 1) * (count + 3) * unit * loss
        of_sum = (
            sum_variance(count, loss, (losses**2).sum() / count**2, unit)
            + 3 * VARIANCE_OF_ROUNDING * (unit * loss) ** 2
        )
        u = narrow.sum() / count
        if count > 1:
            u = u + sum(FORMATS[form].unit_roundoff * loss for form in (numerics.hidden, numerics.statistics) if form)
        errors = Errors(
            of_each.error.sum() / count + roundings + u + numerics.underflow,
            of_each.variance.sum() / count**2 + (count > 1) * of_sum + VARIANCE_OF_ROUNDING * u**2,
            of_each.coherent.sum() / count + numerics.underflow,
        )
    return finish(loss, judgeable(errors), numerics)


def cross_entropy_vjp_bound(
    cotangent: ArrayLike,
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Give the bound on `cross_entropy_vjp`, whose options it takes.

    It holds for (p - q) c, as for a backward pass through the log-softmax, -q c + p sum q c.

    With c = |g| / count and the errors of `kept_probability_errors`:

        E_q = 6 U q c                                                           of -q c
        E   = c E_p + p (sum E_q + (n + 3) U c) + E_q + 3 U |d logits| + eta    n only with smoothing

    Where steps pass tensors of a narrower format, q c is one, three times rounded with smoothing (two branches and
    their sum): 3 half ulps; p c, and the gradient before it is multiplied by g: a half ulp and u |d logits|. Constant
    coefficients err alike in every element: that is coherent. Rows of ignored targets are exact.

    The largest logits have those of `error_of_maximum` on top, and of `error_of_all`, as p c may be summed apart.
    """
    problem = arguments("cross_entropy_vjp", logits, targets, label_smoothing, reduction, ignore_index, smoothing_over)
    scale = scales("cross_entropy_vjp", cotangent, problem, reduction)
    unit, eta, q = numerics.unit, numerics.underflow, problem.q
    with np.errstate(all="ignore"):
        c = np.abs(scale)
        rows = log_probabilities(problem.logits)
        gradient = logit_gradient(problem, rows.p, scale)
        p, n = rows.p, problem.q.shape[1] if problem.smoothing > 0 else 0
        of_p = kept_probability_errors(rows, log_probability_errors(rows, numerics), numerics)
        size, of_q = np.abs(gradient), 6 * unit * q * c
        last, v_last = np.zeros_like(gradient), np.zeros_like(gradient)
        if numerics.hidden is not None:
            form = FORMATS[numerics.hidden]
            of_q = of_q + np.where(q > 0, 3 * half_ulp(q * c, form), 0)
            least = form.half_smallest_subnormal * (1 + c * problem.divisor)
            of_product = np.where(p > 0, half_ulp(p * c, form), 0)
            of_step = form.unit_roundoff * size + np.where(size > 0, least, 0)
            last, v_last = of_product + of_step, (of_product**2 + of_step**2) / 3
        of_total = of_q.sum(-1, keepdims=True) + (n + 3) * unit * c
        constants = of_q + p * of_total
        tiny = eta * (rows.seen & (c > 0))
        error = c * of_p.error + of_total * (p + of_p.error) + of_q + 3 * unit * size + last + tiny
        variance = c**2 * of_p.variance + VARIANCE_OF_ROUNDING * 3 * unit**2 * size**2 + v_last
        errors = Errors(error, variance, c * of_p.coherent + constants + tiny)
        # What comes back to the maximum is a sum of -q c, as rounded, and of p times their sum.
        terms = Errors((n + 3) * unit * p * c + 3 * unit * size + tiny, VARIANCE_OF_ROUNDING * 3 * (unit * size) ** 2)
        of_m = error_of_maximum(gradient, terms, error_of_all(p, c, unit), numerics)
        errors = with_maximum(errors, of_m, rows.seen & (rows.gap == 0))
        counts = problem.counts[:, None]
        errors = Errors(*(np.where(counts, each, 0.0) for each in judgeable(errors)))
    return {"logits": finish(gradient, errors, numerics)}


def _token_errors(problem: Problem, rows: LogProbabilities, numerics: Numerics) -> tuple[Errors, Array]:
    """Give the errors of each token's loss, (N,), and what narrow steps after the log-probabilities may add.

        E_i = sum_k w_k E_y                                      w: q, or |1 - eps - each| + each at the target
            + U (4 sum_k w_k |y_k| + n each sum_k |y_k| + 2 log l + loss)      with smoothing
        V_i = (sum_k w_k sqrt(V_y))^2 + ...                      the error of lse is common to a row

    Without smoothing the loss is one log-probability. With it the sum may be over log-probabilities or over gaps,
    log l + sum q gap, with coefficients (1 - eps, 1 - eps - each, each) rounded up to three times; where
    `numerics.shift` is rounded, over logits, lse - sum q x: then |lse| stands for log l, and max(|x|, |y|) for |y|.

    Where steps pass tensors of a narrower format, the log-probabilities are the first, half an ulp each; with
    smoothing, their mean over the classes, its mean over tokens and its product with eps follow, the same of the
    target's without the first, and their sum: u (3 eps mean_k |y_k| + 2 (1 - eps) |y_target| + loss). What passes is a
    mean: a sum over the vocabulary that overflows is not excused.
    """
    unit, form = numerics.unit, numerics.hidden
    of_y = log_probability_errors(rows, numerics)
    counts, smoothing, each = problem.counts, problem.smoothing, problem.each
    is_target = np.arange(problem.q.shape[1]) == problem.targets[:, None]
    w = np.where(is_target, np.abs(1 - smoothing - each) + each, each)

    def weighted(values: Any) -> Array:
        return np.asarray(np.where(w > 0, w * values, 0.0).sum(-1))

    error, deviation, coherent = weighted(of_y.error), weighted(np.sqrt(of_y.variance)), weighted(of_y.coherent)
    variance = deviation**2
    size = np.abs(rows.y)
    narrow = np.zeros_like(error)
    if form is not None:
        largest = size + of_y.error
        half = np.where(largest > FORMATS[form].largest, np.inf, half_ulp(largest, FORMATS[form]))
        half = np.where(rows.n > 1, half, 0)
        error, variance = error + weighted(half), variance + np.where(w > 0, (w * half) ** 2, 0).sum(-1) / 3
    if smoothing > 0:
        n, loss, s, lse = rows.n[:, 0], weighted(size), size, rows.log_l[:, 0]
        if numerics.shift == "rounded":
            s, lse = np.maximum(np.abs(problem.logits), size), np.abs(rows.m + rows.log_l)[:, 0]
        over_all = each * s.sum(-1)
        error = error + (n > 1) * unit * (4 * weighted(s) + n * over_all + 2 * lse + loss)
        of_sum = sum_variance(n, over_all, each**2 * (s * s).sum(-1), unit)
        once = VARIANCE_OF_ROUNDING * unit**2 * (4 * weighted(s) ** 2 + 2 * lse**2 + loss**2)
        variance = variance + (n > 1) * (of_sum + once)
        coherent = coherent + (n > 1) * 3 * unit * weighted(s)
        if form is not None:
            of_target = np.where(is_target, size, 0).sum(-1)
            narrow = 3 * each * size.sum(-1) + 2 * (1 - smoothing) * of_target + loss
            narrow = FORMATS[form].unit_roundoff * narrow + 6 * FORMATS[form].half_smallest_subnormal
    kept = (np.where(counts, each, 0.0) for each in (error, variance, coherent))
    return Errors(*kept), np.where(counts, narrow, 0.0)
