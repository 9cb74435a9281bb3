"""Sinusoidal positional encoding: "Attention Is All You Need", section 3.5.

    PE(pos, 2i)     = sin(pos / 10000^(2i/d_model))
    PE(pos, 2i + 1) = cos(pos / 10000^(2i/d_model))

    result (length, d_model), pos = 0 ... length - 1

Choices where the paper is silent:

    1   An odd d_model has one sine more than cosines: the last channel is a sine.
    2   `positional_layout`: `interleaved` as above, or `concatenated`: all sines, then all cosines.

An angle in float64 would be off by pos 2^-53, so that at position 10^7 nine of the sine's digits would be left. Here
the turns that the angle is, pos 10000^(-2i/d_model) / (2 pi), are a whole number of 2^-192: their product with the
position is exact, and so is its remainder. The result is within 1 unit in the last place up to position 10^7; beyond,
up to 2^63, it is within that and 2^-128.
"""

import decimal
import math
from typing import Any, Final

import numpy as np

from .bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish
from .numerics import Numerics
from .shapes import check, whole
from .spec_error import SpecError

Array = np.ndarray[Any, np.dtype[Any]]

_LAYOUTS: Final = ("interleaved", "concatenated")

_PI: Final = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")

_LIMBS: Final = 6
"""Of 32 bits each: position < 2^63 times an error of 2^-193 is 2^-130 of a turn, 2^-127 in the angle at most."""

_TAU: Final = (6.283185307179586, 2.4492935982947064e-16)
"""2 pi as a sum of two float64 numbers."""

_SINE: Final = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 10))
"""sin(a) = a + a^3 (-1/3! + a^2/5! - ...)."""

_COSINE: Final = tuple((-1) ** k / math.factorial(2 * k) for k in range(2, 10))
"""cos(a) = 1 - a^2/2 + a^4 (1/4! - a^2/6! + ...)."""


def positional_encoding(length: int, d_model: int, *, positional_layout: str = "interleaved") -> Array:
    """Sines and cosines of positions 0 ... length - 1: (length, d_model).

    SpecError if length is negative, d_model is not at least 1, or the layout is unknown.
    """
    return positional_encoding_at(_positions(length), d_model, positional_layout=positional_layout)


def positional_encoding_at(positions: Any, d_model: int, *, positional_layout: str = "interleaved") -> Array:
    """Sines and cosines of the given positions, whole numbers from 0 to 2^63 - 1: (L,) gives (L, d_model)."""
    positions = _arguments(positions, d_model, positional_layout)
    turns = _turns_per_position(d_model)  # (pairs, limbs)
    sines, cosines = _sine_and_cosine(*_remainder(positions, turns))  # (L, pairs) each
    return _in_channels(sines, cosines, d_model, positional_layout)  # (L, d_model)


def positional_encoding_bound(
    length: int, d_model: int, *, positional_layout: str = "interleaved", numerics: Numerics
) -> Bound:
    """How far from `positional_encoding` a right implementation may be: see `positional_encoding_bound_at`."""
    return positional_encoding_bound_at(
        _positions(length), d_model, positional_layout=positional_layout, numerics=numerics
    )


def positional_encoding_bound_at(
    positions: Any, d_model: int, *, positional_layout: str = "interleaved", numerics: Numerics
) -> Bound:
    """How far from `positional_encoding_at` a right implementation may be, whose angles are in `accumulate`.

        E_theta = pos w (e^(U (2 + c_e + 3 |ln w| + [pos])) - 1)     w = 10000^(-2i/d_model)
        E       = min(|cos theta| E_theta + E_theta^2/2, 1 + |y|) + c_e U     of the sine; of the cosine: |sin theta|

    w is an exponential (c_e) of an exponent with three roundings: ln 10000, 2i/d_model, their product; 2 more are its
    reciprocal and the product with the position; [pos] is 1 where the position is too large to be exact, else 0. The
    error of w is common to a column, and so all of it is coherent, and no two rows are independent.
    """
    positions = _arguments(positions, d_model, positional_layout)
    turns = _turns_per_position(d_model)
    sines, cosines = _sine_and_cosine(*_remainder(positions, turns))
    unit, c_e = numerics.unit, numerics.exp_ulp
    pos = positions[:, None].astype(np.float64)
    ln_w = -np.log(10000) * np.arange(0, d_model, 2) / d_model
    e_theta = pos * np.exp(ln_w) * np.expm1(unit * (2 + c_e + 3 * np.abs(ln_w) + (pos * unit > 1)))
    e_sines = np.minimum(np.abs(cosines) * e_theta + e_theta**2 / 2, 1 + np.abs(sines))
    e_cosines = np.minimum(np.abs(sines) * e_theta + e_theta**2 / 2, 1 + np.abs(cosines))
    y = _in_channels(sines, cosines, d_model, positional_layout)
    common = _in_channels(e_sines, e_cosines, d_model, positional_layout)
    errors = Errors(common + c_e * unit, np.full(y.shape, VARIANCE_OF_ROUNDING * (c_e * unit) ** 2), common)
    return finish(y, errors, numerics, rows_independent=False)


