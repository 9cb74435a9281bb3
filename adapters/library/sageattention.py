"""SageAttention 1: queries and keys in 8-bit integers, its Triton kernels run by Triton's interpreter.

No field of `numerics` has integers, so nothing is declared: where the clauses on rounding fail, 8 bits are the reason.
"""

from typing import TYPE_CHECKING

from ..triton_interpreter import NOTES, as_cuda, prepare

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "sageattention"
requires = ("sageattention", "triton")
extra = "sageattention"
dtypes = ("float32", "float16")
sizes = "few"
notes = (*NOTES, "Tensors claim to lie on a GPU, which sageattn asserts.")


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """Call sageattn."""
    if query.requires_grad or key.requires_grad or value.requires_grad:
        raise NotImplementedError("it has no backward pass")
    if mask is not None or (causal and query.shape[2] != key.shape[2]):
        raise NotImplementedError("it takes no mask but the causal one, and that for as many queries as keys")
    if query.shape[3] not in (64, 96, 128) or value.shape[3] != query.shape[3]:
        raise NotImplementedError("it asserts heads of 64, 96 or 128")
    if 0 in (*query.shape, *key.shape) or any(each.stride(-1) != 1 for each in (query, key, value)):
        raise NotImplementedError("it asserts adjacent channels, and raises on arrays without elements")
    prepare()
    from sageattention import sageattn

    result: Tensor = sageattn(*map(as_cuda, (query, key, value)), is_causal=causal, sm_scale=scale)
    return result
