"""What an import changes for everybody in its process: it is reported, since results may hang on it."""

import builtins
import locale
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

State = Mapping[str, object]

_LOOKED_AT: Final = (builtins, math, np, np.linalg, os, time)
"""Modules whose functions an import may replace."""


def state() -> State:
    """Give what an import may change, by what it is called in a sentence."""
    functions = {
        f"{module.__name__}.{name}": value
        for module in _LOOKED_AT
        for name, value in vars(module).items()
        if callable(value) and not isinstance(value, ModuleType)
    }
    return {
        "the working directory": _folder(),
        "the locale": locale.setlocale(locale.LC_ALL),
        "numpy's handling of floating-point errors": np.geterr(),
        "the limit of recursion": sys.getrecursionlimit(),
        **functions,
    }


def _folder() -> str:
    """Give the working directory; it may have been removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def notes_on_changes(before: State, after: State) -> list[str]:
    """Say what an import has changed, and which settings of torch are not those that it has by itself."""
    changed = [name for name, value in before.items() if name in after and not _same(value, after[name])]
    notes = [f"importing it changes {name}" for name in changed]
    return notes + [f"it sets {name} to {value}" for name, value in _settings_of_torch()]


def _same(one: object, other: object) -> bool:
    # Functions of numpy compare by identity; comparing arrays would give arrays.
    return one is other or (not callable(one) and one == other)


def _settings_of_torch() -> Iterator[tuple[str, Any]]:
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_default_dtype"):
        return
    for name, value, usual in (
        ("torch's default dtype", torch.get_default_dtype(), torch.float32),
        ("torch's default device", torch.get_default_device(), torch.device("cpu")),
        ("torch's precision of float32 products", torch.get_float32_matmul_precision(), "highest"),
        ("torch's deterministic algorithms", torch.are_deterministic_algorithms_enabled(), False),
        ("torch's recording of gradients", torch.is_grad_enabled(), True),
    ):
        if value != usual:
            yield name, value
