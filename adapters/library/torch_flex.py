"""torch.nn.attention.flex_attention, not compiled; a block mask holds the causal order too, aligned top-left."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """Compute attention with the mask and the causal order as one function of the indices."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    batch, heads, queries, _ = query.shape
    keys = key.shape[2]
    if keys == 0:
        raise NotImplementedError("flex_attention fails without keys: it takes a maximum over them (IndexError)")
    if 0 in (batch, queries) and mask is not None:
        raise NotImplementedError("create_block_mask cannot index a mask without elements (IndexError)")
    allowed = None if mask is None else mask.expand(batch, heads, queries, keys)

    def may_attend(b: "Tensor", h: "Tensor", i: "Tensor", j: "Tensor") -> "Tensor":
        if allowed is None:
            return i >= j
        return allowed[b, h, i, j] & (i >= j) if causal else allowed[b, h, i, j]

    block_mask = None
    if causal or allowed is not None:
        block_mask = create_block_mask(may_attend, batch, heads, queries, keys, device=str(query.device))
    result: Tensor = flex_attention(
        query, key, value, block_mask=block_mask, scale=scale, enable_gqa=key.shape[1] != heads
    )
    return result
