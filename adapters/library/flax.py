"""Flax on the processor: flax.linen's attention and layers, with given weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jax import Array

framework = "jax"
package = "flax"
requires = ("flax",)
extra = "flax"
dtypes = ("float64", "float32", "bfloat16", "float16")
# A hidden key has the smallest number for a score, so a row that sees none is the mean of all values.
conventions = {"masked_row": "mean"}
# LayerNorm.use_fast_variance, "faster, but less numerically stable", is on. In 16 bits, attention rounds the scaled
# queries and the scores, and its softmax is all in that format.
numerics = {name: {"variance": "one-pass"} for name in dtypes[:2]} | {
    name: {"variance": "one-pass", "operands": name, "scores": name, "statistics": name} for name in dtypes[2:]
}
sizes = "few"  # XLA compiles for every shape


def attention(
    query: "Array",
    key: "Array",
    value: "Array",
    *,
    mask: "Array | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Array":
    """nn.dot_product_attention, whose heads come after the positions."""
    import flax.linen as nn

    if scale is not None or key.shape[1] != query.shape[1]:
        raise NotImplementedError("it has no scale of one's own and no grouped heads")
    q, k, v = (each.swapaxes(1, 2) for each in (query, key, value))
    seen = _mask(query.shape[2], key.shape[2], mask, causal=causal)
    return nn.dot_product_attention(q, k, v, mask=seen).swapaxes(1, 2)


def multi_head_attention(
    query: "Array",
    key: "Array",
    value: "Array",
    w_query: "Array",
    w_key: "Array",
    w_value: "Array",
    w_output: "Array",
    *,
    heads: int,
    mask: "Array | None" = None,
    causal: bool = False,
) -> "Array":
    """nn.MultiHeadDotProductAttention without biases; its kernels have an axis of heads."""
    import flax.linen as nn

    if w_value.shape != w_key.shape:
        raise NotImplementedError("d_v unlike d_k")
    width, model = w_query.shape[1], w_output.shape[1]
    layer = nn.MultiHeadDotProductAttention(heads, qkv_features=width, out_features=model, use_bias=False)
    given = {"query": w_query, "key": w_key, "value": w_value}
    kernels = {name: {"kernel": each.reshape(each.shape[0], heads, -1)} for name, each in given.items()}
    parameters = {"params": {**kernels, "out": {"kernel": w_output.reshape(heads, -1, model)}}}
    seen = _mask(query.shape[1], key.shape[1], mask, causal=causal)
    result: Array = layer.apply(parameters, query, key, value, mask=seen, deterministic=True)
    return result


def feed_forward(x: "Array", w_1: "Array", b_1: "Array", w_2: "Array", b_2: "Array") -> "Array":
    """nn.Dense, nn.relu, nn.Dense."""
    import flax.linen as nn

    hidden = nn.relu(nn.Dense(w_1.shape[1]).apply({"params": {"kernel": w_1, "bias": b_1}}, x))
    result: Array = nn.Dense(w_2.shape[1]).apply({"params": {"kernel": w_2, "bias": b_2}}, hidden)
    return result


def layer_norm(x: "Array", gain: "Array", bias: "Array", *, epsilon: float = 1e-5) -> "Array":
    """nn.LayerNorm with its default, the variance from the mean of squares."""
    import flax.linen as nn

    result: Array = nn.LayerNorm(epsilon).apply({"params": {"scale": gain, "bias": bias}}, x)
    return result


def embedding(tokens: "Array", weight: "Array") -> "Array":
    """nn.Embed, and a product with sqrt(d_model), a Python number as in models."""
    layer, parameters = _embedding(weight)
    result: Array = layer.apply(parameters, tokens) * weight.shape[1] ** 0.5
    return result


def output_logits(hidden: "Array", weight: "Array") -> "Array":
    """nn.Embed.attend."""
    layer, parameters = _embedding(weight)
    result: Array = layer.apply(parameters, hidden, method="attend")
    return result


def _embedding(weight: "Array") -> tuple[Any, Any]:
    import flax.linen as nn

    return nn.Embed(*weight.shape), {"params": {"embedding": weight}}


def _mask(queries: int, keys: int, mask: "Array | None", *, causal: bool) -> "Array | None":
    """Flax's own masks; make_causal_mask is for as many queries as keys, this is what it calls."""
    import flax.linen as nn
    import jax.numpy as jnp

    rows, columns = jnp.arange(queries)[None], jnp.arange(keys)[None]
    order = nn.make_attention_mask(rows, columns, jnp.greater_equal) if causal else None
    # It combines masks of the same number of axes.
    given = None if mask is None else mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    return nn.combine_masks(given, order, dtype=bool)
