"""Adam with decoupled weight decay: one update rule, `descend`, and variants that replace its parts.

    m = beta_1 m + (1 - beta_1) g                     p = p - learning_rate (m^ / (sqrt(v^) + epsilon) + decay p)
    v = beta_2 v + (1 - beta_2) g^2                   m^ = m / (1 - beta_1^t), v^ = v / (1 - beta_2^t)

Parameters and moments are kept in the format of the arithmetic; each row of the result is rounded once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, widened
from ..catalogue import NARROW, variant


@dataclass
class State:
    """What an update sees: the options, and the state after the moments took in the gradient."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    t: int
    p: Array
    g: Array
    m: Array
    v: Array


Step = Callable[[State], None]


def advance(s: State) -> None:
    """Take the gradient into both moments."""
    s.m = s.beta_1 * s.m + (1 - s.beta_1) * s.g
    s.v = s.beta_2 * s.v + (1 - s.beta_2) * s.g**2


def ratio(s: State) -> Array:
    """m^ / (sqrt(v^) + epsilon)."""
    return np.asarray(s.m / (1 - s.beta_1**s.t) / (np.sqrt(s.v / (1 - s.beta_2**s.t)) + s.epsilon))


def descend(s: State, along: Array) -> None:
    """Update the parameters along a direction, with their decay."""
    s.p = s.p - s.learning_rate * (along + s.weight_decay * s.p)


def optimiser(step: Step, inside: Callable[[Array], Array] = widened) -> Callable[..., Array]:
    """Make the contract's function: `step` once a gradient, from moments of zero."""

    def adam(
        parameters: Array,
        gradients: Array,
        *,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> Array:
        p, result = inside(parameters), np.empty(gradients.shape, parameters.dtype)
        nothing = np.zeros_like(p)
        s = State(learning_rate, beta_1, beta_2, epsilon, weight_decay, 0, p, nothing, nothing, nothing)
        with np.errstate(all="ignore"):
            for row, gradient in enumerate(inside(gradients)):
                s.t, s.g = row + 1, gradient
                step(s)
                result[row] = s.p.astype(parameters.dtype)
        return result

    adam.__name__ = step.__name__
    return adam


def algorithm_1(s: State) -> None:
    """Apply Algorithm 1, with the decay decoupled."""
    advance(s)
    descend(s, ratio(s))


def narrow(step: Step) -> Callable[..., Array]:
    """Make an optimiser whose parameters and moments are stored in the parameters' format after each step."""

    def adam(parameters: Array, gradients: Array, **options: float) -> Array:
        def stored(s: State) -> None:
            step(s)
            s.p, s.m, s.v = (rounded(each, parameters.dtype) for each in (s.p, s.m, s.v))

        return optimiser(stored)(parameters, gradients, **options)

    return adam


# Right

variant("adam-plain", "adam", "Algorithm 1, a line at a time.", wrong=False)(optimiser(algorithm_1))

variant("adam-float64-inside", "adam", "Everything in float64.", wrong=False)(
    optimiser(algorithm_1, inside=lambda array: array.astype(FLOAT64))
)

variant("adam-narrow-state", "adam", "Parameters and moments are stored in 16 bits.", wrong=False, dtypes=NARROW)(
    narrow(algorithm_1)
)


@variant("adam-efficient", "adam", "One step size, with epsilon times sqrt(1 - beta_2^t).", wrong=False)
@optimiser
def adam_efficient(s: State) -> None:
    advance(s)
    root = (1 - s.beta_2**s.t) ** 0.5
    size = s.learning_rate * root / (1 - s.beta_1**s.t)
    s.p = s.p - s.learning_rate * s.weight_decay * s.p - size * (s.m / (np.sqrt(s.v) + s.epsilon * root))


@variant("adam-interpolated", "adam", "The moments as m + (1 - beta)(g - m).", wrong=False)
@optimiser
def adam_interpolated(s: State) -> None:
    s.m = s.m + (1 - s.beta_1) * (s.g - s.m)
    s.v = s.v + (1 - s.beta_2) * (s.g**2 - s.v)
    descend(s, ratio(s))


@variant("adam-decay-first", "adam", "The parameters shrink first, then move.", wrong=False)
@optimiser
def adam_decay_first(s: State) -> None:
    advance(s)
    s.p = s.p * (1 - s.learning_rate * s.weight_decay)
    s.p = s.p - s.learning_rate * ratio(s)


@variant(
    "adam-epsilon-hat-declared",
    "adam",
    "Epsilon is added before the bias correction, as declared.",
    wrong=False,
    conventions={"adam_epsilon": "hat"},
)
@optimiser
def adam_epsilon_hat_declared(s: State) -> None:
    advance(s)
    size = (1 - s.beta_2**s.t) ** 0.5 / (1 - s.beta_1**s.t)
    descend(s, size * (s.m / (np.sqrt(s.v) + s.epsilon)))
