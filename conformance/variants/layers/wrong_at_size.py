"""Layers that are right up to a size, and wrong beyond it: in heads, hidden units, channels, positions and masks.

They are judged in the wide formats alone: what they do is the same in every format.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import BFLOAT16, Array, rounded
from ..catalogue import WIDE
from ..layer_norm.gradients import begun
from ..layer_norm.right import mean
from .gradients import Backward, Gradients, gradients
from .residual import wrong
from .right import EPSILON, Layers, Weights

_HEADS, _UNITS, _CHANNELS, _POSITIONS, _KEYS = 8, 1024, 256, 256, 128
"""Beyond these it is wrong."""


def _both(name: str, sentence: str, needs: str) -> Callable[[type[Layers]], type[Layers]]:
    """Put the layers of encoder and decoder into the catalogue."""

    def register(kind: type[Layers]) -> type[Layers]:
        for stack in ("encoder", "decoder"):
            wrong(f"{stack}-layer-{name}", sentence, needs, dtypes=WIDE)(kind)
        return kind

    return register


def _both_gradients(name: str, sentence: str, needs: str) -> Callable[[type[Backward]], type[Backward]]:
    """Put their gradients into the catalogue."""

    def register(kind: type[Backward]) -> type[Backward]:
        for stack in ("encoder", "decoder"):
            gradients(f"{stack}-layer-gradient-{name}", sentence, needs=needs, dtypes=WIDE)(kind)
        return kind

    return register


def _zero_beyond(array: Array, limit: int, axis: int = 0) -> Array:
    """Leave zeros in what lies beyond a limit along an axis."""
    kept = np.array(array)
    np.moveaxis(kept, axis, 0)[limit:] = 0
    return kept


@_both("heads-beyond-8", "Heads go in one tile of eight: what lies beyond gives zeros.", "more than 8 heads")
class _EightHeads(Layers):
    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        rows = _HEADS * (len(w["w_output"]) // self.heads)
        of_eight = {**w, "w_output": _zero_beyond(w["w_output"], rows)}
        return super().attention(x, memory, of_eight, mask, causal)


@_both("units-beyond-1024", "Hidden units beyond the first 1,024 are left out.", "d_ff above 1,024")
class _FewUnits(Layers):
    def network(self, x: Array, w: Weights) -> Array:
        return super().network(x, {**w, "w_2": _zero_beyond(w["w_2"], _UNITS)})


@_both(
    "statistics-bfloat16-beyond-256-channels",
    "Mean and variance of rows of more than 256 channels are kept in bfloat16.",
    "d_model above 256",
)
class _NarrowStatistics(Layers):
    def norm(self, x: Array, w: Weights) -> Array:
        if x.shape[-1] <= _CHANNELS:
            return super().norm(x, w)
        centred = x - rounded(mean(x), BFLOAT16)
        variance = rounded(mean(centred**2), BFLOAT16)
        return np.asarray(w["gain"] * (centred / np.sqrt(variance + EPSILON)) + w["bias"])


@_both(
    "residual-beyond-256-positions", "Positions beyond the first 256 lose their residual.", "more than 256 positions"
)
class _NoResidual(Layers):
    def around(self, x: Array, sublayer: Callable[[Array], Array], w: Weights, name: str) -> Array:
        there = super().around(x, sublayer, w, name)
        without = super().around(x, lambda y: sublayer(y) - y, w, name)
        return np.where(np.arange(x.shape[1])[:, None] < _POSITIONS, there, without)


@_both(
    "mask-beyond-128-keys",
    "The mask of self-attention ends with key 128: those beyond are seen.",
    "a mask over more than 128 positions",
)
class _ShortMask(Layers):
    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        return super().attended(x, w, _ended(mask), causal)


@wrong(
    "decoder-layer-memory-mask-beyond-128-keys",
    "The mask of the memory ends with key 128: those beyond are seen.",
    "a mask over a memory of more than 128",
    dtypes=WIDE,
)
class _ShortMemoryMask(Layers):
    def crossed(self, x: Array, memory: Array, w: Weights, mask: Array | None) -> Array:
        return super().crossed(x, memory, w, _ended(mask))


def _ended(mask: Array | None) -> Array | None:
    """Let every query see the keys beyond the limit."""
    return mask if mask is None else mask | (np.arange(mask.shape[-1]) >= _KEYS)


@wrong(
    "decoder-layer-memory-beyond-128-keys",
    "Keys of the memory beyond the first 128 do not count.",
    "a memory of more than 128",
    dtypes=WIDE,
)
class _ShortMemory(Layers):
    def crossed(self, x: Array, memory: Array, w: Weights, mask: Array | None) -> Array:
        return super().crossed(x, memory[:, :_KEYS], w, mask if mask is None else mask[..., :_KEYS])


@wrong(
    "decoder-layer-future-seen-beyond-128",
    "Queries beyond the first 128 see all later positions.",
    "more than 128 positions",
    dtypes=WIDE,
)
class _SeesTheFuture(Layers):
    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        rows = super().attention(x, memory, w, mask, causal)
        if not causal or x.shape[1] <= _KEYS:
            return rows
        late = super().attention(x, memory, w, mask, False)
        return np.where(np.arange(x.shape[1])[:, None] < _KEYS, rows, late)


# Gradients


@_both_gradients("heads-beyond-8", "W^O gets no gradient from heads beyond the eighth.", "more than 8 heads")
class _GradientOfEightHeads(Backward):
    def of_attention(
        self, g: Array, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool
    ) -> tuple[Array, Array, Gradients]:
        of_query, of_memory, found = super().of_attention(g, x, memory, w, mask, causal)
        rows = _HEADS * (len(w["w_output"]) // self.heads)
        return of_query, of_memory, {**found, "w_output": _zero_beyond(found["w_output"], rows)}


@_both_gradients("units-beyond-1024", "W_1 gets no gradient in units beyond the first 1,024.", "d_ff above 1,024")
class _GradientOfFewUnits(Backward):
    def of_network(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        of_x, found = super().of_network(g, x, w)
        return of_x, {**found, "w_1": _zero_beyond(found["w_1"], _UNITS, 1)}


@_both_gradients(
    "means-beyond-256-channels", "The two means of the norm's gradient end with channel 256.", "d_model above 256"
)
class _ShortMeans(Backward):
    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        _, found = super().of_norm(g, x, w)
        p = begun(g, x, w["gain"], EPSILON)
        first, second = (mean(each[..., :_CHANNELS]) for each in (p.a, p.a * p.z))
        return p.r * (p.a - first - p.z * second), found


@_both_gradients("gain-beyond-256-rows", "The gain gets nothing from rows beyond the first 256.", "more than 256 rows")
class _GainOfFewRows(Backward):
    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        of_x, found = super().of_norm(g, x, w)
        few_g, few_x = (each.reshape(1, -1, each.shape[-1])[:, :_POSITIONS] for each in (g, x))
        return of_x, {**found, "gain": super().of_norm(few_g, few_x, w)[1]["gain"]}


@_both_gradients(
    "residual-beyond-256-positions",
    "Positions beyond the first 256 get nothing through the residual.",
    "more than 256 positions",
)
class _GradientWithoutResidual(Backward):
    def of_sum(self, residual: Array, sublayer: Array) -> Array:
        return super().of_sum(_zero_beyond(residual, _POSITIONS, 1), sublayer)


@gradients(
    "decoder-layer-gradient-memory-beyond-128-keys",
    "The memory gets no gradient beyond its first 128 positions.",
    needs="a memory of more than 128",
    dtypes=WIDE,
)
class _GradientOfShortMemory(Backward):
    def decoder_layer_vjp(
        self, g: Array, x: Array, memory: Array, w: Weights, *, mask: Any = None, memory_mask: Any = None
    ) -> tuple[Array, Array, Gradients]:
        of_x, of_memory, found = super().decoder_layer_vjp(g, x, memory, w, mask=mask, memory_mask=memory_mask)
        return of_x, _zero_beyond(of_memory, _KEYS, 1), found
