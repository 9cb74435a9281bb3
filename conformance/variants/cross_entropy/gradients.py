"""Cross-entropy with right values and wrong gradients; the right one is (p - q) g / count."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array, wide
from ..attention.calls import without_strides
from ..catalogue import variant
from ..log_softmax.right import softmax
from .right import Options, cross_entropy_plain, cross_entropy_vjp, distribution, over_others_vjp, scale


def registered(name: str, sentence: str, needs: str, vjp: Callable[..., Array], **fields: Any) -> None:
    """Put a variant with right values and these gradients into the catalogue."""
    variant(name, "cross_entropy", sentence, needs=needs, vjp=vjp, **fields)(cross_entropy_plain)


@wide
def _not_divided(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    each = np.where(options.counts(targets), g, 0)[:, None]
    return np.asarray((softmax(logits) - distribution(logits, targets, options)) * each, logits.dtype)


@wide
def _cotangent_of_one(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy_vjp(np.ones_like(g), logits, targets, **given)


@wide
def _negative(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(-cross_entropy_vjp(g, logits, targets, **given))


@wide
def _first_cotangent(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    first = g if g.ndim == 0 else np.broadcast_to(g[:1], g.shape) if g.size else g
    return cross_entropy_vjp(np.asarray(first, logits.dtype), logits, targets, **given)


@wide
def _ignored_too(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    each = g if options.reduction == "none" else g / g.dtype.type(options.counts(targets).sum())
    q = distribution(logits, np.where(options.counts(targets), targets, 0), options)
    return np.asarray((softmax(logits) - q) * np.broadcast_to(each, targets.shape)[:, None])


@wide
def _ignored_in_count(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    each = scale(g, targets, options)
    if options.reduction == "mean":
        each = each * options.counts(targets).mean(dtype=logits.dtype)
    return np.asarray((softmax(logits) - distribution(logits, targets, options)) * each)


@wide
def _ignored_smoothing(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    gradient = cross_entropy_vjp(g, logits, targets, **given)
    each = g if options.reduction == "none" else g / g.dtype.type(options.counts(targets).sum())
    uniform = (softmax(logits) - 1 / logits.shape[1]) * options.label_smoothing
    of_all = uniform * np.broadcast_to(each, targets.shape)[:, None]
    return np.asarray(np.where(options.counts(targets)[:, None], gradient, of_all), logits.dtype)


@wide
def _without_smoothing(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy_vjp(g, logits, targets, **{**given, "label_smoothing": 0.0})


@wide
def _smoothing_reversed(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    eps = options.label_smoothing
    one_hot = distribution(logits, targets, replace(options, label_smoothing=0.0))
    q = (1 - eps) * one_hot - eps / logits.shape[1]
    return np.asarray((softmax(logits) - q) * scale(g, targets, options), logits.dtype)


@wide
def _probabilities_shrunk(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    p = (1 - options.label_smoothing) * softmax(logits)
    return np.asarray((p - distribution(logits, targets, options)) * scale(g, targets, options), logits.dtype)


@wide
def _target_only(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    options = Options(**given)
    here = np.arange(logits.shape[1]) == targets[:, None]
    kept = np.where(here, cross_entropy_vjp(g, logits, targets, **given), logits.dtype.type(0))
    return np.asarray(kept * options.counts(targets)[:, None].astype(logits.dtype))


@wide
def _target_forgotten(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(softmax(logits) * scale(g, targets, Options(**given)))


@wide
def _target_shifted(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy_vjp(g, logits, np.roll(targets, -1), **given)


@wide
def _tail_zero(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    gradient = cross_entropy_vjp(g, logits, targets, **given)
    classes = logits.shape[1]
    gradient[:, classes // 8 * 8 or classes :] = 0
    return gradient


@wide
def _divided_by_classes(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return np.asarray(cross_entropy_vjp(g, logits, targets, **given) / logits.dtype.type(logits.shape[1]))


@wide
def _through_clipped(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    """Give no gradient to a probability that is raised to 1e-7."""
    options = Options(**given)
    gradient = cross_entropy_vjp(g, logits, targets, **given)
    own = softmax(logits)[np.arange(len(targets)), np.where(options.counts(targets), targets, 0)]
    return np.where((own > 1e-7)[:, None], gradient, logits.dtype.type(0))


def _memory_order(g: Array, logits: Array, targets: Array, **given: Any) -> Array:
    return cross_entropy_vjp(without_strides(g), logits, targets, **given)


_COUNT = "targets that do not count"
_SMOOTHING = "label_smoothing"
_LIGER = ("linkedin/Liger-Kernel#968", "linkedin/Liger-Kernel#678", "linkedin/Liger-Kernel#1298")

for _name, _sentence, _needs, _vjp, _seen_in in (
    ("not-divided", "The gradient is that of the sum.", "two tokens or more", _not_divided, ()),
    ("cotangent-of-one", "The cotangent is ignored.", "a cotangent other than one", _cotangent_of_one, ()),
    ("negative", "The gradient is q - p.", "any logits", _negative, ()),
    ("first-cotangent", "Every token has the first one's cotangent.", 'reduction = "none"', _first_cotangent, _LIGER),
    ("ignored-too", "Tokens that do not count have a gradient, that of class 0.", _COUNT, _ignored_too, ()),
    ("ignored-in-count", "It is divided by the number of all tokens.", _COUNT, _ignored_in_count, ()),
    (
        "ignored-smoothing",
        "Tokens that do not count have the gradient of the smoothing.",
        f"{_COUNT}, {_SMOOTHING}",
        _ignored_smoothing,
        ("pytorch/pytorch#73205",),
    ),
    ("without-smoothing", "The gradient is p - one_hot whatever the smoothing.", _SMOOTHING, _without_smoothing, ()),
    ("smoothing-reversed", "The smoothing has the wrong sign.", _SMOOTHING, _smoothing_reversed, ()),
    ("smoothing-over-others", "The gradient is of smoothing over the others.", _SMOOTHING, over_others_vjp, ()),
    (
        "probabilities-shrunk",
        "The gradient is (1 - eps) p - q: a share of p is lost.",
        _SMOOTHING,
        _probabilities_shrunk,
        (),
    ),
    ("target-only", "Only the target's logit has a gradient.", "V above 1", _target_only, ()),
    ("target-forgotten", "The gradient is p: nothing is subtracted at the target.", "any input", _target_forgotten, ()),
    ("target-shifted", "The targets are those of the next tokens.", "different targets", _target_shifted, ()),
    ("tail-zero", "Classes go 8 at a time, and the rest has no gradient.", "V no multiple of 8", _tail_zero, ()),
    ("divided-by-classes", "It is divided by V as well.", "V above 1", _divided_by_classes, ()),
    (
        "memory-order",
        "The cotangent is read as if it were contiguous.",
        'reduction = "none" and a cotangent that is strided or expanded',
        _memory_order,
        (),
    ),
    ("through-clipped", "A probability below 1e-7 has no gradient.", "a target far below", _through_clipped, ()),
):
    registered(f"cross-entropy-gradient-{_name}", _sentence, _needs, _vjp, seen_in=_seen_in)
