"""The decoder, wrong in what it knows and in what it gives: memory, caches and logits."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..arithmetic import Array
from ..attention.right import Call
from ..output_logits.right import logits
from .right import Cache, Weights
from .stacks import CachedStacks, Stacks
from .stacks_wrong import wrong

_ANY = "any tokens"
_STEPS = "two positions"

# Logits


def giving(
    name: str, sentence: str, needs: str, function: Callable[[Array, Array], Array], *seen_in: str, **fields: Any
) -> None:
    """Put a decoder into the catalogue that ends with `function(x, matrix)`."""

    class Giving(Stacks):
        def logits(self, x: Array, w: Weights) -> Array:
            return np.asarray(function(x, w["embedding"]))

    wrong(name, sentence, needs, *seen_in, **fields)(Giving)


def root(table: Array) -> float:
    """sqrt(d_model)."""
    return float(table.shape[1] ** 0.5)


def log_softmax(x: Array) -> Array:
    """Log-probabilities."""
    shifted = x - x.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def centred(table: Array) -> Array:
    """Subtract the mean of each column, which makes another matrix."""
    return np.asarray(table - table.mean(0))


giving(
    "decoder-logits-scaled", "The logits are multiplied by sqrt(d_model).", _ANY, lambda x, w: logits(x, w * root(w))
)
giving(
    "decoder-logits-scaled-down",
    "The logits are multiplied by d_model^-0.5.",
    _ANY,
    lambda x, w: logits(x, w) / root(w),
)
giving(
    "decoder-log-probabilities",
    "The result is the log-softmax of the logits.",
    _ANY,
    lambda x, w: log_softmax(logits(x, w)),
)
giving(
    "decoder-probabilities",
    "The result is the softmax of the logits.",
    _ANY,
    lambda x, w: np.exp(log_softmax(logits(x, w))),
)
giving(
    "decoder-logits-of-last",
    "All places get the logits of the last.",
    _STEPS,
    lambda x, w: logits(np.repeat(x[:, -1:], x.shape[1], 1), w),
)
giving(
    "decoder-logits-untied",
    "Another matrix stands in the last product.",
    _ANY,
    lambda x, w: logits(x, centred(w)),
)
giving(
    "decoder-logits-matrix-reversed",
    "The rows of the last matrix are those of another vocabulary.",
    "two tokens",
    lambda x, w: logits(x, w[::-1]),
)
giving(
    "decoder-logits-start-lost",
    "The logit of token 0 is minus infinity, so that padding is never generated.",
    _ANY,
    lambda x, w: np.where(np.arange(len(w)) == 0, -np.inf, logits(x, w)),
)
giving(
    "decoder-logits-capped",
    "The logits go through 5 tanh(. / 5).",
    _ANY,
    lambda x, w: 5 * np.tanh(logits(x, w) / 5),
)
giving(
    "decoder-logits-clipped",
    "The logits end at 5 on both sides.",
    "logits above 5",
    lambda x, w: np.clip(logits(x, w), -5, 5),
)


@wrong(
    "decoder-logits-matrix-frozen",
    "The last matrix is a copy made at the first call.",
    "two calls",
)
class _Frozen(Stacks):
    frozen: ClassVar[dict[Any, Array]] = {}

    def logits(self, x: Array, w: Weights) -> Array:
        table = w["embedding"]
        return logits(x, self.frozen.setdefault((self.dtype, table.shape), table.copy()))


# The memory


def remembering(name: str, sentence: str, needs: str, change: Callable[..., Any], *seen_in: str) -> None:
    """Put a decoder into the catalogue that reads `change(memory, memory_mask)`."""

    class Remembering(Stacks):
        def decoder(self, tokens: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
            other, memory_mask = change(memory, masks.get("memory_mask"))
            return super().decoder(tokens, other, w, **{**masks, "memory_mask": memory_mask})

    wrong(name, sentence, needs, *seen_in)(Remembering)


_MASK = "a mask of the memory"
remembering(
    "decoder-memory-mask-ignored",
    "The mask of the memory is ignored.",
    _MASK,
    lambda m, mask: (m, None),
    "OpenNMT/OpenNMT-py#318",
)
remembering(
    "decoder-memory-mask-inverted",
    "True hides a position of the memory.",
    _MASK,
    lambda m, mask: (m, None if mask is None else ~mask),
)
remembering(
    "decoder-memory-of-first-item",
    "All items read the memory of the first.",
    "two items",
    lambda m, mask: (np.repeat(m[:1], len(m), 0), mask),
)
remembering("decoder-memory-ignored", "The memory is taken for zeros.", _ANY, lambda m, mask: (0 * m, mask))
remembering(
    "decoder-memory-padding-zeroed",
    "Padding of the memory is written as zero, and takes its part in attention.",
    _MASK,
    lambda m, mask: (m if mask is None else np.where(mask[:, 0, 0, :, None], m, 0).astype(m.dtype), None),
)


@wrong("decoder-memory-in-first-layer-only", "Only the first layer reads the memory.", "two layers")
class _FirstReads(Stacks):
    def decoder(self, tokens: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
        x = self.embedded(tokens, w)
        for number, layer in enumerate(self.each_layer(w)):
            read = self.decoder_layer(x, memory, layer, **masks)
            x = self.transformed(self.attended(x, layer, None, True), layer) if number else read
        return self.logits(x, w)


# Symbols to come


@wrong(
    "decoder-not-causal",
    "Self-attention sees what comes later.",
    _STEPS,
    "jadore801120/attention-is-all-you-need-pytorch#19",
)
class _NotCausal(Stacks):
    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        return super().attended(x, w, mask)


@wrong("decoder-causal-one-ahead", "A place sees the one after it.", _STEPS)
class _OneAhead(Stacks):
    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        sees = np.tri(x.shape[1], k=1, dtype=bool)
        return super().attended(x, w, sees if mask is None else mask & sees)


# Caches


def reading(name: str, sentence: str, needs: str, change: Callable[[Call], Call], *seen_in: str) -> None:
    """Put a decoder into the catalogue whose steps see something else than their cache."""

    class Reading(CachedStacks):
        def read(self, call: Call) -> Call:
            return change(call)

    wrong(name, sentence, needs, *seen_in)(Reading)


def window(call: Call, first: int, last: int | None) -> Call:
    """Keep only some positions of the cache."""
    key, value = call.key[:, :, first:last], call.value[:, :, first:last]
    return Call(call.query, key, value, None, False, None, call.dtype)


reading(
    "decoder-cache-stale",
    "A step sees the cache as the last step left it: not its own position.",
    _STEPS,
    lambda call: window(call, 0, -1) if call.key.shape[2] > 1 else call,
    "cool-japan/oxibonsai#10",
)
reading(
    "decoder-cache-of-two", "The cache holds two positions.", "three positions", lambda call: window(call, -2, None)
)
reading(
    "decoder-step-sees-first-key",
    "A step sees the first key alone: a causal mask of one row, aligned at the first key.",
    _STEPS,
    lambda call: window(call, 0, 1),
    "facebookresearch/xformers#798",
    "pytorch/pytorch#103082",
)


@wrong("decoder-cache-shared", "The layers share one cache of the memory.", "two layers")
class _Shared(CachedStacks):
    def step(self, x: Array, memory: Array, w: Weights, cache: Cache, t: int, *masks: Array) -> Array:
        self.of_memory = cache.of_memory = cache.of_memory or getattr(self, "of_memory", None)
        y = super().step(x, memory, w, cache, t, *masks)
        self.of_memory = cache.of_memory
        return y


@wrong("decoder-cached-position-stays", "Every step has position 0.", _STEPS)
class _Stays(CachedStacks):
    def embedded(self, tokens: Array, w: Weights, mask: Array | None = None) -> Array:
        found = super().embedded(tokens, w)
        found[:, -1:] = super().embedded(tokens[:, -1:], w)
        return found


@wrong("decoder-cache-narrow", "Keys are kept with 4 bits of fraction.", _STEPS)
class _Narrow(CachedStacks):
    def grown(self, old: Call | None, new: Call) -> Call:
        coarse = Call(new.query, np.round(new.key * 16) / 16, new.value, None, False, None, self.dtype)
        return super().grown(old, coarse)
