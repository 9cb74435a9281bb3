"""Gradients in arbitrary precision, with no derivative worked out: a step along the imaginary axis.

    d f(x) / dx = Im f(x + i h) / h + O(h^2)      for an analytic f that is real on the real axis

Nothing cancels, however small the gradient (Squire and Trapp 1998). With h = 2^-200 the error is 2^-400 of what the
third derivative is, which no float64 sees. max(0, .) goes by the real part, so that its derivative at zero is zero.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mpmath
import numpy as np
from arbitrary_precision import exact, total

STEP = 2.0**-200


def gradients(
    function: Callable[..., Any], cotangent: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Compute the gradient of sum(cotangent f) for every real argument, by its place; a weight's by place and name.

    An entry of -inf is a constant: its gradient is zero.
    """
    cotangent = exact(cotangent)
    given = [_numbers(each) for each in arguments]
    result = {}
    for name, array in _real(given):
        gradient = np.empty(array.shape, object)
        for place in np.ndindex(*array.shape):
            number = array[place]
            if not mpmath.isfinite(number):
                gradient[place] = mpmath.mpf(0)
                continue
            array[place] = mpmath.mpc(number, STEP)
            y = function(*given, **options)
            array[place] = number
            along = total(mpmath.im(y[at]) * cotangent[at] for at in np.ndindex(*y.shape) if cotangent[at])
            gradient[place] = along / mpmath.mpf(STEP)
        result[name] = gradient
    return result


def _numbers(argument: Any) -> Any:
    """Copy the argument to an array of objects, a mapping to one for each name; whole numbers stay as they are."""
    if isinstance(argument, Mapping):
        return {name: _numbers(each) for name, each in argument.items()}
    array = np.asarray(argument)
    return array if array.dtype.kind in "iu" else exact(array).copy()


def _real(given: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each array of real numbers, and what it is called."""
    for place, argument in enumerate(given):
        if isinstance(argument, Mapping):
            yield from ((f"{place}.{name}", array) for name, array in argument.items())
        elif argument.dtype == object:
            yield str(place), argument
