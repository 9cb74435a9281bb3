"""Gated feed-forward network: Shazeer 2020, "GLU Variants Improve Transformer", equation 6.

    y = (f(x W_gate) * (x W_up)) W_down

    x (B, L, d_model)   W_gate, W_up (d_model, d_ff)   W_down (d_ff, d_model)   y (B, L, d_model)

    swiglu      f(h) = h / (1 + exp(-h))
    geglu       f(h) = h Phi(h), the normal distribution function
    reglu       f(h) = max(0, h)

There are no biases, as in the paper. What it leaves open:

    1   Phi is (1 + erf(h / sqrt(2))) / 2, or its approximation by tanh, as `gelu_form` says.
    2   The derivative of max(0, h) at exactly 0 is 0, 1/2 or 1, as `relu_at_zero` says.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from .activation import GELU, SILU, activate
from .feed_forward import AT_ZERO
from .options import check_conventions, check_name
from .rounding.bound import Bound
from .rounding.computed import Computed, bounded, exact_arguments, larger
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, multiply, rearrange, relu
from .shapes import Array, checked_arrays, checked_cotangent

KINDS: Final = ("swiglu", "geglu", "reglu")


def gated_feed_forward(
    x: ArrayLike,
    w_gate: ArrayLike,
    w_up: ArrayLike,
    w_down: ArrayLike,
    *,
    activation: str = "swiglu",
    gelu_form: str = "erf",
) -> Array:
    """Give (f(x W_gate) * (x W_up)) W_down: (B, L, d_model).

    SpecError if the shapes do not fit each other, an argument holds no real numbers, or a name is unknown.
    """
    _check_names(activation, gelu_form)
    x, w_gate, w_up, w_down = checked_arrays("gated_feed_forward", x, w_gate, w_up, w_down)
    with np.errstate(all="ignore"):
        f, _ = _activated(x @ w_gate, activation, gelu_form)  # (B, L, d_ff)
        return np.asarray((f * (x @ w_up)) @ w_down)  # (B, L, d_model)


def gated_feed_forward_vjp(
    cotangent: ArrayLike,
    x: ArrayLike,
    w_gate: ArrayLike,
    w_up: ArrayLike,
    w_down: ArrayLike,
    *,
    activation: str = "swiglu",
    gelu_form: str = "erf",
    relu_at_zero: str = "zero",
) -> tuple[Array, ...]:
    """Give the gradients of sum(g y) with respect to x, W_gate, W_up and W_down, in their shapes.

        da = g W_down^T    dh = da (x W_up) f'(h)    du = da f(h)    h = x W_gate
        dx = dh W_gate^T + du W_up^T    dW_gate = x^T dh    dW_up = x^T du    dW_down = (f(h) u)^T g

    The sums go over B and L. SpecError as of `gated_feed_forward`, or where the cotangent g has not the shape of the
    result.
    """
    _check_names(activation, gelu_form, relu_at_zero)
    x, w_gate, w_up, w_down = checked_arrays("gated_feed_forward_vjp", x, w_gate, w_up, w_down)
    g = checked_cotangent("gated_feed_forward_vjp", cotangent, x.shape)
    with np.errstate(all="ignore"):
        f, slope = _activated(x @ w_gate, activation, gelu_form, relu_at_zero)  # (B, L, d_ff) each
        up, da = x @ w_up, g @ w_down.T  # (B, L, d_ff) each
        dh, du = da * up * slope, da * f  # (B, L, d_ff) each
        of_weights = (np.einsum("bli,blo->io", *each) for each in ((x, dh), (x, du), (f * up, g)))
        return dh @ w_gate.T + du @ w_up.T, *of_weights


def gated_feed_forward_bound(
    x: ArrayLike,
    w_gate: ArrayLike,
    w_up: ArrayLike,
    w_down: ArrayLike,
    *,
    activation: str = "swiglu",
    gelu_form: str = "erf",
    numerics: Numerics,
) -> Bound:
    """Give `gated_feed_forward` and its bound: what the steps of `_recorded` make, after the final rounding.

    f(h) and x W_up err by themselves; their product carries |f| E_u + E_f (|u| + E_u) into the last sum.
    """
    _check_names(activation, gelu_form)
    of = exact_arguments("gated_feed_forward_bound", x, w_gate, w_up, w_down)
    with np.errstate(all="ignore"):
        y = _recorded(Tape(numerics), of, activation, gelu_form)
        # Rounded weights are common to all positions.
        return bounded(y, numerics, rows_independent=numerics.operands is None)


def gated_feed_forward_vjp_bound(
    cotangent: ArrayLike,
    x: ArrayLike,
    w_gate: ArrayLike,
    w_up: ArrayLike,
    w_down: ArrayLike,
    *,
    activation: str = "swiglu",
    gelu_form: str = "erf",
    relu_at_zero: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Give the bounds of the gradients: `_recorded`, and back.

    dx is the sum of two products, or one product of 2 d_ff terms where W_gate and W_up stand side by side in one
    matrix; both are right, and the larger error counts.
    """
    _check_names(activation, gelu_form, relu_at_zero)
    of = exact_arguments("gated_feed_forward_vjp_bound", x, w_gate, w_up, w_down)
    g = checked_cotangent("gated_feed_forward_vjp_bound", cotangent, of["x"].value.shape)
    found = []
    with np.errstate(all="ignore"):
        for joined in (False, True):
            tape = Tape(numerics)
            y = _recorded(tape, of, activation, gelu_form, relu_at_zero, joined=joined)
            found.append(tape.gradients(y, g, of))
        apart, side_by_side = found
        either = {**apart, "x": larger(apart["x"], side_by_side["x"])}
        return {name: bounded(each, numerics, rows_independent=False) for name, each in either.items()}


