"""nn.MultiheadAttention(need_weights=False), and as bare attention: its four projections are the identity then.

The identity is exact for finite inputs; a NaN or an infinity meets its zeros, and so reaches every head.
"""

from typing import TYPE_CHECKING

from . import torch as automatic

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")
numerics = automatic.numerics  # inside is F.scaled_dot_product_attention, with the flash kernel
notes = ("NaN and infinity spread over all heads through the identity projections",)
# A row without keys holds out_proj.bias, here zero: the default of `masked_row`. (need_weights=True gives NaN.)


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """Merge the heads going in and split them coming out; a True in the module's mask means: do not attend."""
    import torch

    batch, heads, queries, d_k = query.shape
    if key.shape[1] != heads:
        raise NotImplementedError("nn.MultiheadAttention needs as many key heads as query heads")
    if value.shape[-1] != d_k:
        raise NotImplementedError("nn.MultiheadAttention needs d_v = d_k")
    if scale is not None:
        raise NotImplementedError("nn.MultiheadAttention has no scale other than 1/sqrt(d_k)")
    width, keys = heads * d_k, key.shape[2]
    dtype, device = query.dtype, query.device
    if dtype == torch.float16 and any(each.requires_grad for each in (query, key, value)):
        # Attention's own gradient may rightly overflow; times the zeros of an identity matrix, infinity is NaN.
        raise NotImplementedError("the identity matrices of this adapter have no float16 gradients beyond 65504")
    module = torch.nn.MultiheadAttention(width, heads, batch_first=True, dtype=dtype, device=device).eval()
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(width).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(width))
    # `is_causal` of the module replaces a mask without a word, or is ignored: the mask says it all.
    allowed = torch.ones(queries, keys, dtype=torch.bool, device=device)
    allowed = allowed.tril() if causal else allowed
    allowed = (allowed if mask is None else allowed & mask).expand(batch, heads, queries, keys)
    blocked = None if mask is None and not causal else ~allowed.reshape(batch * heads, queries, keys)
    if blocked is not None and 0 in (batch, keys):
        # It views the mask as (B, H, -1, L_k), where -1 could be anything (RuntimeError).
        raise NotImplementedError("nn.MultiheadAttention cannot view a mask without elements")
    merged = [each.transpose(1, 2).reshape(batch, each.shape[2], width) for each in (query, key, value)]
    result: Tensor = module(*merged, attn_mask=blocked, need_weights=False)[0]
    return result.reshape(batch, queries, heads, d_k).transpose(1, 2)


def multi_head_attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    w_query: "Tensor",
    w_key: "Tensor",
    w_value: "Tensor",
    w_output: "Tensor",
    *,
    heads: int,
    mask: "Tensor | None" = None,
    causal: bool = False,
) -> "Tensor":
    """Run the module itself, with the matrices of the call as its parameters and biases of zero."""
    import torch

    batch, queries, d_model = query.shape
    keys = key.shape[1]
    if (w_query.shape[1], w_value.shape[1]) != (d_model, d_model):
        raise NotImplementedError("nn.MultiheadAttention needs d_k = d_v = d_model / heads")
    options = {"batch_first": True, "bias": False, "dtype": query.dtype, "device": query.device}
    module = torch.nn.MultiheadAttention(d_model, heads, **options).eval()
    blocked = None
    if mask is not None or causal:
        if 0 in (batch, queries, keys):
            raise NotImplementedError("nn.MultiheadAttention cannot view a mask without elements")
        allowed = torch.ones(queries, keys, dtype=torch.bool, device=query.device)
        allowed = allowed.tril() if causal else allowed
        allowed = (allowed if mask is None else allowed & mask).expand(batch, heads, queries, keys)
        blocked = ~allowed.reshape(batch * heads, queries, keys)
    parameters = {"in_proj_weight": torch.cat([w_query.T, w_key.T, w_value.T]), "out_proj.weight": w_output.T}
    called = {"attn_mask": blocked, "need_weights": False}
    result: Tensor = torch.func.functional_call(module, parameters, (query, key, value), called)[0]
    return result
