"""Cross-entropy: the mean of -sum_k q_k log_softmax(logits)_k; what all its variants share, and the right ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..arithmetic import FLOAT64, Array, largest, through_maximum, wide, widened
from ..catalogue import ROUNDED_SHIFT, variant
from ..log_softmax.right import log_softmax, softmax


@dataclass(frozen=True)
class Options:
    """The keywords of the contract."""

    label_smoothing: float = 0.0
    reduction: str = "mean"
    ignore_index: int | None = None

    def counts(self, targets: Array) -> Array:
        """Say which targets count."""
        return np.ones(targets.shape, bool) if self.ignore_index is None else np.asarray(targets != self.ignore_index)

    def classes(self, targets: Array, vocabulary: int) -> Array:
        """Return the targets, 0 where one is ignored; raise IndexError for what is no class."""
        classes = np.where(self.counts(targets), targets, 0)
        if ((classes < 0) | (classes >= vocabulary)).any():
            raise IndexError(f"a target is no class of {vocabulary}")
        return classes

    def reduced(self, losses: Array, targets: Array) -> Array:
        """Take the mean over those that count, or return each."""
        counts = self.counts(targets)
        kept = np.where(counts, losses, losses.dtype.type(0))
        return kept if self.reduction == "none" else np.asarray(kept.sum() / losses.dtype.type(counts.sum()))


def at_targets(y: Array, targets: Array, options: Options) -> Array:
    """Take each row's entry of its target, any of them where it is ignored; raise IndexError for what is no class."""
    return np.take_along_axis(y, options.classes(targets, y.shape[1])[:, None], 1)[:, 0]


def losses_of(y: Array, targets: Array, options: Options) -> Array:
    """Compute minus the mixture of the target's log-probability and the mean of all."""
    eps, own = options.label_smoothing, at_targets(y, targets, options)
    return np.asarray(-own if eps == 0 else -((1 - eps) * own + eps * y.mean(-1)))


def cross_entropy(logits: Array, targets: Array, options: Options) -> Array:
    """Compute the loss -log p[target], smoothed and reduced as the options say."""
    return options.reduced(losses_of(log_softmax(logits), targets, options), targets)


def distribution(logits: Array, targets: Array, options: Options) -> Array:
    """q: what the probabilities should be."""
    eps, classes = options.label_smoothing, logits.shape[1]
    one_hot = np.arange(classes) == options.classes(targets, classes)[:, None]
    return np.asarray((1 - eps) * one_hot + eps / classes, logits.dtype)


def scale(g: Array, targets: Array, options: Options) -> Array:
    """Compute the factor of each row's p - q."""
    counts = options.counts(targets)
    each = g if options.reduction == "none" else g / g.dtype.type(counts.sum())
    return np.asarray(np.where(counts, each, g.dtype.type(0))[:, None])


