"""Adam: Kingma and Ba 2015, algorithm 1; "Attention Is All You Need", section 5.3.

    m_t = beta_1 m_(t-1) + (1 - beta_1) g_t               m_0 = 0
    v_t = beta_2 v_(t-1) + (1 - beta_2) g_t^2             v_0 = 0
    p_t = p_(t-1) - learning_rate (m^ / (sqrt(v^) + epsilon) + weight_decay p_(t-1))
    m^  = m_t / (1 - beta_1^t)   v^ = v_t / (1 - beta_2^t)

    parameters p_0 (n,)   gradients g_1 ... g_T (T, n)   result p_1 ... p_T (T, n)

Choices where the paper is silent, or offers two:

    1   The weight decay is decoupled (Loshchilov and Hutter 2019, algorithm 2): it is no part of g, and it shrinks the
        parameters as they were before the step. To shrink first and then move is the same formula.
    2   `adam_epsilon`: `outside` is algorithm 1; `hat` is the efficient form at the end of section 2, in which epsilon
        is added before the bias correction: m^ / (sqrt(v^) + epsilon / sqrt(1 - beta_2^t)).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .options import check_conventions, check_number
from .shapes import Array, checked_arrays


def adam(
    parameters: ArrayLike,
    gradients: ArrayLike,
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    adam_epsilon: str = "outside",
) -> Array:
    """Give the parameters after each step: (T, n). NaN where the denominator is 0 (epsilon = 0 and no gradient yet).

    SpecError if the shapes do not fit, a beta is not in [0, 1), epsilon is negative, or `adam_epsilon` is unknown.
    """
    p, g = checked(parameters, gradients, learning_rate, beta_1, beta_2, epsilon, weight_decay, adam_epsilon)
    steps = trajectory(p, g, learning_rate, beta_1, beta_2, epsilon, weight_decay, adam_epsilon)
    return np.array([step.p for step in steps]).reshape(g.shape)  # (T, n)


class Step(NamedTuple):
    """One step: its gradient, the state after it, and the parts of its update."""

    t: int
    g: Array
    m: Array
    v: Array
    correction_1: float
    """1 - beta_1^t."""
    correction_2: float
    """1 - beta_2^t."""
    hat: bool
    """Whether epsilon is added before the bias correction."""
    epsilon: float
    """As it is added to sqrt(v^)."""
    denominator: Array
    """sqrt(v^) + epsilon."""
    delta: Array
    """learning_rate m^ / denominator."""
    p: Array


def trajectory(
    p: Array, g: Array, alpha: float, beta_1: float, beta_2: float, epsilon: float, decay: float, adam_epsilon: str
) -> list[Step]:
    """Run algorithm 1, a line at a time; every array is (n,).

    Where nothing has moved yet and nothing does, the step is the one before, the same object: a first gradient that
    comes late costs little, and tells how the steps were counted.
    """
    m = np.zeros_like(p)
    v = np.zeros_like(p)
    hat = adam_epsilon == "hat"
    steps: list[Step] = []
    with np.errstate(all="ignore"):
        resting = decay == 0
        for t, g_t in enumerate(g, start=1):
            resting = resting and not g_t.any()
            if resting and steps:
                steps.append(steps[-1])
                continue
            m = beta_1 * m + (1 - beta_1) * g_t
            v = beta_2 * v + (1 - beta_2) * g_t**2
            correction_1, correction_2 = 1 - beta_1**t, 1 - beta_2**t
            added = epsilon / math.sqrt(correction_2) if hat else epsilon
            denominator = np.sqrt(v / correction_2) + added
            delta = alpha * (m / correction_1) / denominator
            p = p - delta - alpha * decay * p
            steps.append(Step(t, g_t, m, v, correction_1, correction_2, hat, added, denominator, delta, p))
    return steps


def checked(
    parameters: ArrayLike,
    gradients: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
    adam_epsilon: str,
) -> tuple[Array, Array]:
    """Check all arguments, and give the arrays in float64."""
    p, g = checked_arrays("adam", parameters, gradients)
    for name, number in {"learning_rate": learning_rate, "weight_decay": weight_decay}.items():
        check_number("adam", name, number)
    for name, beta in {"beta_1": beta_1, "beta_2": beta_2}.items():
        check_number("adam", name, beta, "at least 0 and below 1", lambda number: 0 <= number < 1)
    check_number("adam", "epsilon", epsilon, "0 or more", lambda number: number >= 0)
    check_conventions("adam", adam_epsilon=adam_epsilon)
    return p, g
