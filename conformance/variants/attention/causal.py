"""Attention and the causal mask: the declared alignment done right, then triangles shifted, turned or lost."""

from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import Call, allowed, attend, kernel, visible

BOTTOM_RIGHT = {"causal_alignment": "bottom-right"}


def aligned_bottom_right(call: Call) -> Array:
    """Let the last query see every key."""
    return visible(call, call.shape[3] - call.shape[2])


# Right


@variant(
    "attention-bottom-right",
    "attention",
    "The causal mask ends in the last key, as declared.",
    wrong=False,
    conventions=BOTTOM_RIGHT,
)
@kernel
def attention_bottom_right(call: Call) -> Array:
    return attend(call, sees=aligned_bottom_right(call))


# Wrong


@variant("causal-off-by-one", "attention", "A query sees one key too many.", needs="causal, two keys or more")
@kernel
def causal_off_by_one(call: Call) -> Array:
    return attend(call, sees=visible(call, 1))


@variant("causal-strict", "attention", "A query does not see its own position.", needs="causal")
@kernel
def causal_strict(call: Call) -> Array:
    return attend(call, sees=visible(call, -1))


@variant(
    "causal-top-left",
    "attention",
    "The causal mask starts at the first key, though bottom-right is declared.",
    needs="causal, L_q unlike L_k",
    seen_in=("pytorch/pytorch#103082", "facebookresearch/xformers#798", "pytorch/executorch#21749"),
    conventions=BOTTOM_RIGHT,
)
@kernel
def causal_top_left(call: Call) -> Array:
    return attend(call)


@variant(
    "causal-bottom-right",
    "attention",
    "The causal mask ends in the last key, undeclared.",
    needs="causal, L_q unlike L_k",
    seen_in=(
        "ml-explore/mlx#2835",
        "pytorch/executorch#22426",
        "openvinotoolkit/openvino#36680",
        "Dao-AILab/flash-attention#1778",
    ),
)
@kernel
def causal_bottom_right(call: Call) -> Array:
    return attend(call, sees=aligned_bottom_right(call))


@variant(
    "causal-reversed",
    "attention",
    "A query sees its own position and the later ones.",
    needs="causal, two keys or more",
    seen_in=("jadore801120/attention-is-all-you-need-pytorch#19",),
)
@kernel
def causal_reversed(call: Call) -> Array:
    return attend(call, sees=allowed(call) & ~np.tri(*call.shape[2:], -1, dtype=np.bool) if call.causal else None)


@variant("causal-by-tile", "attention", "A query sees all of its tile of 16 keys.", needs="causal, two keys or more")
@kernel
def causal_by_tile(call: Call) -> Array:
    row, column = np.ogrid[: call.shape[2], : call.shape[3]]
    return attend(call, sees=allowed(call) & (column // 16 <= row // 16) if call.causal else None)


@variant(
    "causal-in-last-tile-alone",
    "attention",
    "Of the tiles of 16 keys that 32 queries meet, the causal mask is applied in the last alone.",
    needs="causal, more than 16 keys, more than one query",
    seen_in=("Dao-AILab/flash-attention#436",),
)
@kernel
def causal_in_last_tile_alone(call: Call) -> Array:
    row, column = np.ogrid[: call.shape[2], : call.shape[3]]
    last = np.minimum(row // 32 * 32 + 31, call.shape[2] - 1) // 16  # the tile of the last query's key
    return attend(call, sees=allowed(call) & ((column <= row) | (column // 16 < last)) if call.causal else None)


@variant(
    "causal-by-packed-row",
    "attention",
    "The query heads of a group lie side by side in the rows of a tile, and a row counts as a position.",
    needs="causal, H_kv below H, two keys or more",
    seen_in=("vllm-project/vllm#17476",),
)
@kernel
def causal_by_packed_row(call: Call) -> Array:
    _, heads, rows, columns = call.shape
    group = heads // call.key.shape[1]
    row = np.arange(rows) * group + np.arange(heads)[:, None] % group
    return attend(call, sees=allowed(call) & (np.arange(columns) <= row[..., None]) if call.causal else None)


@variant(
    "causal-ignored",
    "attention",
    "causal is ignored.",
    needs="causal, two keys or more",
    seen_in=("keras-team/keras#23038",),
)
@kernel
def causal_ignored(call: Call) -> Array:
    return attend(replace(call, causal=False))


@variant(
    "causal-ignored-with-mask",
    "attention",
    "causal is ignored when a mask is given.",
    needs="causal and a mask together",
    seen_in=("keras-team/keras#23040",),
)
@kernel
def causal_ignored_with_mask(call: Call) -> Array:
    return attend(replace(call, causal=call.causal and call.mask is None))


@variant(
    "causal-only-with-mask",
    "attention",
    "causal is obeyed only when a mask is given, too.",
    needs="causal without a mask",
    seen_in=("facebookresearch/xformers#103", "jax-ml/jax#32300"),
)
@kernel
def causal_only_with_mask(call: Call) -> Array:
    return attend(replace(call, causal=call.causal and call.mask is not None))


@variant(
    "mask-ignored-with-causal",
    "attention",
    "The mask is ignored when causal is set.",
    needs="causal and a mask together",
    seen_in=("AI-Hypercomputer/maxtext#878", "pytorch/pytorch#178588"),
)
@kernel
def mask_ignored_with_causal(call: Call) -> Array:
    return attend(replace(call, mask=None if call.causal else call.mask))


@variant(
    "mask-or-causal",
    "attention",
    "A key is seen if either the mask or the causal triangle lets it through.",
    needs="causal and a mask together",
)
@kernel
def mask_or_causal(call: Call) -> Array:
    both = call.causal and call.mask is not None
    return attend(call, sees=allowed(call) | np.tri(*call.shape[2:], dtype=np.bool) if both else None)


@variant("window-of-128", "attention", "A query sees positions less than 128 away.", needs="128 keys or more")
@kernel
def window_of_128(call: Call) -> Array:
    row, column = np.ogrid[: call.shape[2], : call.shape[3]]
    return attend(call, sees=visible(call) & (abs(row - column) < 128))
