"""What follows from the contract's row of a component: shapes of results, items of a batch, the oracle's bounds.

The axes in the row say it once: a word is a size, the same word everywhere the same.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from ... import oracle
from ...adapters.contract import Function
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics
from .inputs import Conventions, Inputs
from .rounding import Array
from .verdict import Inapplicable

Axes: TypeAlias = Mapping[str, str]
"""The axes of some arrays, by name."""

_WEIGHTS: Final = "weights."
"""What the names of the arrays in the mapping `weights` begin with."""

_BATCH: Final = ("B", "...")
"""First axes along which a result is computed item by item."""

_REPEATED: Final = (*_BATCH, "N", "T")
"""First axes that the layout `expanded` stores once."""


def shapes(row: Function, results: Axes, inputs: Inputs) -> dict[str, tuple[int, ...]]:
    """Give the shape of each result."""
    sizes: dict[str, tuple[int, ...]] = {
        name: (value,) for name, value in inputs.options.items() if isinstance(value, int)
    }
    axes = {**row.arrays, **{_WEIGHTS + name: each for name, each in row.weights.items()}}
    for name in axes.keys() & inputs.arrays.keys():
        words, shape = axes[name].split(), inputs.arrays[name].shape
        if words[:1] == ["..."]:
            further = len(shape) - len(words) + 1
            sizes["..."] = shape[:further]
            words, shape = words[1:], shape[further:]
        sizes |= {word: (size,) for word, size in zip(words, shape, strict=True)}
    return {name: tuple(size for word in each.split() for size in sizes[word]) for name, each in results.items()}


def item_of(row: Function) -> Callable[[Inputs, int], Inputs] | None:
    """Give the function that makes a call with one item of the batch alone, if the result has a batch."""
    if not next(iter(row.results.values()), "").startswith(_BATCH):
        return None
    axes = {**row.arrays, **row.masks}

    def alone(name: str, array: Array, b: int) -> Array:
        words = axes.get(name, "").split()
        if not words or words[0] not in _BATCH:
            return array
        if words[0] == "..." and array.ndim < len(words):  # `...` stands for no axis at all
            raise Inapplicable
        # A mask may lack the axis of the batch, or have 1 there.
        return array[b : b + 1] if array.ndim >= len(words) and len(array) > 1 else array

    return lambda inputs, b: Inputs(
        {name: alone(name, array, b) for name, array in inputs.arrays.items()}, inputs.options
    )


def expanded(row: Function, inputs: Inputs) -> Inputs:
    """Give the call with the first item in place of all, of arrays of several axes: one stands in memory for all."""
    arrays = dict(inputs.arrays)
    for name, axes in row.arrays.items():
        first, *further = axes.split()
        if first in _REPEATED and (further or first == "..."):
            arrays[name] = np.broadcast_to(arrays[name][:1], arrays[name].shape).copy()
    return Inputs(arrays, inputs.options)


def bound_of(row: Function) -> Callable[[Inputs, Numerics, Conventions], Bound]:
    """Give the oracle's bound of the result, as a function of a call."""
    if row.gives_data:
        return _no_bound
    of_oracle = _named(f"{row.name}_bound")

    def bound(inputs: Inputs, numerics: Numerics, conventions: Conventions) -> Bound:
        positional, keywords = _call(of_oracle, row, inputs, conventions)
        found: Bound = of_oracle(*positional, **keywords, numerics=numerics)
        return found

    return bound


def _no_bound(*_: object) -> Bound:
    raise LookupError("a component whose result is no array has no bound")


def gradient_of(row: Function) -> Callable[[Inputs, Array, Numerics, Conventions], Mapping[str, Bound]] | None:
    """Give the oracle's bounds of the gradients, as a function of a call and a cotangent, if there are gradients."""
    if not row.differentiable:
        return None
    of_oracle = _named(f"{row.name}_vjp_bound")

    def gradient(inputs: Inputs, cotangent: Array, numerics: Numerics, conventions: Conventions) -> Mapping[str, Bound]:
        positional, keywords = _call(of_oracle, row, inputs, conventions)
        found: Mapping[str, Bound] = of_oracle(cotangent, *positional, **keywords, numerics=numerics)
        return found

    return gradient


def _named(name: str) -> Callable[..., Any]:
    if not hasattr(oracle, name):
        raise LookupError(f"assay.oracle has no function {name}, which the contract's row asks for")
    function: Callable[..., Any] = getattr(oracle, name)
    return function


def _call(
    of_oracle: Callable[..., Any], row: Function, inputs: Inputs, conventions: Conventions
) -> tuple[list[Any], dict[str, Any]]:
    """Give the arguments as the oracle takes them: weights as one mapping, conventions as keywords.

    Some conventions are about gradients alone, and the bound of the result does not take them.
    """
    weights = {name.removeprefix(_WEIGHTS): a for name, a in inputs.arrays.items() if name.startswith(_WEIGHTS)}
    given = {**inputs.keywords, "weights": weights}
    positional = [given[name] for name in row.positional]
    keywords = {name: each for name, each in given.items() if name in (*row.masks, *row.options, *row.extensions)}
    taken = inspect.signature(of_oracle).parameters
    return positional, keywords | {name: conventions[name] for name in row.conventions if name in taken}


FOLLOWS: Final[Mapping[str, Callable[[Function], Any]]] = {
    "results": lambda row: lambda inputs: row.results,
    "bound": bound_of,
    "gradient": gradient_of,
    "item": item_of,
}
"""What a field of `Component` is where its file leaves it to the row."""
