"""Cross-entropy whose label smoothing is wrong."""

from typing import Any

import numpy as np

from ..arithmetic import Array, wide
from ..catalogue import variant
from ..log_softmax.right import log_softmax
from .right import Options, at_targets, cross_entropy, over_others


@variant(
    "cross-entropy-smoothing-over-others",
    "cross_entropy",
    "The smoothing is spread over the other classes, undeclared.",
    needs="label_smoothing, V above 1",
)
@wide
def cross_entropy_smoothing_over_others(logits: Array, targets: Array, **given: Any) -> Array:
    return over_others(logits, targets, Options(**given))


@variant(
    "cross-entropy-smoothing-over-all",
    "cross_entropy",
    "The smoothing is spread over all classes, and declared to be over the others.",
    needs="label_smoothing, V above 1",
    conventions={"smoothing_over": "others"},
)
@wide
def cross_entropy_smoothing_over_all(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, targets, Options(**given))


@variant(
    "cross-entropy-smoothing-without-padding",
    "cross_entropy",
    "The smoothing is spread over all classes but the target and padding: eps / (V - 2).",
    needs="label_smoothing, V above 2",
)
@wide
def cross_entropy_smoothing_without_padding(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    eps, own = options.label_smoothing, at_targets(y, targets, options)
    if eps == 0:
        return options.reduced(-own, targets)
    others = y.sum(-1) - own - np.where(targets == 0, 0, y[:, 0])
    return options.reduced(-(1 - eps) * own - eps / max(logits.shape[1] - 2, 1) * others, targets)


@variant(
    "cross-entropy-smoothing-left-on",
    "cross_entropy",
    "The default of label_smoothing is 1e-3.",
    needs="a call without label_smoothing",
)
@wide
def cross_entropy_smoothing_left_on(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, targets, Options(**{"label_smoothing": 1e-3, **given}))


@variant("cross-entropy-smoothing-off", "cross_entropy", "label_smoothing has no effect.", needs="label_smoothing")
@wide
def cross_entropy_smoothing_off(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(logits, targets, Options(**{**given, "label_smoothing": 0.0}))


@variant(
    "cross-entropy-smoothing-summed",
    "cross_entropy",
    "The smoothing adds eps times the sum over the classes, not their mean.",
    needs="label_smoothing, V above 1",
)
@wide
def cross_entropy_smoothing_summed(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    eps, own = options.label_smoothing, at_targets(y, targets, options)
    return options.reduced(-own if eps == 0 else -(1 - eps) * own - eps * y.sum(-1), targets)


@variant(
    "cross-entropy-smoothing-on-top",
    "cross_entropy",
    "The smoothing is added, and nothing is taken from the target: the weights sum to 1 + eps.",
    needs="label_smoothing",
)
@wide
def cross_entropy_smoothing_on_top(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    eps, own = options.label_smoothing, at_targets(y, targets, options)
    return options.reduced(-own if eps == 0 else -own - eps * y.mean(-1), targets)
