"""The weights of a layer or of a stack of layers, by name: the check of them, and how they are taken apart.

Which weights there are, and their axes, is in the rows of the contract.
"""

from collections.abc import Mapping
from typing import Any

from .options import check_conventions, check_whole
from .shapes import Array, check_axes, real, row_of
from .spec_error import SpecError


def checked_weights(function: str, weights: Any, sizes: Mapping[str, int], layers: int = 0) -> dict[str, Array]:
    """Give the weights in float64; SpecError where one is missing, unknown or of the wrong shape.

    `sizes` are those of axes that other arguments have set.
    """
    _check_mapping(function, weights)
    axes = _axes(row_of(function).weights, layers)
    for name in axes:
        if name not in weights:
            raise SpecError(f"{function}: weights lacks {name!r}, but should hold {', '.join(axes)}")
    for name in weights:
        if name not in axes:
            raise SpecError(f"{function}: weights holds {name!r}, but should hold only {', '.join(axes)}")
    arrays = {name: real(function, f"weights[{name!r}]", weights[name]) for name in axes}
    check_axes(function, {name: (array, axes[name]) for name, array in arrays.items()}, sizes)
    return arrays


def check_heads(function: str, weights: Mapping[str, Array], heads: int, masked_row: str) -> None:
    """Raise SpecError where the widths of the weights are no multiples of the heads, or `masked_row` is unknown."""
    check_whole(function, "heads", heads, 1)
    check_conventions(function, masked_row=masked_row)
    for name, array in weights.items():
        size = array.shape[-1]
        if name.endswith((".w_query", ".w_value")) and size % heads:
            raise SpecError(f"{function}: {name} has {size} columns, but should have a multiple of heads = {heads}")


def _axes(row: Mapping[str, str], layers: int) -> dict[str, str]:
    """Give the axes of each weight, those of `layers.*.` for each layer: its widths may differ from the next one's."""
    axes = {name: each for name, each in row.items() if "*" not in name}
    for number in range(layers):
        for name, each in row.items():
            if "*" in name:
                words = (word if word == "d_model" else f"{word}_{number}" for word in each.split())
                axes[name.replace("*", str(number))] = " ".join(words)
    return axes


def _check_mapping(function: str, weights: Any) -> None:
    if not isinstance(weights, Mapping):
        raise SpecError(f"{function}: weights is a {type(weights).__name__}, but should be a mapping of named arrays")


def part(weights: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give those whose names begin with it, by the rest of the name."""
    return {key.removeprefix(f"{name}."): each for key, each in weights.items() if key.startswith(f"{name}.")}


def layers(function: str, weights: Any) -> int:
    """Say how many layers a stack has: `layers.0.` to `layers.<n - 1>.`, without a gap."""
    _check_mapping(function, weights)
    numbers = {name.split(".")[1] for name in weights if name.startswith("layers.")}
    if numbers != {str(number) for number in range(len(numbers))}:
        found = ", ".join(sorted(numbers))
        raise SpecError(f"{function}: weights holds the layers {found}, but should hold 0, 1, ... without a gap")
    return len(numbers)
