"""The feed-forward network: max(0, x w_1 + b_1) w_2 + b_2."""

import numpy as np

from ..arithmetic import FLOAT64, Array, matmul, rounded, wide, widened
from ..catalogue import variant


def relu(x: Array) -> Array:
    """max(0, x)."""
    return np.maximum(x, 0)


def network(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    """Compute relu(x W_1 + b_1) W_2 + b_2."""
    return np.asarray(relu(x @ w_1 + b_1) @ w_2 + b_2)


# Right


@variant(
    "feed-forward-plain", "feed_forward", "The formula, the hidden layer in the accumulator's format.", wrong=False
)
@wide
def feed_forward_plain(*arrays: Array) -> Array:
    return network(*arrays)


@variant(
    "feed-forward-hidden-rounded", "feed_forward", "The hidden layer is stored in the input's format.", wrong=False
)
def feed_forward_hidden_rounded(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    y, v_1, c_1, v_2, c_2 = map(widened, (x, w_1, b_1, w_2, b_2))
    return np.asarray(rounded(relu(y @ v_1 + c_1), x.dtype) @ v_2 + c_2).astype(x.dtype)


@variant("feed-forward-blocked", "feed_forward", "The hidden layer is made and used 16 units at a time.", wrong=False)
@wide
def feed_forward_blocked(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    total = np.zeros((*x.shape[:-1], w_2.shape[1]), x.dtype)
    for start in range(0, w_1.shape[1], 16):
        units = slice(start, start + 16)
        total = total + relu(x @ w_1[:, units] + b_1[units]) @ w_2[units]
    return total + b_2


@variant("feed-forward-bias-first", "feed_forward", "Each sum starts with its bias, and goes one by one.", wrong=False)
@wide
def feed_forward_bias_first(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    def from_bias(a: Array, w: Array, b: Array) -> Array:
        ones = np.ones((*a.shape[:-1], 1), a.dtype)
        return matmul(np.concatenate([ones, a], -1), np.concatenate([b[None], w]), a.dtype)

    return from_bias(relu(from_bias(x, w_1, b_1)), w_2, b_2)


@variant("feed-forward-float64-inside", "feed_forward", "Everything in float64.", wrong=False)
def feed_forward_float64_inside(x: Array, *weights: Array) -> Array:
    return network(x.astype(FLOAT64), *(each.astype(FLOAT64) for each in weights)).astype(x.dtype)
