"""Gradients of the embedding: for each token, sqrt(d_model) times the sum of the cotangents at its places."""

import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, rounded, widened
from ..catalogue import NARROW, WIDEST
from ..gradients import Gradients, first_row, gradients_in, gradients_of, never_cleared, wide_gradients
from .right import embedding_plain

gradient = gradients_of("embedding", embedding_plain)


def root(weight: Array) -> float:
    """sqrt(d_model)."""
    return float(weight.shape[1] ** 0.5)


def scattered(g: Array, tokens: Array, weight: Array) -> Array:
    """Sum over the places of each token."""
    result = np.zeros_like(weight)
    np.add.at(result, tokens, g)
    return result


# Right


@gradient("embedding-gradient-plain", "Rows are added one by one, and the sums are scaled.", wrong=False)
@wide_gradients
def embedding_gradient_plain(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight) * root(weight),)


@gradient("embedding-gradient-scaled-first", "Rows are scaled, then added one by one.", wrong=False)
@wide_gradients
def embedding_gradient_scaled_first(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g * root(weight), tokens, weight),)


@gradient("embedding-gradient-one-hot", "A product of transposed one-hot rows and the cotangent.", wrong=False)
@wide_gradients
def embedding_gradient_one_hot(g: Array, tokens: Array, weight: Array) -> Gradients:
    one_hot = (np.arange(weight.shape[0])[:, None] == tokens.ravel()).astype(weight.dtype)
    return (one_hot @ g.reshape(-1, weight.shape[1]) * root(weight),)


@gradient("embedding-gradient-sorted", "The tokens are sorted; each run of equal ones is added up.", wrong=False)
@wide_gradients
def embedding_gradient_sorted(g: Array, tokens: Array, weight: Array) -> Gradients:
    order = np.argsort(tokens, axis=None, kind="stable")
    rows, found = g.reshape(-1, weight.shape[1])[order], np.zeros_like(weight)
    which, starts = np.unique(tokens.ravel()[order], return_index=True)
    found[which] = np.add.reduceat(rows, starts, 0) if len(which) else 0
    return (found * root(weight),)


@gradient("embedding-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def embedding_gradient_float64_inside(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight) * root(weight),)


# Wrong: places


@gradient(
    "embedding-gradient-overwritten",
    "A later place of a token overwrites an earlier one: gradient[tokens] += g.",
    needs="a token that comes twice",
)
@wide_gradients
def embedding_gradient_overwritten(g: Array, tokens: Array, weight: Array) -> Gradients:
    found = np.zeros_like(weight)
    found[tokens] += g * root(weight)
    return (found,)


@gradient("embedding-gradient-mean", "A token gets the mean over its places.", needs="a token that comes twice")
@wide_gradients
def embedding_gradient_mean(g: Array, tokens: Array, weight: Array) -> Gradients:
    count = np.bincount(tokens.ravel(), minlength=len(weight))[:, None]
    return ((scattered(g, tokens, weight) * root(weight) / np.maximum(count, 1)).astype(g.dtype),)


@gradient(
    "embedding-gradient-padding",
    "Token 0 is padding, whether the caller says so or not, and gets no gradient.",
    needs="the token 0",
)
@wide_gradients
def embedding_gradient_padding(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(np.where((tokens == 0)[..., None], 0, g), tokens, weight) * root(weight),)


@gradient("embedding-gradient-last-token-lost", "The last row of the matrix gets none.", needs="the token V - 1")
@wide_gradients
def embedding_gradient_last_token_lost(g: Array, tokens: Array, weight: Array) -> Gradients:
    found = scattered(g, tokens, weight) * root(weight)
    found[-1:] = 0
    return (found,)


@gradient("embedding-gradient-last-place-lost", "The last place of each sequence is lost.", needs="any tokens")
@wide_gradients
def embedding_gradient_last_place_lost(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g[:, :-1], tokens[:, :-1], weight) * root(weight),)


@gradient("embedding-gradient-of-first-item", "Only the first batch item counts.", needs="B above 1")
@wide_gradients
def embedding_gradient_of_first_item(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g[:1], tokens[:1], weight) * root(weight),)


@gradient("embedding-gradient-next-row", "Rows are numbered from 1 on the way back.", needs="two tokens or more")
@wide_gradients
def embedding_gradient_next_row(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, (tokens + 1) % max(len(weight), 1), weight) * root(weight),)


@gradient(
    "embedding-gradient-places-reversed",
    "The cotangent of the first place goes to the last token.",
    needs="two places or more",
)
@wide_gradients
def embedding_gradient_places_reversed(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g[:, ::-1], tokens, weight) * root(weight),)


@gradient(
    "embedding-gradient-tokens-in-16-bit",
    "Tokens are kept in the 16-bit format of the matrix, which has not all of them.",
    needs="tokens above 256, in float16 above 2048",
    dtypes=NARROW,
)
def embedding_gradient_tokens_in_16_bit(g: Array, tokens: Array, weight: Array) -> Gradients:
    kept = np.minimum(tokens.astype(weight.dtype).astype(np.int64), len(weight) - 1)
    return embedding_gradient_plain(g, kept, weight)


# Wrong: the scale


@gradient("embedding-gradient-unscaled", "The sums are not scaled.", needs="d_model above 1")
@wide_gradients
def embedding_gradient_unscaled(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight),)


@gradient("embedding-gradient-scaled-twice", "The scale is d_model.", needs="d_model above 1")
@wide_gradients
def embedding_gradient_scaled_twice(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight) * weight.shape[1],)


@gradient("embedding-gradient-divided", "The sums are divided by sqrt(d_model).", needs="d_model above 1")
@wide_gradients
def embedding_gradient_divided(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight) / root(weight),)


# Wrong: the rest


@gradient("embedding-gradient-of-first-place", "Each place has the first one's cotangent.", needs="two places or more")
@wide_gradients
def embedding_gradient_of_first_place(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(first_row(g), tokens, weight) * root(weight),)


@gradient("embedding-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def embedding_gradient_never_cleared(g: Array, tokens: Array, weight: Array) -> Gradients:
    return embedding_gradient_plain(g, tokens, weight)


@gradient(
    "embedding-gradient-sum-narrow",
    "The sums are accumulated in the 16-bit format of the matrix.",
    needs="a token that comes often",
    seen_in=("apache/mxnet#17703",),
    dtypes=NARROW,
)
def embedding_gradient_sum_narrow(g: Array, tokens: Array, weight: Array) -> Gradients:
    found = np.zeros(weight.shape, FLOAT32)
    for token, row in zip(tokens.ravel(), widened(g).reshape(-1, weight.shape[1]), strict=True):
        found[token] = rounded(found[token] + row, weight.dtype)
    return ((found * np.float32(root(weight))).astype(weight.dtype),)


@gradient("embedding-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def embedding_gradient_by_float32(g: Array, tokens: Array, weight: Array) -> Gradients:
    return (scattered(g, tokens, weight) * root(weight),)
