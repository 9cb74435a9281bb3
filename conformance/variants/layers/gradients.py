"""Gradients of layers and stacks: those of their parts, from the last to the first, the residual's beside them.

    r = x + y, y = Sublayer(x):    dr that of the norm    dx = dr + that of the sublayer
    logits = x W^T, x_0 = W[tokens] sqrt(d_model) + PE:    dW the sum of both uses

`Backward` is the formula, in methods that `gradients_wrong.py` replaces one at a time.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..arithmetic import FLOAT64, Array, widened
from ..embedding.gradients import root, scattered
from ..feed_forward.gradients import backward as of_network
from ..feed_forward.gradients import products, rows, slope_of_relu
from ..feed_forward.right import relu
from ..gradients import gradients_of
from ..layer_norm.gradients import begun
from ..multi_head_attention.gradients import backward as of_heads
from ..multi_head_attention.gradients import backward_kept
from ..multi_head_attention.right import Heads
from .right import EPSILON, Weights, contract, matrices, part
from .stacks import Stacks, StoredStacks

Gradients = dict[str, Array]

_MATRICES = ("w_query", "w_key", "w_value", "w_output")
_NETWORK = ("w_1", "b_1", "w_2", "b_2")


def named(prefix: str, found: Gradients) -> Gradients:
    """Give the gradients the names of a larger mapping."""
    return {f"{prefix}.{name}": each for name, each in found.items()}


class Backward(Stacks):
    """The formula, of one number of heads."""

    def of_attention(
        self, g: Array, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool
    ) -> tuple[Array, Array, Gradients]:
        """Compute the gradients of x, of the memory, and of the matrices."""
        call = Heads(x, memory, memory, *matrices(w), self.heads, mask, causal, self.dtype)
        of_query, of_key, of_value, *others = of_heads(call, g)
        return of_query, of_key + of_value, dict(zip(_MATRICES, others, strict=True))

    def of_network(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        """Compute the gradients of x, and of the weights."""
        of_x, *others = of_network(g, x, *(w[name] for name in _NETWORK))
        return of_x, dict(zip(_NETWORK, others, strict=True))

    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        """Compute the gradients of x, and of gain and bias."""
        of_x, of_gain, of_bias = begun(g, x, w["gain"], EPSILON).all()
        return of_x, {"gain": of_gain, "bias": of_bias}

    def of_sum(self, residual: Array, sublayer: Array) -> Array:
        """Add both ways to x."""
        return residual + sublayer

    def of_attended(
        self, g: Array, x: Array, memory: Array, w: Weights, name: str, mask: Array | None, causal: bool = False
    ) -> tuple[Array, Array, Gradients]:
        """LayerNorm(x + MultiHead(x, memory, memory)), by the weights of that name."""
        of, norm = part(w, name), part(w, f"{name}_norm")
        dr, by_norm = self.of_norm(g, self.kept(x + self.kept(self.attention(x, memory, of, mask, causal))), norm)
        dx, dmemory, found = self.of_attention(dr, x, memory, of, mask, causal)
        return self.of_sum(dr, dx), dmemory, {**named(name, found), **named(f"{name}_norm", by_norm)}

    def of_transformed(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        """LayerNorm(x + FFN(x))."""
        of, norm = part(w, "feed_forward"), part(w, "feed_forward_norm")
        dr, by_norm = self.of_norm(g, self.kept(x + self.kept(self.network(x, of))), norm)
        dx, found = self.of_network(dr, x, of)
        return self.of_sum(dr, dx), {**named("feed_forward", found), **named("feed_forward_norm", by_norm)}

    def encoder_layer_vjp(
        self, g: Array, x: Array, w: Weights, *, mask: Array | None = None
    ) -> tuple[Array, Gradients]:
        """Compute the gradients of x, and of the weights."""
        da, by_network = self.of_transformed(g, self.attended(x, w, mask), w)
        dx, dmemory, by_attention = self.of_attended(da, x, x, w, "self_attention", mask)
        return self.of_both(dx, dmemory), {**by_attention, **by_network}

    def of_both(self, of_query: Array, of_memory: Array) -> Array:
        """Add the gradients of what asks and of what answers."""
        return of_query + of_memory

    def decoder_layer_vjp(
        self, g: Array, x: Array, memory: Array, w: Weights, *, mask: Any = None, memory_mask: Any = None
    ) -> tuple[Array, Array, Gradients]:
        """Compute the gradients of x, of the memory, and of the weights."""
        a = self.attended(x, w, mask, True)
        db, by_network = self.of_transformed(g, self.crossed(a, memory, w, memory_mask), w)
        da, dmemory, by_crossing = self.of_attended(db, a, memory, w, "cross_attention", memory_mask)
        dx, dself, by_attention = self.of_attended(da, x, x, w, "self_attention", mask, True)
        return self.of_both(dx, dself), dmemory, {**by_attention, **by_crossing, **by_network}

    def of_embedding(self, g: Array, tokens: Array, table: Array) -> Array:
        """Compute the gradient of the matrix, by way of the embedding."""
        return scattered(g, tokens, table) * root(table)

    def encoder_vjp(self, g: Array, tokens: Array, w: Weights, *, mask: Array | None = None) -> tuple[Gradients]:
        """Compute the gradients of the weights."""
        x, every, found = [self.embedded(tokens, w)], self.each_layer(w), Gradients()
        for layer in every:
            x.append(self.encoder_layer(x[-1], layer, mask=mask))
        for number in reversed(range(len(every))):
            g, one = self.encoder_layer_vjp(g, x[number], every[number], mask=mask)
            found |= named(f"layers.{number}", one)
        return ({"embedding": self.of_embedding(g, tokens, w["embedding"]), **found},)

    def decoder_vjp(
        self, g: Array, tokens: Array, memory: Array, w: Weights, **masks: Array | None
    ) -> tuple[Array, Gradients]:
        """Compute the gradients of the memory, and of the weights."""
        x, every, found, table = [self.embedded(tokens, w)], self.each_layer(w), Gradients(), w["embedding"]
        for layer in every:
            x.append(self.decoder_layer(x[-1], memory, layer, **masks))
        of_x, of_memories = np.asarray(g @ table), []
        for number in reversed(range(len(every))):
            of_x, one, by_layer = self.decoder_layer_vjp(of_x, x[number], memory, every[number], **masks)
            of_memories.append(one)
            found |= named(f"layers.{number}", by_layer)
        by_embedding, by_logits = self.of_embedding(of_x, tokens, table), rows(g).T @ rows(x[-1])
        return self.of_memory(memory, of_memories), {"embedding": self.of_uses(by_embedding, by_logits), **found}

    def of_memory(self, memory: Array, of_layers: list[Array]) -> Array:
        """Sum over the layers, the last of which comes first."""
        return np.asarray(sum(of_layers, np.zeros_like(memory)))

    def of_uses(self, embedding: Array, logits: Array) -> Array:
        """Add both uses of the shared matrix."""
        return embedding + logits


# Into the catalogue

Kind = TypeVar("Kind", bound=type[Backward])


def vjp(kind: type[Backward], component: str) -> Callable[..., tuple[Any, ...]]:
    """Make the contract's function: arrays and weights are widened, and each gradient is rounded once."""

    def function(cotangent: Array, *arguments: Any, heads: int, **masks: Array | None) -> tuple[Any, ...]:
        *arrays, weights = arguments
        wide = {name: widened(each) for name, each in weights.items()}
        backward = getattr(kind(heads, cotangent.dtype), f"{component}_vjp")
        with np.errstate(all="ignore"):
            *of_arrays, of_weights = backward(widened(cotangent), *map(widened, arrays), wide, **masks)
        narrow = (each.astype(cotangent.dtype) for each in of_arrays)
        return *narrow, {name: of_weights[name].astype(cotangent.dtype) for name in weights}

    function.__name__ = f"{component}_vjp"
    return function


