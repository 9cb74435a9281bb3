"""Encoder and decoder in arbitrary precision: "Attention Is All You Need", section 3.1 and figure 1."""

from collections.abc import Mapping
from typing import Any

from arbitrary_precision import embedding, exact, feed_forward, filled, layer_norm, output_logits
from arbitrary_precision_attention import multi_head_attention
from arbitrary_precision_training import positional_encoding

_ATTENTION = ("w_query", "w_key", "w_value", "w_output")
_FEED_FORWARD = ("w_1", "b_1", "w_2", "b_2")


def encoder_layer(x: Any, weights: Mapping[str, Any], *, heads: int, mask: Any = None, **conventions: Any) -> Any:
    """LayerNorm(x + Sublayer(x)) twice: self-attention, then the feed-forward network."""
    x = exact(x)
    y = _attend(x, x, weights, "self_attention", heads=heads, mask=mask, **conventions)
    x = _normalised(x, y, weights, "self_attention_norm")
    y = feed_forward(x, *(weights[f"feed_forward.{name}"] for name in _FEED_FORWARD))
    return _normalised(x, y, weights, "feed_forward_norm")


def decoder_layer(
    x: Any,
    memory: Any,
    weights: Mapping[str, Any],
    *,
    heads: int,
    mask: Any = None,
    memory_mask: Any = None,
    **conventions: Any,
) -> Any:
    """Compute a layer of the decoder, with attention to the memory in between; no position sees what comes later."""
    x, memory = exact(x), exact(memory)
    y = _attend(x, x, weights, "self_attention", heads=heads, mask=mask, causal=True, **conventions)
    x = _normalised(x, y, weights, "self_attention_norm")
    y = _attend(x, memory, weights, "cross_attention", heads=heads, mask=memory_mask, **conventions)
    x = _normalised(x, y, weights, "cross_attention_norm")
    y = feed_forward(x, *(weights[f"feed_forward.{name}"] for name in _FEED_FORWARD))
    return _normalised(x, y, weights, "feed_forward_norm")


def encoder(tokens: Any, weights: Mapping[str, Any], *, heads: int, mask: Any = None, **conventions: Any) -> Any:
    """Embedding and positional encoding, then one layer after another."""
    x, conventions = _input(tokens, weights, conventions)
    for each in _layers(weights):
        x = encoder_layer(x, each, heads=heads, mask=mask, **conventions)
    return x


def decoder(
    tokens: Any,
    memory: Any,
    weights: Mapping[str, Any],
    *,
    heads: int,
    mask: Any = None,
    memory_mask: Any = None,
    **conventions: Any,
) -> Any:
    """Embedding and positional encoding, one layer after another with the same memory, and logits by the embedding."""
    x, conventions = _input(tokens, weights, conventions)
    for each in _layers(weights):
        x = decoder_layer(x, memory, each, heads=heads, mask=mask, memory_mask=memory_mask, **conventions)
    return output_logits(x, weights["embedding"])


def _input(tokens: Any, weights: Mapping[str, Any], conventions: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """W[tokens] sqrt(d_model) + PE, and the conventions that are left for the layers."""
    rest = dict(conventions)
    layout = {name: rest.pop(name) for name in ("positional_layout",) if name in rest}
    x = embedding(tokens, weights["embedding"])
    code = positional_encoding(*x.shape[1:], **layout)
    return filled(x.shape, lambda b, t, k: x[b, t, k] + code[t, k]), rest


def _layers(weights: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Split the weights by layer, under the names that they have in one layer."""
    parts = [(name.split(".", 2), array) for name, array in weights.items() if name.startswith("layers.")]
    layers: list[dict[str, Any]] = [{} for _ in {index for (_, index, _), _ in parts}]
    for (_, index, name), array in parts:
        layers[int(index)][name] = array
    return layers


def _attend(x: Any, memory: Any, weights: Mapping[str, Any], name: str, **options: Any) -> Any:
    """Multi-head attention of x to the memory, with the weights of that name."""
    return multi_head_attention(x, memory, memory, *(weights[f"{name}.{each}"] for each in _ATTENTION), **options)


def _normalised(x: Any, y: Any, weights: Mapping[str, Any], name: str) -> Any:
    """LayerNorm(x + y)."""
    residual = filled(x.shape, lambda *place: x[place] + y[place])
    return layer_norm(residual, weights[f"{name}.gain"], weights[f"{name}.bias"])
