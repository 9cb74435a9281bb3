"""Bridges: how arrays of one framework are made, read, compared and overwritten. One file a framework, same names.

A bridge imports its framework, so it is imported by name and only in the process that hosts the adapter.
"""

import importlib
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

import numpy as np

from ..layouts import Laid

# Each is the name of the module that must be installed, and of the bridge's file here.
FRAMEWORKS: Final = ("numpy", "torch", "jax", "mlx", "keras")


class Bridge(Protocol):
    """What the file of a framework holds."""

    @property
    def layouts(self) -> tuple[str, ...]:
        """The memory layouts that the framework can express."""

    @property
    def differentiates(self) -> bool:
        """Whether the framework has automatic differentiation."""

    def check_device(self, device: str) -> None:
        """Raise if the device is not there."""

    def to_framework(self, laid: Laid, device: str) -> tuple[Any, Any]:
        """Make the flat storage, and the view of it that the implementation gets.

        The storage shares no memory with us.
        """

    def from_framework(self, array: Any) -> np.ndarray[Any, np.dtype[Any]]:
        """Return the array in its own dtype; raise TypeError, in one clause, if it is not an array of the framework."""

    def shares_memory(self, result: Any, storage: Any) -> bool:
        """Say whether the result lives in the storage of an argument."""

    def overwrite(self, storage: Any, buffer: np.ndarray[Any, np.dtype[Any]]) -> bool:
        """Put other values into a storage; False where the framework's arrays cannot change."""

    def spoil(self, sizes: Collection[int], device: str) -> None:
        """Fill free memory of so many bytes with NaN: what is allocated next may lie there, and must be written."""

    def vjp(self, run: Callable[..., Any], arguments: Sequence[Any], cotangent: Any) -> Sequence[Any]:
        """Compute the gradient of `sum(run(*arguments) * cotangent)` with respect to each argument.

        Where `run` returns a tuple, there is a cotangent of each, and the sums are added up.
        """


def bridge_to(framework: str) -> Bridge:
    """Import the bridge of a framework of `FRAMEWORKS`."""
    bridge: Bridge = importlib.import_module(f"{__name__}.{framework}")
    return bridge
