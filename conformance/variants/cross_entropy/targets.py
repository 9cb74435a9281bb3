"""Cross-entropy that is wrong where targets do not count, or where losses are not reduced."""

from typing import Any

import numpy as np

from ..arithmetic import Array, wide
from ..catalogue import variant
from ..log_softmax.right import log_softmax
from .right import Options, at_targets, cross_entropy, cross_entropy_plain, losses_of


@variant(
    "cross-entropy-ignored-in-count",
    "cross_entropy",
    "Targets that do not count are in the number that the sum is divided by.",
    needs="targets that do not count",
)
@wide
def cross_entropy_ignored_in_count(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    loss = cross_entropy(logits, targets, options)
    return loss if options.reduction == "none" else np.asarray(loss * options.counts(targets).mean(dtype=loss.dtype))


@variant(
    "cross-entropy-ignored-in-smoothing",
    "cross_entropy",
    "The smoothing is over all tokens, those whose targets do not count among them.",
    needs="targets that do not count, label_smoothing",
    seen_in=("pytorch/pytorch#73205", "tinygrad/tinygrad#3570"),
)
@wide
def cross_entropy_ignored_in_smoothing(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    eps, counts = options.label_smoothing, options.counts(targets)
    own = np.where(counts, at_targets(y, targets, options), 0)
    losses = -own if eps == 0 else -((1 - eps) * own + eps * y.mean(-1))
    return losses if options.reduction == "none" else np.asarray(losses.sum() / losses.dtype.type(counts.sum()))


@variant(
    "cross-entropy-ignore-index-unread",
    "cross_entropy",
    "ignore_index is accepted, and the value that does not count is always -100.",
    needs="another ignore_index",
)
@wide
def cross_entropy_ignore_index_unread(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, targets, Options(**{**given, "ignore_index": -100}))


@variant(
    "cross-entropy-minus-100-counts",
    "cross_entropy",
    "An ignore_index of -100 is taken for none: such targets have no loss, and are counted in the mean.",
    needs="ignore_index = -100 and such targets",
    seen_in=("flagos-ai/FlagGems#73",),
)
@wide
def cross_entropy_minus_100_counts(logits: Array, targets: Array, **given: Any) -> Array:
    function = cross_entropy_ignored_in_count if given.get("ignore_index") == -100 else cross_entropy_plain
    return function(logits, targets, **given)


@variant(
    "cross-entropy-class-zero-ignored",
    "cross_entropy",
    "Class 0 never counts, being that of padding.",
    needs="a target 0",
    seen_in=("nyu-mll/jiant#925",),
)
@wide
def cross_entropy_class_zero_ignored(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    padding = options.ignore_index if options.ignore_index is not None else 0
    return cross_entropy(
        logits, np.where(targets == 0, padding, targets), Options(**{**given, "ignore_index": padding})
    )


@variant(
    "cross-entropy-ignored-is-class-zero",
    "cross_entropy",
    "A target that does not count is taken for class 0, and counts.",
    needs="targets that do not count",
)
@wide
def cross_entropy_ignored_is_class_zero(logits: Array, targets: Array, **given: Any) -> Array:
    classes = np.where(Options(**given).counts(targets), targets, 0)
    return cross_entropy(logits, classes, Options(**{**given, "ignore_index": None}))


@variant(
    "cross-entropy-ignored-multiplied",
    "cross_entropy",
    "The loss of a target that does not count is multiplied by zero, and stays NaN where it is infinite.",
    needs="a NaN or an infinity among the logits of a target that does not count",
)
@wide
def cross_entropy_ignored_multiplied(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    counts = options.counts(targets)
    losses = losses_of(log_softmax(logits), targets, options) * counts.astype(logits.dtype)
    return losses if options.reduction == "none" else np.asarray(losses.sum() / losses.dtype.type(counts.sum()))


@variant(
    "cross-entropy-not-reduced-is-mean",
    "cross_entropy",
    'reduction = "none" gives every token the mean.',
    needs='reduction = "none", two tokens or more',
)
@wide
def cross_entropy_not_reduced_is_mean(logits: Array, targets: Array, **given: Any) -> Array:
    loss = cross_entropy(logits, targets, Options(**{**given, "reduction": "mean"}))
    return np.full(targets.shape, loss) if Options(**given).reduction == "none" else loss


@variant(
    "cross-entropy-not-reduced-is-weighted",
    "cross_entropy",
    'reduction = "none" gives every token its share of the mean.',
    needs='reduction = "none", two tokens or more',
)
@wide
def cross_entropy_not_reduced_is_weighted(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    loss = cross_entropy(logits, targets, options)
    return loss / loss.dtype.type(max(len(targets), 1)) if options.reduction == "none" else loss


@variant(
    "cross-entropy-in-place",
    "cross_entropy",
    "The gradient is written over the logits.",
    needs="a look at the logits after",
)
def cross_entropy_in_place(logits: Array, targets: Array, **given: Any) -> Array:
    loss = cross_entropy_plain(logits, targets, **given)
    logits[...] = 0
    return loss
