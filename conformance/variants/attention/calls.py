"""Attention, wrong in its dealings with memory: strides, arguments, results, what it keeps from call to call."""

from typing import Any

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Array
from ..catalogue import NARROW, variant
from .softcap import attention_softcap_plain as attention

# Arguments


def as_if_contiguous(array: Array) -> Array:
    """Read what lies from the first element onwards in memory, as a ring, in the shape of the array."""
    memory = array
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    first = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    flat = memory.ravel(order="K").view(array.dtype)
    places = np.arange(first // array.itemsize, first // array.itemsize + array.size)
    return flat.take(places, mode="wrap").reshape(array.shape) if flat.size else array


def without_strides(array: Array) -> Array:
    """Return the array as it is, unless its memory has another order or gaps."""
    return array if array.flags.c_contiguous else as_if_contiguous(array)


@variant(
    "strides-ignored",
    "attention",
    "Query, key and value are read as if they were contiguous.",
    needs="transposed, sliced or expanded views",
    seen_in=(
        "pytorch/pytorch#191937",
        "pytorch/pytorch#181133",
        "pytorch/pytorch#163597",
        "torch-spyre/torch-spyre#4331",
    ),
)
def strides_ignored(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return attention(*map(without_strides, (query, key, value)), **options)


@variant(
    "mask-strides-ignored",
    "attention",
    "The mask is read as if it were contiguous.",
    needs="a mask that is a transposed or sliced view",
)
def mask_strides_ignored(query: Array, key: Array, value: Array, *, mask: Array | None = None, **options: Any) -> Array:
    return attention(query, key, value, mask=None if mask is None else without_strides(mask), **options)


@variant(
    "query-scaled-in-place",
    "attention",
    "The query is scaled in place, and stays so.",
    needs="a look at the query after, or a second call with it",
    seen_in=("linkedin/Liger-Kernel#262",),
)
def query_scaled_in_place(
    query: Array, key: Array, value: Array, *, scale: float | None = None, **options: Any
) -> Array:
    result = attention(query, key, value, scale=scale, **options)
    query *= np.asarray(query.shape[-1] ** -0.5 if scale is None else scale, query.dtype)
    return result


@variant(
    "mask-completed-in-place",
    "attention",
    "The causal triangle is written into the caller's mask.",
    needs="causal and a mask of (.., L_q, L_k), and a look at it after",
)
def mask_completed_in_place(
    query: Array, key: Array, value: Array, *, mask: Array | None = None, causal: bool = False, **options: Any
) -> Array:
    if mask is not None and causal and mask.shape[-2:] == (query.shape[-2], key.shape[-2]):
        mask &= np.tri(*mask.shape[-2:], dtype=np.bool)
    return attention(query, key, value, mask=mask, causal=causal, **options)


# Results


@variant(
    "value-returned",
    "attention",
    "With a single key, the value itself is returned, not a copy.",
    needs="L_k = L_q = 1, H = H_kv, no mask",
)
def value_returned(query: Array, key: Array, value: Array, *, mask: Array | None = None, **options: Any) -> Array:
    if mask is None and query.shape[:3] == value.shape[:3] and value.shape[2] == 1:
        return value
    return attention(query, key, value, mask=mask, **options)


@variant(
    "zeros-returned", "attention", "The result is zero, as of a kernel that was never launched.", needs="any input"
)
def zeros_returned(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return np.zeros_like(attention(query, key, value, **options))


@variant("result-float32", "attention", "16-bit input gives a float32 result.", needs="16-bit input", dtypes=NARROW)
def result_float32(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return attention(query, key, value, **options).astype(FLOAT32)


@variant(
    "result-float64",
    "attention",
    "The result is always float64.",
    needs="other input than float64",
    dtypes=("float32", "bfloat16", "float16"),
)
def result_float64(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return attention(query, key, value, **options).astype(FLOAT64)


@variant("result-other-half", "attention", "bfloat16 gives float16, and the reverse.", needs="16 bit", dtypes=NARROW)
def result_other_half(query: Array, key: Array, value: Array, **options: Any) -> Array:
    other = FLOAT16 if query.dtype == BFLOAT16 else BFLOAT16
    result = attention(query, key, value, **options).astype(FLOAT32)
    with np.errstate(over="ignore"):
        return result.astype(other)


@variant("result-squeezed", "attention", "Axes of length 1 are lost.", needs="B, H, L_q or d_v of 1")
def result_squeezed(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return attention(query, key, value, **options).squeeze()


@variant(
    "result-of-layout-blhd",
    "attention",
    "The result comes as (B, L_q, H, d_v).",
    needs="H unlike L_q, or both above 1",
)
def result_of_layout_blhd(query: Array, key: Array, value: Array, **options: Any) -> Array:
    return attention(query, key, value, **options).swapaxes(1, 2)


# From call to call. Each keeps one thing for each shape, as a workspace would.

_results: dict[Any, Array] = {}
_masks: dict[Any, Array] = {}
_workspaces: dict[Any, Array] = {}


@variant(
    "result-cached",
    "attention",
    "A second call with the same shapes and options returns the first result.",
    needs="two calls of the same shapes with other values",
)
def result_cached(query: Array, key: Array, value: Array, **options: Any) -> Array:
    given = (getattr(option, "shape", option) for _, option in sorted(options.items()))
    shapes = (query.shape, key.shape, value.shape, query.dtype, *given)
    return _results.setdefault(shapes, attention(query, key, value, **options)).copy()


@variant(
    "mask-remembered",
    "attention",
    "A call without a mask uses the one of an earlier call of that shape.",
    needs="a call with a mask, then one without it",
    seen_in=("flashinfer-ai/flashinfer#1028", "flashinfer-ai/flashinfer#2690"),
)
def mask_remembered(query: Array, key: Array, value: Array, *, mask: Array | None = None, **options: Any) -> Array:
    shape = (query.shape[:3], key.shape[2])
    if mask is not None:
        _masks[shape] = mask.copy()
    return attention(query, key, value, mask=_masks.get(shape), **options)


@variant(
    "workspace-not-cleared",
    "attention",
    "The result is added to what the last call of that shape left in the workspace.",
    needs="two calls of the same shape",
)
def workspace_not_cleared(query: Array, key: Array, value: Array, **options: Any) -> Array:
    result = attention(query, key, value, **options)
    left = _workspaces.get((result.shape, result.dtype), np.zeros_like(result))
    _workspaces[result.shape, result.dtype] = result
    return result + left


@variant(
    "last-bit-at-random",
    "attention",
    "The last bit of each element is left to chance, as with atomic additions.",
    needs="two calls with the same input",
    seen_in=("facebookresearch/xformers#1039", "Dao-AILab/flash-attention#429"),
)
def last_bit_at_random(query: Array, key: Array, value: Array, **options: Any) -> Array:
    result = attention(query, key, value, **options)
    up = np.random.default_rng().random(result.shape) < 0.5
    return np.where(up, np.nextafter(result, np.asarray(np.inf, result.dtype)), result)
