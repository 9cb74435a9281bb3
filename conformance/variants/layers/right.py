"""Layers of encoder and decoder, the right ones.

    encoder: a = LayerNorm(x + MultiHead(x, x, x))    y = LayerNorm(a + FFN(a))
    decoder: a likewise, causal    b = LayerNorm(a + MultiHead(a, memory, memory))    y = LayerNorm(b + FFN(b))

`Layers` is the formula, in methods that other classes replace one at a time.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import numpy as np

from ..arithmetic import FLOAT64, Array, widened
from ..attention.right import Call
from ..catalogue import variant
from ..feed_forward.right import relu
from ..layer_norm.right import ONE_PASS, norm, one_pass
from ..multi_head_attention.right import Cast, Heads, as_it_is, merged, mixed, multi_head, narrowed, projected, split

Weights = Mapping[str, Any]

EPSILON: Final = 1e-5


def part(weights: Weights, name: str) -> dict[str, Any]:
    """Select the weights whose names begin with `name`, by the rest of their names."""
    return {key.removeprefix(f"{name}."): each for key, each in weights.items() if key.startswith(f"{name}.")}


class Layers:
    """The formula, of one number of heads."""

    def __init__(self, heads: int, dtype: np.dtype[Any]) -> None:
        """`dtype` is the format in which the arrays came."""
        self.heads, self.dtype = heads, dtype

    @property
    def kept(self) -> Cast:
        """What is kept between two steps."""
        return as_it_is

    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        """MultiHead(x, memory, memory)."""
        return multi_head(Heads(x, memory, memory, *matrices(w), self.heads, mask, causal, self.dtype), self.kept)

    def network(self, x: Array, w: Weights) -> Array:
        """FFN(x)."""
        hidden = self.kept(relu(self.kept(x @ w["w_1"] + w["b_1"])))
        return np.asarray(hidden @ w["w_2"] + w["b_2"])

    def norm(self, x: Array, w: Weights) -> Array:
        """LayerNorm(x)."""
        return norm(x, w["gain"], w["bias"], EPSILON)

    def around(self, x: Array, sublayer: Callable[[Array], Array], w: Weights, name: str) -> Array:
        """LayerNorm(x + Sublayer(x)), by the weights of that name."""
        return self.kept(self.norm(self.kept(x + self.kept(sublayer(x))), part(w, f"{name}_norm")))

    def attended(self, x: Array, w: Weights, mask: Array | None, causal: bool = False) -> Array:
        """Self-attention, summed and normalised."""
        of = part(w, "self_attention")
        return self.around(x, lambda y: self.attention(y, y, of, mask, causal), w, "self_attention")

    def crossed(self, x: Array, memory: Array, w: Weights, mask: Array | None) -> Array:
        """Attention over the memory, likewise."""
        of = part(w, "cross_attention")
        return self.around(x, lambda y: self.attention(y, memory, of, mask, False), w, "cross_attention")

    def transformed(self, x: Array, w: Weights) -> Array:
        """Apply the network, likewise."""
        return self.around(x, lambda y: self.network(y, part(w, "feed_forward")), w, "feed_forward")

    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        """Compute one layer of the encoder."""
        return self.transformed(self.attended(x, w, mask), w)

    def decoder_layer(
        self, x: Array, memory: Array, w: Weights, *, mask: Array | None = None, memory_mask: Array | None = None
    ) -> Array:
        """Compute one layer of the decoder."""
        return self.transformed(self.crossed(self.attended(x, w, mask, True), memory, w, memory_mask), w)


def matrices(w: Weights) -> tuple[Array, Array, Array, Array]:
    """List the matrices of multi-head attention, in order."""
    return w["w_query"], w["w_key"], w["w_value"], w["w_output"]


# Into the catalogue

Kind = TypeVar("Kind", bound=type[Layers])


def contract(kind: type[Layers], component: str) -> Callable[..., Array]:
    """Make the contract's function: arrays and weights are widened, and the result is rounded once."""

    def function(*arguments: Any, heads: int, **masks: Array | None) -> Array:
        *arrays, weights = arguments
        wide = {name: widened(each) for name, each in weights.items()}
        dtype: np.dtype[Any] = next(each.dtype for each in weights.values())
        with np.errstate(all="ignore"):
            found: Array = getattr(kind(heads, dtype), component)(*map(widened, arrays), wide, **masks)
        return found.astype(dtype)

    function.__name__ = component
    return function


def layers(name: str, component: str, sentence: str, **fields: Any) -> Callable[[Kind], Kind]:
    """`variant` for a class: the method of the component's name."""

    def register(kind: Kind) -> Kind:
        variant(name, component, sentence, **fields)(contract(kind, component))
        return kind

    return register


layers("encoder-layer-plain", "encoder_layer", "The formula, a step at a time.", wrong=False)(Layers)
layers("decoder-layer-plain", "decoder_layer", "The formula, a step at a time.", wrong=False)(Layers)


@layers(
    "encoder-layer-steps-rounded",
    "encoder_layer",
    "What passes between two steps is stored in the input's format, as without fused kernels.",
    wrong=False,
)
@layers(
    "decoder-layer-steps-rounded",
    "decoder_layer",
    "What passes between two steps is stored in the input's format.",
    wrong=False,
)
class Stored(Layers):
    """Every step rounded to the format of the arrays."""

    @property
    def kept(self) -> Cast:
        """As much as the format holds."""
        return narrowed(self.dtype)


