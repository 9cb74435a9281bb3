"""One layer of the encoder: its cases, and the clauses that only it has."""

import numpy as np

from ....adapters.contract import FUNCTIONS
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from .weights import HEADS, REGIMES, allowance, named_mask, states_of, weights_of

_COMPONENT = "encoder_layer"
_SOURCE = "paper, section 3.1 and figure 1"

_MASKS = ("none", "padding-right", "padding-left", "random", "per-head", "per-query", "blind-rows")
_LAYOUTS = ("contiguous", "transposed", "sliced", "strided", "mixed")


def _make(case: Case) -> Inputs:
    arrays = {"x": states_of(case, "x", case["L"]), **weights_of(case, FUNCTIONS[_COMPONENT].weights)}
    mask = named_mask(case, "mask", case["L"], case["L"])
    if mask is not None:
        arrays["mask"] = mask
    return Inputs(arrays, {"heads": case["heads"]})


def _probes(dtype: str) -> list[Case]:
    """Give rows of two entries, some of which nearly agree: their variance is far below the mean of their squares."""
    rows = {"B": 3, "L": 17, "heads": 2, "d_model": 2, "d_k": 1, "d_v": 1}
    return [ENCODER_LAYER.plainest(dtype, seed=14).but(**rows, regime="uniform")]


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    bare = case.but(mask="none", regime="normal", layout="contiguous")
    return {"mask": (_make(bare), _make(bare.but(mask="random")))}


ENCODER_LAYER: Component = register(
    Component(
        name=_COMPONENT,
        formula="LayerNorm(a + FFN(a)), a = LayerNorm(x + MultiHead(x, x, x))",
        source=_SOURCE,
        parts=("multi_head_attention", "feed_forward", "layer_norm"),
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 3, 1, 2, 5, 16, 17),
            "heads": HEADS,
            "d_ff": factor("d_ff", 5, 1, 8, 33),
            "mask": factor("mask", *_MASKS),
            "regime": factor("regime", *REGIMES),
            "layout": factor("layout", *_LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "heads", "d_model", "d_ff"),
        against=("L", "d_model"),
        variations=_variations,
        probes=_probes,
        at_size=AtSize(
            factor(
                "B L heads d_model d_k d_v d_ff",
                (1, 3, 2, 8, 4, 4, 5),
                (1, 257, 2, 16, 8, 8, 33),
                (1, 9, 12, 300, 25, 25, 1100),
                (1, 9, 16, 1024, 64, 64, 33),
            ),
            {
                "mask": factor("mask", "none", "random"),
                "layout": factor("layout", "contiguous", "mixed"),
            },
            always=({"L": 150, "mask": "random"},),
            differentiated=lambda case: case["d_model"] < 1000,
        ),
    )
)


@clause(
    "ENCL-1",
    _COMPONENT,
    "Permuting the positions permutes the result: the layer itself knows no order.",
    formula="f(P x) = P f(x)",
    why="It states why positions are encoded at all, that the layer knows no order; a causal mask breaks it.",
    source="paper, section 3.5: there is neither recurrence nor convolution, so order comes from the encodings alone",
    prepare=lambda case: case.but(mask="none"),
)
def permutation_equivariant(trial: Trial) -> float:
    """Take any order."""
    x, allowed = trial.inputs.arrays["x"], allowance(trial)
    skip_unless(x.shape[1] > 1)
    order = trial.generator("order").permutation(x.shape[1])
    permuted = trial.call(trial.inputs.but(x=x[:, order].copy()))
    claim = "permuting the positions does not permute the result"
    return trial.require_same(permuted, trial.call()[:, order], 2 * allowed[:, order], claim)


@clause(
    "ENCL-4",
    _COMPONENT,
    "A padded position gets a gradient of exactly zero from the others.",
    formula="mask_j = False, g_j = 0: dx_j = 0",
    role="decides",
    why="It says that padding gets a gradient from the others; in float16 the bound may be infinite there.",
    source="paper, section 3.2.3, differentiated",
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
def padding_gets_no_gradient(trial: Trial) -> float:
    """Look where the cotangent of the padded rows themselves is zero."""
    length = trial.case["L"]
    skip_unless(length > 1 and trial.cotangent.size)
    valid = np.arange(length) < (length + 1) // 2
    inputs = trial.inputs.but(mask=valid[None, None, None, :])
    dx = trial.gradients(inputs, np.where(valid[:, None], trial.cotangent, 0))["x"]
    hidden = np.broadcast_to(~valid[:, None], dx.shape)
    return trial.require_bits(dx, np.zeros_like(dx), "a padded position gets a gradient from the others", hidden)
