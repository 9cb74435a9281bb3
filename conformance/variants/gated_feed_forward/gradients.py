"""Gradients of the gated feed-forward network: da = g w_down^T, dh = da up f'(h), du = da f(h); sums over positions."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, rounded, widened
from ..catalogue import WIDE, WIDEST
from ..feed_forward.gradients import rows
from ..gradients import Gradients, first_row, gradients_in, gradients_of, never_cleared, wide_gradients
from .right import BY_TANH, FUNCTIONS, Function, gated_gelu_by_tanh, gated_plain, gelu_by_tanh, relu, silu

gradient = gradients_of("gated_feed_forward", gated_plain)


def of_silu(h: Array) -> Array:
    """s (1 + h (1 - s)), s = 1 / (1 + exp(-h))."""
    s = 1 / (1 + np.exp(-h))
    return np.asarray(s * (1 + h * (1 - s)))


def of_gelu(h: Array) -> Array:
    """Phi(h) + h phi(h)."""
    density = np.exp(-h * h / 2) / math.sqrt(2 * math.pi)
    share = (1 + np.asarray(_ERF(h / math.sqrt(2)), h.dtype)) / 2
    return np.asarray(share + h * density)


def of_gelu_by_tanh(h: Array) -> Array:
    """(1 + t) / 2 + h (1 - t^2) u' / 2, t = tanh u."""
    root = math.sqrt(2 / math.pi)
    t = np.tanh(root * (h + 0.044715 * h**3))
    return np.asarray((1 + t) / 2 + h * (1 - t * t) * root * (1 + 3 * 0.044715 * h * h) / 2)


def of_relu(h: Array) -> Array:
    """1 above 0, else 0."""
    return (h > 0).astype(h.dtype)


_ERF: Final = np.frompyfunc(math.erf, 1, 1)
SLOPES: Final[Mapping[str, Function]] = {"swiglu": of_silu, "geglu": of_gelu, "reglu": of_relu}


def backward(
    g: Array,
    x: Array,
    w_gate: Array,
    w_up: Array,
    w_down: Array,
    *,
    activation: str = "swiglu",
    functions: Mapping[str, Function] = FUNCTIONS,
    slopes: Mapping[str, Function] = SLOPES,
) -> Gradients:
    """Compute the gradients by the chain rule; the activation, or its slope, may be another one."""
    h, up = x @ w_gate, x @ w_up
    f, slope, da = functions[activation](h), slopes[activation](h), g @ w_down.T
    return products(g, x, da * up * slope, da * f, f * up, w_gate, w_up)


def products(g: Array, x: Array, dh: Array, du: Array, a: Array, w_gate: Array, w_up: Array) -> Gradients:
    """Compute the gradients of x, w_gate, w_up and w_down from those of the hidden tensors."""
    return dh @ w_gate.T + du @ w_up.T, rows(x).T @ rows(dh), rows(x).T @ rows(du), rows(a).T @ rows(g)


def other_slope(name: str, sentence: str, *, slope: Function, of: str = "swiglu", **fields: Any) -> None:
    """Put a variant whose activation has another slope into the catalogue."""
    chosen = functools.partial(backward, slopes={**SLOPES, of: slope})
    gradient(name, sentence, **fields)(wide_gradients(chosen))


# Right


@gradient("gated-gradient-plain", "The formula, what is hidden in the accumulator's format.", wrong=False)
@wide_gradients
def gated_gradient_plain(*arrays: Array, activation: str = "swiglu") -> Gradients:
    return backward(*arrays, activation=activation)


@gradient("gated-gradient-hidden-rounded", "What is hidden is stored in the input's format.", wrong=False)
def gated_gradient_hidden_rounded(g: Array, x: Array, *weights: Array, activation: str = "swiglu") -> Gradients:
    def kept(array: Array) -> Array:
        return rounded(array, x.dtype)

    k, y, w_gate, w_up, w_down = map(widened, (g, x, *weights))
    with np.errstate(all="ignore"):
        h, up, da = kept(y @ w_gate), kept(y @ w_up), kept(k @ w_down.T)
        f = kept(FUNCTIONS[activation](h))
        dh, du = kept(kept(da * up) * SLOPES[activation](h)), kept(da * f)
        of_x = kept(dh @ w_gate.T) + kept(du @ w_up.T)
        _, *of_weights = products(k, y, dh, du, kept(f * up), w_gate, w_up)
        return tuple(each.astype(x.dtype) for each in (of_x, *of_weights))


@gradient("gated-gradient-one-matrix", "w_gate and w_up stand in one matrix; dx is one product.", wrong=False)
@wide_gradients
def gated_gradient_one_matrix(
    g: Array, x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu"
) -> Gradients:
    both = np.concatenate([w_gate, w_up], -1)
    h, up = np.split(x @ both, 2, -1)
    f, da = FUNCTIONS[activation](h), g @ w_down.T
    of_both = np.concatenate([da * up * SLOPES[activation](h), da * f], -1)
    of_gate, of_up = np.split(rows(x).T @ rows(of_both), 2, -1)
    return of_both @ both.T, of_gate, of_up, rows(f * up).T @ rows(g)


@gradients_of("gated_feed_forward", gated_gelu_by_tanh)(
    "gated-gradient-gelu-by-tanh", "GELU by tanh, as declared, and its slope.", wrong=False, conventions=BY_TANH
)
@wide_gradients
def gated_gradient_gelu_by_tanh(*arrays: Array, activation: str = "swiglu") -> Gradients:
    functions, slopes = {**FUNCTIONS, "geglu": gelu_by_tanh}, {**SLOPES, "geglu": of_gelu_by_tanh}
    return backward(*arrays, activation=activation, functions=functions, slopes=slopes)


