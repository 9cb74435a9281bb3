"""MLX on the processor: mx.fast where it has a kernel, else mlx.nn, and its optimizer as it comes."""

from typing import TYPE_CHECKING, Any

from .mlx_adam import Adam

if TYPE_CHECKING:
    from mlx.core import array

framework = "mlx"
package = "mlx"
extra = "mlx"
dtypes = ("float64", "float32", "bfloat16", "float16")
# The causal mask ends in the last key; a row that sees no key is the mean of all values.
# In 16 bits, scaled queries are rounded, and so are scores before the softmax sees them.
# nn.losses.cross_entropy subtracts the target's logit from mx.logsumexp.
numerics = {
    **{name: {"shift": "rounded"} for name in ("float64", "float32")},
    **{name: {"scores": name, "operands": name, "shift": "rounded"} for name in ("bfloat16", "float16")},
}
conventions = {"causal_alignment": "bottom-right", "masked_row": "mean", "positional_layout": "concatenated"}


adam = Adam(bias_correction=False).adam


def softmax(x: "array") -> "array":
    """mx.softmax over the last axis."""
    import mlx.core as mx

    return mx.softmax(x, axis=-1)


def log_softmax(x: "array") -> "array":
    """nn.log_softmax over the last axis."""
    import mlx.nn as nn

    return nn.log_softmax(x, axis=-1)


def attention(
    query: "array",
    key: "array",
    value: "array",
    *,
    mask: "array | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "array":
    """mx.fast.scaled_dot_product_attention, which takes a mask or the word causal."""
    import mlx.core as mx

    if causal and mask is not None:
        raise NotImplementedError("a mask beside the causal one")
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return mx.fast.scaled_dot_product_attention(query, key, value, scale=factor, mask="causal" if causal else mask)


def feed_forward(x: "array", w_1: "array", b_1: "array", w_2: "array", b_2: "array") -> "array":
    """nn.Linear, nn.relu, nn.Linear, as mx.addmm."""
    import mlx.core as mx
    import mlx.nn as nn

    return mx.addmm(b_2, nn.relu(mx.addmm(b_1, x, w_1)), w_2)


def layer_norm(x: "array", gain: "array", bias: "array", *, epsilon: float = 1e-5) -> "array":
    """mx.fast.layer_norm over the last axis."""
    import mlx.core as mx

    return mx.fast.layer_norm(x, gain, bias, epsilon)


def positional_encoding(length: int, d_model: int) -> "array":
    """nn.SinusoidalPositionalEncoding with the paper's frequencies: its own begin at 1e-4 whatever d_model is."""
    import mlx.core as mx
    import mlx.nn as nn

    if d_model % 2 or d_model < 4:
        raise NotImplementedError("nn.SinusoidalPositionalEncoding has an even number of channels, 4 or more")
    lowest = 10000.0 ** (-(d_model - 2) / d_model)
    return nn.SinusoidalPositionalEncoding(d_model, min_freq=lowest, scale=1.0)(mx.arange(length))


def embedding(tokens: "array", weight: "array") -> "array":
    """nn.Embedding, and a product with sqrt(d_model)."""
    return _embedding(weight)(tokens) * weight.shape[1] ** 0.5


def output_logits(hidden: "array", weight: "array") -> "array":
    """nn.Embedding.as_linear."""
    return _embedding(weight).as_linear(hidden)


def _embedding(weight: "array") -> Any:
    import mlx.nn as nn

    layer = nn.Embedding(1, weight.shape[1])
    layer.weight = weight
    return layer


def cross_entropy(
    logits: "array", targets: "array", *, label_smoothing: float = 0.0, reduction: str = "mean"
) -> "array":
    """nn.losses.cross_entropy."""
    import mlx.nn as nn

    if label_smoothing == 1:
        raise NotImplementedError("nn.losses.cross_entropy takes label smoothing below 1")
    if not logits.shape[0]:
        raise NotImplementedError("nn.losses.cross_entropy raises over no tokens")
    return nn.losses.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction=reduction)
