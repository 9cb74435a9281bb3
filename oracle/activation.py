"""Activations of gated networks, and the errors of computing them.

f(h) = h Phi(h)    f'(h) = Phi(h) + h Phi'(h)

silu        Phi(h) = 1 / (1 + exp(-h))                       Ramachandran, Zoph and Le 2017 (Swish with beta = 1)
gelu-erf    Phi(h) = (1 + erf(h / sqrt(2))) / 2              Hendrycks and Gimpel 2016, section 2
gelu-tanh   Phi(h) = (1 + tanh(u)) / 2,   u = sqrt(2/pi) (h + 0.044715 h^3)      the same, its approximation
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from .rounding.bound import VARIANCE_OF_ROUNDING
from .rounding.computed import Computed, times
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array

_ROOT_2: Final = math.sqrt(2)
_ROOT_2_OVER_PI: Final = math.sqrt(2 / math.pi)
_CUBIC: Final = 0.044715


@dataclass(frozen=True)
class Activation:
    """f(h) = h Phi(h) for a distribution function Phi, and what limits the errors of f and f'."""

    share: Callable[[Array], Array]
    """Phi."""
    density: Callable[[Array], Array]
    """Phi'."""
    roundings: int
    """How often the argument of exp, erf or tanh is rounded, relative to itself."""
    steepest: float
    """max |f'|, rounded up."""
    curvature: float
    """max |f''|, rounded up."""
    stretch: Callable[[Array], Array] = np.ones_like
    """The derivative of the argument of tanh, by which Phi' multiplies the error of 1 - tanh^2."""

    def value(self, h: Array) -> Array:
        """Give f(h)."""
        return np.asarray(np.where(np.isneginf(h), 0.0, h * self.share(h)))

    def slope(self, h: Array) -> Array:
        """Give f'(h)."""
        return np.asarray(self.share(h) + h * self.density(h))

    def error(self, h: Array, numerics: Numerics) -> Array:
        """Bound the error of computing f from an exact h, in any of the forms that Phi has.

            R = U (|h| (c_e / 2 + 2 + k |h| Phi') + 2 |f|) + eta (|h| + 2)

        1 / (1 + exp(-h)) turns the relative error c_e U of the exponential into at most c_e U / 4, (1 + tanh) / 2 and
        (1 + erf) / 2 that of their function into c_e U / 2; the sum and the quotient round once each, in numbers up
        to 1: 2 U. The argument has the relative error k U, and moves Phi by k U |h| Phi'. Where exp(-h) overflows,
        f is zero where |h| / max is due, which eta |h| covers.
        """
        size, unit = np.abs(h), numerics.unit
        of_share = numerics.exp_error / 2 + 2 + self.roundings * size * self.density(h)
        return np.asarray(unit * (size * of_share + 2 * np.abs(self.value(h))) + numerics.underflow * (size + 2))

    def error_of_slope(self, h: Array, numerics: Numerics) -> Array:
        """Bound the error of computing f' from an exact h.

            R' = U ((c_e + 3) (1 + |h| t) + (k + c_e + 6) (|h| + h^2 + |h|^3) Phi') + 3 eta (1 + |h|)

        f' is Phi, as above, and h Phi'. Phi' is s (1 - s), whose factors err absolutely by as much as Phi does; or an
        exponential of -h^2 / 2, which is rounded three times: (c_e + 4 + 3 h^2 / 2) U Phi'; or (1 - tanh^2) u' / 2,
        where 1 - tanh^2 errs by 2 c_e U + 2 U and by what the argument of tanh moves it: t = u'.
        """
        size, unit, c_e = np.abs(h), numerics.unit, numerics.exp_error
        powers = size + size**2 + size**3
        relative = (self.roundings + c_e + 6) * powers * self.density(h)
        absolute = (c_e + 3) * (1 + size * self.stretch(h))
        return np.asarray(unit * (absolute + relative) + 3 * numerics.underflow * (1 + size))


def _logistic(h: Array) -> Array:
    e = np.exp(-np.abs(h))
    return np.asarray(np.where(h < 0, e, 1.0) / (1 + e))


def _logistic_density(h: Array) -> Array:
    e = np.exp(-np.abs(h))
    return np.asarray(e / np.square(1 + e))


# numpy has no erf. erfc keeps the digits of Phi far below zero, where 1 + erf has none.
_ERFC: Final = np.frompyfunc(math.erfc, 1, 1)


def _normal(h: Array) -> Array:
    return np.asarray(_ERFC(-h / _ROOT_2), np.float64) / 2


def _normal_density(h: Array) -> Array:
    return np.asarray(np.exp(-np.square(h) / 2) / math.sqrt(2 * math.pi))


def _argument_of_tanh(h: Array) -> Array:
    return np.asarray(_ROOT_2_OVER_PI * (h + _CUBIC * h**3))


def _slope_of_argument(h: Array) -> Array:
    return np.asarray(_ROOT_2_OVER_PI * (1 + 3 * _CUBIC * np.square(h)))


SILU: Final = Activation(_logistic, _logistic_density, roundings=2, steepest=1.1, curvature=0.5)
"""f'' = s (1 - s) (2 + h (1 - 2 s)), at most 1/2, at 0."""

GELU: Final[Mapping[str, Activation]] = {
    # f'' = phi (2 - h^2), at most 2 phi(0), at 0.
    "erf": Activation(_normal, _normal_density, roundings=2, steepest=1.13, curvature=0.8),
    # (1 + tanh u) / 2 is the logistic function of 2 u; u has the cube, its factor, a sum and a factor: 7 roundings.
    "tanh": Activation(
        lambda h: _logistic(2 * _argument_of_tanh(h)),
        lambda h: 2 * _slope_of_argument(h) * _logistic_density(2 * _argument_of_tanh(h)),
        roundings=7,
        steepest=1.13,
        curvature=0.81,
        stretch=_slope_of_argument,
    ),
}
"""By the form of Phi."""


def activate(tape: Tape, h: Computed, activation: Activation) -> Computed:
    """Record f(h), and back: dh = g f'(h).

    E = E_h min(L, |f'| + C E_h) + R        L = max |f'|, C = max |f''|; R of `error`
    E of f' = min(C E_h, 2 L) + R'
    """
    numerics, a = tape.numerics, tape.read(h)
    e, v, c = a.errors
    value, slope = activation.value(a.value), activation.slope(a.value)
    steep = np.minimum(activation.steepest, np.abs(slope) + activation.curvature * e)
    own = activation.error(a.value, numerics)
    result = Computed(value, steep * e + own, np.square(steep) * v + VARIANCE_OF_ROUNDING * np.square(own), steep * c)

    def backward(g: Computed) -> tuple[Computed]:
        own = activation.error_of_slope(a.value, numerics)
        error = np.minimum(activation.curvature * e, 2 * activation.steepest) + own
        variance = activation.curvature**2 * v + VARIANCE_OF_ROUNDING * np.square(own)
        return (times(g, Computed(slope, error, variance), numerics),)

    return tape.record(result, (h,), backward)
