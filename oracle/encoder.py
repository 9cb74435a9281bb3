"""The encoder: "Attention Is All You Need", sections 3.1, 3.4, 3.5 and figure 1.

    x_0 = W[tokens] sqrt(d_model) + PE      x_n = encoder_layer(x_(n-1))      the last one is the result

    tokens (B, L)   result (B, L, d_model)   weights: `embedding` (V, d_model), and for each layer n = 0, 1, ...
    `layers.n.` and the names of `ENCODER_LAYER` in the contract

The paper, section 3: "the encoder maps an input sequence of symbol representations to a sequence of continuous
representations". There is no further norm after the last layer.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .attention import seen_by
from .embedding import check_tokens, embed, embedding, embedding_vjp
from .encoder_layer import Gradients, encoder_layer, encoder_layer_step, encoder_layer_vjp
from .general_attention_bound import of_steps
from .layer_weights import check_heads, checked_weights, layers, part
from .positional_encoding import positional_encoding, positional_encoding_bound
from .rounding.bound import Bound
from .rounding.computed import Computed, from_bound
from .rounding.numerics import Numerics
from .rounding.tape import Tape, add
from .shapes import Array, checked_arrays, checked_cotangent


def encoder(
    tokens: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
) -> Array:
    """Give the continuous representation of each symbol: (B, L, d_model).

    SpecError if a token is not in the vocabulary, a weight is missing, unknown or of the wrong shape, or as of a layer.
    """
    tokens, w, count = _arguments("encoder", tokens, weights)
    x = embedded(tokens, w["embedding"], positional_layout)
    for number in range(count):
        x = encoder_layer(x, part(w, f"layers.{number}"), heads=heads, mask=mask, masked_row=masked_row)
    return x


def encoder_vjp(
    cotangent: ArrayLike,
    tokens: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
) -> Gradients:
    """Give the gradients of sum(g encoder(tokens)) with respect to each of the weights, by name.

    SpecError as of `encoder`, or where the cotangent g has not the shape of the result.
    """
    tokens, w, count = _arguments("encoder_vjp", tokens, weights)
    g = checked_cotangent("encoder_vjp", cotangent, (*tokens.shape, w["embedding"].shape[1]))
    options: dict[str, Any] = {"heads": heads, "mask": mask, "masked_row": masked_row}
    found: Gradients = {}
    x = [embedded(tokens, w["embedding"], positional_layout)]
    for number in range(count):
        x.append(encoder_layer(x[-1], part(w, f"layers.{number}"), **options))
    for number in reversed(range(count)):
        g, of = encoder_layer_vjp(g, x[number], part(w, f"layers.{number}"), **options)
        found |= {f"layers.{number}.{name}": each for name, each in of.items()}
    return {"embedding": embedding_vjp(g, tokens, w["embedding"]), **found}


def encoder_bound(
    tokens: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
    numerics: Numerics,
) -> Bound:
    """Say how far from `encoder` a right implementation may be: its layers, recorded on a tape."""
    tape, _, y = _recorded("encoder_bound", tokens, weights, heads, mask, masked_row, positional_layout, numerics)
    return tape.bound(y)


def encoder_vjp_bound(
    cotangent: ArrayLike,
    tokens: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `encoder_vjp` a right implementation may be: by `weights.` and the weight's name."""
    function = "encoder_vjp_bound"
    tape, of, y = _recorded(function, tokens, weights, heads, mask, masked_row, positional_layout, numerics)
    with np.errstate(all="ignore"):
        return tape.bounds(y, checked_cotangent(function, cotangent, y.value.shape), of)


def embedded(tokens: Array, weight: Array, layout: str) -> Array:
    """Give W[tokens] sqrt(d_model) + PE: (B, L, d_model)."""
    return embedding(tokens, weight) + positional_encoding(tokens.shape[1], weight.shape[1], positional_layout=layout)


def of_table(numerics: Numerics) -> Numerics:
    """Give the numerics of a table of positions: made in the accumulator, kept there or in the format of the steps."""
    return replace(numerics, input=numerics.accumulate, output=numerics.hidden or numerics.accumulate)


def _arguments(function: str, tokens: ArrayLike, weights: Any) -> tuple[Array, dict[str, Array], int]:
    """Check all, and give tokens as int64, the weights in float64, and how many layers there are."""
    (tokens,) = checked_arrays(function, tokens)
    return tokens, *checked_stack(function, tokens, weights)


def checked_stack(
    function: str, tokens: Array, weights: Any, sizes: Mapping[str, int] | None = None
) -> tuple[dict[str, Array], int]:
    """Give the weights in float64, and how many layers there are; SpecError if anything does not fit."""
    count = layers(function, weights)
    arrays = checked_weights(function, weights, sizes or {}, count)
    check_tokens(function, tokens, len(arrays["embedding"]))
    return arrays, count


def _recorded(
    function: str,
    tokens: ArrayLike,
    weights: Mapping[str, ArrayLike],
    heads: int,
    mask: ArrayLike | None,
    masked_row: str,
    positional_layout: str,
    numerics: Numerics,
) -> tuple[Tape, dict[str, Computed], Computed]:
    tokens, w, count = _arguments(function, tokens, weights)
    check_heads(function, w, heads, masked_row)
    of = {f"weights.{name}": Computed(array) for name, array in w.items()}
    batch, length = tokens.shape
    seen = seen_by((batch, heads, length, length), mask)
    tape = Tape(of_steps(numerics))
    with np.errstate(all="ignore"):
        x = embedded_step(tape, tokens, of["weights.embedding"], positional_layout)
        for number in range(count):
            x = encoder_layer_step(tape, x, part(of, f"weights.layers.{number}"), heads, seen, masked_row)
    return tape, of, x


def embedded_step(tape: Tape, tokens: Array, weight: Computed, layout: str) -> Computed:
    """Record `embedded` on a tape; the positions may come from a table in the format of the steps."""
    numerics = tape.numerics
    table = positional_encoding_bound(
        tokens.shape[1], weight.value.shape[1], positional_layout=layout, numerics=of_table(numerics)
    )
    positions = from_bound(table).mapped(lambda array: np.broadcast_to(array, (*tokens.shape, weight.value.shape[1])))
    return add(tape, embed(tape, tokens, weight), positions)
