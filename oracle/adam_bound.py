"""The bound of Adam: how far from `adam` a right implementation may be, over all of its steps."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .adam import Step, checked, trajectory
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, Z, finish
from .rounding.formats import FORMATS, half_ulp
from .rounding.numerics import Numerics
from .shapes import Array


def adam_bound(
    parameters: ArrayLike,
    gradients: ArrayLike,
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    adam_epsilon: str = "outside",
    numerics: Numerics,
) -> Bound:
    """Say how far from `adam` a right implementation may be, over all of its steps.

    Class 1 keeps moments and parameters in `accumulate`. With `numerics.hidden` the result of every operation may be
    stored in that format, the state as well: an operation then errs by u = U + u_hidden, else by u = U. Each step:

        E_p     = |1 - learning_rate weight_decay| E_p + E_delta + E_decay      then p is stored, `_storing`
        E_delta   `_update`, from the errors E_m and E_v of the moments, `_average`
        E_decay = (2 u + 5 u learning_rate weight_decay) |p|

    E_decay: p (1 - learning_rate weight_decay) has two roundings; learning_rate weight_decay p has four, and one in its
    sum with the update. Statistically, the errors of v last for 1/(1 - beta_2) steps, and a slow p is rounded to the
    same side again and again: between steps, standard deviations are added, not variances, and what storing p costs is
    coherent. Moments in 16 bit stand still where a gradient is too small to move them: with `hidden`, S is W.
    """
    p, g = checked(parameters, gradients, learning_rate, beta_1, beta_2, epsilon, weight_decay, adam_epsilon)
    steps = trajectory(p, g, learning_rate, beta_1, beta_2, epsilon, weight_decay, adam_epsilon)
    operation = _Operation.of(numerics)
    decay = learning_rate * weight_decay
    m = v = error = sigma = coherent = nothing = np.zeros_like(p)  # the last three are of p
    of_m = of_v = Errors(nothing, nothing, nothing)
    rows: list[tuple[Array, Array, Array]] = []
    with np.errstate(all="ignore"):
        for place, step in enumerate(steps):
            if place and step is steps[place - 1]:  # at rest; epsilon is closest to vanishing at the first step
                rows.append(rows[-1])
                continue
            of_m = _average(beta_1, m, of_m, step.g, step.m, 2, operation)
            of_v = _average(beta_2, v, of_v, step.g**2, step.v, 3, operation)
            m, v = step.m, step.v
            kappas = _of_correction(beta_1, step.t, numerics), _of_correction(beta_2, step.t, numerics)
            update = _update(step, of_m, of_v, kappas, learning_rate, operation)
            of_decay = operation.u * (2 + 5 * abs(decay)) * (np.abs(p) + error) if decay else nothing
            moved = np.abs(step.delta + decay * p) + update.error + of_decay + abs(decay) * error
            p = step.p
            error = abs(1 - decay) * error + update.error + of_decay
            sigma = abs(1 - decay) * sigma + np.sqrt(update.variance)
            coherent = abs(1 - decay) * coherent + update.coherent + of_decay
            stored, again = _storing(np.abs(p) + error, moved, numerics)
            rows.append((error + again, sigma**2, coherent + again))
            error, coherent = error + stored, coherent + stored
        found: Array = np.array(rows).reshape(len(steps), 3, len(m)).transpose(1, 0, 2)
        error, variance, coherent = np.where(np.isnan(found), np.inf, found)
    y = np.array([step.p for step in steps]).reshape(g.shape)
    errors = Errors(error, variance, error if numerics.hidden is not None else coherent)
    movement = y - np.asarray(parameters).astype(np.float64)
    return finish(y, errors, numerics, sensitivities={"update": movement}, rows_independent=False)


class _Operation(NamedTuple):
    """What one operation may do to its result."""

    u: float
    """Its relative error."""
    unit: float
    """U: the relative error of a constant, such as beta_1."""
    eta: float
    """Its absolute error."""
    largest: float
    """Beyond this it overflows."""

    @classmethod
    def of(cls, numerics: Numerics) -> "_Operation":
        """Say what an operation errs by in `accumulate`, and with `hidden` in that format, too."""
        unit, eta, largest = numerics.unit, numerics.underflow, FORMATS[numerics.accumulate].largest
        if numerics.hidden is None:
            return cls(unit, unit, eta, largest)
        form = FORMATS[numerics.hidden]
        return cls(unit + form.unit_roundoff, unit, eta + form.half_smallest_subnormal, min(largest, form.largest))


def _storing(size: Array, moved: Array, numerics: Numerics) -> tuple[Array, Array]:
    """Say what storing parameters of that size costs, in `accumulate` and `hidden`, and then without the last rounding.

    Half an ulp of each format, but no more than they have moved in the step: what they were before is in the format,
    and the nearest number is no further off than that one. So parameters that stand still cost nothing, however long.
    The last storing may be the rounding of the result, which `finish` adds.
    """
    stored = again = np.zeros_like(size)
    for name in dict.fromkeys((numerics.accumulate, numerics.hidden)):
        if name is not None:
            half = np.minimum(half_ulp(size, FORMATS[name]), moved + stored)
            stored = stored + half
            again = again + (half if name != numerics.output else 0)
    return stored, again


def _average(
    beta: float, old: Array, of_old: Errors, x: Array, new: Array, products: int, operation: _Operation
) -> Errors:
    """Give the errors of new = beta old + (1 - beta) x, as such and as old + (1 - beta) (x - old).

        E = beta E_old + u (k (1 - beta) |x| + max(beta, 2 (1 - beta)) |old| + |new|) + U (|x| + |old|) + 3 eta

    k products and sums on the way of x: 2, and 3 if x is a square. A beta that is rounded to `accumulate` changes
    beta old by U |old|, and (1 - beta) x by U |x|, which may be a thousandfold of U (1 - beta) |x|.
    """
    u, unit = operation.u, operation.unit
    size, kept = np.abs(old) + of_old.error, max(beta, 2 * (1 - beta))
    error = beta * of_old.error + u * (products * (1 - beta) * np.abs(x) + kept * size) + unit * (np.abs(x) + size)
    # Zero stays zero.
    error = error + np.where((x != 0) | (size > 0), 3 * operation.eta, 0)
    error = error + u * (np.abs(new) + error)
    error = np.where(np.abs(x) + size + error > operation.largest, np.inf, error)
    squares = products * ((1 - beta) * x) ** 2 + (kept * old) ** 2 + new**2
    variance = beta**2 * of_old.variance + VARIANCE_OF_ROUNDING * u**2 * squares
    return Errors(error, variance, beta * of_old.coherent + unit * (np.abs(x) + np.abs(old)))


def _of_correction(beta: float, t: int, numerics: Numerics) -> float:
    """Give the relative error of 1 - beta^t: of beta t times over, of the power (maybe t - 1 products), of the sum.

    kappa = U (1 + (t + max(c_e, t - 1)) beta^t / (1 - beta^t))
    """
    power = beta**t
    return numerics.unit * (1 + (t + max(numerics.exp_error, t - 1)) * power / (1 - power))


def _update(
    step: Step, of_m: Errors, of_v: Errors, kappas: tuple[float, float], alpha: float, operation: _Operation
) -> Errors:
    """Give the errors of delta = alpha m^ / (sqrt(v^) + epsilon), alpha the learning rate.

        growth = denominator / low (1 + 9 u) / (1 - kappa_1)
        low    = sqrt((1 - kappa_2) (v - E_v) / (1 - beta_2^t)) + epsilon
        E      = (growth - 1) |delta| + growth alpha / ((1 - beta_1^t) denominator) E_m
                 + eta (1 + alpha) (1 + 1/(a low))     a = min(1 - beta_1^t, sqrt(1 - beta_2^t))

    The smallest denominator there may be: exact in E_v, and infinite where it is 0. 9 u: m^, sqrt(v^) (two), epsilon,
    their sum, the quotient, alpha, its product, the sum with the decay; or, where alpha sqrt(1 - beta_2^t) /
    (1 - beta_1^t) is one step size (four), its product, sqrt(v) or epsilon (two), their sum, the quotient. Each product
    or quotient may underflow, eta, after it is divided by the denominator or before, be that corrected or not.
    """
    u, eta, largest = operation.u, operation.eta, operation.largest
    kappa_1, kappa_2 = kappas
    v_hat = np.maximum(step.v - of_v.error, 0) * max(1 - kappa_2, 0) / step.correction_2
    # In `hat`, epsilon is divided by the root of 1 - beta_2^t as well.
    epsilon = step.epsilon * np.sqrt(max(1 - kappa_2, 0)) if step.hat else step.epsilon
    correction = math.sqrt(step.correction_2)
    low = np.sqrt(np.maximum(v_hat - eta, 0)) + max(epsilon - eta / correction, 0)
    growth = step.denominator / low * (1 + 9 * u) / max(1 - kappa_1, 0)
    m_hat = (np.abs(step.m) + of_m.error) / step.correction_1
    per_m = np.abs(alpha / (step.correction_1 * step.denominator))
    underflow = eta * (1 + abs(alpha)) * (1 + 1 / (min(step.correction_1, correction) * low))
    moves = (of_m.error > 0) & (alpha != 0)
    error = (growth - 1) * np.abs(step.delta) + growth * per_m * of_m.error + np.where(moves, underflow, 0)
    beyond = (np.maximum(1, m_hat) / (correction * low) > largest) | (m_hat > largest)
    beyond |= (step.v + of_v.error) / step.correction_2 > largest
    error = np.where(beyond & moves, np.inf, error)
    # To first order in v: d delta/delta = -1/2 root/denominator dv/v; t is the largest |dv|/v within Z deviations.
    share = np.where(step.v > 0, (step.denominator - step.epsilon) / (2 * step.denominator * step.v), 0)
    t = np.where(step.v > 0, Z * np.sqrt(of_v.variance) / step.v, 0)
    stretch = np.where(t < 1, (1 - t) ** -3, np.inf)
    relative = stretch * share**2 * of_v.variance + VARIANCE_OF_ROUNDING * 9 * u**2
    variance = step.delta**2 * relative + stretch * per_m**2 * of_m.variance
    common = np.abs(step.delta) * (share * of_v.coherent + kappa_1 + kappa_2 / 2) + per_m * of_m.coherent
    return Errors(error, variance, common)
