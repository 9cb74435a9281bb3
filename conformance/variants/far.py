"""Functions that keep an offset in 32 bits: right wherever memory is near, and wrong in far memory.

Each reads one of its arguments element by element, at offsets from the first; what a wrapped offset would point to is
read from the memory around the argument, as a kernel would.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .arithmetic import Array, without_softcap
from .catalogue import find, variant

Wrap = Callable[[Array, int], Array]
"""Offsets in elements and the size of one -> the offsets that a kernel computes."""


def _signed(numbers: Array) -> Array:
    return (numbers + 2**31) % 2**32 - 2**31


_NEEDS: Final = "offsets of 2^31 elements, or of 2^31 or 2^32 bytes"

_WRAPS: Final[dict[str, tuple[str, Wrap]]] = {
    "elements-in-32-bits": ("in elements, in 32 bits", lambda offsets, size: _signed(offsets)),
    "bytes-in-32-bits": ("in bytes, in 32 bits", lambda offsets, size: _signed(offsets * size) // size),
    "bytes-in-32-bits-unsigned": (
        "in bytes, in 32 bits without a sign",
        lambda offsets, size: offsets * size % 2**32 // size,
    ),
}


def _read(x: Array, of_offset: Wrap, of_stride: Wrap = lambda strides, size: strides) -> Array:
    """Read an array at offsets from its first element, out of the memory that it is a view of."""
    root = x
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not x.size or not x.ndim or root.dtype != x.dtype:
        return x
    size = x.itemsize
    memory = np.lib.stride_tricks.as_strided(root, (root.size,), (size,))
    first = (x.__array_interface__["data"][0] - root.__array_interface__["data"][0]) // size
    strides = of_stride(np.array(x.strides, np.int64) // size, size)
    each = [np.arange(length, dtype=np.int64) * stride for length, stride in zip(x.shape, strides, strict=True)]
    return np.asarray(memory[first + of_offset(np.asarray(sum(np.ix_(*each))), size)])


def _put(component: str, function: Callable[..., Any], name: str, sentence: str, **fields: Any) -> None:
    """Put a function into the catalogue."""
    variant(f"{component.replace('_', '-')}-{name}", component, sentence, **fields)(
        without_softcap(component, function)
    )


def _registered(component: str, right: str, argument: int | str, name: str, sentence: str, read: Any) -> None:
    """Put a function into the catalogue that reads one argument so, and goes on like a right one."""

    def function(*arrays: Any, **options: Any) -> Array:
        if isinstance(argument, str):
            if options.get(argument) is not None:
                options[argument] = read(options[argument])
            return np.asarray(find(right).function(*arrays, **options))
        given = [read(array) if place == argument else array for place, array in enumerate(arrays)]
        return np.asarray(find(right).function(*given, **options))

    _put(component, function, name, sentence, needs=_NEEDS)


_ELEMENTS, _BYTES, _UNSIGNED = _WRAPS

for _component, _right, _argument, _what, _wrap in (
    ("attention", "attention-plain", 0, "queries", _ELEMENTS),
    ("attention", "attention-plain", 1, "keys", _BYTES),
    ("attention", "attention-plain", 2, "values", _UNSIGNED),
    ("attention", "attention-plain", "mask", "mask", _ELEMENTS),
    ("softmax", "softmax-plain", 0, "logits", _ELEMENTS),
    ("softmax", "softmax-plain", 0, "logits", _BYTES),
    ("softmax", "softmax-plain", 0, "logits", _UNSIGNED),
    ("layer_norm", "layer-norm-two-pass", 0, "rows", _ELEMENTS),
    ("layer_norm", "layer-norm-two-pass", 0, "rows", _BYTES),
    ("layer_norm", "layer-norm-two-pass", 1, "gain", _UNSIGNED),
    ("embedding", "embedding-plain", 0, "tokens", _BYTES),
    ("embedding", "embedding-plain", 1, "matrix", _ELEMENTS),
    ("embedding", "embedding-plain", 1, "matrix", _UNSIGNED),
    ("output_logits", "output-logits-plain", 1, "matrix", _ELEMENTS),
    ("cross_entropy", "cross-entropy-through-maximum", 0, "logits", _ELEMENTS),
):
    _words, _offset = _WRAPS[_wrap]
    _registered(
        _component,
        _right,
        _argument,
        f"{_what}-by-{_wrap}",
        f"Offsets into the {_what} are kept {_words}.",
        lambda x, offset=_offset: _read(x, offset),
    )

_registered(
    "softmax",
    "softmax-plain",
    0,
    "strides-in-32-bits",
    "Strides are kept in 32 bits, and multiplied in 64.",
    lambda x: _read(x, lambda offsets, size: offsets, lambda strides, size: _signed(strides)),
)


def _gradient(component: str, right: str, argument: int, what: str, wrap: str) -> None:
    """Put a function into the catalogue whose backward pass alone reads an argument so."""
    words, offset = _WRAPS[wrap]

    def vjp(g: Array, *arrays: Any, **options: Any) -> Any:
        of_right = find(right).vjp
        assert of_right is not None
        given = [_read(array, offset) if place == argument else array for place, array in enumerate(arrays)]
        return of_right(g, *given, **options)

    def forward(*arrays: Any, **options: Any) -> Any:
        return find(right).function(*arrays, **options)

    sentence = f"The backward pass keeps offsets into the {what} {words}."
    _put(component, forward, f"gradient-{what}-by-{wrap}", sentence, needs=_NEEDS, vjp=vjp)


_gradient("attention", "attention-gradient-plain", 1, "keys", _ELEMENTS)
_gradient("softmax", "softmax-gradient-plain", 0, "logits", _BYTES)
_gradient("layer_norm", "layer-norm-gradient-plain", 0, "rows", _UNSIGNED)


# Right ones


def _copied(component: str, right: str) -> None:
    """Put a function into the catalogue that copies its arguments to near memory first."""

    def function(*arrays: Any, **options: Any) -> Array:
        near = {name: np.array(each) if isinstance(each, np.ndarray) else each for name, each in options.items()}
        return np.asarray(find(right).function(*(np.array(each) for each in arrays), **near))

    _put(component, function, "copied-first", "The arguments are copied first, and are contiguous then.", wrong=False)


for _component, _right in (
    ("attention", "attention-plain"),
    ("softmax", "softmax-plain"),
    ("layer_norm", "layer-norm-two-pass"),
    ("embedding", "embedding-plain"),
):
    _copied(_component, _right)


@variant("softmax-offsets-in-64-bits", "softmax", "Each element is read at its offset, in 64 bits.", wrong=False)
def softmax_offsets(x: Array) -> Array:
    return np.asarray(find("softmax-plain").function(_read(x, lambda offsets, size: offsets)))
