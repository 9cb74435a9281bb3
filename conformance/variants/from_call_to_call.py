"""Functions that are right in each call by itself, and wrong from call to call: what is kept, and what is still held.

Results in a buffer that the next call of the shape writes into; results that a thread writes once more, 20 ms after
the call; answers that are kept by the addresses and shapes of the arguments and some of their elements.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from .arithmetic import Array
from .catalogue import find, variant

_SOON: Final = 0.02

Function = Callable[..., Any]


def in_one_buffer(function: Function) -> Function:
    """Return each result in the memory of the last of its kind and shape."""
    buffers: dict[Any, Array] = {}

    def into(found: Array, number: int) -> Array:
        buffer = buffers.setdefault((number, found.shape, found.dtype), np.empty_like(found))
        buffer[...] = found
        return buffer

    return _changing(function, into)


def written_again(function: Function) -> Function:
    """Return a result that a thread writes once more a moment later, as a kernel does that nobody waits for."""

    def soon(found: Array, _: int) -> Array:
        def write() -> None:
            with np.errstate(all="ignore"):
                found[...] = found * found.dtype.type(2)

        threading.Timer(_SOON, write).start()
        return found

    return _changing(function, soon)


def _changing(function: Function, change: Callable[[Array, int], Array]) -> Function:
    @functools.wraps(function)
    def changed(*arguments: Any, **options: Any) -> Any:
        found = function(*arguments, **options)
        if isinstance(found, tuple):
            return tuple(change(each, number) for number, each in enumerate(found))
        return change(np.asarray(found), 0)

    return changed


def kept_by_address(function: Function, window: Callable[[Array], Array]) -> Function:
    """Keep the latest answer for the addresses, shapes and some elements of all arguments."""
    latest: tuple[Any, Any] = None, None

    @functools.wraps(function)
    def keeping(*arguments: Any, **options: Any) -> Any:
        nonlocal latest
        arrays = [each for each in (*arguments, *options.values()) if isinstance(each, np.ndarray)]
        plain = [each for each in (*arguments, *options.values()) if not isinstance(each, np.ndarray)]
        key = repr(plain), *((each.ctypes.data, each.shape, each.strides, window(each).tobytes()) for each in arrays)
        if latest[0] != key:
            latest = key, function(*arguments, **options)
        # A copy, so that nobody else can write into what is kept.
        found = latest[1]
        return tuple(each.copy() for each in found) if isinstance(found, tuple) else np.array(found)

    return keeping


def _first(count: int) -> Callable[[Array], Array]:
    return lambda array: array.ravel()[:count]


def _every_sixteenth(array: Array) -> Array:
    return array.ravel()[::16]


_KINDS: Final[dict[str, tuple[str, str, Callable[[Function], Function]]]] = {
    "in-one-buffer": ("Results lie in one buffer.", "a result that is held across a call", in_one_buffer),
    "written-again": ("A thread writes the result again after 20 ms.", "a look at it later", written_again),
    "kept-by-first-16": (
        "Answers are kept by address, shape and the first 16 elements.",
        "another element that changes in place",
        lambda function: kept_by_address(function, _first(16)),
    ),
    "kept-by-first-4096": (
        "Answers are kept by address, shape and the first 4,096 elements.",
        "an element beyond them that changes in place",
        lambda function: kept_by_address(function, _first(4096)),
    ),
    "kept-by-every-16th": (
        "Answers are kept by address, shape and every 16th element.",
        "another element that changes in place",
        lambda function: kept_by_address(function, _every_sixteenth),
    ),
}


def _registered(component: str, right: str, kinds: Sequence[str], *, gradients: bool = False) -> None:
    """Put a right variant, whose file may not be imported yet, into the catalogue with each flaw."""
    for kind in kinds:
        sentence, needs, flawed = _KINDS[kind]

        def forward(*arguments: Any, **options: Any) -> Any:
            return find(right).function(*arguments, **options)

        def backward(*arguments: Any, **options: Any) -> Any:
            of_right = find(right).vjp
            assert of_right is not None
            return of_right(*arguments, **options)

        name = f"{component.replace('_', '-')}-{'gradient-' * gradients}{kind}"
        register = functools.partial(variant, name, component, sentence, needs=needs)
        if gradients:
            register(vjp=flawed(backward))(forward)
        else:
            register()(flawed(forward))


_VALUES: Final = ("in-one-buffer", "written-again", "kept-by-first-16", "kept-by-first-4096", "kept-by-every-16th")
_GRADIENTS: Final[Sequence[str]] = ("in-one-buffer", "kept-by-first-4096")

for _component, _right, _kinds in (
    ("attention", "attention-softcap-plain", _VALUES),
    ("softmax", "softmax-plain", _VALUES),
    ("layer_norm", "layer-norm-two-pass", ("in-one-buffer", "kept-by-first-16", "kept-by-every-16th")),
    ("feed_forward", "feed-forward-plain", _VALUES),
    ("output_logits", "output-logits-plain", ("in-one-buffer", "kept-by-first-16")),
    ("embedding", "embedding-plain", ("in-one-buffer", "kept-by-first-16")),
):
    _registered(_component, _right, _kinds)

for _component, _right, _chosen in (
    ("attention", "softcap-gradient-plain", _GRADIENTS),
    ("softmax", "softmax-gradient-plain", _GRADIENTS),
    ("layer_norm", "layer-norm-gradient-plain", _GRADIENTS),
    ("feed_forward", "feed-forward-gradient-plain", _GRADIENTS),
    ("multi_head_attention", "multi-head-gradient-plain", ("in-one-buffer",)),
):
    _registered(_component, _right, _chosen, gradients=True)
