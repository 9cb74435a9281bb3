"""Encoder and decoder, wrong: one method of `stacks.py` at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..embedding.right import embed
from ..layer_norm.right import mean
from ..positional_encoding.right import encoding
from .right import EPSILON, Kind, Weights, layers, part
from .stacks import Stacks

_ANY = "any tokens"
_LAYERS = "two layers"


def wrong(name: str, sentence: str, needs: str, *seen_in: str, **fields: Any) -> Callable[[Kind], Kind]:
    """Put a class into the catalogue, as the component with which the name begins."""
    return layers(name, name.partition("-")[0], sentence, needs=needs, seen_in=seen_in, **fields)


# Symbols


def positioned(
    name: str, sentence: str, needs: str, positions: Callable[[int, int], Array], *seen_in: str, **fields: Any
) -> None:
    """Put a stack with other positions into the catalogue."""

    class Positioned(Stacks):
        def positions(self, length: int, d_model: int) -> Array:
            return positions(length, d_model)

    wrong(name, sentence, needs, *seen_in, **fields)(Positioned)


def embedding(name: str, sentence: str, needs: str, embedded: Callable[..., Array], *seen_in: str) -> None:
    """Put a stack into the catalogue that begins with `embedded(tokens, matrix, positions, mask)`."""

    class Embedding(Stacks):
        def embedded(self, tokens: Array, w: Weights, mask: Array | None = None) -> Array:
            table = w["embedding"]
            positions = encoding(tokens.shape[1], table.shape[1]).astype(table.dtype)
            return np.asarray(embedded(tokens, table, positions, mask)).astype(table.dtype)

    wrong(name, sentence, needs, *seen_in)(Embedding)


def sines_first(length: int, d_model: int) -> Array:
    """Sines, then cosines."""
    table = encoding(length, d_model)
    return np.concatenate([table[:, 0::2], table[:, 1::2]], 1)


def of_tokens_seen(tokens: Array, table: Array, positions: Array, mask: Array | None) -> Array:
    """Count positions from the first key that is not masked."""
    if mask is None or mask.ndim < 4 or mask.shape[1:3] != (1, 1):
        return np.asarray(embed(tokens, table) + positions)
    places = np.maximum(np.cumsum(mask[:, 0, 0], -1) - 1, 0)
    return np.asarray(embed(tokens, table) + positions[np.broadcast_to(places, tokens.shape)])


def without_positions_on_padding(tokens: Array, table: Array, positions: Array, mask: Array | None) -> Array:
    """Give token 0 no position, as if it were padding."""
    return np.asarray(embed(tokens, table) + positions * (tokens != 0)[..., None])


def shifted(tokens: Array, table: Array) -> Array:
    """Put the token 0 first, and drop the last one."""
    return embed(np.concatenate([0 * tokens[:, :1], tokens[:, :-1]], 1), table)


def hidden(mask: Array | None) -> Array:
    """Say where no query looks, of padding; everywhere, if there is none."""
    if mask is None or mask.ndim < 4:
        return np.array(True)
    return ~np.asarray(mask.any((1, 2)))[..., None]


def normalised(x: Array) -> Array:
    """Normalise to mean 0 and variance 1."""
    return np.asarray((x - mean(x)) / np.sqrt(mean((x - mean(x)) ** 2) + EPSILON))


for _of in ("encoder", "decoder"):
    embedding(
        f"{_of}-embedding-not-scaled",
        "The embedding is not multiplied by sqrt(d_model).",
        _ANY,
        lambda tokens, table, positions, mask: table[tokens] + positions,
    )
    embedding(
        f"{_of}-positions-missing",
        "There are no positions.",
        _ANY,
        lambda tokens, table, positions, mask: embed(tokens, table),
    )
    positioned(
        f"{_of}-positions-from-one",
        "The first position is 1.",
        _ANY,
        lambda length, d_model: encoding(length + 1, d_model)[1:],
        "bytedance/lightseq#144",
    )

embedding(
    "encoder-positions-scaled",
    "The sum of embedding and position is multiplied by sqrt(d_model).",
    _ANY,
    lambda tokens, table, positions, mask: (table[tokens] + positions) * table.shape[1] ** 0.5,
)
embedding(
    "encoder-embedding-scaled-by-d-model",
    "The embedding is multiplied by d_model.",
    _ANY,
    lambda tokens, table, positions, mask: table[tokens] * table.shape[1] + positions,
)
embedding(
    "encoder-positions-of-batch",
    "A position is the number of the batch item.",
    "two items or positions",
    lambda tokens, table, positions, mask: (
        embed(tokens, table) + encoding(len(tokens), table.shape[1])[:, None].astype(table.dtype)
    ),
    "cmu-l3/anlp-fall2025-code#1",
)
embedding(
    "encoder-positions-of-last",
    "All places get the position of the last.",
    "two positions",
    lambda tokens, table, positions, mask: embed(tokens, table) + positions[-1:],
    "DiffPoseTalk/DiffPoseTalk#20",
)
embedding(
    "encoder-positions-after-padding",
    "Positions are counted from the first token that is not masked.",
    "padding on the left",
    of_tokens_seen,
)
embedding(
    "encoder-token-0-is-padding",
    "Token 0 gets no position, as if it were padding.",
    "the token 0",
    without_positions_on_padding,
)
embedding(
    "encoder-positions-on-padding-only",
    "A mask whose True is taken for padding leaves positions to padding alone.",
    "a mask",
    lambda tokens, table, positions, mask: embed(tokens, table) + positions * hidden(mask),
    "speechbrain/speechbrain#2276",
)
embedding(
    "encoder-embedding-normalised",
    "The sum of embedding and position is normalised.",
    _ANY,
    lambda tokens, table, positions, mask: normalised(embed(tokens, table) + positions),
)
embedding(
    "encoder-tokens-reversed",
    "The tokens are read from the last.",
    "two positions",
    lambda tokens, table, positions, mask: embed(tokens[:, ::-1], table) + positions,
)
embedding(
    "decoder-tokens-shifted",
    "The decoder shifts its tokens by one itself, though the caller has done so.",
    _ANY,
    lambda tokens, table, positions, mask: shifted(tokens, table) + positions,
)
positioned(
    "encoder-positions-concatenated",
    "Sines come first, then cosines, and nothing declares it.",
    "d_model of 3 or more",
    sines_first,
)
positioned(
    "encoder-positions-reversed",
    "The last place has position 0.",
    "two positions",
    lambda length, d_model: encoding(length, d_model)[::-1],
)
positioned(
    "encoder-positions-exponent-doubled",
    "The frequencies are 10000^(-4i/d).",
    "d_model of 3 or more",
    lambda length, d_model: encoding(length, d_model) if d_model < 3 else doubled(length, d_model),
    "SamLynnEvans/Transformer#25",
)


def doubled(length: int, d_model: int) -> Array:
    """sin(pos / 10000^(4i/d)) and its cosine."""
    angle = np.arange(length)[:, None] / 1e4 ** (2 * np.arange(0, d_model, 2) / d_model)
    return np.stack([np.sin(angle), np.cos(angle)], 2).reshape(length, -1)[:, :d_model]


# Layers

Arranged = Callable[[list[Weights]], Sequence[Weights]]


def arranged(name: str, sentence: str, change: Arranged, *seen_in: str, needs: str = _LAYERS) -> None:
    """Put a stack of other layers into the catalogue."""

    class Arrangement(Stacks):
        def each_layer(self, w: Weights) -> list[Weights]:
            return list(change(super().each_layer(w)))

    wrong(name, sentence, needs, *seen_in)(Arrangement)


for _of in ("encoder", "decoder"):
    arranged(f"{_of}-layers-reversed", "The last layer comes first.", lambda every: every[::-1])
    arranged(f"{_of}-last-layer-missing", "The last layer is left out.", lambda every: every[:-1], needs="a layer")

arranged("encoder-layers-of-last", "All layers have the weights of the last.", lambda every: every[-1:] * len(every))
arranged(
    "decoder-layers-of-first",
    "All layers have the weights of the first.",
    lambda every: every[:1] * len(every),
)
arranged("encoder-last-layer-twice", "The last layer comes twice.", lambda every: every + every[-1:], needs="a layer")
arranged(
    "encoder-layers-two-at-least", "There are two layers at the least.", lambda every: (every * 2)[: max(len(every), 2)]
)


@wrong("encoder-positions-in-each-layer", "The positions are added before each layer.", _LAYERS)
class _EachLayer(Stacks):
    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        positions = encoding(x.shape[1], x.shape[2]).astype(x.dtype)
        return super().encoder_layer(x + positions, w, mask=mask)


@wrong("encoder-norm-at-the-end", "The last layer is followed by one more norm, as in nn.Transformer.", _ANY)
@wrong("decoder-norm-at-the-end", "The last layer is followed by one more norm, as in nn.Transformer.", _ANY)
class _Ended(Stacks):
    def ended(self, x: Array, w: Weights) -> Array:
        return normalised(x)


@wrong("encoder-mask-in-first-layer-only", "Only the first layer has the mask.", "a mask, two layers")
class _FirstOnly(Stacks):
    def encoder(self, tokens: Array, w: Weights, *, mask: Array | None = None) -> Array:
        x = self.embedded(tokens, w, mask)
        for number, layer in enumerate(self.each_layer(w)):
            x = self.encoder_layer(x, layer, mask=None if number else mask)
        return x


@wrong("encoder-mask-ignored", "The mask is ignored.", "a mask", "pytorch/pytorch#155792")
class _Unmasked(Stacks):
    def encoder(self, tokens: Array, w: Weights, *, mask: Array | None = None) -> Array:
        return super().encoder(tokens, w)


@wrong("encoder-pre-norm", "Each sublayer reads the norm of its input, and nothing normalises the sum.", "a layer")
@wrong("decoder-pre-norm", "Each sublayer reads the norm of its input, and nothing normalises the sum.", "a layer")
class _PreNorm(Stacks):
    def around(self, x: Array, sublayer: Callable[[Array], Array], w: Weights, name: str) -> Array:
        return x + sublayer(self.norm(x, part(w, f"{name}_norm")))
