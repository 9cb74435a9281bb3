"""Functions that are wrong where sizes agree: they tell axes from each other by their sizes.

Those of attention and of multi-head attention stand in their folders.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from .arithmetic import Array
from .catalogue import WIDE, WIDEST, find, variant

Agree = Callable[..., bool]
"""Whether the sizes of the arguments agree."""

_RIGHT: Final = {
    "feed_forward": "feed-forward-gradient-plain",
    "gated_feed_forward": "gated-gradient-plain",
    "output_logits": "output-logits-gradient-plain",
    "embedding": "embedding-gradient-plain",
    "layer_norm": "layer-norm-gradient-plain",
    "rms_norm": "rms-norm-gradient-plain",
    "softmax": "softmax-gradient-plain",
    "log_softmax": "log-softmax-plain",
    "cross_entropy": "cross-entropy-through-maximum",
    "encoder_layer": "encoder-layer-gradient-plain",
    "decoder_layer": "decoder-layer-gradient-plain",
    "additive_attention": "additive-gradient-plain",
    "positional_encoding": "positional-plain",
}
"""What is right where the sizes do not agree, with its gradients."""

ITEMS, POSITIONS, CHANNELS = -3, -2, -1
"""The axes of the states, (B, L, d); of a matrix, the last two are its rows and columns."""


def _swapped(one: int, other: int) -> Callable[[Array], Array]:
    """Exchange two axes."""
    return lambda array: array.swapaxes(one, other)


def _of_first(one: int, other: int) -> Agree:
    """Say whether two axes of the first argument are as long as each other."""
    return lambda first, *_: first.ndim >= max(-one, -other) and first.shape[one] == first.shape[other]


def _wrong(
    component: str,
    name: str,
    sentence: str,
    needs: str,
    agree: Agree,
    *,
    first: Callable[[Array], Array] | None = None,
    function: Callable[..., Array] | None = None,
    result: Callable[[Array], Array] = lambda array: array,
    gradients: Callable[..., Sequence[Array]] | None = None,
) -> None:
    """Put a function into the catalogue that changes its first argument, its result or its gradients where sizes agree.

    Or it computes another function, which gets the right one before its arguments.
    """

    def forward(*arrays: Any, **options: Any) -> Array:
        right = find(_RIGHT[component]).function
        if not agree(*arrays):
            return np.asarray(right(*arrays, **options))
        if function is not None:
            return np.asarray(function(right, *arrays, **options))
        given = arrays if first is None else (first(arrays[0]), *arrays[1:])
        return result(np.asarray(right(*given, **options)))

    def vjp(cotangent: Array, *arrays: Any, **options: Any) -> Any:
        right = find(_RIGHT[component]).vjp
        assert right is not None
        assert gradients is not None
        found = right(cotangent, *arrays, **options)
        return gradients(*found) if agree(*arrays) else found

    dtypes = WIDEST if component == "positional_encoding" else WIDE
    variant(name, component, sentence, needs=needs, dtypes=dtypes, vjp=vjp if gradients else None)(forward)


# Which axis has the positions

for _component, _prefix in (
    ("feed_forward", "feed-forward"),
    ("gated_feed_forward", "gated"),
    ("layer_norm", "layer-norm"),
    ("rms_norm", "rms-norm"),
    ("encoder_layer", "encoder-layer"),
    ("decoder_layer", "decoder-layer"),
):
    _wrong(
        _component,
        f"{_prefix}-positions-guessed-first",
        "The result comes as (L, B, d) where nothing tells B from L.",
        "B = L",
        _of_first(ITEMS, POSITIONS),
        result=_swapped(ITEMS, POSITIONS),
    )
for _component, _prefix in (
    ("feed_forward", "feed-forward"),
    ("gated_feed_forward", "gated"),
    ("output_logits", "output-logits"),
    ("encoder_layer", "encoder-layer"),
    ("decoder_layer", "decoder-layer"),
):
    _wrong(
        _component,
        f"{_prefix}-positions-for-channels",
        "The states of an item are taken for (d_model, L) where these agree.",
        "L = d_model",
        _of_first(POSITIONS, CHANNELS),
        first=_swapped(POSITIONS, CHANNELS),
    )
for _component, _prefix in (
    ("layer_norm", "layer-norm"),
    ("rms_norm", "rms-norm"),
    ("softmax", "softmax"),
    ("log_softmax", "log-softmax"),
):
    _wrong(
        _component,
        f"{_prefix}-square-by-columns",
        "A square matrix is normalised by columns.",
        "as many rows as entries",
        _of_first(POSITIONS, CHANNELS),
        first=_swapped(POSITIONS, CHANNELS),
        result=_swapped(POSITIONS, CHANNELS),
    )
_wrong(
    "layer_norm",
    "layer-norm-gradient-transposed",
    "The gradient of x is left transposed where the rows are as many as the channels.",
    "L = d",
    _of_first(POSITIONS, CHANNELS),
    gradients=lambda dx, *of_weights: (dx.swapaxes(POSITIONS, CHANNELS), *of_weights),
)
for _component, _prefix in (("gated_feed_forward", "gated"), ("output_logits", "output-logits")):
    _wrong(
        _component,
        f"{_prefix}-gradient-positions-guessed-first",
        "The gradient of the states comes as (L, B, d_model) where nothing tells B from L.",
        "B = L",
        _of_first(ITEMS, POSITIONS),
        gradients=lambda dx, *of_weights: (dx.swapaxes(ITEMS, POSITIONS), *of_weights),
    )
_wrong(
    "decoder_layer",
    "decoder-layer-memory-guessed-first",
    "The memory is taken for (L_m, B, d_model) where nothing tells B from L_m.",
    "B = L_m",
    lambda x, memory, _: memory.shape[0] == memory.shape[1],
    function=lambda right, x, memory, weights, **given: right(x, memory.swapaxes(0, 1), weights, **given),
)

# Networks: x (B, L, d_model), w_1 (d_model, d_ff)


def _of_network(x: Array, w_1: Array, *_: Array) -> bool:
    """Say whether a network is square and has as many positions."""
    return bool(x.shape[1] == w_1.shape[0] == w_1.shape[1])


_wrong(
    "feed_forward",
    "feed-forward-bias-by-positions",
    "Where L = d_ff = d_model, each position gets one number of the last bias.",
    "L = d_ff = d_model",
    _of_network,
    function=lambda right, *arrays: right(*arrays[:4], np.zeros_like(arrays[4])) + arrays[4][:, None],
)
_wrong(
    "feed_forward",
    "feed-forward-gradient-biases-exchanged",
    "The gradients of the biases change places where all sizes of the network agree with L.",
    "L = d_ff = d_model",
    _of_network,
    gradients=lambda dx, dw_1, db_1, dw_2, db_2: (dx, dw_1, db_2, dw_2, db_1),
)
_wrong(
    "gated_feed_forward",
    "gated-square-gate-transposed",
    "Where the positions are as many as the hidden units, a square w_gate is taken for transposed.",
    "L = d_ff = d_model",
    _of_network,
    function=lambda right, x, w_gate, *others, **options: right(x, w_gate.T, *others, **options),
)

# Vocabularies: tokens (B, L), weight (V, d_model), logits (N, V)

_wrong(
    "output_logits",
    "output-logits-result-transposed",
    "The logits of an item are stored by columns where they are as many as the positions.",
    "L = V",
    lambda hidden, weight: hidden.shape[1] == weight.shape[0],
    result=_swapped(1, 2),
)
_wrong(
    "embedding",
    "embedding-square-table-transposed",
    "The table is taken for (d_model, V) where these agree.",
    "V = d_model",
    lambda tokens, weight: weight.shape[0] == weight.shape[1],
    function=lambda right, tokens, weight: right(tokens, weight.T),
)
_wrong(
    "embedding",
    "embedding-result-transposed",
    "The vectors of an item are stored by columns where these are as long as the rows.",
    "L = d_model",
    lambda tokens, weight: tokens.shape[1] == weight.shape[1],
    result=_swapped(1, 2),
)
_wrong(
    "embedding",
    "embedding-gradient-table-transposed",
    "The gradient of the table is left transposed where it is square.",
    "V = d_model",
    lambda tokens, weight: weight.shape[0] == weight.shape[1],
    gradients=lambda dw: (dw.T,),
)
_wrong(
    "cross_entropy",
    "cross-entropy-square-by-columns",
    "Square logits are read by columns.",
    "N = V",
    _of_first(POSITIONS, CHANNELS),
    first=_swapped(POSITIONS, CHANNELS),
)
_wrong(
    "positional_encoding",
    "positional-square-transposed",
    "A square table is transposed.",
    "length = d_model",
    lambda length, d_model: length == d_model,
    result=_swapped(0, 1),
)

# Scores of a network: query (B, L_q, d_q), w_query (d_q, d_a)

_wrong(
    "additive_attention",
    "additive-query-matrix-transposed",
    "The matrix of the queries is taken for transposed where it is square.",
    "d_q = d_a",
    lambda query, key, value, w_query, *_: w_query.shape[0] == w_query.shape[1],
    function=lambda right, query, key, value, w_query, *others: right(query, key, value, w_query.T, *others),
)
_wrong(
    "additive_attention",
    "additive-key-matrix-for-query",
    "One matrix serves queries and keys where their shapes agree with the lengths.",
    "L_q = L_k = d_q = d_k",
    lambda query, key, *_: query.shape == key.shape and query.shape[1] == query.shape[2],
    function=lambda right, query, key, value, w_query, w_key, v: right(query, key, value, w_key, w_key, v),
)
