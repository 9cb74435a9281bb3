"""Attention at the sizes of models: which, and the rows that are looked at."""

from typing import Final

import numpy as np

from ....oracle.attention import visible
from ....oracle.rounding.formats import FORMATS
from ....oracle.rounding.numerics import Numerics
from ...cases.values import generator_of
from ...terms.at_size import AtSize, Limits, Part, chosen
from ...terms.case import Case, Value
from ...terms.component import Conventions, Inputs, factor

_SCORES: Final = 2**21
"""Scores that the oracle computes of a case."""


def _shape(batch: int, heads: tuple[int, int], lengths: tuple[int, int], sizes: tuple[int, int]) -> dict[str, Value]:
    """Give B, (H, H_kv), (L_q, L_k) and (d_k, d_v) by their names."""
    names = ("B", "H", "H_kv", "L_q", "L_k", "d_k", "d_v")
    return dict(zip(names, (batch, *heads, *lengths, *sizes), strict=True))


_SHAPES: Final = (
    _shape(1, (1, 1), (3, 3), (4, 4)),
    # One query over the keys of a cache, in heads of many to a group: what a decoding model does.
    _shape(1, (8, 2), (1, 513), (64, 64)),
    _shape(2, (33, 11), (1, 1025), (64, 64)),
    _shape(1, (48, 2), (1, 1000), (128, 128)),
    _shape(1, (128, 8), (1, 700), (64, 64)),
    _shape(3, (5, 1), (4, 777), (32, 32)),
    # Keys beyond every length that a kernel may have been made for.
    _shape(1, (1, 1), (1, 131_072), (32, 32)),
    _shape(1, (2, 1), (3, 65_537), (16, 16)),
    _shape(1, (2, 2), (2, 20_001), (64, 64)),
    _shape(1, (1, 1), (1, 70_001), (4, 4)),
    # Both long, alike and unlike.
    _shape(1, (1, 1), (520, 520), (8, 8)),
    _shape(1, (1, 1), (70_001, 3), (4, 4)),
    _shape(1, (2, 2), (1024, 1024), (64, 64)),
    _shape(1, (1, 1), (4096, 4096), (16, 16)),
    _shape(1, (1, 1), (8192, 8192), (8, 8)),
    _shape(1, (2, 1), (2500, 300), (32, 32)),
    _shape(1, (2, 1), (300, 2500), (32, 32)),
    # More items than one axis of a grid has.
    _shape(1025, (64, 32), (2, 3), (4, 4)),
    # Large heads, and values of another size than keys in both directions.
    *(
        _shape(1, (2, 1), (33, 70), sizes)
        for sizes in ((128, 96), (192, 128), (256, 64), (64, 256), (576, 512), (160, 160), (256, 256), (512, 512))
    ),
)


def _part(case: Case, inputs: Inputs, conventions: Conventions) -> Part:
    """Choose items of the batch, groups of heads, and rows of each, until the scores are few enough."""
    generator = generator_of(case, "part")
    batch, heads, queries, _ = inputs.arrays["query"].shape
    _, groups, keys, channels = inputs.arrays["value"].shape
    size = heads // groups
    items, of_groups = chosen(batch, 4, generator), chosen(groups, 4 if batch > 1 else 16, generator)
    of_heads = (of_groups[:, None] * size + np.arange(size)).ravel()
    rows = chosen(queries, max(2, min(256, _SCORES // (len(items) * len(of_heads) * keys))), generator)
    shape = (batch, heads, queries, keys)
    options = dict(inputs.options)
    seen = visible(shape, inputs.arrays.get("mask"), options.pop("causal"), conventions["causal_alignment"], rows)[
        np.ix_(items, of_heads)
    ]
    arrays = {
        "query": inputs.arrays["query"][np.ix_(items, of_heads, rows)],
        "key": inputs.arrays["key"][np.ix_(items, of_groups)],
        "value": inputs.arrays["value"][np.ix_(items, of_groups)],
        "mask": seen,
    }
    return Part(Inputs(arrays, options | {"causal": False}), (items, of_heads, rows, np.arange(channels)))


def slack(numerics: Numerics, keys: int) -> float:
    """Bound the relative error of a mean of values of one sign, whatever their weights are.

        2 (n + 8) U + 2 u_p + 2 u_o + u        n keys

    u_p: weights that are rounded for the one sum, not for the other; u_o: rounded values; u: the result.
    """
    narrower = (numerics.probabilities, numerics.operands, numerics.statistics)
    of_formats = sum(FORMATS[form].unit_roundoff for form in narrower if form is not None)
    return 2 * (numerics.roundings(keys) + 8) * numerics.unit + 2 * of_formats + FORMATS[numerics.output].unit_roundoff


def _limits(inputs: Inputs, numerics: Numerics, conventions: Conventions) -> Limits:
    """Give the range of each channel of the values, which a mean of them does not leave but by rounding.

        |o - hull| <= slack max |v| + what is flushed

    Weights that are wrong are weights still: what their sum and that of the products round is all.
    """
    value, heads = inputs.arrays["value"], inputs.arrays["query"].shape[1]
    keys = value.shape[2]
    lowest, highest = value.min(2, keepdims=True), value.max(2, keepdims=True)
    room = slack(numerics, keys) * np.abs(value).max(2, keepdims=True)
    room += 2 * FORMATS[numerics.output].half_smallest_subnormal
    of_heads = heads // value.shape[1]
    low, high = (np.repeat(each, of_heads, axis=1) for each in (lowest - room, highest + room))
    queries = inputs.arrays["query"].shape[2]
    if inputs.options["causal"] and conventions["causal_alignment"] == "bottom-right" and queries > keys:
        # The first queries see no key.
        low = np.where(np.arange(queries)[:, None] < queries - keys, np.nan, low)
    return low, high


def _inside(case: Case) -> int:
    """Count scores, and the products of those heads and items that are looked at; a random mask has a byte for each."""
    scores: int = case["B"] * case["H"] * case["L_q"] * case["L_k"]
    products: int = min(case["B"], 4) * case["H"] * case["L_k"] * (case["d_k"] + case["d_v"])
    return min(scores, _SCORES) + products // 6 + (scores // 64 if case["mask"] == "random" else 0)


def _differentiated(case: Case) -> bool:
    """Ask for gradients where their bounds take about a second."""
    scores: int = case["B"] * case["H"] * case["L_q"] * case["L_k"]
    products: int = scores * (case["d_k"] + case["d_v"])
    return products < 2**23


AT_SIZE: Final = AtSize(
    shapes=_SHAPES,
    beside={
        "mask": factor("mask", "none", "causal", "random", "padding-uneven", "padding-left"),
        "regime": factor("regime", "normal", "sharp", "offset", "dominant"),
        "layout": factor("layout", "contiguous", "swapped", "mixed"),
    },
    always=(
        _shape(1, (1, 1), (529, 529), (8, 8)) | {"mask": "causal"},
        _shape(2, (33, 11), (1, 1025), (64, 64)) | {"mask": "padding-uneven"},
        _shape(3, (2, 2), (1, 600), (16, 16)) | {"mask": "padding-left"},
        _shape(2, (2, 1), (70, 1500), (16, 16)) | {"mask": "padding-uneven"},
    ),
    few=6,
    part=_part,
    limits=_limits,
    inside=_inside,
    admissible=lambda case: case["H"] % case["H_kv"] == 0,
    rule="H is a multiple of H_kv",
    differentiated=_differentiated,
    noisy=(_shape(1, (48, 2), (1, 1000), (128, 128)), _shape(1, (1, 1), (300, 8200), (16, 16))),
)
