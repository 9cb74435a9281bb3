"""Gradients of attention that are wrong in the tiles that a kernel goes by."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import Array
from ..gradients import Gradients
from .gradients import backward, of_key, of_query, of_value, of_weights, through_softmax, transposed, weights
from .gradients_wrong import wrong
from .right import Call, divided, exponentials, per_head, scores, tiles, visible


def of_rows(keep: Callable[[int], int]) -> Callable[[Call, Array], Gradients]:
    """Make a backward pass to which rows beyond some pass no gradient."""

    def changed(call: Call, g: Array) -> Gradients:
        kept = np.arange(call.shape[2])[:, None] < keep(call.shape[2])
        return backward(call, g * kept)

    return changed


def tail_of_keys(call: Call, g: Array) -> Gradients:
    """dK and dV of whole tiles of 16 keys."""
    of_q, of_k, of_v = backward(call, g)
    kept = np.arange(call.shape[3])[:, None] < call.shape[3] // 16 * 16
    return of_q, of_k * kept, of_v * kept


def diagonal_skipped(call: Call, g: Array) -> Gradients:
    """Begin each tile of 16 keys with the tile of queries after its own."""
    later = np.arange(call.shape[2])[:, None] // 16 > np.arange(call.shape[3]) // 16
    p = weights(call)
    ds = through_softmax(p, of_weights(call, g))
    seen = later if call.causal and call.shape[2] > 16 else np.ones_like(later)
    return backward(call, g, p=p, ds=ds, dk=of_key(call, ds * seen), dv=of_value(p * seen, g))


def last_tile_of_keys(call: Call, g: Array) -> Gradients:
    """dQ is overwritten by each tile of 16 keys."""
    p = weights(call)
    ds = through_softmax(p, of_weights(call, g))
    last = np.arange(call.shape[3]) // 16 == max(call.shape[3] - 1, 0) // 16
    return backward(call, g, p=p, ds=ds, dq=of_query(call, ds * last))


def normalised_early(call: Call, g: Array) -> Gradients:
    """P of a tile by the sum of the exponentials so far."""
    e = exponentials(scores(call), visible(call))
    early = np.zeros_like(e)
    for tile in tiles(call.shape[3], 16):
        early[..., tile] = divided(e[..., tile], e[..., : tile.stop].sum(-1, keepdims=True))
    return backward(call, g, dv=of_value(early, g))


def lanes_unmasked(call: Call, g: Array) -> Gradients:
    """Let lanes beyond d_v, up to a power of two, hold what lies there: the next row."""
    value = per_head(call.value, call.shape[1])
    lanes = 2 ** max(value.shape[-1] - 1, 0).bit_length() - value.shape[-1]
    beyond = np.roll(g, -1, -2)[..., :lanes] @ transposed(np.roll(value, -1, -2)[..., :lanes])
    p = weights(call)
    return backward(call, g, p=p, ds=through_softmax(p, of_weights(call, g) + beyond))


def lanes_not_finite(call: Call, g: Array) -> Gradients:
    """Score keys beyond the last, too, so that 0 times infinity comes back from them."""
    of_q, of_k, of_v = backward(call, g)
    tail = np.where(np.arange(call.shape[2])[:, None] // 16 * 16 + 16 > call.shape[2], np.nan, 0).astype(of_q.dtype)
    return of_q + tail if call.mask is not None else of_q, of_k, of_v


def unshifted(call: Call, g: Array) -> Gradients:
    """exp(S) over its sum."""
    e = np.where(visible(call), np.exp(scores(call)), 0)
    return backward(call, g, p=divided(e, e.sum(-1, keepdims=True)))


for _which in (
    ("attention-gradient-last-row-lost", "The last query passes none.", "any input", of_rows(lambda n: n - 1)),
    (
        "attention-gradient-rows-lost",
        "Queries go by whole tiles of 16, and the rest passes none.",
        "L_q unlike a multiple of 16",
        of_rows(lambda n: n // 16 * 16 if n > 16 else n),
    ),
    (
        "attention-gradient-keys-lost",
        "Keys go by whole tiles of 16, and the rest gets none.",
        "L_k unlike a multiple of 16",
        tail_of_keys,
    ),
    (
        "attention-gradient-diagonal-skipped",
        "A tile of keys begins with the tile of queries after its own.",
        "causal, more than 16 queries",
        diagonal_skipped,
    ),
    (
        "attention-gradient-tile-overwrites",
        "Each tile of 16 keys overwrites what dQ has of the one before.",
        "more than 16 keys",
        last_tile_of_keys,
    ),
    (
        "attention-gradient-normalised-early",
        "P of a tile is normalised by the sum so far for dV.",
        "more than 16 keys",
        normalised_early,
    ),
    (
        "attention-gradient-lanes-unmasked",
        "Lanes beyond d_v, up to a power of two, count in dP.",
        "d_v no power of two, two rows or more",
        lanes_unmasked,
        "fla-org/flash-linear-attention#836",
    ),
    (
        "attention-gradient-nan-in-tail",
        "Where there is a mask, the last tile of queries comes back as NaN, unless it is full.",
        "a mask, L_q unlike a multiple of 16",
        lanes_not_finite,
        "pytorch/pytorch#153799",
    ),
    (
        "attention-gradient-unshifted",
        "P is made again as exp(S) over its sum, which overflows.",
        "scores above 89, in float64 above 709",
        unshifted,
    ),
):
    wrong(*_which)
