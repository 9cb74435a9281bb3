"""The notes' claims on attention (N3, N5, N6), each with what measures it."""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from ...oracle.attention import attention
from ...oracle.multi_head_attention import multi_head_attention, multi_head_attention_bound
from ...oracle.rounding.numerics import precision_classes
from ...oracle.softmax import softmax_vjp
from ..terms.rounding import Array
from .kinds import Claim, Measurement, random

_FLOAT64: Final = precision_classes("float64")[0][1]

# N3: sequences of 4 vectors, 3 channels each.
_LENGTH, _WIDTH = 4, 3
_ROWS_OF_SUM_ONE: Final = _LENGTH * (_LENGTH - 1) + 1
"""How many dimensions the matrices span whose rows all have the same sum: each row is free but for its last entry."""

# N6
_KEYS: Final = 64
_DRAWS: Final = 400
_PAIRS: Final = 10_000
_Z: Final = 3.29
"""A normal number is further out once in a thousand times."""


def _attention_map(x: Array) -> Array:
    """Self-attention of x as the matrix that its values are multiplied by: what it makes of the unit vectors."""
    q = x[None, None]
    return np.asarray(attention(q, q, np.eye(len(x))[None, None])[0, 0])


def _convolution(x: Array, kernel: Array) -> Array:
    """Convolve the sequence with a kernel of width 3, one number a channel and offset, and zeros around it."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return np.asarray(sum(padded[k : k + len(x)] * kernel[k] for k in range(3)))


def _convolution_map(x: Array) -> Array:
    """Compute the linear map of a convolution applied at x, which is its derivative there, by differences of 1."""
    kernel = random(30).standard_normal(3)
    at = _convolution(x[:, :1], kernel[:, None])
    steps = [_convolution(x[:, :1] + unit[:, None], kernel[:, None]) - at for unit in np.eye(len(x))]
    return np.concatenate(steps, 1)


def _maps(*, convolution: bool) -> Array:
    """Compute the maps of 50 random inputs, each flattened."""
    inputs = random(31).standard_normal((50, _LENGTH, _WIDTH))
    return np.array([(_convolution_map if convolution else _attention_map)(x).ravel() for x in inputs])


def _dimensions(*, convolution: bool) -> float:
    """Count the dimensions that the maps span, as far as rounding tells."""
    return float(np.linalg.matrix_rank(_maps(convolution=convolution), tol=1e-9))


def _difference_of_maps(*, convolution: bool) -> float:
    """Compute the mean of |M(x) - M(x')| / |M(x)|, in Frobenius norms, over successive inputs."""
    maps = _maps(convolution=convolution)
    return float(np.mean(np.linalg.norm(maps[1:] - maps[:-1], axis=1) / np.linalg.norm(maps[:-1], axis=1)))


def _failure_of_additivity(*, convolution: bool) -> float:
    """Compute the mean of |f(x + x') - f(x) - f(x')| / |f(x) + f(x')|."""
    kernel = random(30).standard_normal((3, 1))
    inputs = random(32).standard_normal((50, 2, _LENGTH, _WIDTH))

    def f(x: Array) -> Array:
        return _convolution(x, kernel) if convolution else _attention_map(x) @ x

    parts = [(f(x) + f(y), f(x + y)) for x, y in inputs]
    return float(np.mean([np.linalg.norm(whole - of_both) / np.linalg.norm(of_both) for of_both, whole in parts]))


def _weights_by_values() -> float:
    """Compute the largest |f(V + V') - f(V) - f(V')| of attention with fixed queries and keys, left by rounding."""
    q, k, v, w = random(33).standard_normal((4, 1, 1, _LENGTH, _WIDTH))
    return float(np.max(np.abs(attention(q, k, v + w) - attention(q, k, v) - attention(q, k, w))))


def _channel_by_channel() -> float:
    """Compute the largest difference of d_v = 48 values at once from each channel alone (d_v = 1), for d_k = 16."""
    g = random(50)
    q, k, v = (g.standard_normal((1, 2, 10, d)) for d in (16, 16, 48))
    at_once = attention(q, k, v)
    alone = [attention(q, k, v[..., c : c + 1]) for c in range(48)]
    return float(np.max(np.abs(at_once - np.concatenate(alone, -1))))


def _heads_of_other_width() -> float:
    """Multi-head attention with d_k = 5, d_v = 3 against the sum over its heads, as a part of its float64 bound."""
    g = random(51)
    heads, d_model, d_k, d_v = 4, 8, 5, 3
    x = g.standard_normal((2, 6, d_model))
    shapes = (d_model, heads * d_k), (d_model, heads * d_k), (d_model, heads * d_v), (heads * d_v, d_model)
    w_q, w_k, w_v, w_o = (g.standard_normal(shape) for shape in shapes)
    whole = multi_head_attention(x, x, x, w_q, w_k, w_v, w_o, heads=heads)
    summed = np.zeros_like(whole)
    for h in range(heads):
        of_k, of_v = slice(h * d_k, (h + 1) * d_k), slice(h * d_v, (h + 1) * d_v)
        head = attention(*((x @ w)[:, None] for w in (w_q[:, of_k], w_k[:, of_k], w_v[:, of_v])))
        summed += head[:, 0] @ w_o[of_v]
    bound = multi_head_attention_bound(x, x, x, w_q, w_k, w_v, w_o, heads=heads, numerics=_FLOAT64)
    return float(np.max(np.abs(whole - summed) / bound.worst))


def _exact_variance() -> float:
    """Compute the variance of q.k over d_k = 4 for all 256 pairs of vectors of +-1, of mean 0 and variance 1."""
    every = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4)).reshape(4, -1).T
    return float(np.var(every @ every.T) / 4)


