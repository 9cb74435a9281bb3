"""numpy arrays; bfloat16 through ml_dtypes."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from ..layouts import FAR, LAYOUTS, Laid

layouts = (*LAYOUTS, *FAR)
differentiates = False


def check_device(device: str) -> None:
    """Numpy computes on the processor only."""
    if device != "cpu":
        raise ValueError('numpy has only the device "cpu"')


def to_framework(laid: Laid, device: str) -> tuple[Any, Any]:
    """Copy the buffer, and make the strided view of the copy."""
    storage = laid.buffer.copy() if laid.held is None else laid.buffer
    strides = tuple(stride * storage.itemsize for stride in laid.strides)
    # An empty buffer has no element at the offset; np.ndarray, unlike as_strided, checks that it stays inside.
    offset = laid.offset * storage.itemsize if storage.size else 0
    return storage, np.ndarray(laid.shape, storage.dtype, storage, offset, strides)


def from_framework(array: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the array itself; numpy's scalars, such as a mean, count as 0-d arrays."""
    if not isinstance(array, np.ndarray | np.generic):
        raise TypeError(f"it is a {type(array).__name__}, not a numpy array")
    plain = np.asarray(array)
    if plain.dtype.kind not in "biuf" and plain.dtype != ml_dtypes.bfloat16:
        raise TypeError(f"its dtype is {plain.dtype}, which is no real number format")
    return plain


def shares_memory(result: Any, storage: Any) -> bool:
    """Say whether their bounds in memory overlap, which is enough as the storage is an allocation of its own."""
    return np.may_share_memory(result, storage)


def overwrite(storage: Any, buffer: np.ndarray[Any, np.dtype[Any]]) -> bool:
    """Overwrite the storage in place."""
    storage[...] = buffer
    return True


def spoil(sizes: Collection[int], device: str) -> None:
    """Allocate and free: what numpy and the C library free, they give out again for the same size."""
    _ = [np.full(size, 255, np.uint8) for size in sizes for _ in range(2)]


def vjp(run: Callable[..., Any], arguments: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """Refuse: numpy has no gradients, but an adapter can bring its own."""
    raise NotImplementedError("numpy does not differentiate; an adapter may define a function such as softmax_vjp")
