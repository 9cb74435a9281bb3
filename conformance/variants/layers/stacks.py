"""Encoder and decoder, the right ones: W[tokens] sqrt(d_model) + PE, layers, and the product with W^T.

`Stacks` is the formula, in methods that other classes replace one at a time.
"""

import numpy as np

from ..arithmetic import Array, rounded
from ..embedding.right import embed
from ..layer_norm.right import ONE_PASS
from ..output_logits.right import logits
from ..positional_encoding.right import encoding
from .right import Cache, Cached, CachedStored, Layers, OnePass, Stored, Weights, layers, part, rows_of


class Stacks(Layers):
    """The formula, of one number of heads."""

    def positions(self, length: int, d_model: int) -> Array:
        """PE: (L, d_model)."""
        return encoding(length, d_model)

    def scaled(self, tokens: Array, table: Array) -> Array:
        """W[tokens] sqrt(d_model)."""
        return embed(tokens, table)

    def embedded(self, tokens: Array, w: Weights, mask: Array | None = None) -> Array:
        """Embed the tokens, and add the positions."""
        table = w["embedding"]
        positions = self.kept(self.positions(tokens.shape[1], table.shape[1]).astype(table.dtype))
        return self.kept(self.kept(self.scaled(tokens, table)) + positions)

    def each_layer(self, w: Weights) -> list[Weights]:
        """List the weights of the layers, in order."""
        count = len({name.split(".")[1] for name in w if name.startswith("layers.")})
        return [part(w, f"layers.{number}") for number in range(count)]

    def logits(self, x: Array, w: Weights) -> Array:
        """x W^T."""
        return logits(x, w["embedding"])

    def ended(self, x: Array, w: Weights) -> Array:
        """Return what the last layer gives, as it is."""
        return x

    def encoder(self, tokens: Array, w: Weights, *, mask: Array | None = None) -> Array:
        """Turn symbols into vectors."""
        x = self.embedded(tokens, w, mask)
        for layer in self.each_layer(w):
            x = self.encoder_layer(x, layer, mask=mask)
        return self.ended(x, w)

    def decoder(self, tokens: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
        """Turn symbols and a memory into logits."""
        x = self.embedded(tokens, w, masks.get("mask"))
        for layer in self.each_layer(w):
            x = self.decoder_layer(x, memory, layer, **masks)
        return self.logits(self.ended(x, w), w)


layers("encoder-plain", "encoder", "The formula, a step at a time.", wrong=False)(Stacks)
layers("decoder-plain", "decoder", "The formula, a step at a time.", wrong=False)(Stacks)


@layers(
    "encoder-steps-rounded",
    "encoder",
    "What passes between two steps is stored in the input's format, the positions among it.",
    wrong=False,
)
@layers(
    "decoder-steps-rounded", "decoder", "What passes between two steps is stored in the input's format.", wrong=False
)
class StoredStacks(Stored, Stacks):
    """Every step rounded to the format of the arrays."""


@layers("encoder-positions-from-table", "encoder", "The positions are rows of a longer table, in 16 bits.", wrong=False)
class FromTable(Stacks):
    """512 positions, made once."""

    def positions(self, length: int, d_model: int) -> Array:
        """Take the first rows of the table."""
        return rounded(encoding(512, d_model)[:length], self.dtype)


@layers(
    "encoder-positions-concatenated-declared",
    "encoder",
    "Sines first, then cosines, as declared.",
    wrong=False,
    conventions={"positional_layout": "concatenated"},
)
class Concatenated(Stacks):
    """Another order of the channels."""

    def positions(self, length: int, d_model: int) -> Array:
        """Sines, then cosines."""
        table = encoding(length, d_model)
        return np.concatenate([table[:, 0::2], table[:, 1::2]], 1)


@layers(
    "encoder-one-pass-declared",
    "encoder",
    "The variance of a row is mean(x^2) - mean(x)^2, as declared.",
    wrong=False,
    numerics=ONE_PASS,
)
class OnePassStacks(OnePass, Stacks):
    """Sums of x and x^2."""


@layers("encoder-one-hot", "encoder", "The embedding is a product with one-hot rows.", wrong=False)
class OneHot(Stacks):
    """A product in place of looking up."""

    def scaled(self, tokens: Array, table: Array) -> Array:
        """One-hot rows and the scaled matrix."""
        rows = np.eye(len(table), dtype=table.dtype)[tokens]
        return np.asarray(rows @ (table * table.shape[1] ** 0.5).astype(table.dtype))


class CachedStacks(Cached, Stacks):
    """Generating one symbol after another."""

    def decoder(self, tokens: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
        """Go through all layers at each step; their caches grow."""
        length, every = tokens.shape[1], self.each_layer(w)
        keys = {"mask": length, "memory_mask": memory.shape[1]}
        given = [rows_of(masks.get(name), length, count) for name, count in keys.items()]
        caches, steps = self.caches(len(every)), []
        for t in range(length):
            x = self.embedded(tokens[:, : t + 1], w)[:, t:]
            for layer, cache in zip(every, caches, strict=True):
                x = self.step(x, memory, layer, cache, t, *given)
            steps.append(self.logits(x, w))
        return np.concatenate(steps, 1)

    def caches(self, count: int) -> list[Cache]:
        """Make a cache for each layer."""
        return [Cache() for _ in range(count)]


layers("decoder-cached", "decoder", "One symbol after another, with caches of keys and values.", wrong=False)(
    CachedStacks
)


@layers(
    "decoder-cache-stored",
    "decoder",
    "One symbol after another, with caches, and each step in the input's format.",
    wrong=False,
)
class CachedStoredStacks(CachedStored, CachedStacks):
    """Caches in the format of the arrays."""
