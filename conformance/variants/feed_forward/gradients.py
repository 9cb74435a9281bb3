"""Gradients of the feed-forward network: h = x w_1 + b_1, dh = (h > 0) g w_2^T; weights sum over all positions."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, rounded, tensorfloat32, widened
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients, first_row, gradients_in, gradients_of, never_cleared, summed_in, wide_gradients
from ..output_logits.right import logits
from .right import feed_forward_plain, relu

gradient = gradients_of("feed_forward", feed_forward_plain)

Weights = tuple[Array, Array, Array, Array]


def rows(x: Array) -> Array:
    """Put the positions of all batch items one below the other: (B L, d)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def products(g: Array, dh: Array, x: Array, a: Array, w_1: Array) -> Gradients:
    """Compute the gradients of x, w_1, b_1, w_2 and b_2 from those of the result and of h."""
    return logits(dh, w_1), rows(x).T @ rows(dh), rows(dh).sum(0), rows(a).T @ rows(g), rows(g).sum(0)


def slope_of_relu(h: Array) -> Array:
    """Compute the derivative of relu, which is 0 at 0."""
    return (h > 0).astype(h.dtype)


def backward(g: Array, x: Array, *weights: Array, slope: Callable[[Array], Array] = slope_of_relu) -> Gradients:
    """Compute the gradients by the chain rule; the activation may have another slope."""
    w_1, b_1, w_2, _ = weights
    h = x @ w_1 + b_1
    return products(g, logits(g, w_2) * slope(h), x, relu(h), w_1)


# Right


@gradient("feed-forward-gradient-plain", "The formula, what is hidden in the accumulator's format.", wrong=False)
@wide_gradients
def feed_forward_gradient_plain(*arrays: Array) -> Gradients:
    return backward(*arrays)


@gradient("feed-forward-gradient-hidden-rounded", "What is hidden is stored in the input's format.", wrong=False)
def feed_forward_gradient_hidden_rounded(g: Array, x: Array, *weights: Array) -> Gradients:
    f, y, w_1, b_1, w_2 = map(widened, (g, x, *weights[:3]))
    a = rounded(relu(rounded(y @ w_1 + b_1, x.dtype)), x.dtype)
    dh = rounded(logits(f, w_2), x.dtype) * (a > 0)
    return tuple(each.astype(x.dtype) for each in products(f, dh, y, a, w_1))


@gradient("feed-forward-gradient-blocked", "The hidden units go 16 at a time.", wrong=False)
@wide_gradients
def feed_forward_gradient_blocked(g: Array, x: Array, *weights: Array) -> Gradients:
    w_1, b_1, w_2, b_2 = weights
    blocks = [
        backward(g, x, w_1[:, units], b_1[units], w_2[units], b_2)
        for units in (slice(start, start + 16) for start in range(0, len(b_1), 16))
    ]
    of_x, of_w_1, of_b_1, of_w_2, of_b_2 = zip(*blocks, strict=True)
    return sum(of_x), np.concatenate(of_w_1, 1), np.concatenate(of_b_1), np.concatenate(of_w_2), of_b_2[0]


@gradient("feed-forward-gradient-by-position", "The positions add theirs one by one, the last first.", wrong=False)
@wide_gradients
def feed_forward_gradient_by_position(g: Array, x: Array, *weights: Array) -> Gradients:
    of_x, totals = np.zeros_like(x), [np.zeros_like(each) for each in weights]
    for b, t in reversed(list(np.ndindex(x.shape[:2]))):
        here = (slice(b, b + 1), slice(t, t + 1))
        of_x[here], *others = backward(g[here], x[here], *weights)
        totals = [total + other for total, other in zip(totals, others, strict=True)]
    return of_x, *totals


