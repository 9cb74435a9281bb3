"""One layer of the decoder: "Attention Is All You Need", sections 3.1 and 3.2.3, and figure 1.

    a = LayerNorm(x + MultiHead(x, x, x))              no position sees a later one
    b = LayerNorm(a + MultiHead(a, memory, memory))    every position of the encoder's output
    y = LayerNorm(b + FFN(b))

    x (B, L, d_model)   memory (B, L_m, d_model)   y (B, L, d_model)
    weights: the names of `DECODER_LAYER` in the contract
    mask, on top of the causal one, broadcastable to (B, heads, L, L); memory_mask to (B, heads, L, L_m)

The norm comes after the residual sum, with epsilon 1e-5, as in `encoder_layer.py`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .attention import seen_by, visible
from .encoder_layer import Gradients, attended, attended_vjp, attention_step, network_step, transformed, transformed_vjp
from .general_attention_bound import of_steps
from .layer_weights import check_heads, checked_weights, part
from .rounding.bound import Bound
from .rounding.computed import Computed
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array, checked_arrays, checked_cotangent


def decoder_layer(
    x: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
) -> Array:
    """Apply causal self-attention, attention over the memory, feed-forward network: (B, L, d_model).

    SpecError if a weight is missing, unknown or of the wrong shape, or as of the layer's parts.
    """
    x, memory, w = arguments("decoder_layer", x, memory, weights)
    of_self: dict[str, Any] = {"heads": heads, "mask": mask, "causal": True, "masked_row": masked_row}
    a = attended(x, x, w, "self_attention", **of_self)
    b = attended(a, memory, w, "cross_attention", heads=heads, mask=memory_mask, masked_row=masked_row)
    return transformed(b, w)


def decoder_layer_vjp(
    cotangent: ArrayLike,
    x: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
) -> tuple[Array, Array, Gradients]:
    """Give the gradients of sum(g decoder_layer(x)) with respect to x, to the memory, and to the weights by name.

    SpecError as of `decoder_layer`, or where the cotangent g has not the shape of the result.
    """
    x, memory, w = arguments("decoder_layer_vjp", x, memory, weights)
    g = checked_cotangent("decoder_layer_vjp", cotangent, x.shape)
    of_self: dict[str, Any] = {"heads": heads, "mask": mask, "causal": True, "masked_row": masked_row}
    of_cross: dict[str, Any] = {"heads": heads, "mask": memory_mask, "masked_row": masked_row}
    a = attended(x, x, w, "self_attention", **of_self)
    b = attended(a, memory, w, "cross_attention", **of_cross)
    db, of_network = transformed_vjp(g, b, w)
    da, dmemory, of_crossing = attended_vjp(db, a, memory, w, "cross_attention", **of_cross)
    dx, dself, of_attention = attended_vjp(da, x, x, w, "self_attention", **of_self)
    return dx + dself, dmemory, {**of_attention, **of_crossing, **of_network}


def decoder_layer_bound(
    x: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    numerics: Numerics,
) -> Bound:
    """Say how far from `decoder_layer` a right implementation may be: `decoder_layer_step`, recorded on a tape."""
    masks = mask, memory_mask
    tape, _, y = _recorded("decoder_layer_bound", x, memory, weights, heads, masks, masked_row, numerics)
    return tape.bound(y)


def decoder_layer_vjp_bound(
    cotangent: ArrayLike,
    x: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `decoder_layer_vjp` a right implementation may be: by `x`, `memory`, `weights.` and the name."""
    function, masks = "decoder_layer_vjp_bound", (mask, memory_mask)
    tape, of, y = _recorded(function, x, memory, weights, heads, masks, masked_row, numerics)
    with np.errstate(all="ignore"):
        return tape.bounds(y, checked_cotangent(function, cotangent, y.value.shape), of)


def arguments(function: str, x: ArrayLike, memory: ArrayLike, weights: Any) -> tuple[Array, Array, dict[str, Array]]:
    """Check x, memory and the weights, and give them in float64."""
    x, memory = checked_arrays(function, x, memory)
    return x, memory, checked_weights(function, weights, {"d_model": x.shape[2]})


def seen_keys(
    batch: int, heads: int, length: int, memories: int, mask: ArrayLike | None, memory_mask: ArrayLike | None
) -> tuple[Array, Array | None]:
    """Say which key each query sees: of the target, and of the memory (None: all)."""
    of_memory = seen_by((batch, heads, length, memories), memory_mask)
    return visible((batch, heads, length, length), mask, causal=True), of_memory


def _recorded(
    function: str,
    x: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    heads: int,
    masks: tuple[ArrayLike | None, ArrayLike | None],
    masked_row: str,
    numerics: Numerics,
) -> tuple[Tape, dict[str, Computed], Computed]:
    x, memory, w = arguments(function, x, memory, weights)
    check_heads(function, w, heads, masked_row)
    of = {"x": Computed(x), "memory": Computed(memory)}
    of |= {f"weights.{name}": Computed(array) for name, array in w.items()}
    seen = seen_keys(x.shape[0], heads, x.shape[1], memory.shape[1], *masks)
    tape = Tape(of_steps(numerics))
    with np.errstate(all="ignore"):
        y = decoder_layer_step(tape, of["x"], of["memory"], part(of, "weights"), heads, *seen, masked_row)
    return tape, of, y


def decoder_layer_step(
    tape: Tape,
    x: Computed,
    memory: Computed,
    w: Mapping[str, Computed],
    heads: int,
    seen: Array | None,
    seen_of_memory: Array | None,
    masked_row: str,
) -> Computed:
    """Record the layer, each of its operations a step."""
    a = attention_step(tape, x, x, w, "self_attention", heads, seen, masked_row)
    b = attention_step(tape, a, memory, w, "cross_attention", heads, seen_of_memory, masked_row)
    return network_step(tape, b, w)
