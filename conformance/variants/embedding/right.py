"""The embedding: the row of each token, times sqrt(d_model)."""

import numpy as np

from ..arithmetic import FLOAT64, Array, wide
from ..catalogue import variant


def embed(tokens: Array, weight: Array) -> Array:
    """Compute W[tokens] sqrt(d_model)."""
    return np.asarray(weight[in_vocabulary(tokens, weight)] * weight.shape[1] ** 0.5)


def in_vocabulary(tokens: Array, weight: Array) -> Array:
    """Return the tokens, or raise IndexError: numpy counts negative ones from the end."""
    if ((tokens < 0) | (tokens >= weight.shape[0])).any():
        raise IndexError(f"a token is not in 0 ... {weight.shape[0] - 1}")
    return tokens


# Right


@variant("embedding-plain", "embedding", "The rows are looked up, then scaled.", wrong=False)
@wide
def embedding_plain(tokens: Array, weight: Array) -> Array:
    return embed(tokens, weight)


@variant("embedding-scaled-first", "embedding", "The matrix is scaled, then looked up.", wrong=False)
@wide
def embedding_scaled_first(tokens: Array, weight: Array) -> Array:
    return np.asarray((weight * weight.shape[1] ** 0.5).take(in_vocabulary(tokens, weight), 0))


@variant("embedding-one-hot", "embedding", "A product of one-hot rows and the matrix.", wrong=False)
@wide
def embedding_one_hot(tokens: Array, weight: Array) -> Array:
    one_hot = (in_vocabulary(tokens, weight)[..., None] == np.arange(weight.shape[0])).astype(weight.dtype)
    return np.asarray(one_hot @ weight * weight.shape[1] ** 0.5)


@variant("embedding-float64-inside", "embedding", "The product is taken in float64.", wrong=False)
def embedding_float64_inside(tokens: Array, weight: Array) -> Array:
    return embed(tokens, weight.astype(FLOAT64)).astype(weight.dtype)
