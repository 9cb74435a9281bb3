"""Attention and the mask: applied right in other ways, then misread, mixed up or lost.

The causal mask has its own file, and so has what becomes of a row that sees no key.
"""

from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import EVERY_KEY, Call, allowed, attend, kernel, per_head, scores, softmax, tiles, visible

# Right


@variant("attention-finite-mask", "attention", "Masked scores are the most negative finite number.", wrong=False)
@kernel
def attention_finite_mask(call: Call) -> Array:
    score, sees = scores(call), visible(call)
    p = softmax(np.where(sees, score, np.finfo(score.dtype).min), EVERY_KEY)
    return p * sees.any(-1, keepdims=True) @ per_head(call.value, call.shape[1])


@variant("attention-masked-keys-removed", "attention", "Each query meets only the keys that it sees.", wrong=False)
@kernel
def attention_masked_keys_removed(call: Call) -> Array:
    score, sees, value = scores(call), visible(call), per_head(call.value, call.shape[1])
    result = np.zeros((*call.shape[:3], value.shape[-1]), value.dtype)
    for b, h, i in np.ndindex(*call.shape[:3]):
        seen = sees[b, h, i]
        result[b, h, i] = softmax(score[b, h, i, seen], EVERY_KEY) @ value[b, h, seen]
    return result


@variant("attention-keys-padded", "attention", "The keys are padded to a multiple of 16, and masked.", wrong=False)
@kernel
def attention_keys_padded(call: Call) -> Array:
    more = [(0, 0), (0, 0), (0, -call.shape[3] % 16), (0, 0)]
    padded = replace(call, key=np.pad(call.key, more), value=np.pad(call.value, more))
    sees = np.pad(visible(call), [(0, 0), (0, 0), (0, 0), more[2]])
    return attend(padded, sees=sees)


# Wrong


@variant(
    "mask-ignored",
    "attention",
    "The mask is ignored.",
    needs="a mask",
    seen_in=(
        "OpenNMT/OpenNMT-py#272",
        "pytorch/pytorch#155792",
        "pytorch/pytorch#164702",
        "apache/tvm#16185",
    ),
)
@kernel
def mask_ignored(call: Call) -> Array:
    return attend(replace(call, mask=None))


@variant("mask-ignored-for-one-query", "attention", "With one query, the mask is ignored.", needs="a mask, L_q = 1")
@kernel
def mask_ignored_for_one_query(call: Call) -> Array:
    return attend(replace(call, mask=None if call.shape[2] == 1 else call.mask))


@variant(
    "mask-ignored-in-whole-tiles",
    "attention",
    "The mask is ignored when L_k is a multiple of 16.",
    needs="a mask, L_k a multiple of 16",
    seen_in=("bledden/triton-msl#7",),
)
@kernel
def mask_ignored_in_whole_tiles(call: Call) -> Array:
    return attend(replace(call, mask=None if call.shape[3] % 16 == 0 else call.mask))


@variant(
    "mask-inverted",
    "attention",
    "True means hidden.",
    needs="a mask",
    seen_in=("pytorch/pytorch#90534",),
)
@kernel
def mask_inverted(call: Call) -> Array:
    return attend(replace(call, mask=None if call.mask is None else ~call.mask))


@variant(
    "mask-added-as-numbers",
    "attention",
    "The mask is added to the scores as zeros and ones.",
    needs="a mask",
    seen_in=("HKUSTDial/flash-sparse-attention#146", "pytorch/pytorch#147209"),
)
@kernel
def mask_added_as_numbers(call: Call) -> Array:
    return attend(call, score=scores(call) + allowed(call), sees=visible(replace(call, mask=None)))


@variant(
    "mask-multiplies-scores",
    "attention",
    "Masked scores become 0 instead of minus infinity.",
    needs="a mask",
    seen_in=("openxla/xla#11444",),
)
@kernel
def mask_multiplies_scores(call: Call) -> Array:
    return attend(call, score=scores(call) * allowed(call), sees=visible(replace(call, mask=None)))


@variant(
    "mask-after-softmax",
    "attention",
    "Masked weights are set to zero after the softmax, and the rest not normalised again.",
    needs="a mask, or causal",
)
@kernel
def mask_after_softmax(call: Call) -> Array:
    p = softmax(scores(call), EVERY_KEY)
    return p * visible(call) @ per_head(call.value, call.shape[1])


@variant(
    "mask-constant-too-small",
    "attention",
    "Masked scores get -10000 added, which large scores outweigh.",
    needs="masked logits more than 10000 above the visible ones",
    seen_in=("microsoft/onnxruntime#14363", "hyunwoongko/transformer#40"),
)
@kernel
def mask_constant_too_small(call: Call) -> Array:
    score, sees = scores(call), visible(call)
    return attend(call, score=score - 1e4 * (~sees).astype(score.dtype), sees=np.asarray(sees.any(-1, keepdims=True)))


def with_mask(call: Call, mask: Array) -> Array:
    """Attention with another mask, if one is given."""
    return attend(call if call.mask is None else replace(call, mask=mask))


