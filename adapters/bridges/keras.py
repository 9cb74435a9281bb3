"""Keras: its arrays are those of a backend, which is its device."""

import importlib
import os
from collections.abc import Mapping
from typing import Any, Final

from . import Bridge

# Backend -> its bridge, and the device on that.
_BACKENDS: Final[Mapping[str, tuple[str, str]]] = {
    "numpy": ("numpy", "cpu"),
    "jax": ("jax", "cpu"),
    "torch": ("torch", "cpu"),
}

_chosen: Bridge


def check_device(device: str) -> None:
    """Choose the backend, which Keras does when it is imported, and not again."""
    global _chosen
    if device not in _BACKENDS:
        raise ValueError(f"its devices are its backends, {', '.join(_BACKENDS)}")
    os.environ["KERAS_BACKEND"] = device
    if (backend := importlib.import_module("keras").backend.backend()) != device:
        raise ValueError(f"this process has already imported Keras with the backend {backend}")
    _chosen = importlib.import_module(f"{__package__}.{_BACKENDS[device][0]}")
    _chosen.check_device(_BACKENDS[device][1])


def to_framework(laid: Any, device: str) -> tuple[Any, Any]:
    """Arrays of the backend."""
    return _chosen.to_framework(laid, _BACKENDS[device][1])


def __getattr__(name: str) -> Any:
    """Everything else as the backend has it."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(_chosen, name)
