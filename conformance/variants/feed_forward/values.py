"""The feed-forward network with wrong values: the activation, biases and weights, the numbers."""

import math

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT64, Array, matmul, rounded, tensorfloat32, wide, widened
from ..catalogue import NARROW, WIDE, WIDEST, variant
from .right import network, relu

# The activation


@variant("relu-missing", "feed_forward", "There is no relu.", needs="a hidden unit below zero")
@wide
def relu_missing(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray((x @ w_1 + b_1) @ w_2 + b_2)


def gelu(x: Array) -> Array:
    """x times the normal distribution function, by the tanh formula."""
    return np.asarray(x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)


@variant("relu-is-gelu", "feed_forward", "gelu stands for relu.", needs="hidden units between -3 and 3")
@wide
def relu_is_gelu(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray(gelu(x @ w_1 + b_1) @ w_2 + b_2)


@variant(
    "relu-leaky",
    "feed_forward",
    "The relu lets 1/100 of the negative side through.",
    needs="hidden units below zero; in 16 bit, all of them",
)
@wide
def relu_leaky(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    hidden = x @ w_1 + b_1
    return np.asarray(np.maximum(hidden, hidden * 0.01) @ w_2 + b_2)


@variant("relu-six", "feed_forward", "The relu ends at 6.", needs="a hidden unit above 6")
@wide
def relu_six(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray(np.minimum(relu(x @ w_1 + b_1), 6) @ w_2 + b_2)


@variant("relu-squared", "feed_forward", "The relu is squared.", needs="a hidden unit above 0, unlike 1")
@wide
def relu_squared(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray(relu(x @ w_1 + b_1) ** 2 @ w_2 + b_2)


@variant(
    "relu-at-the-end",
    "feed_forward",
    "The relu comes after the second layer.",
    needs="a hidden unit or a result below zero",
    seen_in=("goruck/nilm#1",),
)
@wide
def relu_at_the_end(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return relu((x @ w_1 + b_1) @ w_2 + b_2)


@variant("relu-twice", "feed_forward", "The result goes through a relu, too.", needs="a result below zero")
@wide
def relu_twice(*arrays: Array) -> Array:
    return relu(network(*arrays))


@variant(
    "feed-forward-residual-inside", "feed_forward", "x is added, and would be again by the layer.", needs="any input"
)
@wide
def feed_forward_residual_inside(x: Array, *weights: Array) -> Array:
    return x + network(x, *weights)


# Biases and weights


@variant("bias-1-missing", "feed_forward", "b_1 is missing.", needs="b_1 unlike 0")
@wide
def bias_1_missing(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return network(x, w_1, 0 * b_1, w_2, b_2)


@variant("bias-2-missing", "feed_forward", "b_2 is missing.", needs="b_2 unlike 0")
@wide
def bias_2_missing(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return network(x, w_1, b_1, w_2, 0 * b_2)


@variant("bias-after-relu", "feed_forward", "b_1 is added after the relu.", needs="b_1 unlike 0, units below zero")
@wide
def bias_after_relu(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray((relu(x @ w_1) + b_1) @ w_2 + b_2)


@variant("weights-transposed", "feed_forward", "Square weights are transposed.", needs="d_ff = d_model")
@wide
def weights_transposed(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    square = w_1.shape[0] == w_1.shape[1]
    return network(x, w_1.T if square else w_1, b_1, w_2.T if square else w_2, b_2)


@variant(
    "hidden-width-of-model",
    "feed_forward",
    "Hidden units beyond d_model are lost.",
    needs="d_ff above d_model",
    seen_in=("brightmart/text_classification#86",),
)
@wide
def hidden_width_of_model(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    d = x.shape[-1]
    return network(x, w_1[:, :d], b_1[:d], w_2[:d], b_2)


@variant(
    "hidden-tail-dropped", "feed_forward", "Hidden units go 8 at a time, and the rest is lost.", needs="d_ff % 8 > 0"
)
@wide
def hidden_tail_dropped(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    kept = b_1.shape[0] // 8 * 8
    return network(x, w_1[:, :kept], b_1[:kept], w_2[:kept], b_2)


@variant("positions-reversed", "feed_forward", "The positions come out in reverse.", needs="two positions or more")
@wide
def positions_reversed(*arrays: Array) -> Array:
    return network(*arrays)[:, ::-1]


@variant("positions-of-first-item", "feed_forward", "Every batch item gets the result of the first.", needs="B above 1")
@wide
def positions_of_first_item(x: Array, *weights: Array) -> Array:
    return network(np.broadcast_to(x[:1], x.shape), *weights)


# The numbers


@variant(
    "feed-forward-accumulator-narrow",
    "feed_forward",
    "Both products are accumulated in the 16-bit format of the input.",
    needs="sums of 100 products or more",
    dtypes=NARROW,
)
def feed_forward_accumulator_narrow(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    y, v_1, c_1, v_2, c_2 = map(widened, (x, w_1, b_1, w_2, b_2))
    hidden = relu(matmul(y, v_1, x.dtype) + c_1)
    return np.asarray(matmul(hidden, v_2, x.dtype) + c_2).astype(x.dtype)


@variant(
    "hidden-bfloat16",
    "feed_forward",
    "The hidden layer is stored in bfloat16 though the input is wide, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def hidden_bfloat16(x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
    return np.asarray(rounded(relu(x @ w_1 + b_1), BFLOAT16) @ w_2 + b_2)


# 16-bit operands are exact in tensorfloat32.
@variant(
    "feed-forward-tensorfloat32",
    "feed_forward",
    "The operands are rounded to 11 significant bits, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def feed_forward_tensorfloat32(*arrays: Array) -> Array:
    return network(*map(tensorfloat32, arrays))


@variant("feed-forward-by-float32", "feed_forward", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
def feed_forward_by_float32(*arrays: Array) -> Array:
    return network(*(each.astype(np.float32) for each in arrays)).astype(FLOAT64)
