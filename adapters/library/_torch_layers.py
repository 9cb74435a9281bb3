"""Multi-head attention, layers and stacks in torch.

Layers are torch's own modules, nn.TransformerEncoderLayer and nn.TransformerDecoderLayer, with the weights of the call
in place of their parameters, their biases zero and dropout off. They take d_k = d_v = d_model / heads only. Multi-head
attention of any sizes is the recipe of the tutorials: F.linear, view, F.scaled_dot_product_attention, F.linear; the
module nn.MultiheadAttention is judged as `torch-mha`.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-5


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
    """Project, split the heads by view and transpose, call F.scaled_dot_product_attention, and go back."""
    import torch.nn.functional as F

    from ._torch_functions import attention

    def of_heads(x: "Tensor", w: "Tensor") -> "Tensor":
        return F.linear(x, w.T).reshape(*x.shape[:2], heads, w.shape[1] // heads).transpose(1, 2)

    o = attention(of_heads(query, w_query), of_heads(key, w_key), of_heads(value, w_value), mask=mask, causal=causal)
    return F.linear(o.transpose(1, 2).flatten(2), w_output.T)


def encoder_layer(
    x: "Tensor", weights: Mapping[str, "Tensor"], *, heads: int, mask: "Tensor | None" = None
) -> "Tensor":
    """nn.TransformerEncoderLayer(norm_first=False, dropout=0) in evaluation."""
    import torch

    module = _module(torch.nn.TransformerEncoderLayer, x, weights, heads)
    parameters = _parameters(weights, {"self_attention": "self_attn"}, ("self_attention", "feed_forward"))
    blocked = _blocked(mask, heads, x.shape[0], x.shape[1], x.shape[1])
    result: Tensor = _called(module, parameters, (x,), {"src_mask": blocked})
    return result


def decoder_layer(
    x: "Tensor",
    memory: "Tensor",
    weights: Mapping[str, "Tensor"],
    *,
    heads: int,
    mask: "Tensor | None" = None,
    memory_mask: "Tensor | None" = None,
) -> "Tensor":
    """nn.TransformerDecoderLayer(norm_first=False, dropout=0) in evaluation; the causal mask is the caller's."""
    import torch

    module = _module(torch.nn.TransformerDecoderLayer, x, weights, heads)
    attentions = {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
    parameters = _parameters(weights, attentions, ("self_attention", "cross_attention", "feed_forward"))
    batch, length = x.shape[:2]
    earlier = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
    target = _blocked(earlier if mask is None else mask & earlier, heads, batch, length, length)
    of_memory = _blocked(memory_mask, heads, batch, length, memory.shape[1])
    result: Tensor = _called(module, parameters, (x, memory), {"tgt_mask": target, "memory_mask": of_memory})
    return result


def encoder(tokens: "Tensor", weights: Mapping[str, "Tensor"], *, heads: int, mask: "Tensor | None" = None) -> "Tensor":
    """F.embedding, the tutorial's positions, and a layer after another."""
    x = _embedded(tokens, weights["embedding"])
    for layer in _layers(weights):
        x = encoder_layer(x, layer, heads=heads, mask=mask)
    return x


def decoder(
    tokens: "Tensor",
    memory: "Tensor",
    weights: Mapping[str, "Tensor"],
    *,
    heads: int,
    mask: "Tensor | None" = None,
    memory_mask: "Tensor | None" = None,
) -> "Tensor":
    """Run the decoder's layers between embedding and logits; F.linear takes the embedding's matrix for the logits."""
    import torch.nn.functional as F

    x = _embedded(tokens, weights["embedding"])
    for layer in _layers(weights):
        x = decoder_layer(x, memory, layer, heads=heads, mask=mask, memory_mask=memory_mask)
    return F.linear(x, weights["embedding"])


def _embedded(tokens: "Tensor", weight: "Tensor") -> "Tensor":
    import torch

    from ._torch_functions import embedding, positions

    table = positions(tokens.shape[1], weight.shape[1], torch.promote_types(weight.dtype, torch.float32))
    return embedding(tokens, weight) + table.to(weight.dtype)


def _layers(weights: Mapping[str, "Tensor"]) -> list[dict[str, "Tensor"]]:
    """Split the weights by layer, `layers.0.` first."""
    count = len({name.split(".")[1] for name in weights if name.startswith("layers.")})
    prefixes = [f"layers.{number}." for number in range(count)]
    return [
        {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
        for prefix in prefixes
    ]


def _module(kind: Any, x: "Tensor", weights: Mapping[str, "Tensor"], heads: int) -> Any:
    d_model, d_ff = weights["feed_forward.w_1"].shape
    for name in ("w_query", "w_value"):
        if weights[f"self_attention.{name}"].shape[1] != d_model:
            raise NotImplementedError(f"{kind.__name__} needs d_k = d_v = d_model / heads")
    return _made(kind, d_model, heads, d_ff, x.dtype, x.device)


@functools.lru_cache(maxsize=64)
def _made(kind: Any, d_model: int, heads: int, d_ff: int, dtype: Any, device: Any) -> Any:
    """Make a module once for all calls of its sizes: each call has parameters of its own."""
    options = {"dropout": 0.0, "batch_first": True, "layer_norm_eps": EPSILON}
    return kind(d_model, heads, d_ff, dtype=dtype, device=device, **options).eval()


def _parameters(
    weights: Mapping[str, "Tensor"], attentions: Mapping[str, str], norms: tuple[str, ...]
) -> dict[str, "Tensor"]:
    """Name the parameters as the module does: matrices are (out, in), and projections have biases."""
    import torch

    parameters: dict[str, Tensor] = {}
    for ours, theirs in attentions.items():
        stacked = torch.cat([weights[f"{ours}.w_{each}"].T for each in ("query", "key", "value")])
        output = weights[f"{ours}.w_output"].T
        parameters |= {
            f"{theirs}.in_proj_weight": stacked,
            f"{theirs}.in_proj_bias": stacked.new_zeros(stacked.shape[0]),
            f"{theirs}.out_proj.weight": output,
            f"{theirs}.out_proj.bias": output.new_zeros(output.shape[0]),
        }
    for number in ("1", "2"):
        parameters[f"linear{number}.weight"] = weights[f"feed_forward.w_{number}"].T
        parameters[f"linear{number}.bias"] = weights[f"feed_forward.b_{number}"]
    for place, name in enumerate(norms, 1):
        parameters[f"norm{place}.weight"] = weights[f"{name}_norm.gain"]
        parameters[f"norm{place}.bias"] = weights[f"{name}_norm.bias"]
    return parameters


def _blocked(mask: "Tensor | None", heads: int, batch: int, queries: int, keys: int) -> "Tensor | None":
    """Turn the mask into the module's, where True means: do not attend; a mask of every head is (B h, L_q, L_k)."""
    if mask is None:
        return None
    if 0 in (batch, queries, keys):
        raise NotImplementedError("nn.MultiheadAttention cannot view a mask without elements")
    return ~mask.expand(batch, heads, queries, keys).reshape(batch * heads, queries, keys)


def _called(module: Any, parameters: dict[str, "Tensor"], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    import torch

    return torch.func.functional_call(module, parameters, arguments, options, tie_weights=False)
