"""Gradients of root mean square normalisation: dx = r (a - z mean(a z)), dgain = sum g z.

z = x r,   r = 1 / sqrt(mean(x^2) + epsilon),   a = gain g,   sums over all rows; g is the cotangent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, widened
from ..gradients import Gradients, gradients_in, gradients_of, wide_gradients
from .right import BEFORE, ONE_PLUS_W, mean, rms_norm_cast_before, rms_norm_one_plus_w, rms_norm_plain

gradient = gradients_of("rms_norm", rms_norm_plain)
gradient_one_plus_w = gradients_of("rms_norm", rms_norm_one_plus_w)
gradient_before = gradients_of("rms_norm", rms_norm_cast_before)


@dataclass
class Pass:
    """What the way back starts from; a wrong one changes a piece before it goes on."""

    g: Array
    x: Array
    gain: Array
    epsilon: float
    z: Array
    r: Array
    a: Array

    @property
    def rows(self) -> tuple[int, ...]:
        """The axes of the rows."""
        return tuple(range(self.x.ndim - 1))

    def of_x(self) -> Array:
        """Go back by the formula."""
        return np.asarray(self.r * (self.a - self.z * mean(self.a * self.z)))

    def of_gain(self) -> Array:
        """Sum over the rows."""
        return np.asarray((self.g * self.z).sum(self.rows))

    def all(self) -> Gradients:
        """Compute the gradients of x and gain."""
        return self.of_x(), self.of_gain()


def begun(g: Array, x: Array, gain: Array, epsilon: float) -> Pass:
    """Begin with the root by the formula."""
    r = np.asarray(1 / np.sqrt(mean(x**2) + epsilon))
    return Pass(g, x, gain, epsilon, x * r, r, g * gain)


def from_pass(function: Callable[[Pass], Gradients]) -> Callable[..., Gradients]:
    """Make the contract's function of one that goes back from the root."""

    @wide_gradients
    def rms_norm_vjp(g: Array, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Gradients:
        return function(begun(g, x, gain, epsilon))

    return rms_norm_vjp


# Right


@gradient("rms-norm-gradient-plain", "The formula, from the normalised row.", wrong=False)
@from_pass
def rms_norm_gradient_plain(p: Pass) -> Gradients:
    return p.all()


@gradient(
    "rms-norm-gradient-by-steps",
    "Through product, root, mean and square in turn, as a tape records them; rows are summed by eight.",
    wrong=False,
)
@from_pass
def rms_norm_gradient_by_steps(p: Pass) -> Gradients:
    d = p.x.shape[-1]
    of_r = (p.a * p.x).sum(-1, keepdims=True)
    of_x = p.a * p.r + 2 * p.x * (of_r * (p.r**3 * p.x.dtype.type(-0.5)) / d)
    terms, of_gain = (p.g * p.z).reshape(p.x.size // d, d), np.zeros_like(p.gain)
    for start in range(0, len(terms), 8):
        of_gain = of_gain + terms[start : start + 8].sum(0)
    return of_x, of_gain


@gradient("rms-norm-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def rms_norm_gradient_float64_inside(g: Array, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Gradients:
    return begun(g, x, gain, epsilon).all()


@gradient_one_plus_w(
    "rms-norm-gradient-one-plus-w", "The gain is 1 + w, as declared.", wrong=False, conventions=ONE_PLUS_W
)
@from_pass
def rms_norm_gradient_one_plus_w(p: Pass) -> Gradients:
    return replace(p, a=p.g * (1 + p.gain)).all()


@gradient_before(
    "rms-norm-gradient-cast-before",
    "The row is rounded first, as declared, and so are the products with the gain and with the row.",
    wrong=False,
    conventions=BEFORE,
)
def rms_norm_gradient_cast_before(g: Array, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Gradients:
    with np.errstate(all="ignore"):
        p = begun(widened(g), widened(x), widened(gain), epsilon)
        p = replace(p, a=rounded(p.a, x.dtype))
        of_gain = rounded(p.g * rounded(p.z, x.dtype), x.dtype).sum(p.rows)
        return p.of_x().astype(x.dtype), of_gain.astype(x.dtype)
