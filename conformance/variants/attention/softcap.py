"""Attention with softly capped scores, c tanh(s / c) before the mask: right ones, and what goes wrong with the cap.

Without a softcap each of them is the formula.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from ..gradients import Gradients, gradients_of
from .gradients import attention_gradient, backward, of_key, of_query, of_weights, through_softmax
from .right import EVERY_KEY, Call, attend, kernel, online, per_head, scores, softmax, tiles, visible


def capping(function: Callable[[Call, float], Array]) -> Callable[..., Array]:
    """Give the contract's function its keyword `softcap`."""

    @functools.wraps(function, assigned=("__name__",), updated=())
    def attention(query: Array, key: Array, value: Array, *, softcap: float | None = None, **options: Any) -> Array:
        computed = kernel(attend if softcap is None else lambda call: function(call, softcap))
        return computed(query, key, value, **options)

    del attention.__wrapped__
    return attention


def capped(call: Call, c: float) -> Array:
    """Cap the scores softly."""
    return np.asarray(c * np.tanh(scores(call) / c))


@variant("attention-softcap-plain", "attention", "The scores are capped, a step at a time.", wrong=False)
@capping
def attention_softcap_plain(call: Call, c: float) -> Array:
    return attend(call, score=capped(call, c))


@variant("attention-softcap-tiled", "attention", "Capped scores in an online softmax over 16 keys.", wrong=False)
@capping
def attention_softcap_tiled(call: Call, c: float) -> Array:
    return online(call, tiles(call.shape[3], 16), score=capped(call, c))


@variant("attention-softcap-exponentials", "attention", "tanh(x) is 1 - 2 / (exp(2 x) + 1).", wrong=False)
@capping
def attention_softcap_exponentials(call: Call, c: float) -> Array:
    return attend(call, score=c * (1 - 2 / (np.exp(2 * scores(call) / c) + 1)))


@variant(
    "softcap-ignored",
    "attention",
    "The softcap is ignored.",
    needs="scores around the cap or beyond it",
    seen_in=(
        "sgl-project/sglang#33915",
        "sgl-project/sgl-kernel-xpu#491",
        "vllm-project/vllm-metal#665",
        "vllm-project/vllm#7425",
    ),
)
@capping
def softcap_ignored(call: Call, c: float) -> Array:
    return attend(call)


@variant(
    "softcap-after-mask",
    "attention",
    "Masked scores are capped as well: minus infinity becomes -c, and the key has some weight.",
    needs="a mask, a small cap",
    seen_in=("onnx/onnx#7865", "microsoft/onnxruntime#28379", "emmtrix/emx-onnx-cgen#731"),
)
@capping
def softcap_after_mask(call: Call, c: float) -> Array:
    return attend(call, score=c * np.tanh(np.where(visible(call), scores(call), -np.inf) / c), sees=EVERY_KEY)


@variant("softcap-before-scale", "attention", "q.k is capped, and scaled then.", needs="scores around the cap")
@capping
def softcap_before_scale(call: Call, c: float) -> Array:
    return attend(call, score=capped(replace(call, scale=1.0), c) * call.factor)


@variant(
    "softcap-before-scale-if-causal",
    "attention",
    "The path for a causal mask caps q.k, and scales then.",
    needs="causal, scores around the cap",
)
@capping
def softcap_before_scale_if_causal(call: Call, c: float) -> Array:
    return attend(call, score=capped(replace(call, scale=1.0), c) * call.factor if call.causal else capped(call, c))


@variant("softcap-scaled-twice", "attention", "Capped scores are scaled once more.", needs="a scale unlike 1")
@capping
def softcap_scaled_twice(call: Call, c: float) -> Array:
    return attend(call, score=capped(call, c) * call.factor)


@variant("softcap-factor-missing", "attention", "The scores are tanh(s / c).", needs="a cap unlike 1")
@capping
def softcap_factor_missing(call: Call, c: float) -> Array:
    return attend(call, score=np.tanh(scores(call) / c))


@variant("softcap-squared", "attention", "The scores are c^2 tanh(s / c).", needs="a cap unlike 1")
@capping
def softcap_squared(call: Call, c: float) -> Array:
    return attend(call, score=c * capped(call, c))


@variant(
    "softcap-times-score",
    "attention",
    "The scores are (s / c) tanh(s / c).",
    needs="scores that are not tiny",
    seen_in=("Dao-AILab/flash-attention#2402",),
)
@capping
def softcap_times_score(call: Call, c: float) -> Array:
    x = scores(call) / c
    return attend(call, score=x * np.tanh(x))


@variant("softcap-hard", "attention", "The scores are clipped at c.", needs="scores around the cap")
@capping
def softcap_hard(call: Call, c: float) -> Array:
    return attend(call, score=np.clip(scores(call), -c, c))