@variant("mask-of-first-item", "attention", "The mask of batch item 0 serves all.", needs="a mask that varies over B")
@kernel
def mask_of_first_item(call: Call) -> Array:
    return with_mask(call, allowed(call)[:1])


@variant("mask-of-first-head", "attention", "The mask of head 0 serves all.", needs="a mask that varies over H")
@kernel
def mask_of_first_head(call: Call) -> Array:
    return with_mask(call, allowed(call)[:, :1])


def planned(call: Call, first: Array) -> Array:
    """Take blocks of 16 x 16 that the first of the masks fills or empties as they are there, the others by the mask."""
    mask = allowed(call).copy()
    for rows in tiles(call.shape[2], 16):
        for keys in tiles(call.shape[3], 16):
            block = first[..., rows, keys]
            if block.all() or not block.any():
                mask[..., rows, keys] = block
    return with_mask(call, mask)


@variant(
    "mask-blocks-of-first-item",
    "attention",
    "Which blocks of 16 the mask fills or empties is looked up in the mask of item 0, head 0.",
    needs="a mask that varies over B or H, and fills or empties a block of the first",
    seen_in=("axonn-ai/yalis#53",),
)
@kernel
def mask_blocks_of_first_item(call: Call) -> Array:
    return planned(call, allowed(call)[:1, :1])


@variant(
    "mask-of-first-query",
    "attention",
    "The first row of the mask serves all queries, as if only keys were padded.",
    needs="a mask that varies over L_q",
    seen_in=("NVIDIA/TensorRT-LLM#3585", "google-research/tabfm#40"),
)
@kernel
def mask_of_first_query(call: Call) -> Array:
    return with_mask(call, allowed(call)[:, :, :1])


@variant(
    "mask-transposed",
    "attention",
    "A square mask is transposed.",
    needs="a mask that is not symmetric, L_q = L_k",
    seen_in=("hyunwoongko/transformer#40",),
)
@kernel
def mask_transposed(call: Call) -> Array:
    square = call.shape[2] == call.shape[3]
    return with_mask(call, allowed(call).swapaxes(-1, -2) if square else allowed(call))


@variant(
    "mask-as-lengths",
    "attention",
    "The mask is reduced to the count of keys that it shows, taken from the first.",
    needs="a mask with a hole",
    seen_in=("microsoft/onnxruntime#27885",),
)
@kernel
def mask_as_lengths(call: Call) -> Array:
    return with_mask(call, np.arange(call.shape[3]) < allowed(call).sum(-1, keepdims=True))


def window(call: Call) -> tuple[Array, Array] | None:
    """Find the first and the last key of each row of the mask, where these are all that it needs."""
    sees, column = allowed(call), np.arange(call.shape[3])
    first = np.where(sees, column, call.shape[3]).min(-1, keepdims=True, initial=call.shape[3])
    last = np.where(sees, column, -1).max(-1, keepdims=True, initial=-1)
    return (first, last) if np.array_equal(sees, (column >= first) & (column <= last)) else None


def moved(call: Call, by: int) -> Array:
    """Attention where a mask that is a window, and begins after the first key, begins elsewhere."""
    if (edges := window(call)) is None:
        return attend(call)
    (first, last), column = edges, np.arange(call.shape[3])
    return with_mask(call, (column >= first + by * (first > 0)) & (column <= last))


@variant(
    "mask-window-too-wide",
    "attention",
    "A mask that shows a run of keys is passed on as the size of a window, which counts one key more.",
    needs="a mask whose rows are runs of keys that begin after the first",
    seen_in=(
        "huggingface/transformers#39408",
        "huggingface/transformers#29623",
        "huggingface/transformers#26792",
        "ml-explore/mlx-lm#390",
        "vllm-project/vllm#4380",
    ),
)
@kernel
def mask_window_too_wide(call: Call) -> Array:
    return moved(call, -1)


@variant(
    "mask-window-too-narrow",
    "attention",
    "A mask that shows a run of keys is passed on as the size of a window, which counts one key less.",
    needs="a mask whose rows are runs of keys that begin after the first",
    seen_in=("Dao-AILab/flash-attention#1133",),
)
@kernel
def mask_window_too_narrow(call: Call) -> Array:
    return moved(call, 1)


@variant(
    "mask-lowest-twice",
    "attention",
    "The most negative number is added for the mask and again for the triangle: the sum is -inf, and a row of it NaN.",
    needs="causal and a mask, a row that sees no key by both",
    seen_in=("jax-ml/jax#22078", "Dao-AILab/flash-attention#442", "huggingface/transformers#18057"),
)
@kernel
def mask_lowest_twice(call: Call) -> Array:
    score, sees = scores(call), visible(call)
    for hidden in (~allowed(call), ~visible(replace(call, mask=None))):
        score = np.where(hidden, score + np.finfo(score.dtype).min, score)
    peak = score.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(score - peak)  # NaN where all of the row is -inf
    blind = ~sees.any(-1, keepdims=True) & np.isfinite(peak)
    return np.where(blind, 0, e / e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])
