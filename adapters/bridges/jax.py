"""JAX arrays, which never change and have no strides. Its 64-bit mode is on, or float64 would become float32."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..layouts import Laid

jax.config.update("jax_enable_x64", True)

layouts = ("contiguous",)
differentiates = True


def check_device(device: str) -> None:
    """Let JAX itself say which platforms it misses."""
    jax.devices(device)


def to_framework(laid: Laid, device: str) -> tuple[Any, Any]:
    """Make two arrays, flat and shaped: if one were made of the other, each shape would be compiled for."""
    with jax.default_device(jax.devices(device)[0]):
        return jnp.array(laid.buffer), jnp.array(laid.buffer.reshape(laid.shape))


def from_framework(array: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Copy the values as soon as they are computed; raise TypeError for an array that was donated, which is gone."""
    if not isinstance(array, jax.Array):
        raise TypeError(f"it is a {type(array).__name__}, not a JAX array")
    if array.is_deleted():
        raise TypeError("it has been deleted")
    return np.asarray(array)


def shares_memory(result: Any, storage: Any) -> bool:
    """Say no: arrays are values, and no result can change with an argument."""
    return False


def overwrite(storage: Any, buffer: np.ndarray[Any, np.dtype[Any]]) -> bool:
    """Say no: arrays cannot be overwritten."""
    return False


def spoil(sizes: Collection[int], device: str) -> None:
    """Do nothing: JAX has no arrays that are allocated and not written."""


def vjp(run: Callable[..., Any], arguments: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """Call jax.vjp."""
    _, pullback = jax.vjp(run, *arguments)
    gradients: Sequence[Any] = pullback(cotangent)
    return gradients