def gradients(name: str, sentence: str, **fields: Any) -> Callable[[Kind], Kind]:
    """`variant` for the gradients of the component with which the name begins, beside a right forward function."""
    component = name.partition("-gradient")[0].replace("-", "_")

    def register(kind: Kind) -> Kind:
        gradients_of(component, contract(Stacks, component))(name, sentence, **fields)(vjp(kind, component))
        return kind

    return register


for _of in ("encoder-layer", "decoder-layer", "encoder", "decoder"):
    gradients(f"{_of}-gradient-plain", "The formula, a step at a time.", wrong=False)(Backward)


@gradients("encoder-layer-gradient-float64-inside", "Everything in float64.", wrong=False)
class Widest(Backward):
    """Float64 from the first step on."""

    def encoder_layer_vjp(
        self, g: Array, x: Array, w: Weights, *, mask: Array | None = None
    ) -> tuple[Array, Gradients]:
        """Compute the gradients of x, and of the weights."""
        widest = {name: each.astype(FLOAT64) for name, each in w.items()}
        return super().encoder_layer_vjp(g.astype(FLOAT64), x.astype(FLOAT64), widest, mask=mask)


@gradients(
    "encoder-layer-gradient-steps-rounded",
    "What passes between two steps is stored in the input's format, on the way there and back.",
    wrong=False,
)
@gradients(
    "decoder-layer-gradient-steps-rounded",
    "What passes between two steps is stored in the input's format.",
    wrong=False,
)
@gradients(
    "encoder-gradient-steps-rounded", "What passes between two steps is stored in the input's format.", wrong=False
)
@gradients(
    "decoder-gradient-steps-rounded", "What passes between two steps is stored in the input's format.", wrong=False
)
class StoredBackward(StoredStacks, Backward):
    """Every step rounded to the format of the arrays."""

    def of_attention(
        self, g: Array, x: Array, memory: Array, w: Weights, mask: Array | None, causal: bool
    ) -> tuple[Array, Array, Gradients]:
        """Keep the gradients that go on in the narrow format."""
        call = Heads(x, memory, memory, *matrices(w), self.heads, mask, causal, self.dtype)
        of_query, of_key, of_value, *others = backward_kept(call, g, self.kept)
        both = self.kept(self.kept(of_key) + self.kept(of_value))
        return self.kept(of_query), both, dict(zip(_MATRICES, others, strict=True))

    def of_network(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        """Keep them likewise, and what is hidden."""
        h = self.kept(x @ w["w_1"] + w["b_1"])
        dh = self.kept(g @ w["w_2"].T) * slope_of_relu(h)
        of_x, *others = products(g, dh, x, relu(h), w["w_1"])
        return self.kept(of_x), dict(zip(_NETWORK, others, strict=True))

    def of_norm(self, g: Array, x: Array, w: Weights) -> tuple[Array, Gradients]:
        """Keep the gradient of x."""
        of_x, found = super().of_norm(g, x, w)
        return self.kept(of_x), found

    def of_sum(self, residual: Array, sublayer: Array) -> Array:
        """Keep the sum."""
        return self.kept(residual + sublayer)

    def of_both(self, of_query: Array, of_memory: Array) -> Array:
        """Keep the sum."""
        return self.kept(of_query + of_memory)
