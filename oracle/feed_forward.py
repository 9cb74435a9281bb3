"""Position-wise feed-forward network: "Attention Is All You Need", section 3.3, equation 2.

    FFN(x) = max(0, x W_1 + b_1) W_2 + b_2

    x (B, L, d_model)   W_1 (d_model, d_ff)   b_1 (d_ff,)   W_2 (d_ff, d_model)   b_2 (d_model,)

The paper: "Another way of describing this is as two convolutions with kernel size 1."
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from .options import check_conventions
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, matrix_product, stored
from .rounding.computed import exact_arguments
from .rounding.formats import FORMATS
from .rounding.numerics import Numerics
from .rounding.tape import Tape, affine, relu
from .shapes import Array, checked_arrays, checked_cotangent

AT_ZERO: Final = {"zero": 0.0, "half": 0.5, "one": 1.0}
"""The derivative of max(0, h) at exactly 0, by the convention `relu_at_zero`: the formula leaves it open."""


def feed_forward(x: ArrayLike, w_1: ArrayLike, b_1: ArrayLike, w_2: ArrayLike, b_2: ArrayLike) -> Array:
    """Give max(0, x W_1 + b_1) W_2 + b_2: (B, L, d_model).

    SpecError if the shapes do not fit each other, or where an argument holds no real numbers.
    """
    x, w_1, b_1, w_2, b_2 = checked_arrays("feed_forward", x, w_1, b_1, w_2, b_2)
    h = x @ w_1 + b_1  # (B, L, d_ff)
    a = np.maximum(0, h)  # (B, L, d_ff)
    return np.asarray(a @ w_2 + b_2)  # (B, L, d_model)


def feed_forward_vjp(
    cotangent: ArrayLike,
    x: ArrayLike,
    w_1: ArrayLike,
    b_1: ArrayLike,
    w_2: ArrayLike,
    b_2: ArrayLike,
    *,
    relu_at_zero: str = "zero",
) -> tuple[Array, ...]:
    """Give the gradients of sum(g FFN(x)) with respect to x, W_1, b_1, W_2 and b_2, in their shapes.

        da = g W_2^T    dh = da where h > 0, c da where h = 0, else 0    dx = dh W_1^T
        dW_2 = a^T g    db_2 = sum g    dW_1 = x^T dh    db_1 = sum dh      sums over B and L

    c is 0, 1/2 or 1, as `relu_at_zero` says. SpecError as of `feed_forward`, or where the cotangent g has not the shape
    of the result, or the convention is unknown.
    """
    at_zero = _slope_at_zero("feed_forward_vjp", relu_at_zero)
    x, w_1, b_1, w_2, b_2 = checked_arrays("feed_forward", x, w_1, b_1, w_2, b_2)
    g = checked_cotangent("feed_forward_vjp", cotangent, x.shape)
    h = x @ w_1 + b_1  # (B, L, d_ff)
    a = np.maximum(0, h)  # (B, L, d_ff)
    slope = np.heaviside(h, at_zero)  # (B, L, d_ff)
    dh = np.where(slope > 0, slope * (g @ w_2.T), 0)  # (B, L, d_ff)
    dw_1, dw_2 = np.einsum("bli,blo->io", x, dh), np.einsum("bli,blo->io", a, g)
    return dh @ w_1.T, dw_1, dh.sum((0, 1)), dw_2, g.sum((0, 1))


def feed_forward_bound(
    x: ArrayLike, w_1: ArrayLike, b_1: ArrayLike, w_2: ArrayLike, b_2: ArrayLike, *, numerics: Numerics
) -> Bound:
    """Say how far from `feed_forward` a right implementation may be.

    E_h = E(x W_1 + b_1) + h_hidden(h)                 h_hidden: where `numerics.hidden` stores the hidden layer
    E_a = E_h clipped to what max(0, .) lets through   a = 0 exactly where h < -E_h
    E   = E(a W_2 + b_2) + E_a |W_2|
    """
    x, w_1, b_1, w_2, b_2 = checked_arrays("feed_forward", x, w_1, b_1, w_2, b_2)
    h, of_h = _affine(x, w_1, b_1, numerics)
    # Rounding before or after the ReLU is the same: numbers of the format, and zero, stay what they are.
    of_h = stored(h, of_h, numerics.hidden)
    a = np.maximum(0, h)
    # The error of max(0, .) is at most that of its argument, and at most what is left above zero.
    e_a = np.clip(h + of_h.error, 0, of_h.error)
    y, of_y = _affine(a, w_2, b_2, numerics)
    with np.errstate(invalid="ignore"):
        passed_on = e_a @ np.abs(w_2)
        variance = np.where(e_a > 0, of_h.variance, 0) @ (w_2 * w_2)
        coherent = np.minimum(of_h.coherent, e_a) @ np.abs(w_2)
    # A hidden unit that overflows is a NaN behind a weight of 0.
    passed_on, variance, coherent = (np.where(np.isnan(each), np.inf, each) for each in (passed_on, variance, coherent))
    # The second product rounds sums of a + E_a, not of a.
    growth = 1 + (numerics.roundings(w_2.shape[0]) + 1) * numerics.unit
    if numerics.operands is not None:
        u_o = FORMATS[numerics.operands].unit_roundoff
        growth *= (1 + u_o) ** 2
    errors = Errors(of_y.error + growth * passed_on, of_y.variance + variance, of_y.coherent + coherent)
    return finish(y, errors, numerics)


def feed_forward_vjp_bound(
    cotangent: ArrayLike,
    x: ArrayLike,
    w_1: ArrayLike,
    b_1: ArrayLike,
    w_2: ArrayLike,
    b_2: ArrayLike,
    *,
    relu_at_zero: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `feed_forward_vjp` a right implementation may be.

    Where a hidden unit may lie on either side of zero, so may the gradient that goes through it.
    """
    at_zero = _slope_at_zero("feed_forward_vjp_bound", relu_at_zero)
    of = exact_arguments("feed_forward_vjp_bound", x, w_1, b_1, w_2, b_2)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        a = relu(tape, affine(tape, of["x"], of["w_1"], of["b_1"]), at_zero)
        y = affine(tape, a, of["w_2"], of["b_2"])
        return tape.bounds(y, checked_cotangent("feed_forward_vjp_bound", cotangent, y.value.shape), of)


