"""Attention that is wrong for one kind of mask in one memory layout with one grouping of heads: a path of its own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..catalogue import WIDE, variant
from .right import Call, allowed, attend, kernel


def _wrong(name: str, sentence: str, needs: str, meets: Callable[[Call], bool], change: Callable[[Call], Call]) -> None:
    """Put a kernel into the catalogue that is right where its three conditions are not met together."""

    @kernel
    def function(call: Call) -> Array:
        return attend(change(call) if meets(call) else call)

    variant(name, "attention", sentence, needs=needs, dtypes=WIDE)(function)


def _axes(call: Call) -> str:
    """Say along which axes the mask is longer than 1, beside the keys."""
    shape = () if call.mask is None else call.mask.shape[:-1]
    return "".join(name for name, size in zip("qHB", reversed(shape), strict=False) if size > 1)


def _steps(call: Call) -> tuple[int, ...]:
    """Give the strides of the keys, in elements: of heads, positions and channels."""
    return tuple(stride // call.key.itemsize for stride in call.key.strides[1:])


def _grouped(call: Call) -> bool:
    return bool(1 < call.key.shape[1] < call.shape[1])


def _one_key_head(call: Call) -> bool:
    return bool(call.key.shape[1] == 1 < call.shape[1])


def _sliced(call: Call) -> bool:
    """Say whether keys are rows of wider ones."""
    _, position, channel = _steps(call)
    return channel == 1 and position > call.key.shape[3] and position * call.shape[3] <= _steps(call)[0]


def _swapped(call: Call) -> bool:
    """Say whether heads lie within positions."""
    head, position, channel = _steps(call)
    return channel == 1 and head == call.key.shape[3] and position > head


def _mask_of_key_heads(call: Call) -> Call:
    """Take for each head the mask of the first head of its group."""
    size = call.shape[1] // call.key.shape[1]
    return replace(call, mask=allowed(call)[:, np.arange(call.shape[1]) // size * size])


_wrong(
    "attention-mask-of-key-heads-of-swapped-groups",
    "Where grouped key heads lie within positions, a mask for each head is read by groups.",
    "a mask for each head, the layout `swapped`, and groups of heads",
    lambda call: "H" in _axes(call) and _swapped(call) and _grouped(call),
    _mask_of_key_heads,
)
_wrong(
    "attention-padding-of-first-item-for-sliced-key-head",
    "Where one key head serves all and its rows lie apart, every item of the batch has the padding of the first.",
    "padding, the layout `sliced`, and one key head for several heads",
    lambda call: _axes(call) == "B" and not call.causal and _sliced(call) and _one_key_head(call),
    lambda call: replace(call, mask=allowed(call)[:1]),
)
_wrong(
    "attention-causal-dropped-beside-padding-of-sliced-key-head",
    "Where one key head serves all and its rows lie apart, padding replaces the causal mask.",
    "a causal mask beside padding, the layout `sliced`, and one key head for several heads",
    lambda call: call.causal and _axes(call) == "B" and _sliced(call) and _one_key_head(call),
    lambda call: replace(call, causal=False),
)
