"""The weights of a layer, by name, and the check of them: what `weights` holds in encoder and decoder layers."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from .shapes import Array, check, real
from .spec_error import SpecError


def _attention(name: str) -> dict[str, str]:
    width = {f"{name}.w_{each}": f"d_model {name}_{each}_width" for each in ("query", "key", "value")}
    width[f"{name}.w_key"] = width[f"{name}.w_query"]
    return {**width, f"{name}.w_output": f"{name}_value_width d_model"}


def _norm(name: str) -> dict[str, str]:
    return {f"{name}_norm.gain": "d_model", f"{name}_norm.bias": "d_model"}


_FEED_FORWARD: Final = {
    "feed_forward.w_1": "d_model d_ff",
    "feed_forward.b_1": "d_ff",
    "feed_forward.w_2": "d_ff d_model",
    "feed_forward.b_2": "d_model",
}

ENCODER: Final[Mapping[str, str]] = {
    **_attention("self_attention"),
    **_norm("self_attention"),
    **_FEED_FORWARD,
    **_norm("feed_forward"),
}
"""Name -> axes."""

DECODER: Final[Mapping[str, str]] = {
    **_attention("self_attention"),
    **_norm("self_attention"),
    **_attention("cross_attention"),
    **_norm("cross_attention"),
    **_FEED_FORWARD,
    **_norm("feed_forward"),
}


def checked(function: str, weights: Any, axes: Mapping[str, str], d_model: int) -> dict[str, Array]:
    """The weights in float64; SpecError where one is missing, unknown or of the wrong shape."""
    if not isinstance(weights, Mapping):
        raise SpecError(f"{function}: weights is a {type(weights).__name__}, but should be a mapping of named arrays")
    for name in axes:
        if name not in weights:
            raise SpecError(f"{function}: weights lacks {name!r}, but should hold {', '.join(axes)}")
    for name in weights:
        if name not in axes:
            raise SpecError(f"{function}: weights holds {name!r}, but should hold only {', '.join(axes)}")
    arrays = {name: real(function, f"weights[{name!r}]", weights[name]) for name in axes}
    every = {"x": (np.empty((0, d_model)), "rows d_model")}
    check(function, every | {name: (array, axes[name]) for name, array in arrays.items()})
    return arrays


def part(weights: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Those whose names begin with it, by the rest of the name."""
    return {key.removeprefix(f"{name}."): each for key, each in weights.items() if key.startswith(f"{name}.")}


def layers(function: str, weights: Any) -> int:
    """How many layers a stack has: `layers.0.` to `layers.<n - 1>.`, without a gap."""
    if not isinstance(weights, Mapping):
        raise SpecError(f"{function}: weights is a {type(weights).__name__}, but should be a mapping of named arrays")
    numbers = {name.split(".")[1] for name in weights if name.startswith("layers.")}
    if numbers != {str(number) for number in range(len(numbers))}:
        found = ", ".join(sorted(numbers))
        raise SpecError(f"{function}: weights holds the layers {found}, but should hold 0, 1, ... without a gap")
    return len(numbers)
