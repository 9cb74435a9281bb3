"""The arithmetic of an honest kernel, and of some that are less so.

Operands of 16 bits are computed with in float32, float32 and float64 in themselves; the result is rounded once.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Final

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BFLOAT16: Final[np.dtype[Any]] = np.dtype(ml_dtypes.bfloat16)
FLOAT16: Final[np.dtype[Any]] = np.dtype(np.float16)
FLOAT32: Final[np.dtype[Any]] = np.dtype(np.float32)
FLOAT64: Final[np.dtype[Any]] = np.dtype(np.float64)
_FORMATS: Final = (BFLOAT16, FLOAT16, FLOAT32, FLOAT64)


def widened(array: Array) -> Array:
    """Convert the array to the format of the arithmetic; integers and masks stay as they are."""
    return array.astype(np.float32) if array.dtype in (BFLOAT16, FLOAT16) else array


def wide(function: Callable[..., Array]) -> Callable[..., Array]:
    """Widen the arguments, round the result once to the format in which they came."""

    @functools.wraps(function)
    def rounding_once(*arrays: Array, **options: Any) -> Array:
        given = next(array.dtype for array in arrays if array.dtype in _FORMATS)
        with np.errstate(all="ignore"):
            return function(*map(widened, arrays), **options).astype(given)

    return rounding_once


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """Round each value to the nearest of a narrower format."""
    return values.astype(dtype).astype(values.dtype)


def truncated(values: Array, dtype: np.dtype[Any]) -> Array:
    """Round each value toward zero to bfloat16 or float16; float16's subnormals keep too many bits."""
    dropped = {BFLOAT16: 16, FLOAT16: 13}[dtype]
    bits = values.astype(np.float32).view(np.uint32) >> dropped << dropped
    return bits.view(np.float32).astype(values.dtype)


def tensorfloat32(values: Array) -> Array:
    """Round each value to the 11 significant bits of tensor cores' float32."""
    bits = values.astype(np.float32).view(np.uint32)
    nearest = (bits + 0xFFF + (bits >> 13 & 1)) >> 13 << 13
    return nearest.view(np.float32).astype(values.dtype)


def largest(x: Array) -> Array:
    """Find the largest entry over the last axis, which is kept; minus infinity where there is none."""
    return np.asarray(x.max(-1, keepdims=True, initial=-np.inf))


def through_maximum(x: Array, dx: Array, *, shared: bool = False) -> Array:
    """Give the gradient of x from that of x - max x: the first of the largest has the rest, or each a share."""
    if not x.shape[-1]:
        return dx
    first = np.arange(x.shape[-1]) == x.argmax(-1)[..., None]
    chosen = x == largest(x) if shared else first
    return np.asarray(dx - chosen * (dx.sum(-1, keepdims=True) / chosen.sum(-1, keepdims=True).astype(dx.dtype)))


def normalised(e: Array) -> Array:
    """Divide the entries by their sum along the last axis."""
    return np.asarray(e / e.sum(-1, keepdims=True))


def matmul(a: Array, b: Array, dtype: np.dtype[Any]) -> Array:
    """Compute `a @ b`, one product after another, with an accumulator of `dtype`."""
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype)
    for k in range(a.shape[-1]):
        total = rounded(total + a[..., k : k + 1] * b[..., k : k + 1, :], dtype)
    return total


def fast_exp(x: Array) -> Array:
    """2^n times a cubic for the fraction: the error is 1e-4."""
    y = x * math.log2(math.e)
    n = np.floor(y)
    f = y - n
    cubic = 1 + f * (0.6951786 + f * (0.2276137 + f * 0.0772077))
    powers = np.ldexp(cubic, np.clip(np.nan_to_num(n), -2000, 2000).astype(int))
    return np.asarray(np.where(np.isneginf(x), 0, powers).astype(x.dtype))


def without_softcap(component: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give attention the options that the right one takes: what is asked of others is not asked of it."""
    if component != "attention":
        return function

    def attention(
        query: Array, key: Array, value: Array, *, mask: Any = None, causal: bool = False, scale: Any = None
    ) -> Any:
        return function(query, key, value, mask=mask, causal=causal, scale=scale)

    return attention
