"""The gated feed-forward network with wrong values: what is gated by what, the activation, the work, the numbers."""

import functools
import math
from typing import Any

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT64, Array, matmul, rounded, tensorfloat32, wide, widened
from ..catalogue import NARROW, WIDE, WIDEST
from .right import FUNCTIONS, Function, gated, gelu_by_tanh, network, relu, silu


def instead(name: str, sentence: str, *, function: Function, of: str = "swiglu", **fields: Any) -> None:
    """Put a variant that takes another function for one activation into the catalogue."""
    chosen = functools.partial(network, functions={**FUNCTIONS, of: function})
    gated(name, sentence, **fields)(wide(chosen))


# What is gated by what


@gated(
    "gated-swapped",
    "The gate is multiplied, and the other product activated.",
    needs="any input",
    seen_in=("ml-explore/mlx-lm#767", "ooples/AiDotNet.Tensors#46"),
)
@wide
def gated_swapped(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    return network(x, w_up, w_gate, w_down, activation=activation)


@gated(
    "gated-inside-activation",
    "The product of both goes through the activation.",
    needs="any input",
    seen_in=("Nijikadesu/breakdown-minimind#3",),
)
@wide
def gated_inside_activation(
    x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu"
) -> Array:
    return np.asarray(FUNCTIONS[activation]((x @ w_gate) * (x @ w_up)) @ w_down)


@gated(
    "gated-both-activated",
    "Both products go through the activation.",
    needs="any input",
    seen_in=("kakaobrain/trident#101",),
)
@wide
def gated_both_activated(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    f = FUNCTIONS[activation]
    return np.asarray((f(x @ w_gate) * f(x @ w_up)) @ w_down)


@gated(
    "gated-up-plus-one",
    "f(gate) (up + 1) is computed.",
    needs="any input",
    seen_in=("vllm-project/vllm#42578",),
)
@wide
def gated_up_plus_one(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    return np.asarray((FUNCTIONS[activation](x @ w_gate) * (x @ w_up + 1)) @ w_down)


@gated("gated-halves-interleaved", "The one matrix is split into even and odd columns.", needs="d_ff above 1")
@wide
def gated_halves_interleaved(
    x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu"
) -> Array:
    both = x @ np.concatenate([w_gate, w_up], -1)
    return np.asarray((FUNCTIONS[activation](both[..., 0::2]) * both[..., 1::2]) @ w_down)


@gated(
    "gated-x-not-projected",
    "x stands for x w_up where the widths agree.",
    needs="d_ff = d_model",
    seen_in=("Rishit-dagli/GLU#2",),
)
@wide
def gated_x_not_projected(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    if w_up.shape[0] != w_up.shape[1]:
        return network(x, w_gate, w_up, w_down, activation=activation)
    return np.asarray((FUNCTIONS[activation](x @ w_gate) * x) @ w_down)


@gated("gated-residual-inside", "x is added, and would be again by the block.", needs="any input")
@wide
def gated_residual_inside(x: Array, *weights: Array, activation: str = "swiglu") -> Array:
    return x + network(x, *weights, activation=activation)


# The activation


@gated(
    "gated-always-swiglu",
    "The activation is SwiGLU, whatever is asked for.",
    needs="another activation",
    seen_in=("Dao-AILab/sonic-moe#2", "NVlabs/Forecasting-Model-Search#6"),
)
@wide
def gated_always_swiglu(*arrays: Array, activation: str = "swiglu") -> Array:
    return network(*arrays)


instead(
    "gated-silu-is-sigmoid",
    "SwiGLU takes 1 / (1 + exp(-h)) without h.",
    function=lambda h: 1 / (1 + np.exp(-h)),
    needs="SwiGLU",
    seen_in=("tensorflow/tfjs#8224",),
)
instead(
    "gated-silu-is-quick-gelu",
    "SwiGLU takes h / (1 + exp(-1.702 h)), as clamped forms of it do.",
    function=lambda h: h / (1 + np.exp(-1.702 * h)),
    needs="SwiGLU",
)
instead(
    "gated-silu-clamped",
    "The gate is clamped at 7 before SwiGLU.",
    function=lambda h: silu(np.minimum(h, 7)),
    needs="SwiGLU, a gate above 7",
)
instead(
    "gated-silu-overflows",
    "The exponential of h overflows: exp(h) h / (1 + exp(h)) is NaN for a large gate.",
    function=lambda h: h * np.exp(h) / (1 + np.exp(h)),
    needs="SwiGLU, a gate above 89",
    seen_in=("antirez/ds4#498",),
    dtypes=(*WIDE, "bfloat16"),
)
instead(
    "gated-gelu-undeclared-tanh",
    "GEGLU takes the approximation by tanh, undeclared.",
    of="geglu",
    function=gelu_by_tanh,
    needs="GEGLU, a gate between 1 and 4",
    seen_in=("linkedin/Liger-Kernel#959", "apple/coremltools#2863", "huggingface/candle#900"),
    dtypes=WIDE,
)
instead(
    "gated-gelu-cube-missing",
    "The approximation by tanh lacks its cubic term.",
    of="geglu",
    function=lambda h: h * (1 + np.tanh(math.sqrt(2 / math.pi) * h)) / 2,
    needs="GEGLU",
)
instead(
    "gated-relu-squared",
    "ReGLU squares the ReLU.",
    of="reglu",
    function=lambda h: relu(h) ** 2,
    needs="ReGLU",
)


# The work, and the numbers


@gated("gated-tail-dropped", "Hidden units go 8 at a time, and the rest is lost.", needs="d_ff % 8 > 0")
@wide
def gated_tail_dropped(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    kept = w_gate.shape[1] // 8 * 8
    return network(x, w_gate[:, :kept], w_up[:, :kept], w_down[:kept], activation=activation)


@gated("gated-of-first-item", "Every batch item gets the result of the first.", needs="B above 1")
@wide
def gated_of_first_item(x: Array, *weights: Array, activation: str = "swiglu") -> Array:
    return network(np.broadcast_to(x[:1], x.shape), *weights, activation=activation)


@gated("gated-hidden-bfloat16", "The hidden layer is stored in bfloat16, undeclared.", needs="any input", dtypes=WIDE)
@wide
def gated_hidden_bfloat16(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    return np.asarray(rounded(FUNCTIONS[activation](x @ w_gate) * (x @ w_up), BFLOAT16) @ w_down)


# 16-bit operands are exact in tensorfloat32.
@gated("gated-tensorfloat32", "The operands are rounded to 11 bits, undeclared.", needs="any input", dtypes=WIDE)
@wide
def gated_tensorfloat32(*arrays: Array, activation: str = "swiglu") -> Array:
    return network(*map(tensorfloat32, arrays), activation=activation)


@gated(
    "gated-accumulator-narrow",
    "The products are accumulated in the 16-bit format of the input.",
    needs="sums of 100 products or more",
    dtypes=NARROW,
)
def gated_accumulator_narrow(x: Array, *weights: Array, activation: str = "swiglu") -> Array:
    y, w_gate, w_up, w_down = map(widened, (x, *weights))
    with np.errstate(all="ignore"):
        hidden = FUNCTIONS[activation](matmul(y, w_gate, x.dtype)) * matmul(y, w_up, x.dtype)
        return matmul(np.asarray(hidden), w_down, x.dtype).astype(x.dtype)


@gated("gated-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
def gated_by_float32(*arrays: Array, activation: str = "swiglu") -> Array:
    return network(*(each.astype(np.float32) for each in arrays), activation=activation).astype(FLOAT64)
