"""Gradients of attention that are right up to a size, and wrong beyond it."""

from collections.abc import Callable
from typing import Any

from ..arithmetic import Array
from .gradients import attention_gradient, backward, gradient
from .right import Call


def _gradient_cut(name: str, sentence: str, needs: str, which: int, cut: Callable[[Call], tuple[Any, ...]]) -> None:
    """Put gradients into the catalogue of which a part of one is zero."""

    @attention_gradient
    def function(call: Call, g: Array) -> tuple[Array, ...]:
        found = list(backward(call, g))
        found[which] = found[which].copy()
        found[which][cut(call)] = 0
        return tuple(found)

    gradient(name, sentence, needs=needs)(function)


_gradient_cut(
    "attention-gradient-keys-beyond-512",
    "The gradient of keys beyond the first 512 is zero.",
    "more than 512 keys",
    1,
    lambda call: (..., slice(512, None), slice(None)),
)
_gradient_cut(
    "attention-gradient-values-beyond-4096",
    "The gradient of values beyond the first 4,096 is zero.",
    "more than 4,096 keys",
    2,
    lambda call: (..., slice(4096, None), slice(None)),
)
_gradient_cut(
    "attention-gradient-queries-beyond-65535",
    "The gradient of queries beyond the first 65,535 is zero.",
    "more than 65,535 queries",
    0,
    lambda call: (..., slice(65_535, None), slice(None)),
)
_gradient_cut(
    "attention-gradient-value-channels-of-keys",
    "Tiles of the backward pass are made for d_k from 64 on: channels of dV beyond it are zero.",
    "d_v above d_k, and d_k from 64 on",
    2,
    lambda call: (..., slice(call.query.shape[-1] if call.query.shape[-1] >= 64 else 10**6, None)),
)


@gradient(
    "attention-gradient-last-queries-beyond-512",
    "Beyond 512 queries, those of a last tile of 64 that is not full give keys and values nothing.",
    needs="more than 512 queries, not a multiple of 64",
)
@attention_gradient
def attention_gradient_last_queries_beyond_512(call: Call, g: Array) -> tuple[Array, ...]:
    found, queries = backward(call, g), call.shape[2]
    if queries <= 512 or queries % 64 == 0:
        return found
    g = g.copy()
    g[:, :, queries - queries % 64 :] = 0
    return (found[0], *backward(call, g)[1:])
