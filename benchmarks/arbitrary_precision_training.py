"""Positional encoding, learning rate, Adam, dropout and beam scores, in arbitrary precision."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
from arbitrary_precision import exact, filled, total


def positional_encoding(length: int, d_model: int, *, positional_layout: str = "interleaved") -> Any:
    """sin(pos / 10000^(2i/d_model)), cos(pos / 10000^(2i/d_model)): paper, section 3.5."""
    return positional_encoding_at(range(length), d_model, positional_layout=positional_layout)


def positional_encoding_at(positions: Any, d_model: int, *, positional_layout: str = "interleaved") -> Any:
    """Compute the encoding at any positions."""
    pairs = (d_model + 1) // 2

    def code(row: int, channel: int) -> Any:
        if positional_layout == "interleaved":
            i, cosine = divmod(channel, 2)
        else:
            i, cosine = channel % pairs, channel >= pairs
        return sine_and_cosine(int(positions[row]), i, d_model)[cosine]

    return filled((len(positions), d_model), code)


def sine_and_cosine(position: int, i: int, d_model: int) -> tuple[Any, Any]:
    """Compute the sine and cosine of the angle pos / 10000^(2i/d_model)."""
    cosine, sine = mpmath.cos_sin(position * frequency(i, d_model, mpmath.mp.prec))
    return sine, cosine


@cache
def frequency(i: int, d_model: int, precision: int) -> Any:
    """10000^(-2i/d_model), with 80 bits to spare for a position of 64."""
    with mpmath.workprec(precision + 80):
        return mpmath.power(10000, mpmath.mpf(-2 * i) / d_model)


def learning_rate(steps: Any, *, d_model: int, warmup: int) -> Any:
    """d_model^-0.5 min(step^-0.5, step warmup^-1.5): paper, equation 3."""
    steps = [mpmath.mpf(int(step)) for step in steps]
    half, warm = mpmath.mpf("0.5"), mpmath.mpf(int(warmup))
    rates = [mpmath.mpf(int(d_model)) ** -half * min(s**-half, s * warm ** (-3 * half)) for s in steps]
    return filled((len(rates),), lambda t: rates[t])


def adam(
    parameters: Any,
    gradients: Any,
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    adam_epsilon: str = "outside",
) -> Any:
    """Kingma and Ba 2015, algorithm 1, with Loshchilov and Hutter's weight decay, for one parameter at a time.

    `hat` is the form at the end of Kingma and Ba's section 2: alpha_t = alpha sqrt(1 - beta_2^t) / (1 - beta_1^t), and
    theta - alpha_t m / (sqrt(v) + epsilon).
    """
    parameters, gradients = exact(parameters), exact(gradients)
    given = (learning_rate, beta_1, beta_2, epsilon, weight_decay)
    alpha, b_1, b_2, eps, decay = (mpmath.mpf(float(each)) for each in given)
    result = np.empty(gradients.shape, object)
    for k, start in enumerate(parameters):
        theta, m, v = start, mpmath.mpf(0), mpmath.mpf(0)
        for t, g in enumerate(gradients[:, k], start=1):
            m = b_1 * m + (1 - b_1) * g
            v = b_2 * v + (1 - b_2) * g**2
            if adam_epsilon == "hat":
                step = alpha * mpmath.sqrt(1 - b_2**t) / (1 - b_1**t) * m / (mpmath.sqrt(v) + eps)
            else:
                step = alpha * (m / (1 - b_1**t)) / (mpmath.sqrt(v / (1 - b_2**t)) + eps)
            theta = theta - step - alpha * decay * theta
            result[t - 1, k] = theta
    return result


def dropout(x: Any, *, rate: float, training: bool = False, seed: int = 0) -> Any:
    """x in evaluation; m x / (1 - rate) in training, with the mask that the oracle documents: numpy's, of that seed."""
    x, kept = exact(x), np.random.default_rng(seed).random(np.shape(x)) >= rate
    if not training:
        return x.copy()
    return filled(x.shape, lambda *place: x[place] / (1 - mpmath.mpf(rate)) if kept[place] else mpmath.mpf(0))


def beam_score(log_probabilities: Any, tokens: Sequence[int], *, length_penalty: float = 0.6) -> Any:
    """log P / ((5 + length) / 6)^alpha: Wu et al. 2016, section 7; the token at the start is not generated."""
    table, length = exact(log_probabilities), len(tokens) - 1
    score = total(table[tokens[k], tokens[k + 1]] for k in range(length))
    return filled((), lambda: score / (mpmath.mpf(5 + length) / 6) ** mpmath.mpf(length_penalty))