def _recorded(
    tape: Tape,
    of: Mapping[str, Computed],
    activation: str,
    gelu_form: str,
    relu_at_zero: str = "zero",
    *,
    joined: bool = False,
) -> Computed:
    """Record the network step by step. `joined`: W_gate and W_up stand side by side in one matrix."""
    if joined:
        d_ff = of["w_gate"].value.shape[1]
        both = matmul(tape, of["x"], Computed(np.concatenate([of[name].value for name in ("w_gate", "w_up")], 1)))
        h, up = (_half(tape, both, slice(start, start + d_ff)) for start in (0, d_ff))
    else:
        h, up = matmul(tape, of["x"], of["w_gate"]), matmul(tape, of["x"], of["w_up"])
    if activation == "reglu":
        a = relu(tape, h, at_zero=AT_ZERO[relu_at_zero])
    else:
        a = activate(tape, h, SILU if activation == "swiglu" else GELU[gelu_form])
    return matmul(tape, multiply(tape, a, up), of["w_down"])


def _half(tape: Tape, both: Computed, part: slice) -> Computed:
    """Record some channels of a tensor; the gradient of the others is zero from here."""

    def back(g: Array) -> Array:
        whole = np.zeros(both.value.shape)
        whole[..., part] = g
        return whole

    return rearrange(tape, both, lambda array: array[..., part], back)


def _activated(h: Array, activation: str, gelu_form: str, relu_at_zero: str = "zero") -> tuple[Array, Array]:
    """Give f(h) and f'(h)."""
    if activation == "reglu":
        return np.maximum(0, h), np.where(h > 0, 1.0, np.where(h == 0, AT_ZERO[relu_at_zero], 0.0))
    smooth = SILU if activation == "swiglu" else GELU[gelu_form]
    return smooth.value(h), smooth.slope(h)


def _check_names(activation: str, gelu_form: str, relu_at_zero: str = "zero") -> None:
    """Raise SpecError where a name is unknown."""
    check_name("gated_feed_forward", "activation", activation, KINDS)
    check_conventions("gated_feed_forward", gelu_form=gelu_form, relu_at_zero=relu_at_zero)