def _slope_at_zero(function: str, relu_at_zero: str) -> float:
    check_conventions(function, relu_at_zero=relu_at_zero)
    return AT_ZERO[relu_at_zero]


def feed_forward_as_convolutions(x: ArrayLike, w_1: ArrayLike, b_1: ArrayLike, w_2: ArrayLike, b_2: ArrayLike) -> Array:
    """Compute the same as two convolutions with kernel size 1 over the sequence: (B, L, d_model)."""
    x, w_1, b_1, w_2, b_2 = checked_arrays("feed_forward", x, w_1, b_1, w_2, b_2)
    h = _convolution(x, w_1[None], b_1)  # (B, L, d_ff)
    a = np.where(h > 0, h, 0)  # (B, L, d_ff)
    return _convolution(a, w_2[None], b_2)  # (B, L, d_model)


def _convolution(x: Array, kernel: Array, bias: Array) -> Array:
    """Give y[b, l, o] = bias[o] + sum over k and i of x[b, l + k, i] kernel[k, i, o]."""
    positions = x.shape[1] - kernel.shape[0] + 1
    y = np.tile(bias, (x.shape[0], positions, 1))  # (B, L, out)
    for k, weights in enumerate(kernel):
        y += np.einsum("bli,io->blo", x[:, k : k + positions], weights)
    return y


def _affine(x: Array, w: Array, b: Array, numerics: Numerics) -> tuple[Array, Errors]:
    """Give the sum x W + b, and the errors of computing it from exact numbers.

        E = E(x W) + n U |b| + U |x W + b| + eta
        V = V(x W) + (U^2/3) max(n b^2 + n b (x W), (x W + b)^2)

    A sum may start with its bias, which is then in each of its n partial sums; or end with it, which is one rounding
    more, and before which `numerics.hidden` may store the product.
    """
    product, errors = matrix_product(x, w, numerics)
    errors = stored(product, errors, numerics.hidden)
    n, unit = numerics.roundings(w.shape[0]), numerics.unit
    y = product + b
    error = (1 + unit) * errors.error + n * unit * np.abs(b) + unit * np.abs(y) + numerics.underflow
    variance = errors.variance + VARIANCE_OF_ROUNDING * unit**2 * np.maximum(n * b * (b + product), y * y)
    return y, Errors(error, variance, error if numerics.rounding == "toward-zero" else errors.coherent)
