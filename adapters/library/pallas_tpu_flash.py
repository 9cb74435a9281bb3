"""The attention kernel for TPUs that JAX comes with, jax.experimental.pallas.ops.tpu.flash_attention, interpreted."""

from typing import TYPE_CHECKING, Any

from ..pallas_interpreter import pullback

if TYPE_CHECKING:
    from jax import Array

framework = "jax"
package = "jax"
extra = "jax"
dtypes = ("float32", "bfloat16", "float16")
# A mask of booleans has no place in it but as a bias; a row of minus infinities is NaN by its softmax.
conventions = {"masked_row": "nan"}
sizes = "few"
notes = ("runs in Pallas's interpret mode on the processor, not compiled for a TPU",)


def attention(
    query: "Array",
    key: "Array",
    value: "Array",
    *,
    mask: "Array | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Array":
    """flash_attention, with the mask as its bias, minus infinity for a hidden key. It counts in 32 bits."""
    import jax
    import jax.numpy as jnp
    from jax.experimental.pallas.ops.tpu.flash_attention import flash_attention
    from jax.experimental.pallas.tpu import force_tpu_interpret_mode

    if key.shape[1] != query.shape[1] or key.shape[3] != value.shape[3]:
        raise NotImplementedError("it has neither grouped heads nor d_v unlike d_k")
    if 0 in (*query.shape, *key.shape):
        raise NotImplementedError("it raises on arrays without elements")
    hidden = None if mask is None else jnp.where(mask, 0, -jnp.inf).astype(query.dtype)
    bias = None if hidden is None else jnp.broadcast_to(hidden, (*query.shape[:3], key.shape[2]))
    options = {"causal": causal, "sm_scale": query.shape[3] ** -0.5 if scale is None else scale}  # its default is 1
    with force_tpu_interpret_mode(), jax.enable_x64(False):
        return flash_attention(query, key, value, bias, block_sizes=_blocks(query.shape[2], key.shape[2]), **options)


def attention_vjp(
    cotangent: "Array", query: "Array", key: "Array", value: "Array", *, mask: "Array | None" = None, **options: Any
) -> Any:
    """jax.vjp of the same call: the backward pass, too, is interpreted, and counts in 32 bits."""
    import jax
    from jax.experimental.pallas.tpu import force_tpu_interpret_mode

    if key.shape[2] % 128:
        raise NotImplementedError("its backward pass takes keys by 128")
    with force_tpu_interpret_mode(), jax.enable_x64(False):
        return pullback(attention, **options)(cotangent, query, key, value, mask=mask)


def _blocks(queries: int, keys: int) -> Any:
    """Choose blocks of 128, its default, where they fit, or else one block: lengths must be multiples."""
    from jax.experimental.pallas.ops.tpu.flash_attention import BlockSizes

    q, k = (length if length % 128 else 128 for length in (queries, keys))
    return BlockSizes(q, k, k, 1, q, k, k, q, k, k, q)
