"""Attention and its numbers: a format that is declared; then overflow, formats too narrow, roundings to one side."""

from dataclasses import replace

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT16, FLOAT32, Array, fast_exp, largest, matmul, rounded, tensorfloat32, truncated
from ..catalogue import DTYPES, NARROW, WIDE, WIDEST, variant
from .right import Call, attend, divided, exponentials, kernel, per_head, scores, softmax, tiles, visible

# Right


@variant(
    "attention-scores-float16",
    "attention",
    "Scores are stored in float16, as declared, and are infinite beyond it.",
    wrong=False,
    numerics={dtype: {"scores": "float16"} for dtype in DTYPES},
)
@kernel
def attention_scores_float16(call: Call) -> Array:
    return softmax(rounded(scores(call), FLOAT16), visible(call)) @ per_head(call.value, call.shape[1])


# Wrong


@variant(
    "attention-without-max",
    "attention",
    "No largest score is subtracted, so exp overflows.",
    needs="logits above 89 (float32 arithmetic) or 710 (float64), or all far below zero",
    seen_in=("pytorch/executorch#18407",),
)
@kernel
def attention_without_max(call: Call) -> Array:
    e = np.exp(np.where(visible(call), scores(call), -np.inf))
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


@variant(
    "attention-max-of-tensor",
    "attention",
    "The largest score of the whole tensor is subtracted, so other rows vanish.",
    needs="a row whose logits are 104 (float32 arithmetic) or 746 (float64) below another's",
)
@kernel
def attention_max_of_tensor(call: Call) -> Array:
    score = np.where(visible(call), scores(call), -np.inf)
    e = np.exp(score - score.max(initial=-np.finfo(score.dtype).max))
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


@variant(
    "max-includes-masked",
    "attention",
    "The largest score is taken over the masked keys as well, so the visible ones vanish.",
    needs="a masked logit 104 (float32 arithmetic) or 746 (float64) above the visible ones",
)
@kernel
def max_includes_masked(call: Call) -> Array:
    score = scores(call)
    e = np.exp(score - score.max(-1, keepdims=True, initial=-np.finfo(score.dtype).max)) * visible(call)
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


@variant(
    "accumulator-narrow",
    "attention",
    "Both products are accumulated in the 16-bit format of the input.",
    needs="100 keys or more, or as many channels",
    dtypes=NARROW,
)
@kernel
def accumulator_narrow(call: Call) -> Array:
    key, value = (per_head(each, call.shape[1]) for each in (call.key, call.value))
    score = matmul(call.query, key.swapaxes(-1, -2), call.dtype) * call.factor
    return matmul(softmax(score, visible(call)), value, call.dtype)


@variant(
    "accumulator-rounded-by-tile",
    "attention",
    "The accumulated result is rounded to the input's format after each 8 keys.",
    needs="100 keys or more",
    dtypes=NARROW,
)
@kernel
def accumulator_rounded_by_tile(call: Call) -> Array:
    p, value = softmax(scores(call), visible(call)), per_head(call.value, call.shape[1])
    result = np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)
    for tile in tiles(call.shape[3], 8):
        result = rounded(result + p[..., tile] @ value[..., tile, :], call.dtype)
    return result


@variant(
    "scores-narrow",
    "attention",
    "The unscaled scores are stored in the input's format: rounded, and in float16 infinite.",
    needs="logits above 10; for float16 also products above 65504",
    seen_in=("tinygrad/tinygrad#4985", "NVIDIA/TensorRT-LLM#18044"),
    dtypes=NARROW,
)
@kernel
def scores_narrow(call: Call) -> Array:
    return attend(call, score=rounded(scores(replace(call, scale=1.0)), call.dtype) * call.factor)


