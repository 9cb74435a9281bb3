"""What a call of the oracle is given: arrays of the right kind of numbers and of shapes that fit each other.

    query, key, value = checked_arrays("attention", query, key, value)
    g = checked_cotangent("attention_vjp", cotangent, result_shape)

Which arrays a function has, which of them hold whole numbers, and their axes are in the row of its contract,
`assay.adapters.contract.FUNCTIONS`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..adapters.contract import FUNCTIONS, Function
from .spec_error import SpecError

Array = np.ndarray[Any, np.dtype[Any]]


def row_of(function: str) -> Function:
    """Give the contract's row of a function, of its gradient or of the bound of either."""
    return FUNCTIONS[function.removesuffix("_bound").removesuffix("_vjp")]


def checked_arrays(function: str, *given: ArrayLike) -> tuple[Array, ...]:
    """Give the array arguments of a function of the contract, in its order, as int64 or float64.

    SpecError where one holds another kind of numbers, or where the shapes do not fit the axes of the contract.
    """
    row = row_of(function)
    arrays = {
        name: (whole if name in row.integers else real)(function, name, values)
        for name, values in zip(row.arrays, given, strict=True)
    }
    check_axes(function, {name: (array, row.arrays[name]) for name, array in arrays.items()})
    return tuple(arrays.values())


def check_axes(
    function: str, arrays: Mapping[str, tuple[Array, str]], known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Give the size of each named axis; SpecError where an array has other axes than its letters say.

    `arrays` maps each argument to the array and its axes, one word each; `...` first stands for any further axes.
    A word that is a number is that size. `known` are sizes that other arguments have set.
    """
    sizes = dict(known or {})
    for name, (array, axes) in arrays.items():
        words = axes.split()
        shape = array.shape
        if words[:1] == ["..."]:
            words = words[1:]
            shape = shape[max(len(shape) - len(words), 0) :]
        fits = len(shape) == len(words)
        for word, size in zip(words, shape, strict=False):
            due = int(word) if word.isdigit() else sizes.setdefault(word, size)
            fits = fits and due == size
        if not fits:
            said = ", ".join(f"{word} = {sizes[word]}" for word in words if word in sizes)
            raise SpecError(
                f"{function}: {name} has the shape {array.shape}, but should have the axes ({axes})"
                + (f", where {said}" if said else "")
            )
    return sizes


def checked_cotangent(function: str, cotangent: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Give the cotangent in float64; SpecError unless it has the shape of the result that it belongs to."""
    g = real(function, "cotangent", cotangent)
    if g.shape != shape:
        raise SpecError(f"{function}: cotangent has the shape {g.shape}, but should have that of the result, {shape}")
    return g


def real(function: str, name: str, values: ArrayLike) -> Array:
    """Give the argument as a float64 array; SpecError if it holds anything but real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold real numbers")
    return array.astype(np.float64)


def whole(function: str, name: str, values: ArrayLike) -> Array:
    """Give the argument as an int64 array; SpecError if it holds anything but whole numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold whole numbers")
    return array.astype(np.int64)


def boolean(function: str, name: str, values: ArrayLike) -> Array:
    """Give the argument as a bool array; SpecError if it holds anything else: a 0/1 float is no mask."""
    array = np.asarray(values)
    if array.dtype.kind != "b":
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold booleans, True = may attend")
    return array
