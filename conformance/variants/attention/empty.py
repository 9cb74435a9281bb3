"""Attention where a row sees no key: the three conventions done right, then what goes wrong."""

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .causal import aligned_bottom_right
from .right import Call, attend, exponentials, kernel, per_head, scores, visible

NEEDS = "a row that sees no key"


def empty_rows(call: Call) -> Array:
    """Say which rows see no key: (B, H, L_q, 1)."""
    return np.asarray(~visible(call).any(-1, keepdims=True))


def with_empty_rows(call: Call, held: float | Array) -> Array:
    """Attention whose rows without a key hold something else."""
    return np.where(empty_rows(call), held, attend(call))


def mean_of_values(call: Call) -> Array:
    """Compute the mean over all keys, seen or not; zero if there is none."""
    value = per_head(call.value, call.shape[1])
    return np.asarray(value.sum(-2, keepdims=True) / max(call.shape[3], 1))


# Right


@variant(
    "attention-masked-row-nan",
    "attention",
    "A row that sees no key is NaN, as declared.",
    wrong=False,
    conventions={"masked_row": "nan"},
)
@kernel
def attention_masked_row_nan(call: Call) -> Array:
    return with_empty_rows(call, np.nan)


@variant(
    "attention-nan-or-empty-sum",
    "attention",
    "A row that sees no key is NaN, as declared; without any key, it is the empty sum, zero.",
    wrong=False,
    conventions={"masked_row": "nan"},
)
@kernel
def attention_nan_or_empty_sum(call: Call) -> Array:
    return with_empty_rows(call, np.nan) if call.shape[3] else attend(call)


@variant(
    "attention-masked-row-mean",
    "attention",
    "A row that sees no key holds the mean of all values, as declared.",
    wrong=False,
    conventions={"masked_row": "mean"},
)
@kernel
def attention_masked_row_mean(call: Call) -> Array:
    return with_empty_rows(call, mean_of_values(call))


@variant(
    "attention-bottom-right-mean",
    "attention",
    "The causal mask ends in the last key, and a row before the first key holds the mean of all values, as declared.",
    wrong=False,
    conventions={"causal_alignment": "bottom-right", "masked_row": "mean"},
)
@kernel
def attention_bottom_right_mean(call: Call) -> Array:
    sees = aligned_bottom_right(call)
    return np.where(sees.any(-1, keepdims=True), attend(call, sees=sees), mean_of_values(call))


# Wrong


@variant(
    "empty-row-nan",
    "attention",
    "A row that sees no key is 0/0.",
    needs=NEEDS,
    seen_in=(
        "huggingface/transformers#38690",
        "pytorch/pytorch#160064",
        "pytorch/pytorch#109517",
        "pytorch/pytorch#103963",
        "robertknight/rten#1321",
        "pytorch/pytorch#81077",
        "google/flax#1527",
    ),
)
@kernel
def empty_row_nan(call: Call) -> Array:
    e = exponentials(scores(call), visible(call))
    return np.asarray(e / e.sum(-1, keepdims=True) @ per_head(call.value, call.shape[1]))


@variant(
    "empty-row-mean",
    "attention",
    "A row that sees no key holds the mean of all values, undeclared.",
    needs=NEEDS,
)
@kernel
def empty_row_mean(call: Call) -> Array:
    return with_empty_rows(call, mean_of_values(call))


@variant(
    "empty-row-by-scores",
    "attention",
    "A row that sees no key attends as if it had no mask: a constant added to every score cancels.",
    needs=NEEDS,
    seen_in=("microsoft/onnxruntime#14363",),
)
@kernel
def empty_row_by_scores(call: Call) -> Array:
    return attend(call, sees=visible(call) | empty_rows(call))


@variant(
    "empty-row-stale",
    "attention",
    "A row that sees no key is not written, and holds what the row before left there.",
    needs="a row that sees no key below one that sees some",
)
@kernel
def empty_row_stale(call: Call) -> Array:
    result, empty = attend(call), empty_rows(call)[..., 0]
    for i in range(1, call.shape[2]):
        result[:, :, i] = np.where(empty[:, :, i, None], result[:, :, i - 1], result[:, :, i])
    return result


@variant(
    "empty-row-poisons-head",
    "attention",
    "The NaN of a row that sees no key spreads to every row of its head.",
    needs=NEEDS,
)
@kernel
def empty_row_poisons_head(call: Call) -> Array:
    return np.where(empty_rows(call).any(-2, keepdims=True), np.nan, attend(call))


@variant(
    "empty-row-empties-head",
    "attention",
    "One row that sees no key makes the kernel skip the rows of its head.",
    needs="a row that sees no key beside one that sees some",
)
@kernel
def empty_row_empties_head(call: Call) -> Array:
    return np.where(empty_rows(call).any(-2, keepdims=True), 0, attend(call))


@variant(
    "masked-row-nan-not-done",
    "attention",
    "Rows that see no key are declared NaN, and are zero.",
    needs=NEEDS,
    conventions={"masked_row": "nan"},
)
@kernel
def masked_row_nan_not_done(call: Call) -> Array:
    return attend(call)


@variant(
    "no-keys-nan",
    "attention",
    "Without any key the result is NaN.",
    needs="L_k = 0",
    seen_in=("Dao-AILab/flash-attention#2470", "flashinfer-ai/flashinfer#363", "flashinfer-ai/flashinfer#3047"),
)
@kernel
def no_keys_nan(call: Call) -> Array:
    return attend(call) if call.shape[3] else np.full_like(attend(call), np.nan)
