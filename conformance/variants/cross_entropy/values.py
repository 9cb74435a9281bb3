"""Cross-entropy with wrong values on targets that count, without smoothing."""

import math
from typing import Any

import numpy as np

from ..arithmetic import Array, largest, rounded, wide, widened
from ..catalogue import NARROW, variant
from ..log_softmax.right import log_softmax, softmax
from .right import Options, cross_entropy, losses_of


@variant("cross-entropy-sum", "cross_entropy", "The loss is the sum over the tokens.", needs="two tokens or more")
@wide
def cross_entropy_sum(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = losses_of(log_softmax(logits), targets, options)
    return options.reduced(losses, targets) if options.reduction == "none" else np.asarray(losses.sum())


@variant("cross-entropy-sign", "cross_entropy", "The log-probability has no minus sign.", needs="any logits")
@wide
def cross_entropy_sign(logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(-cross_entropy(logits, targets, Options(**given)))


@variant("cross-entropy-mean-over-classes", "cross_entropy", "It is divided by V as well.", needs="V above 1")
@wide
def cross_entropy_mean_over_classes(logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(cross_entropy(logits, targets, Options(**given)) / logits.dtype.type(logits.shape[1]))


@variant(
    "cross-entropy-mean-of-means",
    "cross_entropy",
    "The tokens go 4 at a time, and the means of the parts are averaged.",
    needs="more than 4 tokens, no multiple of it",
    seen_in=("huggingface/transformers#34191", "ml-explore/mlx-lm#1413"),
)
@wide
def cross_entropy_mean_of_means(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    if options.reduction == "none" or options.ignore_index is not None:
        return cross_entropy(logits, targets, options)
    parts = [cross_entropy(logits[k : k + 4], targets[k : k + 4], options) for k in range(0, len(targets), 4)]
    return np.asarray(np.stack(parts).mean())


@variant(
    "cross-entropy-normalised-by-parts",
    "cross_entropy",
    "The sum is divided by the number of sequences, of 4 tokens each.",
    needs="two tokens or more",
    seen_in=("OpenNMT/OpenNMT-py#526",),
)
@wide
def cross_entropy_normalised_by_parts(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = options.reduced(losses_of(log_softmax(logits), targets, options), targets)
    if options.reduction == "none":
        return losses
    return np.asarray(losses * logits.dtype.type(len(targets) / math.ceil(len(targets) / 4)))


@variant(
    "cross-entropy-target-shifted",
    "cross_entropy",
    "Each row is compared with the target of the next one.",
    needs="two tokens or more with different targets",
    seen_in=("huggingface/transformers#47394", "huggingface/transformers#37830"),
)
@wide
def cross_entropy_target_shifted(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, np.roll(targets, -1), Options(**given))


@variant("cross-entropy-classes-from-one", "cross_entropy", "Classes are counted from 1.", needs="V above 1")
@wide
def cross_entropy_classes_from_one(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = losses_of(log_softmax(logits), np.where(options.counts(targets), targets - 1, 0), options)
    return options.reduced(losses, targets)


@variant(
    "cross-entropy-target-wraps",
    "cross_entropy",
    "Targets are taken modulo V.",
    needs="a target that is no class",
    seen_in=("pytorch/pytorch#12670",),
)
@wide
def cross_entropy_target_wraps(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = losses_of(log_softmax(logits), np.where(options.counts(targets), targets % logits.shape[1], 0), options)
    return options.reduced(losses, targets)


@variant(
    "cross-entropy-without-max",
    "cross_entropy",
    "No largest logit is subtracted, so exp overflows.",
    needs="logits above 89 (float32 arithmetic) or 710 (float64), or all far below zero",
)
@wide
def cross_entropy_without_max(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(logits - np.log(np.exp(logits).sum(-1, keepdims=True)), targets, options), targets)


@variant(
    "cross-entropy-of-probabilities",
    "cross_entropy",
    "It takes the logarithm of a softmax, infinite where that underflows.",
    needs="a target's logit more than 104 (float32 arithmetic) or 746 (float64) below the largest",
    seen_in=("harvardnlp/annotated-transformer#38", "harvardnlp/annotated-transformer#115"),
)
@wide
def cross_entropy_of_probabilities(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(np.log(softmax(logits)), targets, options), targets)


@variant(
    "cross-entropy-clipped",
    "cross_entropy",
    "It takes the logarithm of probabilities that are clipped to 1e-7 and more.",
    needs="a target's logit more than 17 below the largest",
)
@wide
def cross_entropy_clipped(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(np.log(np.clip(softmax(logits), 1e-7, 1)), targets, options), targets)


@variant(
    "cross-entropy-of-log-probabilities",
    "cross_entropy",
    "The logits are taken for log-probabilities.",
    needs="rows whose exponentials do not sum to one",
)
@wide
def cross_entropy_of_log_probabilities(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(logits, targets, options), targets)


@variant(
    "cross-entropy-softmax-twice",
    "cross_entropy",
    "The logits go through a softmax before the log-softmax.",
    needs="V above 1",
)
@wide
def cross_entropy_softmax_twice(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(softmax(logits), targets, Options(**given))


@variant(
    "cross-entropy-over-tokens",
    "cross_entropy",
    "The softmax is over the tokens.",
    needs="any logits",
)
@wide
def cross_entropy_over_tokens(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(log_softmax(logits.T).T, targets, options), targets)


@variant("cross-entropy-bits", "cross_entropy", "The logarithm has base 2.", needs="V above 1")
@wide
def cross_entropy_bits(logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(cross_entropy(logits, targets, Options(**given)) / math.log(2))


@variant(
    "cross-entropy-tail-lost",
    "cross_entropy",
    "Classes go 16 at a time, and the rest is missing from the sum of exponentials.",
    needs="V above 16 that is no multiple of it",
)
@wide
def cross_entropy_tail_lost(logits: Array, targets: Array, **given: Any) -> Array:
    options, classes, shifted = Options(**given), logits.shape[1], logits - largest(logits)
    total = np.exp(shifted[:, : classes // 16 * 16 or classes]).sum(-1, keepdims=True)
    return options.reduced(losses_of(shifted - np.log(total), targets, options), targets)


@variant(
    "cross-entropy-narrow-sum",
    "cross_entropy",
    "The sum of exponentials is rounded to the 16-bit format of the logits before its logarithm.",
    needs="any input; worst where the target dominates",
    dtypes=NARROW,
)
def cross_entropy_narrow_sum(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    with np.errstate(all="ignore"):
        shifted = widened(logits) - largest(widened(logits))
        total = rounded(np.exp(shifted).sum(-1, keepdims=True), logits.dtype)
        losses = losses_of(shifted - np.log(total), targets, options)
        return options.reduced(losses, targets).astype(logits.dtype)


variant(
    "cross-entropy-narrow-sum-declared",
    "cross_entropy",
    "The same, declared.",
    wrong=False,
    numerics={dtype: {"statistics": dtype} for dtype in NARROW},
    dtypes=NARROW,
)(cross_entropy_narrow_sum)


@variant(
    "cross-entropy-narrow-mean",
    "cross_entropy",
    "The losses are added one by one in the 16-bit format of the logits.",
    needs="17 tokens or more, or a sum beyond the largest number",
    dtypes=NARROW,
)
def cross_entropy_narrow_mean(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    with np.errstate(all="ignore"):
        losses = losses_of(log_softmax(widened(logits)), targets, options)
        if options.reduction == "none":
            return options.reduced(losses, targets).astype(logits.dtype)
        kept = losses[options.counts(targets)].astype(logits.dtype)
        total = widened(np.add.accumulate(kept)[-1:])[0]
        return np.asarray(total / np.float32(len(kept))).astype(logits.dtype)
