"""F.scaled_dot_product_attention held to its flash kernel, which on a processor is also the automatic choice."""

from typing import TYPE_CHECKING

from . import torch as automatic

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")
numerics = automatic.numerics  # it is this kernel that has the fast exponential


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """Call attention as the adapter `torch` does, with one kernel allowed."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    try:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            return automatic.attention(query, key, value, mask=mask, causal=causal, scale=scale)
    except RuntimeError as error:
        # It says so in one sentence for d_v unlike d_k and for channels that are not adjacent in memory.
        if "No available kernel" in str(error):
            raise NotImplementedError("the flash kernel needs d_v = d_k and adjacent channels") from error
        raise
