"""The attention kernel for GPUs that JAX comes with, jax.experimental.pallas.ops.gpu.attention.mha, interpreted."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..pallas_interpreter import GPU_NOTES, pullback

if TYPE_CHECKING:
    from jax import Array


@dataclass(frozen=True)
class Attention:
    """The kernel, and one of its two backward passes."""

    backward: str
    framework: str = "jax"
    package: str = "jax"
    extra: str = "jax"
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16")
    sizes: str = "few"
    notes: tuple[str, ...] = GPU_NOTES

    def attention(
        self,
        query: "Array",
        key: "Array",
        value: "Array",
        *,
        mask: "Array | None" = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> "Array":
        """mha, whose heads come after the positions. It counts in 32 bits, so the 64-bit mode is off in it."""
        import jax
        from jax.experimental.pallas.ops.gpu.attention import mha

        if mask is not None:
            raise NotImplementedError("it takes no mask but the causal one, and segments")
        if key.shape[3] != value.shape[3]:
            raise NotImplementedError("it wants d_v = d_k")
        if 0 in (*query.shape, *key.shape):
            raise NotImplementedError("it raises on arrays without elements")
        factor = query.shape[3] ** -0.5 if scale is None else scale  # its own default is 1
        options = {"backward_pass_impl": self.backward, "interpret": True}
        q, k, v = (each.swapaxes(1, 2) for each in (query, key, value))
        with jax.enable_x64(False):
            return mha(q, k, v, None, factor, causal, _blocks(q.shape[1], k.shape[1]), **options).swapaxes(1, 2)

    def attention_vjp(
        self,
        cotangent: "Array",
        query: "Array",
        key: "Array",
        value: "Array",
        *,
        mask: "Array | None" = None,
        **options: Any,
    ) -> Any:
        """jax.vjp of the same call: the backward pass, too, has the 64-bit mode off."""
        import jax

        with jax.enable_x64(False):
            return pullback(self.attention, **options)(cotangent, query, key, value, mask=mask)


def _blocks(queries: int, keys: int) -> Any:
    """Choose blocks of 16, the least that matrix units take, where they fit, or else one block of the whole length.

    The backward pass wants as many blocks of queries as of keys.
    """
    from jax.experimental.pallas.ops.gpu.attention import BlockSizes

    parts = max(math.gcd(queries, keys) // 16, 1) if queries % 16 == keys % 16 == 0 else 1
    q, k = queries // parts, keys // parts
    forward = (length if length % 16 else 16 for length in (queries, keys))
    return BlockSizes(*forward, block_q_dkv=q, block_kv_dkv=k, block_q_dq=q, block_kv_dq=k)


adapters = {"pallas-gpu-mha": Attention("triton"), "pallas-gpu-mha-xla": Attention("xla")}
