"""Keras: its arrays are those of a backend, which is its device."""

import importlib
import os
from typing import Any, Final

from . import Bridge, bridge_to

_BACKENDS: Final = ("numpy", "jax", "torch")
_DEVICE: Final = "cpu"
"""Where each backend computes."""

_chosen: Bridge


def check_device(device: str) -> None:
    """Choose the backend, which Keras does when it is imported, and not again."""
    global _chosen
    if device not in _BACKENDS:
        raise ValueError(f"its devices are its backends, {', '.join(_BACKENDS)}")
    os.environ["KERAS_BACKEND"] = device
    if (backend := importlib.import_module("keras").backend.backend()) != device:
        raise ValueError(f"this process has already imported Keras with the backend {backend}")
    _chosen = bridge_to(device)
    _chosen.check_device(_DEVICE)


def to_framework(laid: Any, device: str) -> tuple[Any, Any]:
    """Make arrays of the backend."""
    return _chosen.to_framework(laid, _DEVICE)


def spoil(sizes: Any, device: str) -> None:
    """Fill free memory of the backend."""
    _chosen.spoil(sizes, _DEVICE)


def __getattr__(name: str) -> Any:
    """Take everything else from the backend's bridge."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(_chosen, name)
