"""Gradients of layer normalisation: dx = r (a - mean(a) - z mean(a z)), dgain = sum g z, dbias = sum g.

z = (x - mean) r,   r = 1 / sqrt(variance + epsilon),   a = gain g,   sums over all rows; g is the cotangent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import FLOAT64, Array
from ..gradients import Gradients, gradients_in, gradients_of, wide_gradients
from .right import layer_norm_two_pass, mean

gradient = gradients_of("layer_norm", layer_norm_two_pass)


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
        """Compute r (a - mean a - z mean(a z)), where a = g gain."""
        return np.asarray(self.r * (self.a - mean(self.a) - self.z * mean(self.a * self.z)))

    def of_gain(self) -> Array:
        """Sum g z over the rows."""
        return np.asarray((self.g * self.z).sum(self.rows))

    def of_bias(self) -> Array:
        """Sum g over the rows."""
        return np.asarray(self.g.sum(self.rows))

    def all(self) -> Gradients:
        """Compute the gradients of x, gain and bias."""
        return self.of_x(), self.of_gain(), self.of_bias()


def begun(g: Array, x: Array, gain: Array, epsilon: float) -> Pass:
    """Compute the statistics, z = (x - mean x) r and r = 1 / sqrt(var x + epsilon), of the forward pass."""
    centred = x - mean(x)
    r = 1 / np.sqrt(mean(centred**2) + epsilon)
    return Pass(g, x, gain, epsilon, centred * r, r, g * gain)


def from_pass(function: Callable[[Pass], Gradients]) -> Callable[..., Gradients]:
    """Make the contract's function of one that goes back from the statistics."""

    @wide_gradients
    def layer_norm_vjp(g: Array, x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Gradients:
        return function(begun(g, x, gain, epsilon))

    return layer_norm_vjp


# Right


@gradient("layer-norm-gradient-plain", "The formula, from the normalised row.", wrong=False)
@from_pass
def layer_norm_gradient_plain(p: Pass) -> Gradients:
    return p.all()


@gradient("layer-norm-gradient-of-sums", "r / d (d a - sum(a) - z sum(a z)).", wrong=False)
@from_pass
def layer_norm_gradient_of_sums(p: Pass) -> Gradients:
    d = p.x.shape[-1]
    sums = (each.sum(-1, keepdims=True) for each in (p.a, p.a * p.z))
    first, second = sums
    return p.r / d * (d * p.a - first - p.z * second), p.of_gain(), p.of_bias()


@gradient(
    "layer-norm-gradient-by-steps",
    "Through quotient, root, variance and mean in turn, as a tape records them.",
    wrong=False,
)
@from_pass
def layer_norm_gradient_by_steps(p: Pass) -> Gradients:
    c = p.x - mean(p.x)
    of_r = (p.a * c).sum(-1, keepdims=True)
    of_c = p.a * p.r - of_r * p.r**3 * c / p.x.shape[-1]
    return of_c - mean(of_c), p.of_gain(), p.of_bias()


@gradient(
    "layer-norm-gradient-rows-by-eight",
    "Gain and bias are summed over 8 rows at a time, then over these.",
    wrong=False,
)
@from_pass
def layer_norm_gradient_rows_by_eight(p: Pass) -> Gradients:
    d = p.x.shape[-1]
    of_gain, of_bias = np.zeros_like(p.gain), np.zeros_like(p.gain)
    g, terms = p.g.reshape(p.x.size // d, d), (p.g * p.z).reshape(p.x.size // d, d)
    for start in range(0, len(g), 8):
        of_gain = of_gain + terms[start : start + 8].sum(0)
        of_bias = of_bias + g[start : start + 8].sum(0)
    return p.of_x(), of_gain, of_bias


@gradient("layer-norm-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def layer_norm_gradient_float64_inside(
    g: Array, x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5
) -> Gradients:
    return begun(g, x, gain, epsilon).all()
