"""One layer of the encoder: "Attention Is All You Need", section 3.1 and figure 1.

    a = LayerNorm(x + MultiHead(x, x, x))
    y = LayerNorm(a + FFN(a))

    x (B, L, d_model)   y (B, L, d_model)   weights: the names of `ENCODER_LAYER` in the contract
    mask, True = may attend, broadcastable to (B, heads, L, L)

The norm comes after the residual sum ("LayerNorm(x + Sublayer(x))"), with epsilon 1e-5. The layer adds no positions: a
permutation of the positions of x permutes those of y.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from .attention import seen_by
from .feed_forward import feed_forward, feed_forward_vjp
from .general_attention_bound import of_steps
from .layer_norm import layer_norm, layer_norm_vjp
from .layer_norm_bound import layer_norm_step
from .layer_weights import check_heads, checked_weights, part
from .multi_head_attention import multi_head_attention, multi_head_attention_vjp, multi_head_step
from .rounding.bound import Bound
from .rounding.computed import Computed
from .rounding.numerics import Numerics
from .rounding.tape import Tape, add, affine, relu
from .shapes import Array, checked_arrays, checked_cotangent

Gradients = dict[str, Array]

EPSILON: Final = 1e-5


def encoder_layer(
    x: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
) -> Array:
    """Give LayerNorm(a + FFN(a)), a = LayerNorm(x + MultiHead(x, x, x)): (B, L, d_model).

    SpecError if a weight is missing, unknown or of the wrong shape, or as of the layer's parts.
    """
    x, w = arguments("encoder_layer", x, weights)
    a = attended(x, x, w, "self_attention", heads=heads, mask=mask, masked_row=masked_row)  # (B, L, d_model)
    return transformed(a, w)  # (B, L, d_model)


def encoder_layer_vjp(
    cotangent: ArrayLike,
    x: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
) -> tuple[Array, Gradients]:
    """Give the gradients of sum(g encoder_layer(x)) with respect to x, and to each of the weights by name.

    SpecError as of `encoder_layer`, or where the cotangent g has not the shape of the result.
    """
    x, w = arguments("encoder_layer_vjp", x, weights)
    g = checked_cotangent("encoder_layer_vjp", cotangent, x.shape)
    options: dict[str, Any] = {"heads": heads, "mask": mask, "masked_row": masked_row}
    a = attended(x, x, w, "self_attention", **options)
    da, of_network = transformed_vjp(g, a, w)
    dx, dmemory, of_attention = attended_vjp(da, x, x, w, "self_attention", **options)
    return dx + dmemory, {**of_attention, **of_network}


def encoder_layer_bound(
    x: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    numerics: Numerics,
) -> Bound:
    """Say how far from `encoder_layer` a right implementation may be: `encoder_layer_step`, recorded on a tape."""
    tape, _, y = _recorded("encoder_layer_bound", x, weights, heads, mask, masked_row, numerics)
    return tape.bound(y)


def encoder_layer_vjp_bound(
    cotangent: ArrayLike,
    x: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `encoder_layer_vjp` a right implementation may be: by `x`, and `weights.` and a name."""
    tape, of, y = _recorded("encoder_layer_vjp_bound", x, weights, heads, mask, masked_row, numerics)
    with np.errstate(all="ignore"):
        return tape.bounds(y, checked_cotangent("encoder_layer_vjp_bound", cotangent, y.value.shape), of)


def arguments(function: str, x: ArrayLike, weights: Any) -> tuple[Array, dict[str, Array]]:
    """Give x and the weights in float64, their shapes checked."""
    (x,) = checked_arrays(function, x)
    return x, checked_weights(function, weights, {"d_model": x.shape[2]})


# The two sublayers, with their residual sums and norms


def attended(x: Array, memory: Array, w: Mapping[str, Array], name: str, **options: Any) -> Array:
    """Give LayerNorm(x + MultiHead(x, memory, memory)), by the weights of that name."""
    residual = x + multi_head_attention(x, memory, memory, **part(w, name), **options)
    return layer_norm(residual, **part(w, f"{name}_norm"), epsilon=EPSILON)


