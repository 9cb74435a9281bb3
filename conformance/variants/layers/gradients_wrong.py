"""Gradients of layers and stacks that are wrong: one method of `gradients.py` at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..embedding.gradients import root
from ..feed_forward.gradients import backward as of_network
from ..gradients import first_row
from ..multi_head_attention.gradients import backward as of_heads
from ..multi_head_attention.right import Heads
from .gradients import Backward, Gradients, Kind, gradients
from .right import Weights, matrices, part

_ANY = "any input"


def wrong(name: str, sentence: str, needs: str, *seen_in: str) -> Callable[[Kind], Kind]:
    """Put a class into the catalogue."""
    return gradients(name, sentence, needs=needs, seen_in=seen_in)


# Sums


@wrong("encoder-layer-gradient-residual-dropped", "What comes back through the residual is lost.", _ANY)
@wrong("decoder-layer-gradient-residual-dropped", "What comes back through the residual is lost.", _ANY)
@wrong("encoder-gradient-residual-dropped", "What comes back through the residual is lost.", "a layer")
class _NoResidual(Backward):
    def of_sum(self, residual: Array, sublayer: Array) -> Array:
        return sublayer


@wrong("encoder-layer-gradient-sublayer-dropped", "x gets what comes back through the residual alone.", _ANY)
class _ResidualAlone(Backward):
    def of_sum(self, residual: Array, sublayer: Array) -> Array:
        return residual


@wrong("encoder-layer-gradient-of-queries-alone", "x gets nothing as key and value.", "two positions")
@wrong("decoder-layer-gradient-of-queries-alone", "x gets nothing as key and value.", "two positions")
class _QueriesAlone(Backward):
    def of_both(self, of_query: Array, of_memory: Array) -> Array:
        return of_query


@wrong("encoder-layer-gradient-values-alone", "x gets nothing as key.", "two positions")
class _ValuesAlone(Backward):
    def of_attention(
        self, g: Array, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool
    ) -> tuple[Array, Array, Gradients]:
        call = Heads(x, memory, memory, *matrices(w), self.heads, mask, causal, self.dtype)
        of_query, _, of_value, *_ = of_heads(call, g)
        return of_query, of_value, super().of_attention(g, x, memory, w, mask, causal)[2]


# Parts


@wrong("encoder-layer-gradient-norm-passed-over", "The norm is passed over: dr = gain g.", _ANY)
class _NormPassedOver(Backward):
    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        return g * w["gain"], super().of_norm(g, x, w)[1]


@wrong("decoder-layer-gradient-norm-of-first-row", "Gain and bias take in the first row alone.", "two rows")
class _FirstRow(Backward):
    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        first = super().of_norm(g[:1, :1], x[:1, :1], w)[1] if g.size else super().of_norm(g, x, w)[1]
        return super().of_norm(g, x, w)[0], first


@wrong("encoder-layer-gradient-norm-of-input", "The norm goes back from x, not from the sum.", _ANY)
class _OfInput(Backward):
    def of_transformed(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        _, found = super().of_transformed(g, x, w)
        dr, _ = self.of_norm(g, x, part(w, "feed_forward_norm"))
        return dr + self.of_network(dr, x, part(w, "feed_forward"))[0], found


@wrong("encoder-layer-gradient-relu-open", "The relu lets every gradient through.", "a hidden unit below zero")
class _Open(Backward):
    def of_network(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        weights = (w["w_1"], w["b_1"], w["w_2"], w["b_2"])
        of_x, *others = of_network(g, x, *weights, slope=np.ones_like)
        return of_x, dict(zip(("w_1", "b_1", "w_2", "b_2"), others, strict=True))


@wrong("encoder-layer-gradient-mask-forgotten", "The way back knows no mask.", "a mask")
@wrong(
    "decoder-layer-gradient-future", "The way back knows no mask: what comes later gets a gradient.", "two positions"
)
class _Unmasked(Backward):
    def of_attention(
        self, g: Array, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool
    ) -> tuple[Array, Array, Gradients]:
        return super().of_attention(g, x, memory, w, None, False)


@wrong("decoder-layer-gradient-memory-of-first-item", "All items' memories get the first one's.", "two items")
class _MemoryOfFirst(Backward):
    def decoder_layer_vjp(
        self, g: Array, x: Array, memory: Array, w: Weights, *, mask: Any = None, memory_mask: Any = None
    ) -> tuple[Array, Array, Gradients]:
        dx, dmemory, found = super().decoder_layer_vjp(g, x, memory, w, mask=mask, memory_mask=memory_mask)
        return dx, np.repeat(dmemory[:1], len(dmemory), 0), found


@wrong("decoder-layer-gradient-attentions-exchanged", "W^Q of one attention gets that of the other.", _ANY)
class _Exchanged(Backward):
    def decoder_layer_vjp(
        self, g: Array, x: Array, memory: Array, w: Weights, *, mask: Any = None, memory_mask: Any = None
    ) -> tuple[Array, Array, Gradients]:
        dx, dmemory, found = super().decoder_layer_vjp(g, x, memory, w, mask=mask, memory_mask=memory_mask)
        one, other = "self_attention.w_query", "cross_attention.w_query"
        return dx, dmemory, {**found, one: found[other], other: found[one]}


@wrong(
    "encoder-layer-gradient-first-cotangent",
    "The cotangent of the first row stands for all.",
    "two rows",
)
class _FirstCotangent(Backward):
    def encoder_layer_vjp(
        self, g: Array, x: Array, w: Weights, *, mask: Array | None = None
    ) -> tuple[Array, Gradients]:
        return super().encoder_layer_vjp(np.asarray(first_row(g)), x, w, mask=mask)


# Stacks


@wrong("decoder-gradient-shared-matrix-of-logits", "The shared matrix gets that of the last product alone.", _ANY)
class _OfLogits(Backward):
    def of_uses(self, embedding: Array, logits: Array) -> Array:
        return logits


@wrong("decoder-gradient-shared-matrix-of-embedding", "The shared matrix gets that of the embedding alone.", _ANY)
class _OfEmbedding(Backward):
    def of_uses(self, embedding: Array, logits: Array) -> Array:
        return embedding


@wrong("decoder-gradient-shared-matrix-mean", "The shared matrix gets the mean of its uses.", _ANY)
class _MeanOfUses(Backward):
    def of_uses(self, embedding: Array, logits: Array) -> Array:
        return (embedding + logits) / 2


@wrong(
    "encoder-gradient-tokens-overwritten",
    "A later place of a token overwrites an earlier one.",
    "a token that comes twice",
)
@wrong(
    "decoder-gradient-tokens-overwritten",
    "A later place of a token overwrites an earlier one.",
    "a token that comes twice",
)
class _Overwritten(Backward):
    def of_embedding(self, g: Array, tokens: Array, table: Array) -> Array:
        found = np.zeros_like(table)
        found[tokens] = g * root(table)
        return found


@wrong("encoder-gradient-embedding-not-scaled", "sqrt(d_model) is left out on the way back.", "d_model above 1")
class _NotScaled(Backward):
    def of_embedding(self, g: Array, tokens: Array, table: Array) -> Array:
        return super().of_embedding(g, tokens, table) / root(table)


@wrong(
    "encoder-gradient-token-0-gets-none",
    "Token 0 is taken for padding, and gets none.",
    "the token 0",
)
class _Padding(Backward):
    def of_embedding(self, g: Array, tokens: Array, table: Array) -> Array:
        found = super().of_embedding(g, tokens, table)
        found[:1] = 0
        return found


@wrong("decoder-gradient-memory-of-last-layer", "The memory gets that of the last layer alone.", "two layers")
class _LastLayer(Backward):
    def of_memory(self, memory: Array, of_layers: list[Array]) -> Array:
        return of_layers[0] if of_layers else np.zeros_like(memory)


@wrong("decoder-gradient-memory-of-first-layer", "The memory gets that of the first layer alone.", "two layers")
class _FirstLayer(Backward):
    def of_memory(self, memory: Array, of_layers: list[Array]) -> Array:
        return of_layers[-1] if of_layers else np.zeros_like(memory)


@wrong("decoder-gradient-memory-gets-none", "The memory gets none.", "a layer")
class _NoMemory(Backward):
    def of_memory(self, memory: Array, of_layers: list[Array]) -> Array:
        return np.zeros_like(memory)


@wrong("encoder-gradient-last-layer-alone", "The layers below the last get none.", "two layers")
class _LastAlone(Backward):
    def encoder_vjp(self, g: Array, tokens: Array, w: Weights, *, mask: Array | None = None) -> tuple[Gradients]:
        (found,) = super().encoder_vjp(g, tokens, w, mask=mask)
        last = f"layers.{len(self.each_layer(w)) - 1}."
        silent = {name for name in found if name.startswith("layers.") and not name.startswith(last)}
        return ({name: 0 * each if name in silent else each for name, each in found.items()},)
