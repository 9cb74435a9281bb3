"""Attention that is wrong where sizes agree: it tells axes from each other by their sizes, or serves two with one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..catalogue import WIDE, variant
from .gradients import attention_gradient, backward, gradient, transposed
from .right import Call, attend, kernel


def agreeing(needs: str, sizes: Mapping[str, int]) -> bool:
    """Say whether the sizes are equal that stand with an equals sign between them, as in "B = H, d_k = d_v"."""
    return all(len({sizes[name] for name in part.split(" = ")}) == 1 for part in needs.split(", ") if " = " in part)


def _agree(call: Call, needs: str) -> bool:
    """Say whether the sizes of a call are those that a bug needs."""
    sizes = dict(zip(("B", "H", "L_q", "L_k"), call.shape, strict=True))
    sizes |= {"H_kv": call.key.shape[1], "d_k": call.key.shape[3], "d_v": call.value.shape[3]}
    return agreeing(needs, sizes)


def _wrong(name: str, sentence: str, needs: str, function: Callable[[Call], Array]) -> None:
    """Put a kernel into the catalogue that is right where the sizes do not agree."""

    @kernel
    def coinciding(call: Call) -> Array:
        return function(call) if _agree(call, needs) else attend(call)

    variant(name, "attention", sentence, needs=needs, dtypes=WIDE)(coinciding)


def _wrong_gradients(name: str, sentence: str, needs: str, change: Callable[..., tuple[Array, Array, Array]]) -> None:
    """Put gradients into the catalogue that are right where the sizes do not agree."""

    def coinciding(call: Call, g: Array) -> tuple[Array, ...]:
        found = backward(call, g)
        return change(*found) if _agree(call, needs) else found

    gradient(name, sentence, needs=needs, dtypes=WIDE)(attention_gradient(coinciding))


def _swapped(array: Array) -> Array:
    """Take heads for positions."""
    return array.swapaxes(1, 2)


def _with_swapped(call: Call, *names: str) -> Call:
    """Take heads for positions in some of the arrays."""
    changed: dict[str, Any] = {name: _swapped(getattr(call, name)) for name in names}
    return replace(call, **changed)


# Which axis has the heads

_wrong(
    "attention-heads-guessed-of-queries",
    "Queries are taken for (B, L, H, d) where H and L_q cannot be told apart.",
    "H = L_q",
    lambda call: _swapped(attend(_with_swapped(call, "query"))),
)
_wrong(
    "attention-heads-guessed-of-keys",
    "Keys and values are taken for (B, L, H, d) where H_kv and L_k cannot be told apart.",
    "H_kv = L_k",
    lambda call: attend(_with_swapped(call, "key", "value")),
)
_wrong(
    "attention-heads-guessed-of-all",
    "All three are taken for (B, L, H, d) where nothing tells H from L.",
    "H = H_kv = L_q = L_k",
    lambda call: _swapped(attend(_with_swapped(call, "query", "key", "value"))),
)
_wrong(
    "attention-heads-for-items",
    "The result of B H heads is unpacked as (H, B), which shows by the shape unless B = H.",
    "B = H",
    lambda call: attend(call).swapaxes(0, 1),
)

# Which axis a mask belongs to


def _other_axes(call: Call, *order: int) -> Array:
    """Attend with a mask for items or for heads whose axes are in another order, and with others as they are."""
    mask, (batch, heads, _, keys) = call.mask, call.shape
    shape = (batch, 1, 1, keys) if order[0] else (1, heads, 1, keys)
    return attend(call if mask is None or mask.shape != shape else replace(call, mask=mask.transpose(order)))


_wrong(
    "attention-mask-of-items-for-heads",
    "A mask of padding for B items is taken for one of H heads.",
    "B = H, a mask (B, 1, 1, L_k)",
    lambda call: _other_axes(call, 1, 0, 2, 3),
)
_wrong(
    "attention-mask-of-items-for-queries",
    "A mask of padding, kept as (B, L_k), is taken for one of queries, (L_q, L_k).",
    "B = L_q, a mask (B, 1, 1, L_k)",
    lambda call: _other_axes(call, 1, 2, 0, 3),
)
_wrong(
    "attention-mask-of-heads-for-queries",
    "A mask for H heads is taken for one of queries.",
    "H = L_q, a mask (1, H, 1, L_k)",
    lambda call: _other_axes(call, 0, 2, 1, 3),
)

# Which axis is summed over

_wrong(
    "attention-keys-guessed-transposed",
    "Keys are taken for transposed ones, (d_k, L_k), where these sizes agree.",
    "L_k = d_k",
    lambda call: attend(replace(call, key=transposed(call.key))),
)
_wrong(
    "attention-values-guessed-transposed",
    "Values are taken for transposed ones, (d_v, L_k), where these sizes agree.",
    "L_k = d_v",
    lambda call: attend(replace(call, value=transposed(call.value))),
)
_wrong(
    "attention-result-transposed",
    "The result is stored by columns where they are as long as the rows.",
    "L_q = d_v",
    lambda call: transposed(attend(call)),
)
_wrong(
    "attention-all-square",
    "A path for square products takes the values for transposed ones.",
    "L_q = L_k = d_k = d_v",
    lambda call: attend(replace(call, value=transposed(call.value))),
)


def _read_by_the_strides_of_queries(call: Call) -> Array:
    """Walk over key heads in steps of L_q rows, as over query heads."""
    _, heads, keys, _ = call.key.shape
    first = np.arange(heads)[:, None] * call.shape[2]
    places = (first + np.arange(keys)) % (heads * keys)

    def walked(array: Array) -> Array:
        rows = array.reshape(len(array), -1, array.shape[-1])
        return np.asarray(rows[:, places])

    return attend(replace(call, key=walked(call.key), value=walked(call.value)))


_wrong(
    "attention-keys-by-strides-of-queries",
    "Where as many heads as queries are computed at once, keys are walked in steps of L_q.",
    "H = L_q, unlike L_k, H_kv above 1",
    _read_by_the_strides_of_queries,
)

# Gradients

_wrong_gradients(
    "attention-gradient-heads-of-queries",
    "The gradient of the queries comes as (B, L, H, d) where H and L_q cannot be told apart.",
    "H = L_q",
    lambda dq, dk, dv: (_swapped(dq), dk, dv),
)
_wrong_gradients(
    "attention-gradient-heads-of-keys",
    "The gradients of keys and values come as (B, L, H, d) where H_kv and L_k cannot be told apart.",
    "H_kv = L_k",
    lambda dq, dk, dv: (dq, _swapped(dk), _swapped(dv)),
)
_wrong_gradients(
    "attention-gradient-keys-transposed",
    "The gradient of the keys is left transposed where its sizes agree.",
    "L_k = d_k",
    lambda dq, dk, dv: (dq, transposed(dk), dv),
)
_wrong_gradients(
    "attention-gradient-keys-for-values-of-a-size",
    "The gradients of keys and values share a buffer where their shapes agree, and change places.",
    "H = L_q = L_k, d_k = d_v",
    lambda dq, dk, dv: (dq, dv, dk) if len(dq[0]) > 1 else (dq, dk, dv),
)
