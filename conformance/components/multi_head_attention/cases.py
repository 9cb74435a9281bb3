"""Multi-head attention: its cases. Its clauses are in `clauses.py`."""

import numpy as np

from ...cases.masks import MASKS, mask_of
from ...cases.values import draw
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.component import LAYOUTS, Component, Inputs, factor, register
from ...terms.rounding import rounded

_LENGTHS = (3, 1, 2, 5, 7, 16, 17, 33, 0)

# d_k = d_v = d_model / h as in the paper, powers of two and not; then every other choice.
_WIDTHS = (
    *((2, 8, 4, 4), (1, 4, 4, 4), (2, 2, 1, 1), (3, 15, 5, 5), (4, 32, 8, 8), (8, 24, 3, 3), (2, 66, 33, 33)),
    *((2, 8, 3, 5), (3, 5, 4, 2), (1, 7, 16, 1), (5, 4, 1, 7)),
)
_REGIMES = ("normal", "uniform", "large-scores", "zero", "ties", "offset", "equal-rows", "tiny")
_ARRAYS = ("query", "key", "value")


def _make(case: Case) -> Inputs:
    regime, dtype, heads, d_model = case["regime"], case["dtype"], case["heads"], case["d_model"]
    kind = regime if regime in ("uniform", "zero", "ties", "offset", "tiny") else "normal"
    lengths = {"query": case["L_q"], "key": case["L_k"], "value": case["L_k"]}
    arrays = {name: draw(case, name, (case["B"], length, d_model), kind, dtype) for name, length in lengths.items()}
    if case["source"] != "separate":
        arrays["value"] = arrays["key"].copy()
    if case["source"] == "self":
        arrays["key"], arrays["value"] = arrays["query"].copy(), arrays["query"].copy()
    of_k, of_v = heads * case["d_k"], heads * case["d_v"]
    shapes = {
        "w_query": (d_model, of_k),
        "w_key": (d_model, of_k),
        "w_value": (d_model, of_v),
        "w_output": (of_v, d_model),
    }
    for name, shape in shapes.items():
        growth = 8.0 if regime == "large-scores" and name == "w_query" else 1.0
        arrays[name] = rounded(growth * draw(case, name, shape, "normal", dtype) / np.sqrt(shape[0]), dtype)
    if regime == "equal-rows":
        arrays["key"][...] = arrays["key"][:, :1]
    mask = mask_of(case, (case["B"], heads, case["L_q"], case["L_k"]))
    if mask is not None:
        arrays["mask"] = mask
    return Inputs(arrays, {"heads": heads, "causal": "causal" in case["mask"].split("+")})


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    bare = case.but(mask="none", regime="normal", layout="contiguous")
    without = _make(bare)
    return {
        "mask": (without, _make(bare.but(mask="random"))),
        "causal": (without, _make(bare.but(mask="causal"))),
        "causal beside a mask": (_make(bare.but(mask="random")), _make(bare.but(mask="causal+random"))),
    }


def _probes(dtype: str) -> list[Case]:
    """Give self-attention as a model has it."""
    plain = MULTI_HEAD_ATTENTION.plainest(dtype)
    model = plain.but(B=2, L_q=9, L_k=9, heads=4, d_model=16, d_k=4, d_v=4, source="self")
    return [model.but(mask=mask) for mask in ("none", "causal", "padding-right", "causal+padding-left")]


def _alone(case: Case) -> bool:
    """Ask that a sequence that attends to itself be as long as itself."""
    alone: bool = case["source"] != "self" or case["L_q"] == case["L_k"]
    return alone


def _admissible(case: Case) -> bool:
    work: int = case["B"] * case["heads"] * case["L_q"] * case["L_k"] * (case["d_k"] + case["d_v"])
    return _alone(case) and work <= 2**18


MULTI_HEAD_ATTENTION: Component = register(
    Component(
        name="multi_head_attention",
        formula="Concat(head_1, ..., head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)",
        source="paper, section 3.2.2",
        parts=("attention",),
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "queries": factor("L_q", *_LENGTHS),
            "keys": factor("L_k", *_LENGTHS),
            "widths": factor("heads d_model d_k d_v", *_WIDTHS),
            "source": factor("source", "separate", "memory", "self"),
            "mask": factor("mask", *MASKS),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L_q", "L_k", "heads", "d_model", "d_k", "d_v"),
        against=("L_k", "d_model"),
        admissible=_admissible,
        variations=_variations,
        probes=_probes,
        at_size=AtSize(
            factor(
                "B L_q L_k heads d_model d_k d_v",
                (1, 3, 3, 2, 8, 4, 4),
                (1, 65, 65, 8, 512, 64, 64),
                (1, 512, 512, 8, 64, 8, 8),
                (1, 33, 33, 16, 1024, 64, 64),
                (2, 1, 700, 12, 96, 8, 8),
            ),
            {
                "source": factor("source", "separate", "self", "memory"),
                "mask": factor("mask", "none", "causal", "padding-right", "random"),
                "regime": factor("regime", "normal", "uniform"),
                "layout": factor("layout", "contiguous", "mixed"),
            },
            always=(
                {"L_q": 150, "L_k": 150, "mask": "causal"},
                {"B": 2, "L_q": 70, "L_k": 300, "mask": "padding-right"},
            ),
            inside=lambda case: case["B"] * case["heads"] * case["L_q"] * case["L_k"],
            admissible=_alone,
            rule="L_q = L_k where the source is self",
            differentiated=lambda case: case["L_q"] * case["d_model"] < 2**15,
        ),
    )
)