def _positions(length: int) -> Array:
    """0 ... length - 1."""
    if int(length) != length or length < 0:
        raise SpecError(f"positional_encoding: length is {length}, but should be a whole number of at least 0")
    return np.arange(int(length))


def _arguments(positions: Any, d_model: int, positional_layout: str) -> Array:
    """The positions as int64, all arguments checked."""
    pos = whole("positional_encoding", "positions", positions)
    check("positional_encoding", {"positions": (pos, "L")})
    if pos.size and pos.min() < 0:
        raise SpecError(f"positional_encoding: positions holds {pos.min()}, but should hold numbers of at least 0")
    if int(d_model) != d_model or d_model < 1:
        raise SpecError(f"positional_encoding: d_model is {d_model}, but should be a whole number of at least 1")
    if positional_layout not in _LAYOUTS:
        raise SpecError(
            f"positional_encoding: positional_layout is {positional_layout!r}, but should be {' or '.join(_LAYOUTS)}"
        )
    return pos


def _in_channels(sines: Array, cosines: Array, d_model: int, positional_layout: str) -> Array:
    """(L, pairs) of either in their channels: (L, d_model)."""
    cosines = cosines[:, : d_model // 2]
    if positional_layout == "concatenated":
        return np.concatenate([sines, cosines], 1)
    table = np.empty((sines.shape[0], d_model))
    table[:, 0::2] = sines
    table[:, 1::2] = cosines
    return table


def _turns_per_position(d_model: int) -> Array:
    """10000^(-2i/d_model) / (2 pi) for each pair, as limbs of 32 bits after the point, the highest first: uint64."""
    # 2^192 has 58 digits; 80 leave enough to round it.
    context = decimal.Context(prec=80)
    rows = []
    for channel in range(0, d_model, 2):
        exponent = context.divide(decimal.Decimal(-4 * channel), decimal.Decimal(d_model))  # 10000^x = 10^(4 x)
        turns = context.divide(context.power(decimal.Decimal(10), exponent), context.add(_PI, _PI))
        fixed = int(context.multiply(turns, decimal.Decimal(2 ** (32 * _LIMBS))).to_integral_value(context=context))
        rows.append([fixed >> 32 * (_LIMBS - 1 - k) & 0xFFFFFFFF for k in range(_LIMBS)])
    return np.array(rows, np.uint64)


def _remainder(positions: Array, turns: Array) -> tuple[Array, Array, Array]:
    """What `position turns` is above whole turns: quarter/4 + (high + low), |high| <= 1/8; (L, pairs) each."""
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
    """Sine and cosine of 2 pi (quarter/4 + high + low)."""
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
    """Horner's rule, the constant term first in `coefficients`."""
    total = np.full_like(z, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * z + coefficient
    return total


def _exact_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The sum as a float64 number, and its rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _exact_product(a: Array, b: float) -> tuple[Array, Array]:
    """The product as a float64 number, and its rounding error (Dekker)."""
    product = a * b
    (a_1, a_2), (b_1, b_2) = _halves(a), _halves(np.float64(b))
    return product, ((a_1 * b_1 - product) + a_1 * b_2 + a_2 * b_1) + a_2 * b_2


def _halves(a: Any) -> tuple[Any, Any]:
    """The number as a sum of two, of 26 bits each, so that their products are exact (Veltkamp)."""
    scaled = a * (2.0**27 + 1)
    first = scaled - (scaled - a)
    return first, a - first
