"""Memory layouts: the same values with other strides, laid out once for every framework that has strides.

A kernel that ignores strides, or a row that ends before its buffer does, reads the surroundings instead; these hold
NaN (for integers a large number), so that it shows. Nothing here knows a framework: a bridge makes one flat storage
from `Laid.buffer` and a strided view of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .far import BACKWARDS, FORWARDS, axis_of, far_strides, offsets_of, reserve, wrapped

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Laid:
    """An array as a flat buffer and the view of it; offset and strides count elements."""

    buffer: Array
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    held: Array | None = None
    """The places of the buffer that hold anything, where it is reserved addresses, and made for this one array."""


def lay(values: Array, layout: str) -> Laid:
    """Lay the values out as `LAYOUTS` describes; a layout that needs more axes than there are becomes contiguous."""
    return _far(values, layout) if layout in FAR else _LAYOUTS[layout](values)


def _contiguous(values: Array) -> Laid:
    strides = [1] * values.ndim
    for axis in range(values.ndim - 1, 0, -1):
        strides[axis - 1] = strides[axis] * max(values.shape[axis], 1)
    return Laid(values.ravel(), values.shape, tuple(strides), 0)


def _stored_with_swapped(values: Array, one: int, other: int) -> Laid:
    if values.ndim < -min(one, other):
        return _contiguous(values)
    stored = _contiguous(values.swapaxes(one, other))
    strides = list(stored.strides)
    strides[one], strides[other] = strides[other], strides[one]
    return Laid(stored.buffer, values.shape, tuple(strides), 0)


def _transposed(values: Array) -> Laid:
    """Column-major matrices: the last two axes are swapped in storage, as in `w.T`."""
    return _stored_with_swapped(values, -1, -2)


def _swapped(values: Array) -> Laid:
    """(B, H, L, d) kept as (B, L, H, d), as heads are after `reshape(B, L, H, d).transpose(1, 2)`."""
    return _stored_with_swapped(values, -2, -3)


def _sliced(values: Array) -> Laid:
    """`wider[..., 3 : 3 + n]`: rows are further apart than they are long, and the first does not start at 0."""
    return _within(values, before=3, step=1, after=2)


def _strided(values: Array) -> Laid:
    """`wider[..., ::2]`: every second element along the last axis."""
    return _within(values, before=0, step=2, after=0)


def _within(values: Array, before: int, step: int, after: int) -> Laid:
    if values.ndim == 0:
        return _contiguous(values)
    length = values.shape[-1]
    wider = np.full((*values.shape[:-1], before + step * length + after), _poison(values.dtype), values.dtype)
    wider[..., before : before + step * length : step] = values
    around = _contiguous(wider)
    return Laid(around.buffer, values.shape, (*around.strides[:-1], step), before)


def _expanded(values: Array) -> Laid:
    """`one.expand(B, ...)`: stride 0 along axis 0. Only for values that are equal along it."""
    if values.ndim < 2 or values.shape[0] < 2:
        return _contiguous(values)
    if not all(_same(values[0], other) for other in values[1:]):
        raise ValueError("the layout 'expanded' needs values that are equal along axis 0")
    one = _contiguous(values[:1])
    return Laid(one.buffer, values.shape, (0, *one.strides[1:]), 0)


def _far(values: Array, layout: str) -> Laid:
    """Huge strides along one axis; where offsets of 32 bits would point, other values."""
    if values.ndim < axis_of(layout) or values.shape[-axis_of(layout)] < 2 or not values.size:
        return _contiguous(values)
    strides = far_strides(values.shape, values.itemsize, layout)
    right = offsets_of(values.shape, strides)
    wrong = [each[each != right] for each in wrapped(right, values.itemsize)]
    others = np.concatenate([_other(values)[each != right] for each in wrapped(right, values.itemsize)])
    places = np.concatenate([right.ravel(), *wrong])
    first = int(places.min())
    buffer = np.frombuffer(reserve((int(places.max()) - first + 1) * values.itemsize), values.dtype)
    buffer[places[right.size :] - first] = others
    buffer[right - first] = values
    return Laid(buffer, values.shape, strides, -first, np.unique(places - first))


def _other(values: Array) -> Array:
    """Give another value for each: NaN, the other truth value, or a number that some other element has."""
    if values.dtype.kind == "b":
        return ~values
    if values.dtype.kind in "iu":
        mirrored = values.max() + values.min() - values
        other: Array = np.where(mirrored == values, values.min(), mirrored)
        return other
    return np.full(values.shape, np.nan, values.dtype)


def _same(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()


def _poison(dtype: np.dtype[Any]) -> object:
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).max // 2 if dtype.kind in "iu" else np.nan


_LAYOUTS: Final[dict[str, Callable[[Array], Laid]]] = {
    "contiguous": _contiguous,
    "transposed": _transposed,
    "swapped": _swapped,
    "sliced": _sliced,
    "strided": _strided,
    "expanded": _expanded,
}

LAYOUTS: Final = tuple(_LAYOUTS)
"""The names of the layouts, but for those that are far."""

FAR: Final = (*FORWARDS, *BACKWARDS)
"""The names of those."""