# In bfloat16 the change is half a unit of the result at most: as much as a cast of the probabilities may cost.
@variant(
    "normaliser-bfloat16",
    "attention",
    "The sum of the exponentials is kept in bfloat16.",
    needs="rows whose sum bfloat16 does not have",
    dtypes=("float64", "float32", "float16"),
    seen_in=("pytorch/pytorch#174861",),
)
@kernel
def normaliser_bfloat16(call: Call) -> Array:
    e = exponentials(scores(call), visible(call))
    return divided(e @ per_head(call.value, call.shape[1]), rounded(e.sum(-1, keepdims=True), BFLOAT16))


@variant(
    "probabilities-truncated",
    "attention",
    "The probabilities are cut off, not rounded, to the input's format before they meet the values.",
    needs="100 keys or more, values of one sign, and an average over many rows",
    dtypes=NARROW,
)
@kernel
def probabilities_truncated(call: Call) -> Array:
    p = softmax(scores(call), visible(call))
    return truncated(p, call.dtype) @ per_head(call.value, call.shape[1])


@variant(
    "probabilities-bfloat16",
    "attention",
    "The probabilities are rounded to bfloat16 though the input is wide, undeclared.",
    needs="any input with several keys",
    dtypes=WIDE,
)
@kernel
def probabilities_bfloat16(call: Call) -> Array:
    return rounded(softmax(scores(call), visible(call)), BFLOAT16) @ per_head(call.value, call.shape[1])


# 16-bit operands are exact in tensorfloat32.
@variant(
    "operands-tensorfloat32",
    "attention",
    "The operands are rounded to 11 significant bits, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@kernel
def operands_tensorfloat32(call: Call) -> Array:
    query, key, value = map(tensorfloat32, (call.query, call.key, call.value))
    return attend(replace(call, query=query, key=key, value=value))


@variant("float64-by-float32", "attention", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@kernel
def float64_by_float32(call: Call) -> Array:
    query, key, value = (each.astype(FLOAT32) for each in (call.query, call.key, call.value))
    return attend(replace(call, query=query, key=key, value=value))


# For float16 this is the format itself; for the others it is what their range is larger than.
@variant(
    "bfloat16-through-float16",
    "attention",
    "Operands in bfloat16 are converted to float16, out of whose range they fall.",
    needs="values above 65504",
    dtypes=("bfloat16",),
)
@kernel
def bfloat16_through_float16(call: Call) -> Array:
    query, key, value = (rounded(each, FLOAT16) for each in (call.query, call.key, call.value))
    return attend(replace(call, query=query, key=key, value=value))


# An error of 1e-4 is below half a unit of the 16-bit formats: only an average would tell.
@variant("exp-cubic", "attention", "exp is a cubic with an error of 1e-4.", needs="two keys or more", dtypes=WIDE)
@kernel
def exp_cubic(call: Call) -> Array:
    score = np.where(visible(call), scores(call), -np.inf)
    peak = largest(score)
    e = fast_exp(score - np.where(np.isneginf(peak), 0, peak))
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])


# The sum is at least 1, so the relative change is 1e-6 at most: below a unit of either 16-bit format.
@variant(
    "attention-epsilon",
    "attention",
    "1e-6 is added to the sum of the exponentials.",
    needs="a single key, or one that dominates",
    dtypes=WIDE,
)
@kernel
def attention_epsilon(call: Call) -> Array:
    e = exponentials(scores(call), visible(call))
    return np.asarray(e / (e.sum(-1, keepdims=True) + 1e-6) @ per_head(call.value, call.shape[1]))


@variant(
    "small-weights-skipped",
    "attention",
    "Keys whose weight is below 1/1000 are skipped, and the rest not normalised again.",
    needs="many keys, or logits that are spread by more than 7",
)
@kernel
def small_weights_skipped(call: Call) -> Array:
    p = softmax(scores(call), visible(call))
    return np.where(p < 1e-3, 0, p) @ per_head(call.value, call.shape[1])


@variant(
    "nan-hidden",
    "attention",
    "A NaN in the operands comes out as zero.",
    needs="a NaN that is seen",
    seen_in=("pytorch/pytorch#141128",),
)
@kernel
def nan_hidden(call: Call) -> Array:
    result = attend(call)
    return np.where(np.isnan(result), 0, result)
