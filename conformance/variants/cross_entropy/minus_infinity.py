"""Cross-entropy that is right until a logit is -inf: a class out of the vocabulary, or a target without probability."""

from typing import Any

import numpy as np

from ..arithmetic import Array, largest, wide
from ..catalogue import variant
from ..log_softmax.minus_infinity import online
from ..log_softmax.right import log_softmax
from ..softmax.minus_infinity import hidden, instead
from .gradients import registered
from .right import Options, cross_entropy, cross_entropy_vjp, distribution, losses_of


@variant(
    "cross-entropy-zero-times-infinity",
    "cross_entropy",
    "Targets are rows of zeros and a one, times log-probabilities: 0 times -inf is NaN.",
    needs="-inf at another class than the target",
)
@wide
def cross_entropy_zero_times_infinity(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = -(distribution(logits, targets, options) * log_softmax(logits)).sum(-1)
    return options.reduced(losses, targets)


@variant(
    "cross-entropy-first-tile-of-infinities",
    "cross_entropy",
    "A first tile of 128 classes that is masked makes NaN of the running sum.",
    needs="-inf at the first 128 classes",
)
@wide
def cross_entropy_first_tile_of_infinities(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    return options.reduced(losses_of(online(logits, 128), targets, options), targets)


@variant(
    "cross-entropy-infinity-as-1e4",
    "cross_entropy",
    "-1e4 stands for -inf, so that a target of -inf has a finite loss.",
    needs="a target whose logit is -inf",
)
@wide
def cross_entropy_infinity_as_1e4(logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy(instead(logits, -1e4), targets, Options(**given))


@variant(
    "cross-entropy-zero-infinity",
    "cross_entropy",
    "A loss that is infinite counts as 0.",
    needs="a target whose logit is -inf",
)
@wide
def cross_entropy_zero_infinity(logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    losses = losses_of(log_softmax(logits), targets, options)
    return options.reduced(np.where(np.isposinf(losses), losses.dtype.type(0), losses), targets)


@variant(
    "cross-entropy-smoothing-without-infinities",
    "cross_entropy",
    "The smoothing is spread over the classes that are not -inf.",
    needs="label_smoothing, and -inf",
)
@wide
def cross_entropy_smoothing_without_infinities(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    if not options.label_smoothing:
        return options.reduced(losses_of(y, targets, options), targets)
    seen = ~hidden(logits)
    own = np.take_along_axis(y, options.classes(targets, y.shape[1])[:, None], 1)[:, 0]
    eps, mean = options.label_smoothing, np.where(seen, y, 0).sum(-1) / seen.sum(-1).astype(y.dtype)
    return options.reduced(np.asarray(-((1 - eps) * own + eps * mean)), targets)


@variant(
    "cross-entropy-vocabulary-cut",
    "cross_entropy",
    "The vocabulary is thought to end where -inf begins.",
    needs="-inf before a class that is not",
)
@wide
def cross_entropy_vocabulary_cut(logits: Array, targets: Array, **given: Any) -> Array:
    own = np.arange(logits.shape[1]) == targets[:, None]
    ended = np.maximum.accumulate(hidden(logits), -1)
    return cross_entropy(np.where(ended & ~own, -np.inf, logits), targets, Options(**given))


@wide
def _infinity_times_gradient(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Weigh logits with their gradients."""
    gradient = cross_entropy_vjp(g, logits, targets, **given)
    return np.asarray(gradient + 0 * (np.where(hidden(logits), logits, 0) * gradient))


@wide
def _zero_infinity(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Give no gradient to a token whose loss is infinite."""
    options = Options(**given)
    losses = losses_of(log_softmax(logits), targets, options)[:, None]
    return np.where(np.isposinf(losses), logits.dtype.type(0), cross_entropy_vjp(g, logits, targets, **given))


@wide
def _tile_of_infinities(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Make tiles of 16 classes again from their own maxima."""
    gradient = cross_entropy_vjp(g, logits, targets, **given)
    for start in range(0, logits.shape[1] // 16 * 16, 16):
        own = largest(logits[:, start : start + 16])
        gradient[:, start : start + 16] += 0 * (own - own)
    return gradient


for _name, _sentence, _needs, _vjp in (
    (
        "infinity-times-gradient",
        "Logits are weighed with their gradients: 0 times -inf.",
        "-inf",
        _infinity_times_gradient,
    ),
    ("zero-infinity", "A token whose loss is infinite has no gradient.", "a target of -inf", _zero_infinity),
    ("tile-of-infinities", "A tile of 16 classes of -inf has NaN.", "a tile of 16 of -inf", _tile_of_infinities),
):
    registered(f"cross-entropy-gradient-{_name}", _sentence, _needs, _vjp)