def _variance(d_k: int) -> float:
    """Estimate the variance of q.k over d_k from pairs of normal vectors."""
    g = random(60 + d_k)
    products = [np.einsum("nd,nd->n", *g.standard_normal((2, 1000, d_k))) for _ in range(_PAIRS // 1000)]
    return float(np.var(np.concatenate(products), ddof=1) / d_k)


def _of_variance(d_k: int) -> Measurement:
    """Derive the interval: q.k has the fourth moment 3 d_k^2 + 6 d_k, so the variance of s^2/d_k is (2 + 6/d_k) / n."""
    off = _Z * math.sqrt((2 + 6 / d_k) / _PAIRS)
    name = f"variance of q.k / d_k, {_PAIRS} normal pairs, d_k = {d_k} (99.9 %: 1 +- {off:.3f})"
    return Measurement(name, partial(_variance, d_k), 1 - off, 1 + off)


def _gradient_norms(d_k: int, *, scaled: bool) -> Array:
    """Compute the Frobenius norm of diag(p) - p p^T, p = softmax(scores of 64 keys), in 400 draws."""
    g, norms = random(61 + d_k), []
    for _ in range(_DRAWS):
        q, k = g.standard_normal(d_k), g.standard_normal((_KEYS, d_k))
        scores = k @ q / (math.sqrt(d_k) if scaled else 1.0)
        jacobian = softmax_vjp(np.eye(_KEYS), np.tile(scores, (_KEYS, 1)))
        norms.append(np.linalg.norm(jacobian))
    return np.array(norms)


def _mean_gradient(d_k: int, *, scaled: bool) -> float:
    return float(np.mean(_gradient_norms(d_k, scaled=scaled)))


def _median_gradient(d_k: int) -> float:
    """Divide the median without the factor by the one with it."""
    medians = [float(np.median(_gradient_norms(d_k, scaled=scaled))) for scaled in (False, True)]
    return medians[0] / medians[1]


def _of_gradient(d_k: int, least: float, most: float) -> tuple[Measurement, ...]:
    """Measure with 64 keys; the mean with the factor is the same for every d_k."""
    of = f"softmax's Jacobian, d_k = {d_k}:"
    return (
        Measurement(f"{of} mean norm with the factor", partial(_mean_gradient, d_k, scaled=True), 0.17, 0.20),
        Measurement(f"{of} mean norm without", partial(_mean_gradient, d_k, scaled=False), 0.05, 0.35),
        Measurement(f"{of} median norm without, over that with", partial(_median_gradient, d_k), least, most),
    )


def _rounding(name: str, measure: Callable[[], float], most: float = 16 * 2.0**-53) -> Measurement:
    """Make the measurement of a difference that is rounding alone: in sums of a few numbers near one, 16 roundings."""
    return Measurement(name, measure, 0, most, of_rounding=True)


CLAIMS: Final = (
    Claim(
        "N3",
        "A convolution's weights are trained once and fixed; those of attention are computed from the input, so that "
        "the same layer is another linear map of the values for every input.",
        "notes",
        "true",
        "Self-attention multiplies its values by a matrix p(x) that is another for every input x, and so is not "
        "additive; a convolution is one matrix for all. For given queries and keys, attention is linear in the values. "
        "What is trained in attention, the projections, is as fixed as a kernel.",
        (
            Measurement(
                "dimensions that the maps of 50 inputs span, attention over 4 positions (13 possible)",
                partial(_dimensions, convolution=False),
                _ROWS_OF_SUM_ONE,
                _ROWS_OF_SUM_ONE,
            ),
            Measurement("the same, convolution", partial(_dimensions, convolution=True), 1, 1),
            Measurement(
                "mean relative difference of the maps of two inputs, attention",
                partial(_difference_of_maps, convolution=False),
                0.3,
                math.inf,
            ),
            _rounding("the same, convolution", partial(_difference_of_maps, convolution=True)),
            Measurement(
                "relative difference of f(x + x') and f(x) + f(x'), mean, attention",
                partial(_failure_of_additivity, convolution=False),
                0.3,
                math.inf,
            ),
            _rounding("the same, convolution", partial(_failure_of_additivity, convolution=True)),
            _rounding("the same for the values alone, attention: largest difference", _weights_by_values),
        ),
    ),
    Claim(
        "N5",
        "d_k = d_v? Maybe.",
        "paper, section 3.2.2",
        "half true",
        "They need not be equal: queries and keys meet in a product over d_k, and each channel of the values is mixed "
        "by itself. The paper chooses d_k = d_v = d_model / h = 64 for multi-head attention.",
        (
            _rounding("d_k = 16, 48 channels of values at once or each alone: largest difference", _channel_by_channel),
            _rounding("multi-head, d_k = 5, d_v = 3, against the sum over heads: part of W", _heads_of_other_width, 1),
        ),
    ),
    Claim(
        "N6",
        "The factor 1/sqrt(d_k) is there because large products push the softmax into regions of tiny gradient; for "
        "independent components of mean 0 and variance 1, q.k has mean 0 and variance d_k.",
        "paper, section 3.2.1 and note 4",
        "half true",
        "The variance is d_k, exactly. Without the factor the gradient of the softmax does vanish, but for large d_k: "
        "at d_k = 16, and at 64, which the paper uses, it is larger than with the factor. At 256 its median is an "
        "eighth, at 1024 a five-hundredth. The mean falls less, since a few queries have two keys nearly alike.",
        (
            Measurement("variance of q.k / d_k, all pairs of vectors of four +-1", _exact_variance, 1, 1),
            *(_of_variance(d_k) for d_k in (16, 64, 256, 1024)),
            *_of_gradient(16, 1.0, 3.0),
            *_of_gradient(64, 1.0, 3.0),
            *_of_gradient(256, 0.05, 0.3),
            *_of_gradient(1024, 0.0, 0.01),
        ),
    ),
)
