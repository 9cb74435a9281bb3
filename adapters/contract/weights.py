"""What the mapping `weights` of a layer, and of a stack of layers, holds: the axes of each array by its name."""

from collections.abc import Mapping
from typing import Final


def _attention_weights(name: str) -> dict[str, str]:
    """Give the four matrices of a layer's attention; queries and keys have one width."""
    scored, mixed = f"{name}_key_width", f"{name}_value_width"
    return {
        f"{name}.w_query": f"d_model {scored}",
        f"{name}.w_key": f"d_model {scored}",
        f"{name}.w_value": f"d_model {mixed}",
        f"{name}.w_output": f"{mixed} d_model",
    }


def _norm_weights(name: str) -> dict[str, str]:
    """Give the gain and the bias of the norm after a sub-layer."""
    return {f"{name}_norm.gain": "d_model", f"{name}_norm.bias": "d_model"}


_FEED_FORWARD: Final = {
    "feed_forward.w_1": "d_model d_ff",
    "feed_forward.b_1": "d_ff",
    "feed_forward.w_2": "d_ff d_model",
    "feed_forward.b_2": "d_model",
}
_SELF: Final = {**_attention_weights("self_attention"), **_norm_weights("self_attention")}
_CROSS: Final = {**_attention_weights("cross_attention"), **_norm_weights("cross_attention")}
ENCODER_LAYER: Final[Mapping[str, str]] = {**_SELF, **_FEED_FORWARD, **_norm_weights("feed_forward")}
DECODER_LAYER: Final[Mapping[str, str]] = {**_SELF, **_CROSS, **_FEED_FORWARD, **_norm_weights("feed_forward")}


def stack(layer: Mapping[str, str]) -> dict[str, str]:
    """Give the weights of a stack; each layer has widths of its own, but for d_model."""
    return {"embedding": "V d_model", **{f"layers.*.{name}": axes for name, axes in layer.items()}}
