"""Far memory: small arrays at huge strides, so that an offset that is kept in 32 bits points elsewhere.

Along one axis, elements lie so far apart that offsets pass 2^31 elements, 2^31 bytes and 2^32 bytes. Address space is
reserved for that; the system gives memory only to the few pages that hold anything. Where an offset would point that is
wrapped to 32 bits, of elements or of bytes, signed or not, lies another value: a kernel that wraps reads it.
"""

import functools
import mmap
from typing import Any, Final

import numpy as np

from .memory import NORESERVE

Array = np.ndarray[Any, np.dtype[Any]]

FORWARDS: Final = tuple(f"far-{axis}" for axis in (1, 2, 3, 4))
"""Layouts that are far along an axis, counted from the last."""

BACKWARDS: Final = tuple(f"far-back-{axis}" for axis in (1, 2, 3, 4))
"""Likewise with negative strides, of which not every framework knows."""

_WRAP: Final = 2**32
_LARGEST: Final = 2**36
"""More bytes than any array here reserves."""


def axis_of(layout: str) -> int:
    """Return the axis that is far, counted from the last, from 1 on."""
    return int(layout.rpartition("-")[2])


def far_strides(shape: tuple[int, ...], itemsize: int, layout: str) -> tuple[int, ...]:
    """Give strides in elements: contiguous but for one axis, whose last index passes 2^31 elements and 2^32 bytes."""
    axis, block = len(shape) - axis_of(layout), 1
    strides = [0] * len(shape)
    for other in reversed(range(len(shape))):
        if other != axis:
            strides[other], block = block, block * shape[other]
    # Blocks that are wrapped must not meet those that are not: the last bits are larger than a block, and odd.
    stride = max(_WRAP // 2, _WRAP // itemsize) // (shape[axis] - 1) + 16 * block + 1
    strides[axis] = -stride if layout in BACKWARDS else stride
    return tuple(strides)


def offsets_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Give the offset of every element from the first."""
    each = [np.arange(size, dtype=np.int64) * stride for size, stride in zip(shape, strides, strict=True)]
    return np.array(sum(np.ix_(*each)))


def wrapped(offsets: Array, itemsize: int) -> list[Array]:
    """Give the offsets that come of 32 bits: of elements and of bytes, with a sign and without."""
    found = []
    for unit in (1, itemsize):
        unsigned = offsets * unit % _WRAP
        found += [unsigned // unit, (unsigned - _WRAP * (unsigned >= _WRAP // 2)) // unit]
    return found


def reserve(size: int) -> mmap.mmap:
    """Reserve address space, whose bytes are zeros; NotImplementedError where the system does not allow that."""
    try:
        space = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
        space.madvise(mmap.MADV_NOHUGEPAGE)  # of a page, a few bytes are used
        space.madvise(mmap.MADV_DONTDUMP)  # should the process crash
    except (AttributeError, OSError, ValueError) as error:
        raise NotImplementedError(
            f"this system does not reserve {size / 2**30:.0f} GiB of addresses: {error}"
        ) from None
    return space


@functools.cache
def can_reserve() -> bool:
    """Say whether the system reserves as much as is needed."""
    try:
        reserve(_LARGEST).close()
    except NotImplementedError:
        return False
    return True
