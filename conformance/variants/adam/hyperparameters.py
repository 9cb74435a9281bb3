"""Adam, wrong in the format in which it keeps its hyperparameters, or in taking one for another that is close to it."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT16, Array, rounded
from ..catalogue import WIDE, variant
from .right import State, advance, algorithm_1, optimiser


def _cut(number: float, dtype: np.dtype[Any]) -> float:
    """Round a number to a format of 16 bits."""
    return float(rounded(np.asarray(number), dtype))


@variant(
    "adam-betas-float16",
    "adam",
    "beta_1 and beta_2 are rounded to float16, where 0.999 is 0.99902.",
    needs="betas that float16 does not hold, many steps",
    dtypes=WIDE,
)
@optimiser
def adam_betas_float16(s: State) -> None:
    s.beta_1, s.beta_2 = _cut(s.beta_1, FLOAT16), _cut(s.beta_2, FLOAT16)
    algorithm_1(s)


@variant(
    "adam-betas-bfloat16",
    "adam",
    "beta_1 and beta_2 are rounded to bfloat16, where 0.999 is 1, and held at the largest number below 1.",
    needs="betas that bfloat16 does not hold, two steps",
)
@optimiser
def adam_betas_bfloat16(s: State) -> None:
    s.beta_1, s.beta_2 = (min(_cut(beta, BFLOAT16), 1 - 2**-8) for beta in (s.beta_1, s.beta_2))
    algorithm_1(s)


@variant(
    "adam-beta-2-close-to-0-999",
    "adam",
    "A beta_2 above 0.999 is held at 0.999.",
    needs="a beta_2 of 0.9999, two steps",
)
@optimiser
def adam_beta_2_held_at_0_999(s: State) -> None:
    s.beta_2 = min(s.beta_2, 0.999)
    algorithm_1(s)


@variant(
    "adam-betas-sorted",
    "adam",
    "Where beta_1 is above beta_2, they are taken for swapped, and swapped.",
    needs="a beta_1 above beta_2, two steps",
)
@optimiser
def adam_betas_sorted(s: State) -> None:
    sorted_betas = replace(s, beta_1=min(s.beta_1, s.beta_2), beta_2=max(s.beta_1, s.beta_2))
    algorithm_1(sorted_betas)
    s.p, s.m, s.v = sorted_betas.p, sorted_betas.m, sorted_betas.v


@variant(
    "adam-powers-in-the-parameters-format",
    "adam",
    "The powers of the betas are kept in the format of 16 bits, product after product, where that of 0.999 stays at 1.",
    needs="two steps or more",
    dtypes=("bfloat16", "float16"),
)
def adam_powers_narrow(parameters: Array, gradients: Array, **options: float) -> Array:
    powers = [1.0, 1.0]

    def step(s: State) -> None:
        advance(s)
        for place, beta in enumerate((s.beta_1, s.beta_2)):
            powers[place] = _cut(powers[place] * beta, parameters.dtype)
        m, v = (moment / max(1 - power, 1e-3) for moment, power in zip((s.m, s.v), powers, strict=True))
        s.p = s.p - s.learning_rate * (m / (np.sqrt(v) + s.epsilon) + s.weight_decay * s.p)

    return np.asarray(optimiser(step)(parameters, gradients, **options))