@variant("softcap-of-weights", "attention", "The weights are capped, not the scores.", needs="scores around the cap")
@capping
def softcap_of_weights(call: Call, c: float) -> Array:
    return np.asarray(c * np.tanh(softmax(scores(call), visible(call)) / c) @ per_head(call.value, call.shape[1]))


@variant("softcap-always-50", "attention", "The cap is 50, whatever was given.", needs="another cap")
@capping
def softcap_always_50(call: Call, c: float) -> Array:
    return attend(call, score=capped(call, 50.0))


@variant(
    "softcap-in-base-2",
    "attention",
    "The scale holds log2(e) for exp2 when the scores are capped: they end at c ln 2.",
    needs="scores around the cap",
)
@capping
def softcap_in_base_2(call: Call, c: float) -> Array:
    return attend(call, score=capped(replace(call, scale=call.factor * math.log2(math.e)), c) * math.log(2))


@variant("softcap-not-in-last-tile", "attention", "The last tile of 16 keys is not capped.", needs="L_k above 16")
@capping
def softcap_not_in_last_tile(call: Call, c: float) -> Array:
    last = np.arange(call.shape[3]) // 16 == (call.shape[3] - 1) // 16
    return attend(call, score=np.where(last & (call.shape[3] > 16), scores(call), capped(call, c)))


# Gradients

gradient = gradients_of("attention", attention_softcap_plain)


def capping_gradient(function: Callable[[Call, Array, float], Gradients]) -> Callable[..., Gradients]:
    """Give the contract's gradients their keyword `softcap`."""

    def attention_vjp(
        cotangent: Array, query: Array, key: Array, value: Array, *, softcap: float | None = None, **options: Any
    ) -> Gradients:
        computed = attention_gradient(backward if softcap is None else lambda call, g: function(call, g, softcap))
        return computed(cotangent, query, key, value, **options)

    return attention_vjp


def through_cap(call: Call, g: Array, c: float, slope: Array) -> Gradients:
    """Go back through a cap of that slope."""
    p = softmax(capped(call, c), visible(call))
    return backward(call, g, p=p, ds=through_softmax(p, of_weights(call, g)) * slope)


@gradient("softcap-gradient-plain", "dS is multiplied by 1 - tanh^2(s / c).", wrong=False)
@capping_gradient
def softcap_gradient_plain(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, 1 - np.tanh(scores(call) / c) ** 2)


@gradient("softcap-gradient-cosh", "dS is divided by cosh^2(s / c).", wrong=False)
@capping_gradient
def softcap_gradient_cosh(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, 1 / np.cosh(scores(call) / c) ** 2)


@gradient("softcap-gradient-slope-missing", "dS is not multiplied by the slope.", needs="scores around the cap")
@capping_gradient
def softcap_gradient_slope_missing(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, np.array(1.0, g.dtype))


@gradient("softcap-gradient-slope-of-scores", "The slope is 1 - (s / c)^2.", needs="scores around the cap")
@capping_gradient
def softcap_gradient_slope_of_scores(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, 1 - (scores(call) / c) ** 2)


@gradient(
    "softcap-gradient-slope-of-capped",
    "The slope is 1 - tanh^2 of scores that are capped already.",
    needs="scores around the cap",
)
@capping_gradient
def softcap_gradient_slope_of_capped(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, 1 - np.tanh(capped(call, c) / c) ** 2)


@gradient("softcap-gradient-slope-not-squared", "The slope is 1 - tanh(s / c).", needs="scores that are not tiny")
@capping_gradient
def softcap_gradient_slope_not_squared(call: Call, g: Array, c: float) -> Gradients:
    return through_cap(call, g, c, 1 - np.tanh(scores(call) / c))


@gradient("softcap-gradient-forward-only", "The way back knows no cap.", needs="scores around the cap")
@capping_gradient
def softcap_gradient_forward_only(call: Call, g: Array, c: float) -> Gradients:
    return backward(call, g)


@gradient("softcap-gradient-of-query-only", "The slope is missing on the way to the keys.", needs="scores at the cap")
@capping_gradient
def softcap_gradient_of_query_only(call: Call, g: Array, c: float) -> Gradients:
    p = softmax(capped(call, c), visible(call))
    ds = through_softmax(p, of_weights(call, g))
    sloped = ds * (1 - np.tanh(scores(call) / c) ** 2)
    return backward(call, g, p=p, dq=of_query(call, sloped), dk=of_key(call, ds))


@gradient(
    "softcap-gradient-slope-after-mask",
    "The slope is of masked scores, whose square overflows: 0 times infinity.",
    needs="a mask",
)
@capping_gradient
def softcap_gradient_slope_after_mask(call: Call, g: Array, c: float) -> Gradients:
    t = np.where(visible(call), np.tanh(scores(call) / c), np.finfo(g.dtype).min)
    return through_cap(call, g, c, 1 - t**2)