@gradient("gated-gradient-float64-inside", "Everything is computed in float64.", wrong=False)
@gradients_in(FLOAT64)
def gated_gradient_float64_inside(*arrays: Array, activation: str = "swiglu") -> Gradients:
    return backward(*arrays, activation=activation)


# Wrong: the slope

other_slope(
    "gated-gradient-slope-is-sigmoid",
    "The slope of SwiGLU lacks h s (1 - s).",
    needs="SwiGLU",
    slope=lambda h: 1 / (1 + np.exp(-h)),
)
other_slope(
    "gated-gradient-slope-of-sigmoid",
    "The slope of SwiGLU is that of the logistic function.",
    needs="SwiGLU",
    slope=lambda h: np.exp(-h) / (1 + np.exp(-h)) ** 2,
)
other_slope(
    "gated-gradient-slope-sign",
    "The slope of SwiGLU is s (1 - h (1 - s)).",
    needs="SwiGLU",
    slope=lambda h: (1 - h * (1 - 1 / (1 + np.exp(-h)))) / (1 + np.exp(-h)),
)
other_slope(
    "gated-gradient-gelu-slope-of-tanh",
    "The slope of GEGLU is that of the approximation by tanh, undeclared.",
    of="geglu",
    needs="GEGLU, a gate between 1 and 4",
    slope=of_gelu_by_tanh,
    dtypes=WIDE,
)
other_slope(
    "gated-gradient-gelu-density-missing",
    "The slope of GEGLU lacks h phi(h).",
    of="geglu",
    needs="GEGLU",
    slope=lambda h: gelu_by_tanh(h) / h,
)
other_slope(
    "gated-gradient-relu-one-at-zero",
    "The derivative of the ReLU at 0 is 1, undeclared.",
    of="reglu",
    needs="ReGLU, a gate at exactly 0",
    slope=lambda h: (h >= 0).astype(h.dtype),
)
other_slope(
    "gated-gradient-relu-missing",
    "The ReLU's gate lets everything through.",
    of="reglu",
    needs="ReGLU, a gate below 0",
    slope=np.ones_like,
)


# Wrong: the products


def _changed(name: str, sentence: str, change: Callable[..., Gradients], **fields: Any) -> None:
    """Put a variant with changed gradients into the catalogue: change(of_x, of_gate, of_up, of_down, call)."""

    def altered(g: Array, *arrays: Array, activation: str = "swiglu") -> Gradients:
        return change(*backward(g, *arrays, activation=activation), (g, *arrays))

    gradient(name, sentence, **fields)(wide_gradients(altered))


def _of_first_item(of_x: Array, of_gate: Array, of_up: Array, of_down: Array, call: tuple[Array, ...]) -> Gradients:
    g, x, *weights = call
    return of_x, *backward(g[:1], x[:1], *weights)[1:]


@gradient("gated-gradient-up-branch-lost", "dx lacks du w_up^T.", needs="any input")
@wide_gradients
def gated_gradient_up_branch_lost(
    g: Array, x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu"
) -> Gradients:
    _, *of_weights = backward(g, x, w_gate, w_up, w_down, activation=activation)
    dh = (g @ w_down.T) * (x @ w_up) * SLOPES[activation](x @ w_gate)
    return dh @ w_gate.T, *of_weights


@gradient("gated-gradient-gate-not-multiplied", "dh lacks the factor x w_up.", needs="any input")
@wide_gradients
def gated_gradient_gate_not_multiplied(
    g: Array, x: Array, w_gate: Array, w_up: Array, w_down: Array, *, activation: str = "swiglu"
) -> Gradients:
    h, up = x @ w_gate, x @ w_up
    f, da = FUNCTIONS[activation](h), g @ w_down.T
    return products(g, x, da * SLOPES[activation](h), da * f, f * up, w_gate, w_up)


_changed(
    "gated-gradient-weights-exchanged",
    "The gradients of w_gate and w_up are exchanged.",
    lambda of_x, of_gate, of_up, of_down, call: (of_x, of_up, of_gate, of_down),
    needs="any input",
)
_changed(
    "gated-gradient-of-first-item", "Weights get the gradient of the first item.", _of_first_item, needs="B above 1"
)


@gradient("gated-gradient-first-row", "Each position gets the cotangent of the first.", needs="two positions or more")
@wide_gradients
def gated_gradient_first_row(g: Array, *arrays: Array, activation: str = "swiglu") -> Gradients:
    return backward(first_row(g), *arrays, activation=activation)


gradient("gated-gradient-never-cleared", "Gradients pile up from call to call.", needs="two calls of one shape")(
    never_cleared(gated_gradient_plain)
)


@gradient(
    "gated-gradient-always-swiglu", "The way back is SwiGLU's, whatever is asked for.", needs="another activation"
)
@wide_gradients
def gated_gradient_always_swiglu(*arrays: Array, activation: str = "swiglu") -> Gradients:
    slopes = dict.fromkeys(SLOPES, of_silu)
    return backward(
        *arrays, activation=activation, functions={**dict.fromkeys(FUNCTIONS, silu), "reglu": relu}, slopes=slopes
    )


@gradient("gated-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def gated_gradient_by_float32(*arrays: Array, activation: str = "swiglu") -> Gradients:
    return backward(*arrays, activation=activation)
