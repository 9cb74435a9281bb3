"""Gradients as variants: the forward function is right, and shared; the backward pass is their own."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .arithmetic import Array, widened
from .catalogue import variant

Gradients = tuple[Array, ...]
Vjp = TypeVar("Vjp", bound=Callable[..., Any])


def gradients_of(component: str, forward: Callable[..., Array]) -> Callable[..., Callable[[Vjp], Vjp]]:
    """`variant` for the gradients of a component, all beside one right forward function."""

    def gradient(name: str, sentence: str, **fields: Any) -> Callable[[Vjp], Vjp]:
        def register(vjp: Vjp) -> Vjp:
            variant(name, component, sentence, vjp=vjp, **fields)(forward)
            return vjp

        return register

    return gradient


def wide_gradients(function: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """Widen cotangent and arguments, round each gradient once to the format in which they came."""

    @functools.wraps(function)
    def rounding_once(cotangent: Array, *arrays: Array, **options: Any) -> Gradients:
        with np.errstate(all="ignore"):
            found = function(widened(cotangent), *map(widened, arrays), **options)
            return tuple(each.astype(cotangent.dtype) for each in found)

    return rounding_once


def gradients_in(form: np.dtype[Any]) -> Callable[[Callable[..., Gradients]], Callable[..., Gradients]]:
    """Compute in one format, whatever the arguments have, and round each gradient once to theirs."""

    def computing(function: Callable[..., Gradients]) -> Callable[..., Gradients]:
        @functools.wraps(function)
        def rounding_once(cotangent: Array, *arrays: Array, **options: Any) -> Gradients:
            given = (each if each.dtype.kind == "i" else each.astype(form) for each in (cotangent, *arrays))
            with np.errstate(all="ignore"):
                return tuple(each.astype(cotangent.dtype) for each in function(*given, **options))

        return rounding_once

    return computing


def never_cleared(vjp: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """Add each gradient to what the last call of these shapes left."""
    left: dict[Any, Gradients] = {}

    @functools.wraps(vjp)
    def accumulating(cotangent: Array, *arrays: Array, **options: Any) -> Gradients:
        shapes = (cotangent.dtype, cotangent.shape, *(each.shape for each in arrays))
        found = vjp(cotangent, *arrays, **options)
        if shapes in left:
            found = tuple(new + old for new, old in zip(found, left[shapes], strict=True))
        left[shapes] = found
        return found

    return accumulating


def summed_in(dtype: np.dtype[Any], terms: Array) -> Array:
    """Sum over the first axis, one term after another, and round each partial sum to a format."""
    total = np.zeros(terms.shape[1:], terms.dtype)
    for each in terms:
        total = (total + each).astype(dtype).astype(terms.dtype)
    return total


def first_row(g: Array) -> Array:
    """Repeat the cotangent of the first row for all of them."""
    return np.broadcast_to(g.reshape(-1, g.shape[-1])[0], g.shape) if g.size else g
