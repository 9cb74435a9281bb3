"""Shapes, checked where they enter: `sizes = check(attention, query="B H L_q d_k", key="B H_kv L_k d_k")`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .spec_error import SpecError

Array = np.ndarray[Any, np.dtype[Any]]


def check(function: str, arrays: Mapping[str, tuple[Array, str]]) -> dict[str, int]:
    """The size of each named axis; SpecError where an array has other axes than its letters say.

    `arrays` maps each argument to the array and its axes, one word each; `...` first stands for any further axes.
    A word that is a number is that size.
    """
    sizes: dict[str, int] = {}
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
            known = ", ".join(f"{word} = {sizes[word]}" for word in words if word in sizes)
            raise SpecError(
                f"{function}: {name} has the shape {array.shape}, but should have the axes ({axes})"
                + (f", where {known}" if known else "")
            )
    return sizes


def same_shape(function: str, cotangent: Array, shape: tuple[int, ...]) -> None:
    """SpecError unless the cotangent has the shape of the result that it belongs to."""
    if cotangent.shape != shape:
        raise SpecError(
            f"{function}: cotangent has the shape {cotangent.shape}, but should have that of the result, {shape}"
        )


def real(function: str, name: str, values: Any) -> Array:
    """The argument as a float64 array; SpecError if it holds anything but real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold real numbers")
    return array.astype(np.float64)


def whole(function: str, name: str, values: Any) -> Array:
    """The argument as an int64 array; SpecError if it holds anything but whole numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold whole numbers")
    return array.astype(np.int64)


def boolean(function: str, name: str, values: Any) -> Array:
    """The argument as a bool array; SpecError if it holds anything else: a 0/1 float is no mask."""
    array = np.asarray(values)
    if array.dtype.kind != "b":
        raise SpecError(f"{function}: {name} holds {array.dtype}, but should hold booleans, True = may attend")
    return array
