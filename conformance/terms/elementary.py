"""exp and log of arrays, from operations that IEEE 754 defines exactly: + - * /, rounding, and powers of two.

numpy's own differ in the last bit between processors and versions, so no input of a case is made with them. These are
within a few units in the last place, and the same everywhere: each operation is rounded by itself, none is fused.
"""

from typing import Final

import numpy as np

from .rounding import Array

_LN2: Final = 0.6931471805599453
# The logarithm of 2 in two parts: small whole numbers times the first are exact.
_LN2_HIGH: Final = 0.693147180369123816490
_LN2_LOW: Final = 1.90821492927058770002e-10


def log(x: Array) -> Array:
    """Return the natural logarithm of positive numbers 2^e m: e log 2 + 2 artanh((m - 1)/(m + 1))."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.7071067811865476
    mantissa += low * mantissa
    t = mantissa - 1
    t /= mantissa + 1
    square, series = t * t, np.full_like(t, 1 / 21)
    # |t| < 0.172: what follows t^21/21 is below 1e-19.
    for k in range(19, 0, -2):
        series *= square
        series += 1 / k
    t *= 2
    t *= series
    return np.asarray((exponent - low) * _LN2 + t)


def exp(x: Array) -> Array:
    """Return the exponential of finite numbers k log 2 + r: 2^k (1 + r + r^2/2 + ...)."""
    k = np.rint(x / _LN2)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    series = np.ones_like(r)
    # |r| < 0.347: what follows r^13/13! is below 1e-17.
    for n in range(13, 0, -1):
        series = 1 + r * series / n
    return np.asarray(np.ldexp(series, k.astype(np.int32)))
