"""Output logits: hidden weight^T, with the matrix of the embedding, unscaled."""

import numpy as np

from ..arithmetic import FLOAT64, Array, matmul, wide
from ..catalogue import variant


def logits(hidden: Array, weight: Array) -> Array:
    """Compute hidden W^T."""
    return hidden @ weight.T


# Right


@variant("output-logits-plain", "output_logits", "One product.", wrong=False)
@wide
def output_logits_plain(hidden: Array, weight: Array) -> Array:
    return logits(hidden, weight)


@variant("output-logits-blocked", "output_logits", "The vocabulary in blocks of 16, the sums one by one.", wrong=False)
@wide
def output_logits_blocked(hidden: Array, weight: Array) -> Array:
    result = np.empty((*hidden.shape[:-1], weight.shape[0]), hidden.dtype)
    for start in range(0, weight.shape[0], 16):
        result[..., start : start + 16] = matmul(hidden, weight[start : start + 16].T, hidden.dtype)
    return result


@variant("output-logits-split", "output_logits", "Two halves of the channels, added at the end.", wrong=False)
@wide
def output_logits_split(hidden: Array, weight: Array) -> Array:
    half = weight.shape[1] // 2
    return logits(hidden[..., :half], weight[:, :half]) + logits(hidden[..., half:], weight[:, half:])


@variant("output-logits-float64-inside", "output_logits", "Everything in float64.", wrong=False)
def output_logits_float64_inside(hidden: Array, weight: Array) -> Array:
    with np.errstate(over="ignore"):
        return logits(hidden.astype(FLOAT64), weight.astype(FLOAT64)).astype(hidden.dtype)
