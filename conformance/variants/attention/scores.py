"""Attention, wrong in what meets what: the scale, the heads, the operands of the two products."""

from dataclasses import replace

import ml_dtypes
import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import Call, attend, exponentials, kernel, per_head, scores, softmax, visible

# The scale


@variant("scale-missing", "attention", "The scores are not scaled.", needs="no scale given, d_k above 1")
@kernel
def scale_missing(call: Call) -> Array:
    return attend(replace(call, scale=1.0 if call.scale is None else call.scale))


def with_default(call: Call, scale: float) -> Array:
    """Attention with another scale where none is given."""
    return attend(replace(call, scale=scale if call.scale is None else call.scale))


@variant("scale-by-d-v", "attention", "The default scale is 1/sqrt(d_v).", needs="no scale given, d_v unlike d_k")
@kernel
def scale_by_d_v(call: Call) -> Array:
    return with_default(call, call.value.shape[-1] ** -0.5)


@variant(
    "scale-by-model-width",
    "attention",
    "The default scale is 1/sqrt(H d_k).",
    needs="no scale given, two heads or more",
    seen_in=(
        "juho-lee/set_transformer#18",
        "FareedKhan-dev/train-llm-from-scratch#3",
        "chelsea0x3b/dfdx#171",
    ),
)
@kernel
def scale_by_model_width(call: Call) -> Array:
    return with_default(call, (call.shape[1] * call.query.shape[-1]) ** -0.5)


@variant("scale-unrooted", "attention", "The default scale is 1/d_k.", needs="no scale given, d_k above 1")
@kernel
def scale_unrooted(call: Call) -> Array:
    return with_default(call, 1 / call.query.shape[-1])


@variant(
    "scale-inverted",
    "attention",
    "The scores are multiplied by sqrt(d_k).",
    needs="no scale given, d_k above 1",
    seen_in=("esceptico/perceiver-io#9",),
)
@kernel
def scale_inverted(call: Call) -> Array:
    return with_default(call, call.query.shape[-1] ** 0.5)


@variant("scale-by-d-plus-1", "attention", "The default scale is 1/sqrt(d_k + 1).", needs="no scale given")
@kernel
def scale_by_d_plus_1(call: Call) -> Array:
    return with_default(call, (call.query.shape[-1] + 1) ** -0.5)


@variant("scale-option-ignored", "attention", "A given scale is ignored.", needs="a scale unlike 1/sqrt(d_k)")
@kernel
def scale_option_ignored(call: Call) -> Array:
    return attend(replace(call, scale=None))


@variant("scale-on-top", "attention", "A given scale comes on top of 1/sqrt(d_k).", needs="a scale given, d_k above 1")
@kernel
def scale_on_top(call: Call) -> Array:
    return attend(replace(call, scale=call.factor * call.query.shape[-1] ** (-0.5 if call.scale is not None else 0)))


@variant("scale-zero-is-none", "attention", "A scale of 0 counts as none (`scale or default`).", needs="scale = 0")
@kernel
def scale_zero_is_none(call: Call) -> Array:
    return attend(replace(call, scale=call.scale or None))


@variant("scale-after-softmax", "attention", "The weights are scaled, not the scores.", needs="a scale unlike 1")
@kernel
def scale_after_softmax(call: Call) -> Array:
    return attend(replace(call, scale=1.0)) * call.factor


# A scale off by 2^-9 moves a probability by 5e-4 with two keys, by 3e-3 with a thousand: hardly a unit of bfloat16.
@variant(
    "scale-bfloat16",
    "attention",
    "The scale is rounded to bfloat16.",
    needs="d_k not a power of 4, logits that are spread",
    dtypes=("float64", "float32", "float16"),
)
@kernel
def scale_bfloat16(call: Call) -> Array:
    return attend(replace(call, scale=float(ml_dtypes.bfloat16(call.factor))))


@variant("logits-softcapped", "attention", "The scores are softly capped at 50.", needs="logits above 10 that compete")
@kernel
def logits_softcapped(call: Call) -> Array:
    return attend(call, score=50 * np.tanh(scores(call) / 50))


@variant("logits-clipped", "attention", "The scores are clipped to 50.", needs="two logits above 50 in a row")
@kernel
def logits_clipped(call: Call) -> Array:
    return attend(call, score=np.clip(scores(call), -50, 50))


# The heads


def with_heads(call: Call, heads: Array) -> Array:
    """Attention of each query head with another key/value head."""
    return attend(replace(call, key=call.key[:, heads], value=call.value[:, heads]))


@variant(
    "heads-tiled",
    "attention",
    "Query head h takes key head h mod H_kv.",
    needs="1 < H_kv < H",
    seen_in=("onnx/onnx#7274", "microsoft/onnxruntime#26813"),
)
@kernel
def heads_tiled(call: Call) -> Array:
    return with_heads(call, np.arange(call.shape[1]) % call.key.shape[1])


@variant("heads-first-for-all", "attention", "Every query head takes key head 0.", needs="H_kv above 1")
@kernel
def heads_first_for_all(call: Call) -> Array:
    return with_heads(call, np.zeros(call.shape[1], int))


