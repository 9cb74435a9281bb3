"""Work in parts of 64, where something is done to each part that only the whole may meet, or parts are mixed up.

A product whose sum is split, a row that several processors share, keys that several blocks go through: as long as there
is one part, nothing is wrong.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .arithmetic import Array, wide
from .attention.right import Call, divided, kernel, per_head, scores, softmax, tiles, visible
from .catalogue import variant
from .cross_entropy.right import Options, at_targets
from .feed_forward.right import relu
from .gated_feed_forward.right import FUNCTIONS, gated
from .layer_norm.right import norm
from .log_softmax.right import log_softmax
from .multi_head_attention.right import Heads, heads_kernel, merged, projected
from .rms_norm.right import normalised

_PART: Final = 64


def _summed(x: Array, w: Array, of_each: Callable[[Array, int], Array]) -> Array:
    """Compute x w with the sum split, and something done to each part of it, which has a number."""
    parts = tiles(w.shape[0], _PART) or [slice(0, 0)]
    return np.asarray(sum(of_each(x[..., part] @ w[part], number) for number, part in enumerate(parts)))


@variant(
    "relu-of-each-part",
    "feed_forward",
    "The first product's sum is split, and the relu is taken of each part.",
    needs="d_model above 64",
    seen_in=("NVIDIA/TensorRT-LLM#12686",),
)
@wide
def relu_of_each_part(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    hidden = _summed(x, w_1, lambda part, number: relu(part if number else part + b_1))
    return np.asarray(hidden @ w_2 + b_2)


@variant(
    "bias-in-each-part",
    "feed_forward",
    "The first product's sum is split, and each part adds the bias.",
    needs="d_model above 64, a bias unlike zero",
)
@wide
def bias_in_each_part(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray(relu(_summed(x, w_1, lambda part, _: part + b_1)) @ w_2 + b_2)


@gated(
    "gate-of-each-part",
    "The products' sums are split, and each part of the gate is activated.",
    needs="d_model above 64",
)
@wide
def gate_of_each_part(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    with np.errstate(all="ignore"):
        return np.asarray((_summed(x, w_gate, lambda part, _: FUNCTIONS[activation](part)) * (x @ w_up)) @ w_down)


@variant(
    "rms-norm-of-each-part",
    "rms_norm",
    "Each 64 channels are divided by the root of their own mean square.",
    needs="d above 64",
    seen_in=("axonn-ai/yalis#36",),
)
@wide
def rms_norm_of_each_part(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    parts = [normalised(x[..., part], epsilon) for part in tiles(x.shape[-1], _PART)]
    return np.concatenate([*parts, x[..., :0]], -1) * gain


@variant(
    "layer-norm-of-each-part",
    "layer_norm",
    "Each 64 channels have their own mean and variance.",
    needs="d above 64",
)
@wide
def layer_norm_of_each_part(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    parts = [norm(x[..., part], gain[part], bias[part], epsilon) for part in tiles(x.shape[-1], _PART)]
    return np.concatenate([*parts, x[..., :0]], -1)


@variant(
    "cross-entropy-smoothing-of-first-part",
    "cross_entropy",
    "The classes are split, and the smoothing takes the mean over the first 64 alone.",
    needs="label_smoothing, V above 64",
    seen_in=("NVIDIA/Megatron-LM#737",),
)
@wide
def cross_entropy_smoothing_of_first_part(logits: Array, targets: Array, **given: Any) -> Array:
    options, y = Options(**given), log_softmax(logits)
    eps, own = options.label_smoothing, at_targets(y, targets, options)
    smoothed = own if eps == 0 else (1 - eps) * own + eps * y[:, :_PART].mean(-1)
    return options.reduced(-smoothed, targets)


def _merged_by_others(call: Call) -> Array:
    """Merge the results of parts of the keys, where there are several, by log-sum-exps of other items and heads."""
    value = per_head(call.value, call.shape[1])
    score, sees = scores(call), visible(call)
    results, sums = [np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)], [np.full(call.shape[:3], -np.inf)]
    for part in tiles(call.shape[3], _PART):
        seen = np.where(sees[..., part], score[..., part], -np.inf)
        results.append(softmax(seen, np.isfinite(seen)) @ value[..., part, :])
        sums.append(np.logaddexp.reduce(seen, -1, initial=-np.inf))
    shares = np.stack([_in_another_order(each) if call.shape[3] > _PART else each for each in sums])
    peak = shares.max(0)
    e = np.exp(shares - np.where(np.isneginf(peak), 0, peak))
    return np.asarray((divided(e, e.sum(0))[..., None] * np.stack(results)).sum(0), value.dtype)


def _in_another_order(sums: Array) -> Array:
    """Read what was written as (B, H, L_q) as though it were (H, B, L_q)."""
    batch, heads, length = sums.shape
    return sums.reshape(heads, batch, length).swapaxes(0, 1)


@variant(
    "sums-of-other-heads",
    "attention",
    "Parts of 64 keys are merged by log-sum-exps that are read in another order of items and heads.",
    needs="L_k above 64, B and H above 1",
    seen_in=("vllm-project/flash-attention#87",),
)
@kernel
def sums_of_other_heads(call: Call) -> Array:
    return _merged_by_others(call)


@variant(
    "multi-head-sums-of-other-heads",
    "multi_head_attention",
    "Parts of 64 keys are merged by log-sum-exps that are read in another order of items and heads.",
    needs="L_k above 64, B and heads above 1",
    seen_in=("vllm-project/flash-attention#87",),
)
@heads_kernel
def multi_head_sums_of_other_heads(call: Heads) -> Array:
    return merged(_merged_by_others(projected(call))) @ call.w_output
