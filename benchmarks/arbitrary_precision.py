"""The formulas in arbitrary precision: one number after another, as the papers write them, with no thought for speed.

They share no code with `oracle/`, and none of its rearrangements: no maximum is subtracted before an exponential, since
numbers of mpmath have exponents without limit. Whoever calls them sets the precision (`mpmath.workprec`). Arrays of
objects hold the numbers, for their indices only; numbers may be complex, so that a gradient can be taken by a step
along the imaginary axis (`arbitrary_precision_gradients`).
"""

from collections.abc import Callable, Iterable
from typing import Any

import mpmath
import numpy as np


def exact(values: Any) -> Any:
    """Convert an array, without rounding, to an array of objects."""
    array = np.asarray(values)
    if array.dtype == object:
        return array
    return filled(array.shape, lambda *place: mpmath.mpf(float(array[place])))


def filled(shape: tuple[int, ...], number: Callable[..., Any]) -> Any:
    """Make the array whose element at (i, j, ...) is number(i, j, ...)."""
    array = np.empty(shape, object)
    for place in np.ndindex(*shape):
        array[place] = number(*place)
    return array


def total(terms: Iterable[Any]) -> Any:
    """Sum the terms; zero if there is none."""
    result = mpmath.mpf(0)
    for term in terms:
        result += term
    return result


def product(a: Any, b: Any) -> Any:
    """Compute the matrix product a b: (m, k), (k, n)."""
    (rows, inner), columns = a.shape, b.shape[1]
    return filled((rows, columns), lambda i, j: total(a[i, k] * b[k, j] for k in range(inner)))


def each_row(function: Callable[[list[Any]], list[Any]], x: Any) -> Any:
    """Apply the function to each row, which is a vector along the last axis."""
    result = np.empty(x.shape, object)
    for place in np.ndindex(*x.shape[:-1]):
        for k, number in enumerate(function(list(x[place]))):
            result[(*place, k)] = number
    return result


def softmax(x: Any) -> Any:
    """exp(x_j) / sum_k exp(x_k)."""
    return each_row(probabilities, exact(x))


def probabilities(row: list[Any]) -> list[Any]:
    """Compute the softmax of one row; NaN where all of it is -inf."""
    weights = [mpmath.exp(number) for number in row]
    over = total(weights)
    return [weight / over if over != 0 else mpmath.nan for weight in weights]


def log_softmax(x: Any) -> Any:
    """log(exp(x_j) / sum_k exp(x_k)) = -log(1 + sum over k != j of exp(x_k - x_j)), which cancels nowhere."""
    return each_row(log_probabilities, exact(x))


def log_probabilities(row: list[Any]) -> list[Any]:
    """Compute the logarithm of the softmax of one row: -inf for an entry of -inf, NaN where all are."""
    seen = [k for k, number in enumerate(row) if mpmath.re(number) != mpmath.ninf]

    def one(j: int) -> Any:
        if not seen:
            return mpmath.nan
        if j not in seen:
            return mpmath.ninf
        return -log_of_one_plus(total(mpmath.exp(row[k] - row[j]) for k in seen if k != j))

    return [one(j) for j in range(len(row))]


def log_of_one_plus(number: Any) -> Any:
    """log(1 + s), also of an s so small that 1 + s needs further digits: log(1 + s) = s (1 - s/2 + ...)."""
    if number == 0 or mpmath.mag(number) < -mpmath.mp.prec:
        return number
    with mpmath.workprec(2 * mpmath.mp.prec):
        return mpmath.log(1 + number)


def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
    smoothing_over: str = "all",
) -> Any:
    """-sum_j q_j log p_j for each row, and the mean over the rows: Szegedy et al. 2016, section 7, for the smoothing.

    q_j = (1 - label_smoothing) [j = target] + label_smoothing / V, or label_smoothing / (V - 1) for the wrong ones.
    """
    logits, smoothing = exact(logits), mpmath.mpf(label_smoothing)
    classes = logits.shape[1]
    losses = []
    for n, target in enumerate(np.asarray(targets).tolist()):
        loss, counts = mpmath.mpf(0), target != ignore_index
        if counts:
            for j, log_p in enumerate(log_probabilities(list(logits[n]))):
                hit = j == target
                if smoothing_over == "all":
                    q = (1 - smoothing) * hit + smoothing / classes
                else:
                    q = 1 - smoothing if hit else smoothing / (classes - 1)
                loss -= q * log_p if q else 0  # 0 log 0 is 0
        losses.append((loss, counts))
    if reduction == "none":
        return filled((len(losses),), lambda n: losses[n][0])
    whole, counted = total(loss for loss, _ in losses), sum(counts for _, counts in losses)
    return filled((), lambda: whole / counted if counted else mpmath.nan)


