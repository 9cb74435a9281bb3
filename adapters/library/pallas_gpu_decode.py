"""The decoding kernel for GPUs that JAX comes with, jax.experimental.pallas.ops.gpu.decode_attention, interpreted."""

import math
from typing import TYPE_CHECKING, Any

from ..pallas_interpreter import GPU_NOTES

if TYPE_CHECKING:
    from jax import Array

framework = "jax"
package = "jax"
extra = "jax"
dtypes = ("float32", "bfloat16", "float16")
sizes = "few"
notes = GPU_NOTES


def attention(
    query: "Array",
    key: "Array",
    value: "Array",
    *,
    mask: "Array | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Array":
    """Call gqa, one query for each item and head. It counts in 32 bits, so the 64-bit mode is off in it."""
    import jax
    from jax.experimental.pallas.ops.gpu.decode_attention import gqa

    if mask is not None or causal:
        raise NotImplementedError("it takes no mask, only a first and a last key for each item")
    if query.shape[2] != 1 or key.shape[2] < 16 or key.shape[3] != value.shape[3]:
        raise NotImplementedError("it takes one query, 16 keys or more, and d_v = d_k")
    if 0 in query.shape:
        raise NotImplementedError("it raises on arrays without elements")
    k, v = key.swapaxes(1, 2), value.swapaxes(1, 2)
    blocks = _blocks(key.shape[2])
    with jax.enable_x64(False):
        result: Array = gqa(query[:, :, 0], k, v, sm_scale=scale, interpret=True, **blocks)[:, :, None]
        return result


def attention_vjp(cotangent: "Array", query: "Array", key: "Array", value: "Array", **options: Any) -> "Array":
    """Refuse the call: the kernel has no backward pass, and JAX would raise a ValueError about linearization."""
    raise NotImplementedError("it has no backward pass")


def _blocks(keys: int) -> dict[str, int]:
    """Choose splits of whole blocks of 16, the least that the kernel takes, or one block for any other length."""
    if keys % 16:
        return {"k_splits": 1, "block_k": keys}
    return {"k_splits": math.gcd(keys // 16, 4), "block_k": 16}
