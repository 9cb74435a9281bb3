"""Scaled dot-product attention: its cases; the other files of the folder have its clauses."""

from typing import Any

import numpy as np

from ....oracle.attention import visible
from ....oracle.rounding.bound import Bound
from ...cases.masks import MASKS, mask_of
from ...terms.case import Case
from ...terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from .at_size import AT_SIZE
from .regimes import REGIMES, values_of

# Lengths at 1 and 2, and around the tiles of 16, 64 and 128 that kernels cut them into; the plainest first.
_LENGTHS = (3, 1, 2, 5, 7, 15, 16, 17, 63, 64, 65, 127, 128, 129, 257, 0)

# Sizes of heads: those of models, those between, and d_v unlike d_k.
_HEAD_SIZES = (4, 1, 8, 16, 33, 64, 72, 80, 96, 128)
_UNEQUAL_SIZES = ((4, 7), (16, 5), (64, 16), (33, 96), (1, 3))


def _make(case: Case) -> Inputs:
    batch, heads, groups = case["B"], case["H"], case["H_kv"]
    shapes = {
        "query": (batch, heads, case["L_q"], case["d_k"]),
        "key": (batch, groups, case["L_k"], case["d_k"]),
        "value": (batch, groups, case["L_k"], case["d_v"]),
    }
    arrays = values_of(case, shapes)
    mask = mask_of(case, (batch, heads, case["L_q"], case["L_k"]))
    if mask is not None:
        arrays["mask"] = mask
    options = {
        "causal": "causal" in case["mask"].split("+"),
        "scale": None if case["scale"] == "none" else case["scale"],
        **({"softcap": case["softcap"]} if "softcap" in case else {}),
    }
    return Inputs(arrays, options)


def plain(case: Case, **changes: Any) -> Case:
    """Give the case with values and a layout that hide nothing, and without the options that a case may lack."""
    return ATTENTION.with_optional(case).but(**{"regime": "normal", "layout": "contiguous", **changes})


