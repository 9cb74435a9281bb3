"""What rows of logits may have beside their regime: places that are -inf, and an offset that all of them share.

Both are parameters that a case may lack. A row is never -inf alone: what it gives is open.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ...oracle.rounding.formats import FORMATS
from ..terms.case import Case
from ..terms.component import Array
from ..terms.rounding import rounded
from .values import generator_of

HIDDEN: Final = (
    *("one", "first", "half", "top-8", "all-but-one", "every-16th"),
    *(f"{which}-{tile}" for tile in (16, 128, 4096) for which in ("first", "last", "tiles-of")),
)
"""Which logits of a row are -inf: single ones, all that are not chosen, a lane, or tiles of a power of two, aligned."""

OFFSETS: Final[Mapping[str, float]] = {"2^10": 2.0**10, "-2^10": -(2.0**10), "2^20": 2.0**20, "-2^20": -(2.0**20)}
"""What is added to all logits of a case; in float16, 2^13 at most."""

PROBES_OF_ROWS: Final[Sequence[tuple[int, int, Mapping[str, str]]]] = (
    (3, 5, {"hidden": "one"}),
    (2, 17, {"hidden": "first"}),
    (3, 33, {"hidden": "half"}),
    (3, 129, {"hidden": "top-8"}),
    (5, 8, {"hidden": "all-but-one", "offset": "-2^20"}),
    (3, 65, {"hidden": "every-16th"}),
    (2, 64, {"hidden": "first-16"}),
    (2, 64, {"hidden": "last-16"}),
    (3, 129, {"hidden": "tiles-of-16"}),
    (2, 300, {"hidden": "first-128"}),
    (2, 1000, {"hidden": "tiles-of-128"}),
    (1, 4225, {"hidden": "first-4096"}),
    (1, 4225, {"hidden": "last-4096"}),
    (3, 17, {"hidden": "half", "offset": "-2^20"}),
    (3, 17, {"offset": "2^10"}),
    (3, 17, {"offset": "2^20"}),
)
"""Rows, their entries, and what is special about these: for softmax and log-softmax, in every profile."""


def with_hidden(case: Case, x: Array, kept: Array | bool = False) -> Array:
    """Put -inf where the case says so, but where an entry is kept; one entry of a row is always left."""
    if "hidden" not in case:
        return x
    generator, n = generator_of(case, "x", "hidden"), x.shape[-1]
    # What is kept comes first.
    order, places = np.where(kept, -1.0, generator.random(x.shape)).argsort(-1).argsort(-1), np.arange(n)
    away = _hidden(case["hidden"], order, places) & ~np.asarray(kept)
    away &= ~(away.all(-1, keepdims=True) & (order == 0))
    return np.where(away, -np.inf, x)


def _hidden(which: str, order: Array, places: Array) -> Array:
    """Say which places are -inf; `order` has the numbers from 0 in each row, in an order of its own."""
    n = len(places)
    if which == "target":
        return np.zeros(order.shape, bool)
    word, _, size = which.rpartition("-")
    if word in ("first", "last", "tiles-of"):
        tiles = places // int(size)
        if word == "tiles-of":
            # Every other of them, another half in each row.
            return np.asarray((tiles + order[..., :1]) % 2 == 0)
        return np.broadcast_to(tiles == (0 if word == "first" else tiles[-1:]), order.shape)
    single = {
        "one": order == 1,
        "first": places == 0,
        "half": 2 * order >= n,
        "top-8": order >= 8,
        "all-but-one": order > 0,
        "every-16th": places % 16 == order[..., :1] % 16,
    }
    return np.broadcast_to(single[which], order.shape)


def with_offset(case: Case, x: Array) -> Array:
    """Add the offset of the case to logits that are multiples of a step, so that no difference of two is rounded.

    Logits of another regime than those drawn with an offset may be as large as that: they are rounded once more.
    """
    if "offset" not in case:
        return x
    form, given = FORMATS[case["dtype"]], OFFSETS[case["offset"]]
    exponent = math.frexp(min(abs(given), form.largest / 4))[1] - 1
    step = max(math.ldexp(1.0, exponent + 1 - form.precision), 0.5)
    moved = math.copysign(math.ldexp(1.0, exponent), given) + step * np.round(2 * x)
    return rounded(np.clip(moved, -form.largest, form.largest), case["dtype"])
