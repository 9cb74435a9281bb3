"""Cross-entropy with label smoothing: Szegedy et al. 2016, section 7; "Attention Is All You Need", section 5.4.

    loss_i = -sum_k q_ik log_softmax(logits_i)_k      and the mean of it over the targets that count

    logits (N, V)   targets (N,), classes 0 ... V - 1   q (N, V), 1 in sum

    q = (1 - eps) [k = target] + eps / V                         smoothing_over="all": Szegedy et al.
    q = 1 - eps where k = target, eps / (V - 1) elsewhere        smoothing_over="others": tensor2tensor, fairseq

A target of `ignore_index` does not count: its loss is 0, its row of the gradient is 0, and the mean is over the others.
A mean over no target is 0/0. Where q is 0, the class adds nothing, whatever its logit: -inf is a masked one. Where q is
not 0, a logit of -inf makes the loss +inf, since -log exp(-inf) is: that of a target, and with smoothing that of any
class. The gradient stays (p - q) g / count, with p = 0 there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .log_softmax import log_probabilities
from .options import check_conventions, check_name, check_number
from .shapes import Array, checked_arrays, checked_cotangent
from .spec_error import SpecError


def cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
) -> Array:
    """Give the mean loss, (), or with `reduction="none"` that of each token, (N,).

    SpecError if the shapes do not fit, a target is no class, or an option has no such value.
    """
    problem = arguments("cross_entropy", logits, targets, label_smoothing, reduction, ignore_index, smoothing_over)
    losses = token_losses(problem, log_probabilities(problem.logits).y)  # (N,)
    if reduction == "none":
        return losses
    with np.errstate(invalid="ignore"):
        return np.asarray(losses.sum() / np.float64(problem.divisor))  # ()


def cross_entropy_vjp(
    cotangent: ArrayLike,
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
) -> Array:
    """Give d logits = (softmax(logits) - q) g / count, the gradient of sum(g cross_entropy(...)): (N, V).

    g is () for the mean, and (N,), without a count, for `reduction="none"`. Rows of ignored targets are 0.
    SpecError as for `cross_entropy`, and if g has not the shape of the result.
    """
    problem = arguments("cross_entropy_vjp", logits, targets, label_smoothing, reduction, ignore_index, smoothing_over)
    scale = scales("cross_entropy_vjp", cotangent, problem, reduction)  # (N, 1)
    return logit_gradient(problem, log_probabilities(problem.logits).p, scale)  # (N, V)


class Problem(NamedTuple):
    """Checked arguments."""

    logits: Array
    """(N, V)"""
    targets: Array
    """(N,), 0 where it is ignored."""
    counts: Array
    """(N,), whether a target counts."""
    q: Array
    """(N, V)"""
    smoothing: float
    """eps"""
    each: float
    """eps/V or eps/(V - 1)."""
    divisor: float
    """What the sum over tokens is divided by, and 1 where they are not summed."""


def token_losses(problem: Problem, y: Array) -> Array:
    """Give -sum_k q_k y_k of the tokens that count, and 0 of the others: (N,)."""
    with np.errstate(invalid="ignore"):
        losses = 0.0 - np.where(problem.q > 0, problem.q * y, 0.0).sum(-1)
        # A row without any probability has no loss, even where q is 0.
        losses = np.where(np.isnan(y).any(-1), np.nan, losses)
    return np.where(problem.counts, losses, 0.0)


def logit_gradient(problem: Problem, p: Array, scale: Array) -> Array:
    """Give (p - q) scale of the tokens that count, and 0 of the others: (N, V)."""
    with np.errstate(invalid="ignore"):
        return np.where(problem.counts[:, None], (p - problem.q) * scale, 0.0)


def scales(function: str, cotangent: ArrayLike, problem: Problem, reduction: str) -> Array:
    """Say what a token's gradient is multiplied by, g / count: (N, 1)."""
    tokens = len(problem.targets)
    g = checked_cotangent(function, cotangent, (tokens,) if reduction == "none" else ())
    with np.errstate(all="ignore"):
        return np.broadcast_to(g / np.float64(problem.divisor), (tokens,))[:, None]


def arguments(
    function: str,
    logits: ArrayLike,
    targets: ArrayLike,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
) -> Problem:
    """Check the arguments, and make the distribution that they stand for."""
    logits, targets = checked_arrays(function, logits, targets)
    check_name(function, "reduction", reduction, ("mean", "none"))
    check_conventions(function, smoothing_over=smoothing_over)
    check_number(function, "label_smoothing", label_smoothing, "between 0 and 1", lambda number: 0 <= number <= 1)
    counts = np.ones(len(targets), bool) if ignore_index is None else targets != ignore_index
    vocabulary = logits.shape[1]
    strange = targets[counts & ((targets < 0) | (targets >= vocabulary))]
    if strange.size:
        raise SpecError(
            f"{function}: targets holds {strange[0]}, but should hold classes, 0 to {vocabulary - 1}, "
            f"or ignore_index, which is {ignore_index}"
        )
    targets = np.where(counts, targets, 0)
    others = smoothing_over == "others"
    each = label_smoothing / max(vocabulary - others, 1)
    is_target = np.arange(vocabulary) == targets[:, None]
    q = np.where(is_target, 1 - label_smoothing + (0.0 if others else each), each)
    return Problem(
        logits, targets, counts, q, label_smoothing, each, float(counts.sum()) if reduction == "mean" else 1.0
    )