@wide
def cross_entropy_vjp(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """(p - q) g / count."""
    options = Options(**given)
    return np.asarray((softmax(logits) - distribution(logits, targets, options)) * scale(g, targets, options))


@wide
def through_the_maximum(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Through the log-softmax, and through the maximum of a row to the largest logit."""
    options = Options(**given)
    e = np.exp(logits - largest(logits))
    of_y = -distribution(logits, targets, options) * scale(g, targets, options)
    return through_maximum(logits, of_y - e * (of_y.sum(-1, keepdims=True) / e.sum(-1, keepdims=True)))


# Right


@variant(
    "cross-entropy-through-maximum",
    "cross_entropy",
    "The gradient goes through the maximum, to the largest logit, too.",
    wrong=False,
    vjp=through_the_maximum,
)
@wide
def cross_entropy_through_maximum(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy_plain(logits, targets, **given)


@variant(
    "cross-entropy-plain",
    "cross_entropy",
    "A log-softmax, the target's entry, a mean.",
    wrong=False,
    vjp=cross_entropy_vjp,
)
@wide
def cross_entropy_plain(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, targets, Options(**given))


@wide
def vjp_of_log_sum_exp(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """(p - q) g / count, p made as exp(x - lse)."""
    options, m = Options(**given), largest(logits)
    lse = m + np.log(np.exp(logits - m).sum(-1, keepdims=True))
    return np.asarray((np.exp(logits - lse) - distribution(logits, targets, options)) * scale(g, targets, options))


@variant(
    "cross-entropy-of-logits",
    "cross_entropy",
    "lse - (1 - eps) x[target] - eps mean(x), and exp(x - lse) in the gradient, as declared.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
    vjp=vjp_of_log_sum_exp,
)
@wide
def cross_entropy_of_logits(logits: Array, targets: Array, **given: Any) -> Array:
    options, m = Options(**given), largest(logits)
    lse = (m + np.log(np.exp(logits - m).sum(-1, keepdims=True)))[:, 0]
    eps, own = options.label_smoothing, at_targets(logits, targets, options)
    losses = lse - own if eps == 0 else lse - (1 - eps) * own - eps * logits.mean(-1)
    return options.reduced(losses, targets)


@variant(
    "cross-entropy-soft-targets",
    "cross_entropy",
    "Targets as rows of probabilities; each token's share of the mean is added.",
    wrong=False,
)
@wide
def cross_entropy_soft_targets(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    q, y = distribution(logits, targets, options), log_softmax(logits)
    losses = -np.where(q > 0, q * y, 0).sum(-1)
    counts = options.counts(targets)
    if options.reduction == "none":
        return np.where(counts, losses, 0)
    shares = np.where(counts, losses, 0) * (1 / losses.dtype.type(counts.sum()))
    return np.asarray(np.add.accumulate(shares)[-1])


def _kept(dtype: np.dtype[Any]) -> Callable[[Array], Array]:
    """Make a cast that keeps what passes between two steps in a narrow format."""
    return lambda values: widened(np.asarray(values).astype(dtype))


def unfused_vjp(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Go two steps back: to the log-probabilities, and through the log-softmax, from what was kept."""
    options, kept = Options(**given), _kept(logits.dtype)
    with np.errstate(all="ignore"):
        y = kept(log_softmax(widened(logits)))
        of_losses = kept(scale(widened(g), targets, options))
        of_y = kept(-distribution(y, targets, options) * of_losses)
        return np.asarray(of_y - np.exp(y) * of_y.sum(-1, keepdims=True)).astype(logits.dtype)


@variant(
    "cross-entropy-unfused",
    "cross_entropy",
    "Log-probabilities and losses are kept in the format of the logits; the mean is accumulated in float32.",
    wrong=False,
    vjp=unfused_vjp,
)
def cross_entropy_unfused(logits: Array, targets: Array, **given: Any) -> Array:
    options, kept = Options(**given), _kept(logits.dtype)
    with np.errstate(all="ignore"):
        y = kept(log_softmax(widened(logits)))
        eps, own = options.label_smoothing, at_targets(y, targets, options)
        losses = -own if eps == 0 else kept(kept((1 - eps) * -own) + kept(eps * kept(-y.mean(-1))))
        return options.reduced(losses, targets).astype(logits.dtype)


def fused_vjp(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Make the gradient of the mean with the loss, in the format of the logits, and multiply it by g later."""
    options = Options(**given)
    if options.reduction == "none":
        return cross_entropy_vjp(g, logits, targets, **given)
    made = widened(cross_entropy_vjp(np.ones_like(g), logits, targets, **given))
    with np.errstate(all="ignore"):
        return np.asarray(made * widened(g)).astype(logits.dtype)


@variant(
    "cross-entropy-fused",
    "cross_entropy",
    "Tiles of 16 classes with a running maximum, then lse - x, as declared; the gradient is made in the forward pass.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
    vjp=fused_vjp,
)
@wide
def cross_entropy_fused(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    m = np.full(len(logits), -np.inf, logits.dtype)
    total, of_all = np.zeros_like(m), np.zeros_like(m)
    for start in range(0, logits.shape[1], 16):
        tile = logits[:, start : start + 16]
        new = np.maximum(m, tile.max(-1))
        safe = np.where(np.isneginf(new), 0, new)
        total = total * np.exp(m - safe) + np.exp(tile - safe[:, None]).sum(-1)
        of_all = of_all + tile.sum(-1)
        m = new
    lse, eps = m + np.log(total), options.label_smoothing
    losses = lse - at_targets(logits, targets, options)
    if eps:
        losses = (1 - eps) * losses + (eps * lse - eps / logits.shape[1] * of_all)
    return options.reduced(losses, targets)


def over_others(logits: Array, targets: Array, options: Options) -> Array:
    """fairseq's form: each is the share of every class, and the target has what is left."""
    y, eps, classes = log_softmax(logits), options.label_smoothing, logits.shape[1]
    own = -at_targets(y, targets, options)
    if eps == 0:
        return options.reduced(own, targets)
    each = eps / (classes - 1)
    return options.reduced((1 - eps - each) * own - each * y.sum(-1), targets)


OVER_OTHERS: Final = {"smoothing_over": "others"}


@wide
def over_others_vjp(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """(p - q) g / count."""
    options, classes = Options(**given), logits.shape[1]
    q = np.where(
        np.arange(classes) == targets[:, None],
        1 - options.label_smoothing,
        options.label_smoothing / max(classes - 1, 1),
    ).astype(logits.dtype)
    return np.asarray((softmax(logits) - q) * scale(g, targets, options))


@variant(
    "cross-entropy-over-others",
    "cross_entropy",
    "The smoothing is spread over the other classes, as declared.",
    wrong=False,
    conventions=OVER_OTHERS,
    vjp=over_others_vjp,
)
@wide
def cross_entropy_over_others(logits: Array, targets: Array, **given: Any) -> Array:
    return over_others(logits, targets, Options(**given))


@variant(
    "cross-entropy-float64-inside",
    "cross_entropy",
    "Everything in float64; it has no reduction but the mean, and ignores nothing.",
    wrong=False,
)
def cross_entropy_float64_inside(logits: Array, targets: Array, *, label_smoothing: float = 0.0) -> Array:
    with np.errstate(all="ignore"):
        return cross_entropy(logits.astype(FLOAT64), targets, Options(label_smoothing)).astype(logits.dtype)
