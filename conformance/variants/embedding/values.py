"""The embedding with wrong values: the scale, the rows, what is no valid token, what is kept."""

import ml_dtypes
import numpy as np

from ..arithmetic import FLOAT64, Array, wide
from ..catalogue import NARROW, WIDE, variant
from .right import embed, embedding_plain, in_vocabulary

# The scale


@variant("embedding-unscaled", "embedding", "The rows are not scaled.", needs="d_model above 1")
@wide
def embedding_unscaled(tokens: Array, weight: Array) -> Array:
    return weight[tokens]


@variant("embedding-scaled-by-vocabulary", "embedding", "The scale is sqrt(V).", needs="V unlike d_model")
@wide
def embedding_scaled_by_vocabulary(tokens: Array, weight: Array) -> Array:
    return np.asarray(weight[tokens] * weight.shape[0] ** 0.5)


@variant("embedding-divided", "embedding", "The rows are divided by sqrt(d_model).", needs="d_model above 1")
@wide
def embedding_divided(tokens: Array, weight: Array) -> Array:
    return np.asarray(weight[tokens] / weight.shape[1] ** 0.5)


@variant("embedding-scaled-by-d", "embedding", "The scale is d_model.", needs="d_model above 1")
@wide
def embedding_scaled_by_d(tokens: Array, weight: Array) -> Array:
    return np.asarray(weight[tokens] * weight.shape[1])


# With 16-bit input this is what a framework does whose constants take the format of the tensor.
@variant(
    "embedding-scale-bfloat16",
    "embedding",
    "The scale is rounded to bfloat16.",
    needs="d_model not a square",
    dtypes=WIDE,
)
@wide
def embedding_scale_bfloat16(tokens: Array, weight: Array) -> Array:
    return np.asarray(weight[tokens] * float(ml_dtypes.bfloat16(weight.shape[1] ** 0.5)))


@variant("embedding-scale-whole", "embedding", "The scale is cut to a whole number.", needs="d_model not a square")
@wide
def embedding_scale_whole(tokens: Array, weight: Array) -> Array:
    return np.asarray(weight[tokens] * int(weight.shape[1] ** 0.5))


# The rows


@variant("embedding-one-off", "embedding", "Token t gets row t - 1.", needs="V above 1")
@wide
def embedding_one_off(tokens: Array, weight: Array) -> Array:
    return embed(tokens - 1, weight)


@variant(
    "embedding-padding-zeroed",
    "embedding",
    "Token 0 is taken for padding, and its row for zero.",
    needs="token 0",
    seen_in=("pytorch/pytorch#49237",),
)
@wide
def embedding_padding_zeroed(tokens: Array, weight: Array) -> Array:
    return np.asarray(embed(tokens, weight) * (tokens != 0)[..., None])


@variant("embedding-last-token-lost", "embedding", "Token V - 1 is clamped to V - 2.", needs="token V - 1, V above 1")
@wide
def embedding_last_token_lost(tokens: Array, weight: Array) -> Array:
    return embed(np.minimum(tokens, max(weight.shape[0] - 2, 0)), weight)


@variant(
    "embedding-tokens-narrow",
    "embedding",
    "The tokens pass through the 16-bit format of the weights, in which large ones are equal.",
    needs="odd tokens above 256 (bfloat16) or 2048 (float16)",
    dtypes=NARROW,
)
def embedding_tokens_narrow(tokens: Array, weight: Array) -> Array:
    rows = tokens.astype(weight.dtype).astype(np.int64)
    return embedding_plain(np.minimum(rows, weight.shape[0] - 1), weight)


@variant("embedding-of-first-item", "embedding", "Every batch item gets the tokens of the first.", needs="B above 1")
@wide
def embedding_of_first_item(tokens: Array, weight: Array) -> Array:
    return embed(np.broadcast_to(tokens[:1], tokens.shape), weight)


@variant("embedding-tokens-transposed", "embedding", "A square batch of tokens is transposed.", needs="B = L above 1")
@wide
def embedding_tokens_transposed(tokens: Array, weight: Array) -> Array:
    return embed(tokens.T if tokens.shape[0] == tokens.shape[1] else tokens, weight)


@variant("embedding-normalised", "embedding", "Each row is scaled to length 1 at most.", needs="a row longer than 1")
@wide
def embedding_normalised(tokens: Array, weight: Array) -> Array:
    length = np.sqrt((weight**2).sum(-1, keepdims=True))
    return embed(tokens, weight / np.maximum(length, 1))


# What is no valid token, and what is kept


@variant(
    "embedding-negative-wraps",
    "embedding",
    "A negative token is counted from the end of the matrix.",
    needs="a token of -1",
    seen_in=("pytorch/pytorch#183636",),
)
@wide
def embedding_negative_wraps(tokens: Array, weight: Array) -> Array:
    return embed(np.where(tokens < 0, tokens + weight.shape[0], tokens), weight)


@variant(
    "embedding-zero-outside",
    "embedding",
    "A token outside the vocabulary gives zeros, as a product of one-hot rows does.",
    needs="a token of V",
    seen_in=("tinygrad/tinygrad#5873",),
)
@wide
def embedding_zero_outside(tokens: Array, weight: Array) -> Array:
    inside = (tokens >= 0) & (tokens < weight.shape[0])
    return np.asarray(embed(np.where(inside, tokens, 0), weight) * inside[..., None])


_scaled: dict[int, Array] = {}


@variant(
    "embedding-scaled-once",
    "embedding",
    "The matrix is scaled at the first call, and kept by its address: later updates in place are not seen.",
    needs="an update of the matrix in place between two calls",
)
def embedding_scaled_once(tokens: Array, weight: Array) -> Array:
    at = weight.__array_interface__["data"][0]
    kept = _scaled.get(at)
    if kept is None or kept.shape != weight.shape or kept.dtype != weight.dtype:
        kept = _scaled[at] = (weight.astype(FLOAT64) * weight.shape[1] ** 0.5).astype(weight.dtype)
    return kept[in_vocabulary(tokens, weight)]
