"""Liger-Kernel: its Triton kernels, run by Triton's interpreter on the processor, with their own backward passes."""

from typing import TYPE_CHECKING

from ..triton_interpreter import NOTES_RSQRT, prepare

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "liger-kernel"
requires = ("liger_kernel", "triton")
extra = "liger"
dtypes = ("float32", "float16")
# The loss is lse - x[target], lse = max + log(sum).
numerics = {name: {"shift": "rounded"} for name in dtypes}
sizes = "few"
notes = NOTES_RSQRT


def softmax(x: "Tensor") -> "Tensor":
    """liger_softmax."""
    if not x.shape[-1]:
        raise NotImplementedError("it raises on rows without elements")
    prepare()
    from liger_kernel.transformers.functional import liger_softmax

    result: Tensor = liger_softmax(x)
    return result


def layer_norm(x: "Tensor", gain: "Tensor", bias: "Tensor", *, epsilon: float = 1e-5) -> "Tensor":
    """liger_layer_norm."""
    prepare()
    from liger_kernel.transformers.functional import liger_layer_norm

    result: Tensor = liger_layer_norm(x, gain, bias, epsilon)
    return result


def embedding(tokens: "Tensor", weight: "Tensor") -> "Tensor":
    """LigerEmbedding's function, and a product with sqrt(d_model)."""
    if not tokens.numel():
        raise NotImplementedError("it raises on no tokens")
    prepare()
    from liger_kernel.ops import LigerEmbeddingFunction

    rows: Tensor = LigerEmbeddingFunction.apply(weight, tokens)
    result: Tensor = rows * weight.shape[1] ** 0.5
    return result


def cross_entropy(
    logits: "Tensor",
    targets: "Tensor",
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
) -> "Tensor":
    """liger_cross_entropy, which ignores the target -100 by default, as torch does."""
    prepare()
    from liger_kernel.transformers.functional import liger_cross_entropy

    ignored = -100 if ignore_index is None else ignore_index
    result: Tensor = liger_cross_entropy(
        logits, targets, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )
    return result