def attended_vjp(
    g: Array, x: Array, memory: Array, w: Mapping[str, Array], name: str, **options: Any
) -> tuple[Array, Array, Gradients]:
    """Give the gradients of x (that of its residual among it), of the memory, and of the weights."""
    of, norm = part(w, name), part(w, f"{name}_norm")
    residual = x + multi_head_attention(x, memory, memory, **of, **options)
    dr, dgain, dbias = layer_norm_vjp(g, residual, **norm, epsilon=EPSILON)
    dx, dk, dv, *dw = multi_head_attention_vjp(dr, x, memory, memory, **of, **options)
    of_weights = {f"{name}.{key}": each for key, each in zip(of, dw, strict=True)}
    return dr + dx, dk + dv, {**of_weights, f"{name}_norm.gain": dgain, f"{name}_norm.bias": dbias}


def transformed(a: Array, w: Mapping[str, Array]) -> Array:
    """Give LayerNorm(a + FFN(a))."""
    residual = a + feed_forward(a, **part(w, "feed_forward"))
    return layer_norm(residual, **part(w, "feed_forward_norm"), epsilon=EPSILON)


def transformed_vjp(g: Array, a: Array, w: Mapping[str, Array]) -> tuple[Array, Gradients]:
    """Give the gradients of a and of the weights."""
    of, norm = part(w, "feed_forward"), part(w, "feed_forward_norm")
    residual = a + feed_forward(a, **of)
    dr, dgain, dbias = layer_norm_vjp(g, residual, **norm, epsilon=EPSILON)
    da, *dw = feed_forward_vjp(dr, a, **of)
    of_weights = {f"feed_forward.{key}": each for key, each in zip(of, dw, strict=True)}
    return dr + da, {**of_weights, "feed_forward_norm.gain": dgain, "feed_forward_norm.bias": dbias}


def _recorded(
    function: str, x: ArrayLike, weights: Any, heads: int, mask: ArrayLike | None, masked_row: str, numerics: Numerics
) -> tuple[Tape, dict[str, Computed], Computed]:
    x, w = arguments(function, x, weights)
    check_heads(function, w, heads, masked_row)
    of = {"x": Computed(x), **{f"weights.{name}": Computed(array) for name, array in w.items()}}
    seen = seen_by((x.shape[0], heads, x.shape[1], x.shape[1]), mask)
    tape = Tape(of_steps(numerics))
    with np.errstate(all="ignore"):
        y = encoder_layer_step(tape, of["x"], part(of, "weights"), heads, seen, masked_row)
    return tape, of, y


# The same on a tape


def encoder_layer_step(
    tape: Tape, x: Computed, w: Mapping[str, Computed], heads: int, seen: Array | None, masked_row: str
) -> Computed:
    """Record the layer, each of its operations a step."""
    a = attention_step(tape, x, x, w, "self_attention", heads, seen, masked_row)
    return network_step(tape, a, w)


def attention_step(
    tape: Tape,
    x: Computed,
    memory: Computed,
    w: Mapping[str, Computed],
    name: str,
    heads: int,
    seen: Array | None,
    masked_row: str,
) -> Computed:
    """Give LayerNorm(x + MultiHead(x, memory, memory))."""
    o = multi_head_step(tape, x, memory, memory, part(w, name), heads, seen, masked_row)
    norm = part(w, f"{name}_norm")
    return layer_norm_step(tape, add(tape, x, o), norm["gain"], norm["bias"], EPSILON)


def network_step(tape: Tape, a: Computed, w: Mapping[str, Computed]) -> Computed:
    """Give LayerNorm(a + FFN(a))."""
    of, norm = part(w, "feed_forward"), part(w, "feed_forward_norm")
    h = relu(tape, affine(tape, a, of["w_1"], of["b_1"]), mixed=True)
    y = affine(tape, h, of["w_2"], of["b_2"])
    return layer_norm_step(tape, add(tape, a, y), norm["gain"], norm["bias"], EPSILON)
