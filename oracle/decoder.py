"""The decoder, down to the logits: "Attention Is All You Need", sections 3.1, 3.4, 3.5 and figure 1.

    x_0 = W[tokens] sqrt(d_model) + PE      x_n = decoder_layer(x_(n-1), memory)      logits = x_N W^T

    tokens (B, L)   memory (B, L_m, d_model)   logits (B, L, V)
    weights: `embedding` W (V, d_model), and for each layer n = 0, 1, ... `layers.n.` and the names of
    `DECODER_LAYER` in the contract

The paper, section 3: "Given z, the decoder then generates an output sequence of symbols one element at a time." The
embedding and the last product share one matrix, whose gradient is the sum of both uses.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .decoder_layer import decoder_layer, decoder_layer_step, decoder_layer_vjp, seen_keys
from .embedding import embedding_vjp
from .encoder import checked_stack, embedded, embedded_step
from .encoder_layer import Gradients
from .general_attention_bound import of_steps
from .layer_weights import check_heads, part
from .output_logits import output_logits, output_logits_vjp
from .rounding.bound import Bound
from .rounding.computed import Computed
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, rearrange
from .shapes import Array, checked_arrays, checked_cotangent


def decoder(
    tokens: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
) -> Array:
    """Give the logits of the symbol that follows each position: (B, L, V).

    SpecError if a token is not in the vocabulary, a weight is missing, unknown or of the wrong shape, or as of a layer.
    """
    tokens, memory, w, count = _arguments("decoder", tokens, memory, weights)
    options: dict[str, Any] = {"heads": heads, "mask": mask, "memory_mask": memory_mask, "masked_row": masked_row}
    x = embedded(tokens, w["embedding"], positional_layout)
    for number in range(count):
        x = decoder_layer(x, memory, part(w, f"layers.{number}"), **options)
    return output_logits(x, w["embedding"])


def decoder_vjp(
    cotangent: ArrayLike,
    tokens: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
) -> tuple[Array, Gradients]:
    """Give the gradients of sum(g decoder(tokens, memory)) with respect to the memory, and to the weights by name.

    SpecError as of `decoder`, or where the cotangent g has not the shape of the result.
    """
    tokens, memory, w, count = _arguments("decoder_vjp", tokens, memory, weights)
    g = checked_cotangent("decoder_vjp", cotangent, (*tokens.shape, len(w["embedding"])))
    options: dict[str, Any] = {"heads": heads, "mask": mask, "memory_mask": memory_mask, "masked_row": masked_row}
    found: Gradients = {}
    x, dmemory = [embedded(tokens, w["embedding"], positional_layout)], np.zeros_like(memory)
    for number in range(count):
        x.append(decoder_layer(x[-1], memory, part(w, f"layers.{number}"), **options))
    dx, of_logits = output_logits_vjp(g, x[-1], w["embedding"])
    for number in reversed(range(count)):
        dx, one, of = decoder_layer_vjp(dx, x[number], memory, part(w, f"layers.{number}"), **options)
        dmemory = dmemory + one
        found |= {f"layers.{number}.{name}": each for name, each in of.items()}
    return dmemory, {"embedding": embedding_vjp(dx, tokens, w["embedding"]) + of_logits, **found}


def decoder_bound(
    tokens: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
    numerics: Numerics,
) -> Bound:
    """Say how far from `decoder` a right implementation may be: its layers, recorded on a tape."""
    masks = mask, memory_mask
    tape, _, y = _recorded(
        "decoder_bound", tokens, memory, weights, heads, masks, masked_row, positional_layout, numerics
    )
    return tape.bound(y)


def decoder_vjp_bound(
    cotangent: ArrayLike,
    tokens: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    heads: int,
    mask: ArrayLike | None = None,
    memory_mask: ArrayLike | None = None,
    masked_row: str = "zero",
    positional_layout: str = "interleaved",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Say how far from `decoder_vjp` a right implementation may be: by `memory`, and `weights.` and a name."""
    function, masks = "decoder_vjp_bound", (mask, memory_mask)
    tape, of, y = _recorded(function, tokens, memory, weights, heads, masks, masked_row, positional_layout, numerics)
    with np.errstate(all="ignore"):
        return tape.bounds(y, checked_cotangent(function, cotangent, y.value.shape), of)


def _arguments(
    function: str, tokens: ArrayLike, memory: ArrayLike, weights: Any
) -> tuple[Array, Array, dict[str, Array], int]:
    tokens, memory = checked_arrays(function, tokens, memory)
    return tokens, memory, *checked_stack(function, tokens, weights, {"d_model": memory.shape[2]})


def _recorded(
    function: str,
    tokens: ArrayLike,
    memory: ArrayLike,
    weights: Mapping[str, ArrayLike],
    heads: int,
    masks: tuple[ArrayLike | None, ArrayLike | None],
    masked_row: str,
    positional_layout: str,
    numerics: Numerics,
) -> tuple[Tape, dict[str, Computed], Computed]:
    tokens, memory, w, count = _arguments(function, tokens, memory, weights)
    check_heads(function, w, heads, masked_row)
    of = {"memory": Computed(memory), **{f"weights.{name}": Computed(array) for name, array in w.items()}}
    seen = seen_keys(tokens.shape[0], heads, tokens.shape[1], memory.shape[1], *masks)
    tape = Tape(of_steps(numerics))
    table = of["weights.embedding"]
    with np.errstate(all="ignore"):
        x = embedded_step(tape, tokens, table, positional_layout)
        for number in range(count):
            layer = part(of, f"weights.layers.{number}")
            x = decoder_layer_step(tape, x, of["memory"], layer, heads, *seen, masked_row)
        logits = matmul(tape, x, rearrange(tape, table, np.transpose, np.transpose))
    return tape, of, logits
