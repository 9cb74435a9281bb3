"""FlashAttention 2 with its Triton backend, the one for AMD, run by Triton's interpreter on the processor."""

import functools
import os
from typing import TYPE_CHECKING, Any

from ..triton_interpreter import NOTES, prepare

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "flash-attn"
requires = ("flash_attn", "triton")
install = (
    "pip install torch triton einops && FLASH_ATTENTION_FORCE_BUILD=TRUE FLASH_ATTENTION_SKIP_CUDA_BUILD=TRUE "
    "pip install --no-deps --no-build-isolation --no-binary flash-attn flash-attn==2.8.3.post2"
)
dtypes = ("float32", "float16")
sizes = "few"
notes = (*NOTES, "The operators of flash_attn, registered for a GPU only, are registered for the processor, too.")
# The documentation of flash_attn_func: the causal mask ends in the bottom right corner.
conventions = {"causal_alignment": "bottom-right"}


@functools.cache
def _interface() -> Any:
    os.environ["FLASH_ATTENTION_TRITON_AMD_ENABLE"] = "TRUE"
    prepare()
    from flash_attn import flash_attn_interface

    for operator in (flash_attn_interface._flash_attn_forward, flash_attn_interface._flash_attn_backward):
        operator.register_kernel("cpu", operator._init_fn)
    return flash_attn_interface


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """flash_attn_func, whose heads come after the positions; its gradients are its own, too."""
    if mask is not None:
        raise NotImplementedError("flash_attn_func takes no mask")
    if key.shape[-1] != value.shape[-1]:
        raise NotImplementedError("the backend asserts that values have the head size of keys")
    if query.shape[2] == 0 or key.shape[2] == 0:
        raise NotImplementedError("the backend asserts that there are queries and keys")
    arguments = (each.transpose(1, 2) for each in (query, key, value))
    result: Tensor = _interface().flash_attn_func(*arguments, softmax_scale=scale, causal=causal)
    return result.transpose(1, 2)