def seen_by(inputs: Inputs, conventions: Conventions) -> Array:
    """Say which key each query sees: (B, H, L_q, L_k)."""
    batch, heads, queries, _ = inputs.arrays["query"].shape
    shape = (batch, heads, queries, inputs.arrays["key"].shape[2])
    return visible(shape, inputs.arrays.get("mask"), inputs.options["causal"], conventions["causal_alignment"])


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark rows that see the key of their own, and rows that see none, unless those hold a mean.

    A softcap leaves other keys a share of the weight.
    """
    query, key = inputs.arrays["query"], inputs.arrays["key"]
    seen = seen_by(inputs, conventions)
    score = query @ np.repeat(key, query.shape[1] // key.shape[1], axis=1).swapaxes(-1, -2)
    rows = ((seen & (score == 0)).sum(-1) == 1) & ("softcap" not in case)
    if conventions["masked_row"] != "mean":
        rows |= ~seen.any(-1)
    return np.broadcast_to(rows[..., None], bound.expected.shape)


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    bare = plain(case, mask="none", scale="none")
    without = _make(bare)
    return {
        "mask": (without, _make(bare.but(mask="random"))),
        "causal": (without, _make(bare.but(mask="causal"))),
        "causal beside a mask": (_make(bare.but(mask="random")), _make(bare.but(mask="causal+random"))),
        "scale": (without, _make(bare.but(scale=0.3))),
    }


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    seen = seen_by(inputs, conventions)
    batch, heads, queries, _ = seen.shape
    depends = np.zeros((batch, heads, queries, inputs.arrays["value"].shape[-1]), bool)
    b, h, place, channel = where
    if name == "query":
        depends[b, h, place] = seen[b, h, place].any()
        return depends
    size = heads // inputs.arrays["key"].shape[1]
    group = slice(h * size, (h + 1) * size)
    depends[b, group] = seen[b, group, :, place, None]
    if name == "value":
        depends &= np.arange(depends.shape[-1]) == channel
    return depends


def _admissible(case: Case) -> bool:
    """Ask for arrays that are small enough to judge hundreds of them: a hundredth of a second each."""
    scores: int = max(case["B"], 1) * case["H"] * case["L_q"] * case["L_k"]
    products: int = scores * (case["d_k"] + case["d_v"])
    grouped: bool = case["H"] % case["H_kv"] == 0
    return grouped and scores <= 257**2 and products <= 2**23


def _large(mask: str, regime: str, keys: int, d: int, groups: int = 4) -> dict[str, int | str]:
    sizes = {"B": 2, "H": 4, "H_kv": groups, "L_q": 65, "L_k": keys, "d_k": d, "d_v": d}
    return {**sizes, "mask": mask, "regime": regime}


def _probes(dtype: str) -> list[Case]:
    """Give square self-attention of several heads, as models call it; one query over one key, and over 128 and more.

    Hundreds of queries, along a cotangent of one sign: sums of gradients over them lose most where their parts are kept
    in the format.
    """
    base = ATTENTION.plainest(dtype)
    cases = [
        base.but(B=2, H=heads, H_kv=groups, L_q=length, L_k=length, d_k=16, d_v=16, mask=mask, seed=length)
        for length in (5, 17, 64)
        for heads, groups in ((3, 3), (4, 2))
        for mask in ("none", "causal", "random", "causal+padding-left")
    ]
    decoding = base.but(L_q=1, H=2, H_kv=2)
    decoded = [decoding.but(L_k=1), *(decoding.but(L_k=256, mask=mask) for mask in ("none", "causal"))]
    summed = ATTENTION.with_optional(base.but(L_q=513, L_k=17, d_k=16, d_v=16), cotangent="positive")
    return [*cases, *decoded, summed]


def square(component: Component, dtype: str) -> list[Case]:
    """Give self-attention over a few keys: what is transposed keeps its shape."""
    return [component.plainest(dtype, seed=5).but(B=2, H=2, H_kv=2, L_q=5, L_k=5)]


ATTENTION: Component = register(
    Component(
        name="attention",
        formula="softmax(Q K^T / sqrt(d_k)) V",
        source="paper, section 3.2.1, equation 1",
        parts=("softmax",),
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "heads": factor("H H_kv", (1, 1), (2, 2), (2, 1), (3, 3), (4, 2), (6, 2), (6, 3), (10, 5)),
            "queries": factor("L_q", *_LENGTHS),
            "keys": factor("L_k", *_LENGTHS),
            "size": factor("d_k d_v", *((d, d) for d in _HEAD_SIZES), *_UNEQUAL_SIZES),
            "mask": factor("mask", *MASKS),
            "scale": factor("scale", "none", 0.3),
            "regime": factor("regime", *REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        optional={"softcap": (1.0, 5.0, 50.0)},
        inputs=_make,
        coinciding=("B", "H", "H_kv", "L_q", "L_k", "d_k", "d_v"),
        against=("L_k", "d_k"),
        generic=lambda case: case["regime"] in ("normal", "uniform", "sharp"),
        admissible=_admissible,
        exact=_exact,
        exact_regimes=("one-hot",),
        differentiated=lambda case: case["L_q"] * case["L_k"] <= 129**2 and case["B"] * case["H"] <= 12,
        variations=_variations,
        dependents=_dependents,
        probes=_probes,
        rescaled=({"query": (-1, 1), "key": (-1, -1)}, {"query": (-1, -1), "key": (-1, 1)}, {"value": (-1, 1)}),
        at_size=AT_SIZE,
        large=[
            _large("none", "normal", 129, 64),
            _large("causal", "normal", 65, 33),
            _large("none", "normal", 257, 80, groups=2),
            _large("none", "uniform", 512, 16),
            _large("padding-right", "sharp", 129, 64),
        ],
    )
)