@layers(
    "encoder-layer-one-pass-declared",
    "encoder_layer",
    "The variance of a row is mean(x^2) - mean(x)^2, as declared.",
    wrong=False,
    numerics=ONE_PASS,
)
class OnePass(Layers):
    """Sums of x and x^2."""

    def norm(self, x: Array, w: Weights) -> Array:
        """Normalise in one pass."""
        return one_pass(x, w["gain"], w["bias"], EPSILON)


@layers("encoder-layer-float64-inside", "encoder_layer", "Everything in float64.", wrong=False)
@layers("decoder-layer-float64-inside", "decoder_layer", "Everything in float64.", wrong=False)
class Widest(Layers):
    """Float64 from the first step on."""

    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        """Compute one layer of the encoder."""
        return super().encoder_layer(x.astype(FLOAT64), widest(w), mask=mask)

    def decoder_layer(self, x: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
        """Compute one layer of the decoder."""
        return super().decoder_layer(x.astype(FLOAT64), memory.astype(FLOAT64), widest(w), **masks)


def widest(w: Weights) -> Weights:
    """Convert the weights to float64."""
    return {name: each.astype(FLOAT64) for name, each in w.items()}


@layers(
    "encoder-layer-fused-projection",
    "encoder_layer",
    "Query, key and value come from one product with all three matrices.",
    wrong=False,
)
class Fused(Layers):
    """x [W^Q W^K W^V], then split; the memory apart."""

    def attention(self, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool) -> Array:
        """Multiply x with all three matrices at once."""
        every = matrices(w)[:3]
        parts = np.split(x @ np.concatenate(every, 1), np.cumsum([each.shape[1] for each in every])[:2], -1)
        q, k, v = (split(each, self.heads) for each in parts)
        return np.asarray(merged(mixed(Call(q, k, v, mask, causal, None, self.dtype))) @ w["w_output"])


# Step by step


class Cache:
    """The keys and values of the positions so far, and of the memory, of one layer."""

    def __init__(self) -> None:
        """Begin empty."""
        self.of_self: Call | None = None
        self.of_memory: Call | None = None


class Cached(Layers):
    """Decoding one position after another."""

    def decoder_layer(
        self, x: Array, memory: Array, w: Weights, *, mask: Array | None = None, memory_mask: Array | None = None
    ) -> Array:
        """Compute every position by itself."""
        cache, length = Cache(), x.shape[1]
        masks = (rows_of(mask, length, length), rows_of(memory_mask, length, memory.shape[1]))
        steps = [self.step(x[:, t : t + 1], memory, w, cache, t, *masks) for t in range(length)]
        return np.concatenate([x[:, :0], *steps], 1)

    def step(self, x: Array, memory: Array, w: Weights, cache: Cache, t: int, *masks: Array) -> Array:
        """Compute position t alone, and put its key and value into the cache."""
        mask, memory_mask = (each[..., t : t + 1, :] for each in masks)

        def of_self(y: Array) -> Array:
            cache.of_self = self.grown(cache.of_self, self.heads_of(y, y, part(w, "self_attention")))
            seen = self.read(cache.of_self)
            return np.asarray(self.over(seen, mask[..., : seen.key.shape[2]]) @ w["self_attention.w_output"])

        def of_memory(y: Array) -> Array:
            new = self.heads_of(y, memory, part(w, "cross_attention"))
            cache.of_memory = cache.of_memory or new
            kept = Call(new.query, cache.of_memory.key, cache.of_memory.value, None, False, None, self.dtype)
            return np.asarray(self.over(kept, memory_mask) @ w["cross_attention.w_output"])

        b = self.around(self.around(x, of_self, w, "self_attention"), of_memory, w, "cross_attention")
        return self.transformed(b, w)

    def heads_of(self, x: Array, memory: Array, w: Weights) -> Call:
        """Project x to queries, and the memory to keys and values."""
        return projected(Heads(x, memory, memory, *matrices(w), self.heads, None, False, self.dtype), self.kept)

    def grown(self, old: Call | None, new: Call) -> Call:
        """Append the new position to what was there."""
        if old is None:
            return new
        key, value = (np.concatenate(pair, 2) for pair in ((old.key, new.key), (old.value, new.value)))
        return Call(new.query, key, value, None, False, None, self.dtype)

    def read(self, call: Call) -> Call:
        """Return what a step sees of the cache: all of it."""
        return call

    def over(self, call: Call, mask: Array) -> Array:
        """Attention to the cache, its heads put together."""
        return merged(mixed(Call(call.query, call.key, call.value, mask, False, None, self.dtype), self.kept))


def rows_of(mask: Array | None, queries: int, keys: int) -> Array:
    """Give the mask a row for each query."""
    given = np.ones((1, 1), bool) if mask is None else mask
    return np.broadcast_to(given, (*given.shape[:-2], queries, keys))


layers("decoder-layer-cached", "decoder_layer", "One position after another, with a cache.", wrong=False)(Cached)


@layers(
    "decoder-layer-cache-stored",
    "decoder_layer",
    "One position after another, with a cache, and each step in the input's format.",
    wrong=False,
)
class CachedStored(Cached, Stored):
    """A cache in the format of the arrays."""
