"""Bounds that many implementations share: they take most of the time of a trial, and are the same for all of them."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from ...oracle.rounding.bound import Bound
from ..terms.component import Component, Inputs

MEMORY: Final = 2**29
"""Bytes of bounds that are kept for each component."""


def sharing(component: Component) -> Component:
    """Give the component with bounds that are computed once for the same arguments."""
    made = _Kept(component.inputs, lambda case: case, _size_of_inputs)
    bound = _Kept(component.bound, _key, _size_of_bounds)
    gradient = component.gradient and _Kept(component.gradient, _key, _size_of_bounds)
    return replace(component, inputs=made, bound=bound, gradient=gradient)


class _Kept:
    """A function that remembers its latest results, up to so many bytes of them."""

    def __init__(self, function: Callable[..., Any], key: Callable[..., object], size: Callable[[Any], int]) -> None:
        self._function, self._key, self._of = function, key, size
        self._results: OrderedDict[object, Any] = OrderedDict()
        self._held = 0

    def __call__(self, *arguments: Any) -> Any:
        key = self._key(*arguments)
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        result = self._function(*arguments)
        self._results[key] = result
        self._held += self._of(result)
        while self._held > MEMORY and len(self._results) > 1:
            _, oldest = self._results.popitem(last=False)
            self._held -= self._of(oldest)
        return result


def _key(inputs: Inputs, *others: Any) -> tuple[object, ...]:
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(inputs.keywords.items()):
        _digest(digest, name, value)
    hashable = []
    for each in others:
        named = each if isinstance(each, Mapping) else {"": each}
        for name, value in sorted(named.items()):
            if isinstance(value, np.ndarray):
                _digest(digest, f"cotangent {name}", value)
            else:
                hashable.append((name, value))
    return (digest.digest(), *hashable)


def _digest(digest: Any, name: str, value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    else:
        digest.update(f"{name}{value!r}".encode())


def _size(bound: Bound) -> int:
    return sum(
        each.nbytes for each in (getattr(bound, of.name) for of in fields(bound)) if isinstance(each, np.ndarray)
    )


def _size_of_bounds(found: Bound | Mapping[str, Bound]) -> int:
    return sum(map(_size, found.values())) if isinstance(found, Mapping) else _size(found)


def _size_of_inputs(inputs: Inputs) -> int:
    return sum(each.nbytes for each in inputs.arrays.values())
