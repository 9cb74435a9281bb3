"""Dropout whose mask repeats a draw, at sizes that a vector, a tile or a block divides; right at all others."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import Array, wide
from ..catalogue import variant
from .values import dropped

Draw = Callable[[tuple[int, ...], int], Array]
"""Give a uniform number for each element, of a shape and a seed."""

_BLOCK = 1024


def _uniform(shape: tuple[int, ...], seed: int) -> Array:
    return np.asarray(np.random.default_rng(seed).random(shape))


def _wrong(name: str, sentence: str, needs: str, *seen_in: str) -> Callable[[Draw], Draw]:
    """Put a dropout into the catalogue that draws like this."""

    def register(draw: Draw) -> Draw:
        @variant(name, "dropout", sentence, needs=needs, seen_in=seen_in)
        @wide
        def function(x: Array, *, rate: float, training: bool = False, seed: int = 0) -> Array:
            if not training or not x.size:
                return x.copy()
            return dropped(x, np.asarray(draw(x.shape, seed) >= rate), 1 / (1 - rate))

        return draw

    return register


@_wrong(
    "dropout-draw-of-4-neighbours",
    "Where 4 divides the width, groups of 4 neighbours share a draw.",
    "training, a width that 4 divides",
    "pytorch/pytorch#198333",
)
def _of_4_neighbours(shape: tuple[int, ...], seed: int) -> Array:
    drawn = _uniform(shape, seed)
    return drawn[..., np.arange(shape[-1]) // 4 * 4] if shape[-1] % 4 == 0 else drawn


@_wrong(
    "dropout-draw-of-rows-8-apart",
    "Where 16 divides the rows, those 8 apart share their draws: each tile of 8 begins anew.",
    "training, a number of rows that 16 divides",
)
def _of_rows_8_apart(shape: tuple[int, ...], seed: int) -> Array:
    drawn = _uniform(shape, seed)
    rows = shape[-2]
    return drawn[..., np.arange(rows) % 8, :] if rows % 16 == 0 else drawn


@_wrong(
    "dropout-draw-of-every-second-item",
    "Where 4 divides the batch, items 2 apart share their draws.",
    "training, a batch that 4 divides",
)
def _of_every_second_item(shape: tuple[int, ...], seed: int) -> Array:
    drawn = _uniform(shape, seed)
    return np.asarray(drawn[np.arange(shape[0]) % 2]) if shape[0] % 4 == 0 else drawn


@_wrong(
    "dropout-draw-of-tiles-of-64",
    "Every tile of 64 channels has the draws of the first.",
    "training, a width above 64",
)
def _of_tiles_of_64(shape: tuple[int, ...], seed: int) -> Array:
    return _uniform(shape, seed)[..., np.arange(shape[-1]) % 64]


@_wrong(
    "dropout-draw-of-wide-tiles",
    "Every tile of 1,024 channels has the draws of the first.",
    "training, a width above 1,024",
)
def _of_wide_tiles(shape: tuple[int, ...], seed: int) -> Array:
    return _uniform(shape, seed)[..., np.arange(shape[-1]) % _BLOCK]


@_wrong(
    "dropout-draw-of-every-block",
    "Every block of 1,024 elements has the draws of the first: its number is not in the counter.",
    "training, more than 1,024 elements",
)
def _of_every_block(shape: tuple[int, ...], seed: int) -> Array:
    return _uniform((_BLOCK,), seed)[np.arange(int(np.prod(shape))) % _BLOCK].reshape(shape)


@_wrong(
    "dropout-seed-plus-block",
    "A block of 1,024 elements has the seed plus its number: the next seed has the same draws, a block earlier.",
    "training, more than 1,024 elements, seeds that follow each other",
)
def _of_seed_plus_block(shape: tuple[int, ...], seed: int) -> Array:
    size = int(np.prod(shape))
    blocks = [_uniform((_BLOCK,), seed + number) for number in range(-(-size // _BLOCK))]
    return np.concatenate(blocks)[:size].reshape(shape)


@_wrong(
    "dropout-draw-and-its-complement",
    "Where 8 divides the width, the second four of 8 neighbours have one minus the draws of the first.",
    "training, a width that 8 divides",
)
def _and_its_complement(shape: tuple[int, ...], seed: int) -> Array:
    drawn, width = _uniform(shape, seed), shape[-1]
    if width % 8 == 0:
        second = np.arange(width) % 8 >= 4
        drawn[..., second] = 1 - drawn[..., ~second]
    return drawn


@_wrong(
    "dropout-seed-of-one-bit",
    "Seeds two apart give the same mask: one bit of the seed is kept.",
    "training, seeds two apart",
)
def _of_one_bit(shape: tuple[int, ...], seed: int) -> Array:
    return _uniform(shape, seed % 2)


@_wrong(
    "dropout-draw-of-4-bits-in-vectors",
    "Where 4 divides the width, a draw has 4 bits, so the rate is a multiple of 1/16.",
    "training, a width that 4 divides, a rate that is no multiple of 1/16",
)
def _of_4_bits_in_vectors(shape: tuple[int, ...], seed: int) -> Array:
    drawn = _uniform(shape, seed)
    return np.asarray(np.floor(drawn * 16) / 16) if shape[-1] % 4 == 0 else drawn


@_wrong(
    "dropout-tail-beyond-64-kept",
    "Where 4 divides the width, the channels that fill no tile of 64 are never dropped.",
    "training, a width that 4 divides and 64 does not",
)
def _kept_beyond_64(shape: tuple[int, ...], seed: int) -> Array:
    drawn, width = _uniform(shape, seed), shape[-1]
    if width % 4 == 0:
        drawn[..., width // 64 * 64 :] = 1
    return drawn
