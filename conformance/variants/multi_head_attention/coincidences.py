"""Multi-head attention that is wrong where sizes agree: it tells axes from each other by their sizes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..arithmetic import Array
from ..attention.coincidences import agreeing
from ..attention.right import attend
from ..catalogue import WIDE, variant
from ..gradients import Gradients
from .gradients import backward, gradient, heads_gradient
from .right import Heads, heads_kernel, merged, multi_head, projected


def _agree(call: Heads, needs: str) -> bool:
    """Say whether the sizes of a call are those that a bug needs."""
    batch, queries, d_model = call.query.shape
    sizes = {"B": batch, "L_q": queries, "L_k": call.key.shape[1], "h": call.heads, "d_model": d_model}
    return agreeing(needs, sizes | {"d_k": call.w_query.shape[1] // call.heads})


def _wrong(name: str, sentence: str, needs: str, function: Callable[[Heads], Array]) -> None:
    """Put a function into the catalogue that is right where the sizes do not agree."""

    @heads_kernel
    def coinciding(call: Heads) -> Array:
        return function(call) if _agree(call, needs) else multi_head(call)

    variant(name, "multi_head_attention", sentence, needs=needs, dtypes=WIDE)(coinciding)


def _wrong_gradients(name: str, sentence: str, needs: str, change: Callable[[Gradients], Gradients]) -> None:
    """Put gradients into the catalogue that are right where the sizes do not agree."""

    def coinciding(call: Heads, g: Array) -> Gradients:
        found = backward(call, g)
        return change(found) if _agree(call, needs) else found

    gradient(name, sentence, needs=needs, dtypes=WIDE)(heads_gradient(coinciding))


def _items_last(array: Array) -> Array:
    """Take (L, B, d_model) for (B, L, d_model)."""
    return array.swapaxes(0, 1)


def _with_items_last(call: Heads, *names: str) -> Heads:
    """Take some of the arrays for (L, B, d_model)."""
    changed: dict[str, Any] = {name: _items_last(getattr(call, name)) for name in names}
    return replace(call, **changed)


_wrong(
    "multi-head-positions-guessed-first",
    "All three are taken for (L, B, d_model) where nothing tells B from L.",
    "B = L_q = L_k",
    lambda call: _items_last(multi_head(_with_items_last(call, "query", "key", "value"))),
)
_wrong(
    "multi-head-memory-guessed-first",
    "Keys and values are taken for (L, B, d_model) where nothing tells B from L_k.",
    "B = L_k",
    lambda call: multi_head(_with_items_last(call, "key", "value")),
)
_wrong(
    "multi-head-result-transposed",
    "The result of an item is stored by columns where they are as long as the rows.",
    "L_q = d_model",
    lambda call: multi_head(call).swapaxes(1, 2),
)
_wrong(
    "multi-head-not-put-back",
    "The axes of heads and queries are not exchanged before the heads are joined, where they look alike.",
    "h = L_q",
    lambda call: merged(attend(projected(call)).swapaxes(1, 2)) @ call.w_output,
)


def _padding_of(call: Heads, axis: int) -> Array:
    """Take a mask (B, 1, 1, L_k) for one along another axis than the items, and others as they are."""
    mask = call.mask
    if mask is None or mask.shape != (len(call.query), 1, 1, call.key.shape[1]):
        return multi_head(call)
    return multi_head(replace(call, mask=mask.swapaxes(0, axis)))


_wrong(
    "multi-head-mask-of-items-for-heads",
    "A mask of padding for B items is taken for one of h heads.",
    "B = h, a mask (B, 1, 1, L_k)",
    lambda call: _padding_of(call, 1),
)
_wrong(
    "multi-head-mask-of-items-for-queries",
    "A mask of padding, kept as (B, L_k), is taken for one of queries, (L_q, L_k).",
    "B = L_q, a mask (B, 1, 1, L_k)",
    lambda call: _padding_of(call, 2),
)
_wrong_gradients(
    "multi-head-gradient-memory-guessed-first",
    "The gradients of keys and values come as (L, B, d_model) where nothing tells B from L_k.",
    "B = L_k",
    lambda found: (found[0], _items_last(found[1]), _items_last(found[2]), *found[3:]),
)
_wrong_gradients(
    "multi-head-gradient-queries-for-keys",
    "The gradients of queries and keys share a buffer where all sizes of both agree, and change places.",
    "B = L_q = L_k, h = d_k",
    lambda found: (found[1], found[0], *found[2:]),
)
