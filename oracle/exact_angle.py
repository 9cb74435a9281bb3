"""Sine and cosine of pos / 10000^(2i/d_model), without the rounding of the angle.

An angle in float64 would be off by pos 2^-53, so that at position 10^7 nine of the sine's digits would be left. Here
the turns of a position, 10000^(-2i/d_model) / (2 pi), are a whole number of 2^-192: their product with the position is
exact, and so is what it is above whole turns. The result is within 1 unit in the last place up to position 10^7, and
within that and 2^-126 up to 2^63.
"""

import decimal
import math
from typing import Any, Final

import numpy as np

from .shapes import Array

_PI: Final = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")

_LIMBS: Final = 6
"""Of 32 bits each: position < 2^63 times an error of 2^-193 is 2^-130 of a turn, below 2^-127 in the angle."""

_TAU: Final = (6.283185307179586, 2.4492935982947064e-16)
"""2 pi as a sum of two float64 numbers."""

_SINE: Final = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 10))
"""sin(a) = a + a^3 (-1/3! + a^2/5! - ...)."""

_COSINE: Final = tuple((-1) ** k / math.factorial(2 * k) for k in range(2, 10))
"""cos(a) = 1 - a^2/2 + a^4 (1/4! - a^2/6! + ...)."""


def sines_and_cosines(positions: Array, d_model: int) -> tuple[Array, Array]:
    """Give sine and cosine of pos / 10000^(2i/d_model) for positions, int64, and pairs of channels: (L, pairs) each."""
    turns = _turns_per_position(d_model)  # (pairs, limbs)
    quarter, high, low = _above_whole_turns(positions, turns)  # (L, pairs) each
    return _sine_and_cosine(quarter, high, low)


def _turns_per_position(d_model: int) -> Array:
    """Give 10000^(-2i/d_model) / (2 pi) for each pair, as limbs of 32 bits after the point, highest first."""
    # 2^192 has 58 digits; 80 leave enough to round it.
    context = decimal.Context(prec=80)
    rows = []
    for channel in range(0, d_model, 2):
        exponent = context.divide(decimal.Decimal(-4 * channel), decimal.Decimal(d_model))  # 10000^x = 10^(4 x)
        turns = context.divide(context.power(decimal.Decimal(10), exponent), context.add(_PI, _PI))
        fixed = int(context.multiply(turns, decimal.Decimal(2 ** (32 * _LIMBS))).to_integral_value(context=context))
        rows.append([fixed >> 32 * (_LIMBS - 1 - k) & 0xFFFFFFFF for k in range(_LIMBS)])
    return np.array(rows, np.uint64)


def _above_whole_turns(positions: Array, turns: Array) -> tuple[Array, Array, Array]:
    """Give position times turns, less whole turns: quarter/4 + (high + low), |high| <= 1/8; (L, pairs) each."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    p = positions[:, None].astype(np.uint64)
    p_low, p_high = p & mask, p >> shift
    # Long multiplication in base 2^32, from the lowest limb; what passes the point is a whole turn.
    digits: list[Array] = []
    carry = np.zeros((len(positions), len(turns)), np.uint64)
    for k in reversed(range(_LIMBS)):
        first = p_low * turns[:, k]
        second = p_high * turns[:, k + 1] if k + 1 < _LIMBS else np.zeros_like(first)
        total = (first & mask) + (second & mask) + carry
        digits.insert(0, total & mask)
        carry = (first >> shift) + (second >> shift) + (total >> shift)
    top = digits[0].astype(np.int64)
    quarter = (top + 2**29) >> 30
    high = (top - (quarter << 30)) * 2.0**-32
    low = np.zeros_like(high)
    for k, digit in enumerate(digits[1:], start=2):
        high, error = _exact_sum(high, digit * 2.0 ** (-32 * k))
        low = low + error
    return quarter % 4, *_exact_sum(high, low)


def _sine_and_cosine(quarter: Array, high: Array, low: Array) -> tuple[Array, Array]:
    """Give sine and cosine of 2 pi (quarter/4 + high + low)."""
    product, error = _exact_product(high, _TAU[0])
    a, b = _exact_sum(product, error + high * _TAU[1] + low * _TAU[0])  # the angle is a + b, |a| <= pi/4
    z = a * a
    # Taylor: the first term left out is below 2^-60 of the result.
    s = a + (b * (1 - z / 2) + a * z * _polynomial(z, _SINE))
    # 1 - z/2 first, and then what rounding took from it.
    h = z / 2
    w = 1 - h
    c = w + (((1 - w) - h) + (z * z * _polynomial(z, _COSINE) - a * b))
    sines = np.choose(quarter, [s, c, -s, -c])
    cosines = np.choose(quarter, [c, -s, -c, s])
    return sines, cosines


def _polynomial(z: Array, coefficients: tuple[float, ...]) -> Array:
    """Apply Horner's rule, the constant term first in `coefficients`."""
    total = np.full_like(z, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * z + coefficient
    return total


def _exact_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Give the sum as a float64 number, and its rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _exact_product(a: Array, b: float) -> tuple[Array, Array]:
    """Give the product as a float64 number, and its rounding error (Dekker)."""
    product = a * b
    (a_1, a_2), (b_1, b_2) = _halves(a), _halves(np.float64(b))
    return product, ((a_1 * b_1 - product) + a_1 * b_2 + a_2 * b_1) + a_2 * b_2


def _halves(a: Any) -> tuple[Any, Any]:
    """Give the number as a sum of two, of 26 bits each, so that their products are exact (Veltkamp)."""
    scaled = a * (2.0**27 + 1)
    first = scaled - (scaled - a)
    return first, a - first