@gradient("feed-forward-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def feed_forward_gradient_float64_inside(*arrays: Array) -> Gradients:
    return backward(*arrays)


# Wrong: the activation


@gradient(
    "relu-gradient-by-division",
    "The derivative is relu(h) / h, which is NaN at 0.",
    needs="a hidden unit at exactly 0",
    seen_in=("huggingface/candle#2082",),
)
@wide_gradients
def relu_gradient_by_division(*arrays: Array) -> Gradients:
    return backward(*arrays, slope=lambda h: np.asarray(relu(h) / h))


@gradient(
    "relu-gradient-missing",
    "The gate tests relu(h) >= 0, which always holds.",
    needs="a hidden unit below zero",
)
@wide_gradients
def relu_gradient_missing(*arrays: Array) -> Gradients:
    return backward(*arrays, slope=np.ones_like)


@gradient("relu-gradient-leaky", "The gate lets 1/100 of the negative side through.", needs="hidden units below zero")
@wide_gradients
def relu_gradient_leaky(*arrays: Array) -> Gradients:
    return backward(*arrays, slope=lambda h: np.maximum(slope_of_relu(h), h.dtype.type(0.01)))


@gradient("relu-gradient-guided", "The gate lets only positive gradients pass.", needs="an open unit, g of both signs")
@wide_gradients
def relu_gradient_guided(g: Array, x: Array, *weights: Array) -> Gradients:
    w_1, b_1, w_2, _ = weights
    h = x @ w_1 + b_1
    return products(g, relu(logits(g, w_2)) * slope_of_relu(h), x, relu(h), w_1)


@gradient("relu-gradient-before-bias", "The gate looks at x w_1 without b_1.", needs="a unit whose sign b_1 turns")
@wide_gradients
def relu_gradient_before_bias(g: Array, x: Array, *weights: Array) -> Gradients:
    w_1, b_1, w_2, _ = weights
    h = x @ w_1
    return products(g, logits(g, w_2) * slope_of_relu(h), x, relu(h + b_1), w_1)


@gradient("relu-gradient-twice", "The result is multiplied by the gate's value once more.", needs="any open unit")
@wide_gradients
def relu_gradient_twice(*arrays: Array) -> Gradients:
    return backward(*arrays, slope=relu)


# Wrong: sums and products


def changed(which: int, change: Callable[[Array, Array, Array, Array], Array]) -> Callable[..., Gradients]:
    """Make the right gradients but for one, which `change` makes anew of (itself, g, x, dh)."""

    @wide_gradients
    def feed_forward_vjp(g: Array, x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Gradients:
        dh = logits(g, w_2) * slope_of_relu(x @ w_1 + b_1)
        found = list(backward(g, x, w_1, b_1, w_2, b_2))
        found[which] = change(found[which], g, x, dh)
        return tuple(found)

    return feed_forward_vjp


for _name, _sentence, _needs, _vjp in (
    (
        "bias-1-gradient-of-first-item",
        "b_1 gets that of the first batch item.",
        "B above 1",
        changed(2, lambda was, g, x, dh: dh[:1].sum((0, 1))),
    ),
    (
        "bias-1-gradient-of-last-position",
        "b_1 gets that of the last position of each sequence.",
        "L above 1",
        changed(2, lambda was, g, x, dh: dh[:, -1:].sum((0, 1))),
    ),
    (
        "bias-1-gradient-mean",
        "b_1 gets the mean over the positions.",
        "two positions or more",
        changed(2, lambda was, g, x, dh: was / max(len(rows(x)), 1)),
    ),
    (
        "bias-2-gradient-mean",
        "b_2 gets the mean over the positions.",
        "two positions or more",
        changed(4, lambda was, g, x, dh: was / max(len(rows(x)), 1)),
    ),
    (
        "bias-2-gradient-of-first-item",
        "b_2 gets that of the first batch item.",
        "B above 1",
        changed(4, lambda was, g, x, dh: g[:1].sum((0, 1))),
    ),
    (
        "weights-1-gradient-of-first-item",
        "w_1 gets that of the first batch item.",
        "B above 1",
        changed(1, lambda was, g, x, dh: rows(x[:1]).T @ rows(dh[:1])),
    ),
    (
        "weights-1-gradient-transposed",
        "That of a square w_1 is transposed.",
        "d_ff = d_model above 1",
        changed(1, lambda was, g, x, dh: was.T if was.shape[0] == was.shape[1] else was),
    ),
    (
        "weights-2-gradient-tail-lost",
        "Hidden units go 8 at a time on the way to w_2, and the rest gets none.",
        "d_ff unlike a multiple of 8",
        changed(3, lambda was, g, x, dh: was * (np.arange(len(was)) < len(was) // 8 * 8)[:, None]),
    ),
    (
        "input-gradient-missing",
        "x is taken as constant: it gets none.",
        "any input",
        changed(0, lambda was, g, x, dh: np.zeros_like(was)),
    ),
):
    gradient(_name, _sentence, needs=_needs)(_vjp)


@gradient("bias-1-gradient-ungated", "b_1 gets g w_2^T, past the gate.", needs="a hidden unit below zero")
@wide_gradients
def bias_1_gradient_ungated(g: Array, x: Array, *weights: Array) -> Gradients:
    of_x, of_w_1, _, *others = backward(g, x, *weights)
    return of_x, of_w_1, rows(logits(g, weights[2])).sum(0), *others


@gradient("weights-2-gradient-before-relu", "w_2 gets h^T g, not relu(h)^T g.", needs="a hidden unit below zero")
@wide_gradients
def weights_2_gradient_before_relu(g: Array, x: Array, *weights: Array) -> Gradients:
    w_1, b_1, w_2, _ = weights
    h = x @ w_1 + b_1
    return products(g, logits(g, w_2) * slope_of_relu(h), x, h, w_1)


@gradient("weights-2-not-transposed", "g w_2 where w_2 is square, for g w_2^T.", needs="d_ff = d_model above 1")
@wide_gradients
def weights_2_not_transposed(g: Array, x: Array, *weights: Array) -> Gradients:
    w_1, b_1, w_2, _ = weights
    h, square = x @ w_1 + b_1, w_2.shape[0] == w_2.shape[1]
    return products(g, (g @ w_2 if square else logits(g, w_2)) * slope_of_relu(h), x, relu(h), w_1)


# Wrong: the cotangent, what is kept, the numbers


@gradient(
    "feed-forward-gradient-of-first-position",
    "Each position has the cotangent of the first.",
    needs="two positions or more",
)
@wide_gradients
def feed_forward_gradient_of_first_position(g: Array, *arrays: Array) -> Gradients:
    return backward(first_row(g), *arrays)


@gradient("feed-forward-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def feed_forward_gradient_never_cleared(*arrays: Array) -> Gradients:
    return feed_forward_gradient_plain(*arrays)


@gradient(
    "feed-forward-gradient-sum-narrow",
    "The biases' gradients are accumulated in the 16-bit format, position by position.",
    needs="10 positions or more",
    dtypes=NARROW,
)
def feed_forward_gradient_sum_narrow(g: Array, x: Array, *weights: Array) -> Gradients:
    f, y, w_1, b_1, w_2 = map(widened, (g, x, *weights[:3]))
    of_x, of_w_1, _, of_w_2, _ = feed_forward_gradient_plain(g, x, *weights)
    dh = logits(f, w_2) * slope_of_relu(y @ w_1 + b_1)
    of_b_1, of_b_2 = (summed_in(x.dtype, rows(each)).astype(x.dtype) for each in (dh, f))
    return of_x, of_w_1, of_b_1, of_w_2, of_b_2


@gradient(
    "feed-forward-gradient-tensorfloat32",
    "Operands are rounded to 11 significant bits on the way back, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide_gradients
def feed_forward_gradient_tensorfloat32(*arrays: Array) -> Gradients:
    return backward(*map(tensorfloat32, arrays))


@gradient("feed-forward-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def feed_forward_gradient_by_float32(*arrays: Array) -> Gradients:
    return backward(*arrays)