def feed_forward(x: Any, w_1: Any, b_1: Any, w_2: Any, b_2: Any) -> Any:
    """max(0, x W_1 + b_1) W_2 + b_2."""
    x, w_1, b_1, w_2, b_2 = map(exact, (x, w_1, b_1, w_2, b_2))
    result = np.empty((*x.shape[:2], w_2.shape[1]), object)
    for b in range(x.shape[0]):
        h = product(x[b], w_1)
        a = filled(h.shape, lambda i, k, h=h: above_zero(h[i, k] + b_1[k]))
        y = product(a, w_2)
        result[b] = filled(y.shape, lambda i, k, y=y: y[i, k] + b_2[k])
    return result


def gated_feed_forward(
    x: Any,
    w_gate: Any,
    w_up: Any,
    w_down: Any,
    *,
    activation: str = "swiglu",
    gelu_form: str = "erf",
) -> Any:
    """(f(x W_gate) * (x W_up)) W_down."""
    x, w_gate, w_up, w_down = map(exact, (x, w_gate, w_up, w_down))
    f = {"swiglu": _swish, "geglu": {"erf": _gelu, "tanh": _gelu_by_tanh}[gelu_form], "reglu": above_zero}[activation]
    result = np.empty(x.shape, object)
    for b in range(x.shape[0]):
        h, up = product(x[b], w_gate), product(x[b], w_up)
        result[b] = product(filled(h.shape, lambda i, k, h=h, up=up: f(h[i, k]) * up[i, k]), w_down)
    return result


def _swish(h: Any) -> Any:
    return h / (1 + mpmath.exp(-h))


def _gelu(h: Any) -> Any:
    return h * mpmath.erfc(-h / mpmath.sqrt(2)) / 2


def _gelu_by_tanh(h: Any) -> Any:
    return h * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (h + mpmath.mpf("0.044715") * h**3))) / 2


def above_zero(number: Any) -> Any:
    """max(0, .), by the real part; the derivative at zero is zero."""
    return number if mpmath.re(number) > 0 else mpmath.mpf(0)


def layer_norm(x: Any, gain: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """gain (x - mean) / sqrt(variance + epsilon) + bias."""
    x, gain, bias = map(exact, (x, gain, bias))

    def normalised(row: list[Any]) -> list[Any]:
        d = len(row)
        mean = total(row) / d
        variance = total((number - mean) ** 2 for number in row) / d
        root = mpmath.sqrt(variance + mpmath.mpf(epsilon))
        return [gain[k] * (row[k] - mean) / root + bias[k] for k in range(d)]

    return each_row(normalised, x)


def rms_norm(x: Any, gain: Any, *, epsilon: float = 1e-6, rms_gain: str = "w") -> Any:
    """gain x / sqrt(mean(x^2) + epsilon), or 1 + gain for gain."""
    x, gain = exact(x), exact(gain)

    def normalised(row: list[Any]) -> list[Any]:
        root = mpmath.sqrt(total(number**2 for number in row) / len(row) + mpmath.mpf(epsilon))
        return [(gain[k] + (rms_gain == "one_plus_w")) * number / root for k, number in enumerate(row)]

    return each_row(normalised, x)


def embedding(tokens: Any, weight: Any) -> Any:
    """W[token] sqrt(d_model)."""
    tokens, weight = np.asarray(tokens), exact(weight)
    factor = mpmath.sqrt(weight.shape[1])
    return filled((*tokens.shape, weight.shape[1]), lambda b, t, k: weight[tokens[b, t], k] * factor)


def output_logits(hidden: Any, weight: Any) -> Any:
    """Compute the products of each hidden vector with each row of the matrix."""
    hidden, weight = exact(hidden), exact(weight)
    (batch, length, d_model), vocabulary = hidden.shape, weight.shape[0]
    return filled(
        (batch, length, vocabulary),
        lambda b, t, v: total(hidden[b, t, k] * weight[v, k] for k in range(d_model)),
    )
