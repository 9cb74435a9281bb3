"""F.scaled_dot_product_attention held to its math kernel: two matrix products and a softmax."""

from typing import TYPE_CHECKING

from . import torch as automatic

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
    """Call attention as the adapter `torch` does, with one kernel allowed."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel([SDPBackend.MATH]):
        return automatic.attention(query, key, value, mask=mask, causal=causal, scale=scale)
