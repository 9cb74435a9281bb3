"""MLX arrays; bfloat16 crosses as its bits. An array never changes: what is written makes a new one."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ml_dtypes
import mlx.core as mx
import numpy as np

from ..layouts import LAYOUTS, Laid

layouts = LAYOUTS
differentiates = True


def check_device(device: str) -> None:
    """Choose it: MLX computes where its default device says."""
    if device not in ("cpu", "gpu"):
        raise ValueError('MLX has the devices "cpu" and "gpu"')
    mx.set_default_device(mx.cpu if device == "cpu" else mx.gpu)


def to_framework(laid: Laid, device: str) -> tuple[Any, Any]:
    """Make a flat array and the strided view of it; an empty array has no strided view, which MLX refuses."""
    storage = _array(laid.buffer)
    if not laid.buffer.size:
        return storage, storage.reshape(laid.shape)
    return storage, mx.as_strided(storage, laid.shape, laid.strides, laid.offset)


def from_framework(array: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Copy the values, which MLX computes at this moment if it has not yet."""
    if not isinstance(array, mx.array):
        raise TypeError(f"it is a {type(array).__name__}, not an MLX array")
    if array.dtype == mx.complex64:
        raise TypeError("its dtype is complex64, which is no real number format")
    if array.dtype == mx.bfloat16:
        return np.array(array.view(mx.uint16)).view(ml_dtypes.bfloat16)
    return np.array(array)


def shares_memory(result: Any, storage: Any) -> bool:
    """Say no: arrays are values, and no result can change with an argument."""
    return False


def overwrite(storage: Any, buffer: np.ndarray[Any, np.dtype[Any]]) -> bool:
    """Say no: arrays cannot be overwritten."""
    return False


def spoil(sizes: Collection[int], device: str) -> None:
    """Do nothing: MLX has no arrays that are allocated and not written."""


def vjp(run: Callable[..., Any], arguments: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """Call mx.vjp."""
    cotangents = list(cotangent) if isinstance(cotangent, tuple) else [cotangent]

    def listed(*given: Any) -> list[Any]:
        results = run(*given)
        return list(results) if isinstance(results, tuple) else [results]

    _, gradients = mx.vjp(listed, list(arguments), cotangents)
    result: Sequence[Any] = gradients
    return result


def _array(buffer: np.ndarray[Any, np.dtype[Any]]) -> mx.array:
    """Make an array with memory of its own; without a dtype, float64 would become float32."""
    if buffer.dtype == ml_dtypes.bfloat16:
        return mx.array(buffer.view(np.uint16)).view(mx.bfloat16)
    return mx.array(buffer, dtype=getattr(mx, "bool_" if buffer.dtype == bool else buffer.dtype.name))
