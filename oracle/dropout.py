"""Dropout: Srivastava et al. 2014; "Attention Is All You Need", section 5.4, with P_drop = 0.1.

    evaluation   y = x
    training     y = m x / (1 - rate),   m in {0, 1}, each element 1 with probability 1 - rate by itself
                 dx = m g / (1 - rate), with the same m, whatever x is

    x (...)   rate in [0, 1)

Where the sources are silent: the scaling is done in training (Srivastava et al., section 10), so evaluation needs
none; which masks a seed gives is the implementation's own affair. So this file has the truth of one element, and the
distribution of their number.
"""

import functools
import math

import numpy as np
from numpy.typing import ArrayLike

from .options import check_number
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, stored
from .rounding.numerics import Numerics
from .shapes import Array, checked_arrays, checked_cotangent


def dropout(x: ArrayLike, *, rate: float, training: bool = False, seed: int = 0) -> Array:
    """Give y, of the shape of x; in training with a mask of numpy's generator of that seed.

    SpecError unless 0 <= rate < 1.
    """
    values = _arguments(x, rate)
    if not training:
        return values
    kept = np.random.default_rng(seed).random(values.shape) >= rate
    return np.asarray(np.where(kept, values / (1 - rate), 0.0))


def dropout_vjp(
    cotangent: ArrayLike, x: ArrayLike, *, rate: float, training: bool = False, seed: int = 0
) -> tuple[Array]:
    """Give dx = m g / (1 - rate) for the cotangent g and the mask of the value; in evaluation dx = g.

    SpecError as of `dropout`, or where the cotangent has not the shape of x.
    """
    g = checked_cotangent("dropout_vjp", cotangent, _arguments(x, rate).shape)
    return (dropout(g, rate=rate, training=training, seed=seed),)


def dropout_bound(x: ArrayLike, *, rate: float, training: bool = False, seed: int = 0, numerics: Numerics) -> Bound:
    """Say how far from `dropout` an element that is kept may be; the expected value is that of no element dropped.

    In evaluation nothing is computed, and so nothing may differ. In training

        E = |y| (e^(U (3 + rate/(1 - rate)) + u_h) - 1) + eta

    The difference 1 - rate, its reciprocal and the product are rounded; so may be the rate before, whose error the
    difference magnifies. Where tensors between steps are stored in 16 bits, the scaled mask is one of them: u_h. The
    seed says nothing of the size of an error.
    """
    del seed
    x = _arguments(x, rate)
    if not training:
        zero = np.zeros(x.shape)
        return Bound(x, zero, zero, zero, zero, zero)
    y = x / (1 - rate)
    scale = stored(np.asarray(1 / (1 - rate)), Errors(0.0, 0.0), numerics.hidden).error * (1 - rate)
    if rate == 0:
        scale = 0.0  # 1 is exact in every format
    relative = np.expm1(numerics.unit * (3 + rate / (1 - rate)) + scale)
    size = np.abs(y)
    errors = Errors(
        size * relative + np.where(y != 0, numerics.underflow, 0.0),
        VARIANCE_OF_ROUNDING * (numerics.unit * y) ** 2,
        size * relative,
    )
    return finish(y, errors, numerics)


def dropout_vjp_bound(
    cotangent: ArrayLike, x: ArrayLike, *, rate: float, training: bool = False, seed: int = 0, numerics: Numerics
) -> dict[str, Bound]:
    """Say how far from `dropout_vjp` an element that is kept may be: as far as a value, of the cotangent for x."""
    g = checked_cotangent("dropout_vjp_bound", cotangent, _arguments(x, rate).shape)
    return {"x": dropout_bound(g, rate=rate, training=training, seed=seed, numerics=numerics)}


def kept_probability(kept: int, of: int, rate: float) -> float:
    """Say how probable it is that the number of kept elements is at least as far out as this, on its side; two-sided.

        min(1, 2 min(P(X <= kept), P(X >= kept))),   X binomial(of, 1 - rate)

    The probabilities are summed, not approximated; each comes from logarithms of factorials, which for a million
    elements are right to 1e-8 and so the probability to as much.
    """
    probability = kept_distribution(of, rate)
    return float(min(1.0, 2 * min(probability[: kept + 1].sum(), probability[kept:].sum())))


def kept_range(of: int, rate: float, error: float) -> tuple[int, int]:
    """Give the smallest and the largest number of kept elements whose `kept_probability` is at least `error`."""
    probability = kept_distribution(of, rate)
    below, above = np.cumsum(probability), np.cumsum(probability[::-1])[::-1]
    inside = np.flatnonzero((2 * below >= error) & (2 * above >= error))
    return int(inside[0]), int(inside[-1])


def kept_distribution(of: int, rate: float) -> Array:
    """Give the probability of each number of kept elements, 0 ... of."""
    keep = 1 - rate
    if keep in (0, 1):
        return np.asarray(np.arange(of + 1) == of * keep, np.float64)
    k = np.arange(of + 1)
    log_factorial = _log_factorials(1 << of.bit_length())[: of + 1]
    logarithm = log_factorial[of] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(logarithm + k * math.log(keep) + (of - k) * math.log1p(-keep)))


@functools.lru_cache(maxsize=4)  # the tests of a mask are many, of few sizes
def _log_factorials(count: int) -> Array:
    """Give the logarithms of the first so many factorials."""
    return np.array([math.lgamma(each + 1) for each in range(count)])


def _arguments(x: ArrayLike, rate: float) -> Array:
    (values,) = checked_arrays("dropout", x)
    check_number("dropout", "rate", rate, "at least 0 and below 1", lambda number: 0 <= number < 1)
    return values
