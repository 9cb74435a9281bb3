"""The gated feed-forward network, (f(x w_gate) * (x w_up)) w_down: what all variants share, and the right ones."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, wide, widened
from ..catalogue import variant

Function = Callable[[Array], Array]

_erf: Final = np.frompyfunc(math.erf, 1, 1)


def silu(h: Array) -> Array:
    """h / (1 + exp(-h))."""
    return np.asarray(h / (1 + np.exp(-h)))


def gelu(h: Array) -> Array:
    """h (1 + erf(h / sqrt 2)) / 2; numpy has no erf."""
    return np.asarray(h * (1 + np.asarray(_erf(h / math.sqrt(2)), h.dtype)) / 2)


def gelu_by_tanh(h: Array) -> Array:
    """h (1 + tanh(sqrt(2/pi) (h + 0.044715 h^3))) / 2."""
    return np.asarray(h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3))) / 2)


def relu(h: Array) -> Array:
    """max(0, h)."""
    return np.maximum(h, 0)


FUNCTIONS: Final[Mapping[str, Function]] = {"swiglu": silu, "geglu": gelu, "reglu": relu}
BY_TANH: Final = {"gelu_form": "tanh"}


def network(
    x: Array,
    w_gate: Array,
    w_up: Array,
    w_down: Array,
    *,
    activation: str = "swiglu",
    functions: Mapping[str, Function] = FUNCTIONS,
) -> Array:
    """Compute (f(x W_gate) * (x W_up)) W_down; the activations may be other ones."""
    with np.errstate(all="ignore"):
        return np.asarray((functions[activation](x @ w_gate) * (x @ w_up)) @ w_down)


def gated(name: str, sentence: str, **fields: Any) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """`variant` of the gated feed-forward network."""
    return variant(name, "gated_feed_forward", sentence, **fields)


# Right


@gated("gated-plain", "The formula, what is hidden in the accumulator's format.", wrong=False)
@wide
def gated_plain(*arrays: Array, activation: str = "swiglu") -> Array:
    return network(*arrays, activation=activation)


@gated("gated-hidden-rounded", "Both products, and their product, are stored in the input's format.", wrong=False)
def gated_hidden_rounded(x: Array, *weights: Array, activation: str = "swiglu") -> Array:
    y, w_gate, w_up, w_down = map(widened, (x, *weights))
    with np.errstate(all="ignore"):
        h, up = rounded(y @ w_gate, x.dtype), rounded(y @ w_up, x.dtype)
        a = rounded(rounded(FUNCTIONS[activation](h), x.dtype) * up, x.dtype)
        return np.asarray(a @ w_down).astype(x.dtype)


@gated("gated-one-matrix", "w_gate and w_up stand side by side in one matrix, whose product is split.", wrong=False)
@wide
def gated_one_matrix(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    h, up = np.split(x @ np.concatenate([w_gate, w_up], -1), 2, -1)
    return np.asarray((FUNCTIONS[activation](h) * up) @ w_down)


@gated("gated-blocked", "The hidden units are made and used 16 at a time.", wrong=False)
@wide
def gated_blocked(x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu") -> Array:
    total = np.zeros(x.shape, x.dtype)
    for start in range(0, w_gate.shape[1], 16):
        part = slice(start, start + 16)
        total = total + network(x, w_gate[:, part], w_up[:, part], w_down[part], activation=activation)
    return total


@gated("gated-silu-by-tanh", "The logistic function is (1 + tanh(h / 2)) / 2.", wrong=False)
@wide
def gated_silu_by_tanh(*arrays: Array, activation: str = "swiglu") -> Array:
    functions = {**FUNCTIONS, "swiglu": lambda h: np.asarray(h * (0.5 + 0.5 * np.tanh(h / 2)))}
    return network(*arrays, activation=activation, functions=functions)


@gated("gated-gelu-by-tanh", "GELU is its approximation by tanh, as declared.", wrong=False, conventions=BY_TANH)
@wide
def gated_gelu_by_tanh(*arrays: Array, activation: str = "swiglu") -> Array:
    return network(*arrays, activation=activation, functions={**FUNCTIONS, "geglu": gelu_by_tanh})


@gated("gated-float64-inside", "Everything is computed in float64.", wrong=False)
def gated_float64_inside(*arrays: Array, activation: str = "swiglu") -> Array:
    with np.errstate(over="ignore"):
        return network(*(each.astype(FLOAT64) for each in arrays), activation=activation).astype(arrays[0].dtype)
