"""Layers of encoder and decoder that are wrong in their network, their masks, their memory or their cache."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array, largest
from ..attention.right import scores, visible
from ..feed_forward.right import relu
from ..feed_forward.values import gelu
from ..multi_head_attention.right import Heads, merged, projected
from .residual import wrong
from .right import Layers, Weights, matrices, part

Activation = Callable[[Array], Array]


def activated(name: str, sentence: str, needs: str, function: Activation, *seen_in: str) -> None:
    """Put a layer with another activation into the catalogue."""

    class Activated(Layers):
        def network(self, x: Array, w: Weights) -> Array:
            return np.asarray(function(x @ w["w_1"] + w["b_1"]) @ w["w_2"] + w["b_2"])

    wrong(name, sentence, needs, *seen_in)(Activated)


_HIDDEN = "a hidden unit below zero"
activated("encoder-layer-relu-missing", "There is no relu.", _HIDDEN, lambda x: x)
activated("encoder-layer-gelu", "gelu stands for relu.", _HIDDEN, gelu)
activated("decoder-layer-leaky", "The relu lets 1/100 through.", _HIDDEN, lambda x: np.maximum(x, x / 100))


@wrong("encoder-layer-relu-at-the-end", "The relu comes after the second product.", _HIDDEN, "goruck/nilm#1")
class _AtTheEnd(Layers):
    def network(self, x: Array, w: Weights) -> Array:
        return relu((x @ w["w_1"] + w["b_1"]) @ w["w_2"] + w["b_2"])


@wrong("encoder-layer-network-missing", "There is no network.", "any input")
@wrong("decoder-layer-network-missing", "There is no network.", "any input")
class _NoNetwork(Layers):
    def transformed(self, x: Array, w: Weights) -> Array:
        return x


# Masks

Seeing = Callable[[Array | None, bool], tuple[Array | None, bool]]


def seeing(name: str, sentence: str, needs: str, change: Seeing, *seen_in: str) -> None:
    """Put a layer whose self-attention has another mask into the catalogue."""

    class Sees(Layers):
        def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
            return super().attended(x, w, *change(mask, causal))

    wrong(name, sentence, needs, *seen_in)(Sees)


_MASK = "a mask"
seeing("encoder-layer-mask-ignored", "The mask is ignored.", _MASK, lambda mask, c: (None, c), "OpenNMT/OpenNMT-py#272")
seeing("decoder-layer-mask-ignored", "The mask is ignored.", _MASK, lambda mask, c: (None, c))
seeing(
    "encoder-layer-mask-inverted",
    "True hides a key.",
    _MASK,
    lambda mask, c: (None if mask is None else ~mask, c),
    "pytorch/pytorch#90534",
    "pytorch/pytorch#86120",
)
seeing("encoder-layer-causal", "The encoder's attention is causal.", "two positions", lambda mask, c: (mask, True))
seeing(
    "decoder-layer-not-causal",
    "Self-attention sees what comes later.",
    "two positions",
    lambda mask, c: (mask, False),
    "jadore801120/attention-is-all-you-need-pytorch#19",
    "keras-team/keras#23038",
)
seeing(
    "decoder-layer-mask-replaces-causal",
    "A mask takes the place of the causal one.",
    _MASK,
    lambda mask, c: (mask, mask is None),
    "keras-team/keras#23040",
)
seeing(
    "decoder-layer-mask-or-causal",
    "A key is seen if either of mask and triangle lets it be.",
    _MASK,
    lambda mask, c: (None, True) if mask is None else (mask | np.tri(*either(mask), dtype=bool), False),
)


def either(mask: Array) -> tuple[int, int]:
    """Return the size of the triangle."""
    return mask.shape[-1], mask.shape[-1]


@wrong("decoder-layer-causal-strict", "A position does not see itself.", "any input")
class _Strict(Layers):
    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        triangle = np.tri(x.shape[1], k=-1, dtype=bool)
        return super().attended(x, w, triangle if mask is None else mask & triangle)


@wrong(
    "encoder-layer-padding-zeroed",
    "Padding is written as zero, and takes its part in attention.",
    _MASK,
)
class _Zeroed(Layers):
    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        if mask is None or mask.ndim < 4:
            return super().attention(x, memory, w, mask, causal)
        padded = np.where(np.asarray(mask.any((1, 2)))[:, :, None], memory, 0).astype(memory.dtype)
        return super().attention(x, padded, w, None, causal)


@wrong("encoder-layer-padding-result-zero", "The result is zero where no query looks.", _MASK)
class _ZeroResult(Layers):
    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        y = super().encoder_layer(x, w, mask=mask)
        if mask is None or mask.ndim < 4 or not mask.size:
            return y
        return np.asarray(y * np.asarray(mask.any((1, 2)))[:, :, None])


@wrong(
    "encoder-layer-blind-row-nan",
    "A row that sees no key is NaN, and nothing declares it.",
    "such a row",
    "huggingface/transformers#38690",
)
@wrong("decoder-layer-blind-row-nan", "A row that sees no key is NaN, and nothing declares it.", "such a row")
class _Undefined(Layers):
    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        heads = projected(Heads(x, memory, memory, *matrices(w), self.heads, mask, causal, self.dtype))
        e = np.where(visible(heads), np.exp(scores(heads) - largest(scores(heads))), 0)
        return np.asarray(merged(e / e.sum(-1, keepdims=True) @ heads.value) @ w["w_output"])


# The memory


Crossed = Callable[..., Array]


def crossing(name: str, sentence: str, needs: str, *seen_in: str) -> Callable[[Crossed], Crossed]:
    """Make a layer whose attention over the memory is `function(layers, a, memory, weights, mask, memory_mask, x)`."""

    def register(function: Crossed) -> Crossed:
        class Crossing(Layers):
            def decoder_layer(
                self,
                x: Array,
                memory: Array,
                w: Weights,
                *,
                mask: Array | None = None,
                memory_mask: Array | None = None,
            ) -> Array:
                a = self.attended(x, w, mask, True)
                return self.transformed(function(self, a, memory, w, mask, memory_mask, x), w)

        wrong(name, sentence, needs, *seen_in)(Crossing)
        return function

    return register


_MEMORY_MASK = "a mask of the memory"


@crossing(
    "decoder-layer-memory-mask-ignored", "The mask of the memory is ignored.", _MEMORY_MASK, "OpenNMT/OpenNMT-py#318"
)
def memory_mask_ignored(self: Layers, a: Array, memory: Array, w: Weights, *_: Any) -> Array:
    return self.crossed(a, memory, w, None)


@crossing("decoder-layer-memory-mask-inverted", "True hides a position of the memory.", _MEMORY_MASK)
def memory_mask_inverted(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    return self.crossed(a, memory, w, None if given is None else ~given)


@crossing(
    "decoder-layer-mask-of-target-on-memory",
    "The mask of the target hides the memory, where it fits.",
    "a mask, L = L_m",
    "huggingface/transformers#10540",
    "keras-team/keras-io#1046",
)
def mask_of_target(self: Layers, a: Array, memory: Array, w: Weights, mask: Any, given: Any, x: Array) -> Array:
    fits = mask is not None and mask.shape[-1] == memory.shape[1]
    return self.crossed(a, memory, w, mask if fits else given)


@crossing(
    "decoder-layer-memory-causal",
    "Position i sees the memory up to i.",
    "two positions of the memory",
)
def memory_causal(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    triangle = np.tri(a.shape[1], memory.shape[1], dtype=bool)
    return self.crossed(a, memory, w, triangle if given is None else given & triangle)


@crossing("decoder-layer-memory-ignored", "The second attention is one over the target as well.", "any input")
def memory_ignored(self: Layers, a: Array, memory: Array, w: Weights, *_: Any) -> Array:
    return self.crossed(a, a, w, np.tri(a.shape[1], dtype=bool))


@crossing("decoder-layer-cross-attention-missing", "There is no attention over the memory.", "any input")
def cross_missing(self: Layers, a: Array, *_: Any) -> Array:
    return a


@crossing("decoder-layer-memory-asks", "The memory asks, and the target answers, where L = L_m.", "L = L_m")
def memory_asks(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    if a.shape != memory.shape:
        return self.crossed(a, memory, w, given)
    asked = self.attention(memory, a, part(w, "cross_attention"), given, False)
    return self.norm(a + asked, part(w, "cross_attention_norm"))


@crossing("decoder-layer-memory-normalised", "The memory goes through the norm as well.", "any input")
def memory_normalised(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    return self.crossed(a, self.norm(memory, part(w, "cross_attention_norm")), w, given)


@crossing("decoder-layer-queries-of-input", "The memory is asked by x, not by a.", "any input")
def queries_of_input(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    asked = self.attention(x, memory, part(w, "cross_attention"), given, False)
    return self.norm(a + asked, part(w, "cross_attention_norm"))


@crossing("decoder-layer-residual-of-input", "The second residual is x, not a.", "any input")
def residual_of_input(self: Layers, a: Array, memory: Array, w: Weights, _: Any, given: Any, x: Array) -> Array:
    asked = self.attention(a, memory, part(w, "cross_attention"), given, False)
    return self.norm(x + asked, part(w, "cross_attention_norm"))


@wrong("decoder-layer-memory-first", "The memory comes before self-attention.", "any input")
class _MemoryFirst(Layers):
    def decoder_layer(
        self, x: Array, memory: Array, w: Weights, *, mask: Array | None = None, memory_mask: Array | None = None
    ) -> Array:
        return self.transformed(self.attended(self.crossed(x, memory, w, memory_mask), w, mask, True), w)


@wrong(
    "decoder-layer-memory-mask-on-target",
    "The mask of the memory hides the target, where it fits.",
    _MEMORY_MASK,
)
class _OnTarget(Layers):
    def decoder_layer(
        self, x: Array, memory: Array, w: Weights, *, mask: Array | None = None, memory_mask: Array | None = None
    ) -> Array:
        fits = memory_mask is not None and memory_mask.shape[-1] == x.shape[1]
        return super().decoder_layer(x, memory, w, mask=memory_mask if fits else mask, memory_mask=memory_mask)


@wrong(
    "encoder-layer-cut-to-longest",
    "The result ends with the last position that any item of the batch has, as of nested tensors padded again.",
    "padding at the end of every item",
    "pytorch/pytorch#97111",
)
class _Cut(Layers):
    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        y = super().encoder_layer(x, w, mask=mask)
        if mask is None or mask.ndim < 4 or not mask.any():
            return y
        return y[:, : 1 + int(np.flatnonzero(mask.any((0, 1, 2)))[-1])]