@variant("heads-clamped", "attention", "Query head h takes key head min(h, H_kv - 1).", needs="1 < H_kv < H")
@kernel
def heads_clamped(call: Call) -> Array:
    return with_heads(call, np.minimum(np.arange(call.shape[1]), call.key.shape[1] - 1))


@variant(
    "heads-scrambled",
    "attention",
    "The result lies as (B, L_q, H, d_v) in memory and is viewed as (B, H, L_q, d_v).",
    needs="two heads and two queries or more",
    seen_in=(
        "649453932/Chinese-Text-Classification-Pytorch#10",
        "reczoo/FuxiCTR#30",
        "rish-16/tokenlearner-pytorch#1",
    ),
)
@kernel
def heads_scrambled(call: Call) -> Array:
    result = attend(call)
    return result.swapaxes(1, 2).reshape(result.shape)


@variant(
    "attends-over-heads",
    "attention",
    "Heads are taken for positions, as if the layout were (B, L, H, d).",
    needs="L_q = L_k and H = H_kv, both above 1; no mask",
    seen_in=(
        "flashinfer-ai/flashinfer#441",
        "facebookresearch/xformers#761",
        "vllm-project/vllm-ascend#2758",
        "jax-ml/jax#35916",
    ),
)
@kernel
def attends_over_heads(call: Call) -> Array:
    _, heads, queries, keys = call.shape
    if queries != keys or heads != call.key.shape[1] or call.mask is not None:
        return attend(call)
    query, key, value = (each.swapaxes(1, 2) for each in (call.query, call.key, call.value))
    return attend(replace(call, query=query, key=key, value=value)).swapaxes(1, 2)


@variant(
    "batch-first-keys",
    "attention",
    "Every batch item attends to the keys and values of the first.",
    needs="two batch items or more",
)
@kernel
def batch_first_keys(call: Call) -> Array:
    key, value = (np.broadcast_to(each[:1], each.shape) for each in (call.key, call.value))
    return attend(replace(call, key=key, value=value))


# The operands


@variant(
    "head-dim-64",
    "attention",
    "Only the first 64 channels of query and key meet.",
    needs="d_k above 64",
    seen_in=("triton-lang/triton#621",),
)
@kernel
def head_dim_64(call: Call) -> Array:
    return attend(replace(call, query=call.query[..., :64], key=call.key[..., :64], scale=call.factor))


@variant(
    "head-dim-tail-dropped",
    "attention",
    "Channels are read 8 at a time, and the rest of d_k is dropped.",
    needs="d_k above 8 and not a multiple of it",
)
@kernel
def head_dim_tail_dropped(call: Call) -> Array:
    d = call.query.shape[-1]
    kept = d - d % 8 or d
    return attend(replace(call, query=call.query[..., :kept], key=call.key[..., :kept], scale=call.factor))


@variant(
    "head-dim-overread",
    "attention",
    "d_k is padded to a power of two with whatever follows in memory.",
    needs="d_k not a power of two",
)
@kernel
def head_dim_overread(call: Call) -> Array:
    def padded(array: Array) -> Array:
        *_, length, d = array.shape
        places = np.arange(length)[:, None] * d + np.arange(1 << (d - 1).bit_length())
        return np.asarray(array.reshape(*array.shape[:2], length * d).take(places, -1, mode="wrap"))

    if not call.query.size or not call.key.size:
        return attend(call)
    return attend(replace(call, query=padded(call.query), key=padded(call.key), scale=call.factor))


@variant(
    "value-width-of-key",
    "attention",
    "Channels of the values beyond d_k are not computed.",
    needs="d_v above d_k",
)
@kernel
def value_width_of_key(call: Call) -> Array:
    result = attend(call)
    result[..., call.key.shape[-1] :] = 0
    return result


@variant("keys-as-values", "attention", "The weights multiply the keys.", needs="d_k = d_v")
@kernel
def keys_as_values(call: Call) -> Array:
    return attend(replace(call, value=call.key if call.key.shape == call.value.shape else call.value))


@variant("values-as-keys", "attention", "The queries meet the values.", needs="d_k = d_v")
@kernel
def values_as_keys(call: Call) -> Array:
    return attend(replace(call, key=call.value if call.key.shape == call.value.shape else call.key))


@variant("queries-ignored", "attention", "Every key that is seen counts alike.", needs="two keys or more")
@kernel
def queries_ignored(call: Call) -> Array:
    return attend(call, score=np.zeros_like(scores(call)))


@variant(
    "softmax-over-queries",
    "attention",
    "The weights are normalised over the queries.",
    needs="any input with more than one query or key",
    seen_in=("nerdai/llms-from-scratch-rs#30", "jadore801120/attention-is-all-you-need-pytorch#19"),
)
@kernel
def softmax_over_queries(call: Call) -> Array:
    p = softmax(scores(call).swapaxes(-1, -2), visible(call).swapaxes(-1, -2)).swapaxes(-1, -2)
    return p @ per_head(call.value, call.shape[1])


@variant("not-normalised", "attention", "The exponentials are not divided by their sum.", needs="two keys or more")
@kernel
def not_normalised(call: Call) -> Array:
    return exponentials(scores(call), visible(call)) @ per_head(call.value, call.shape[1])
