"""One layer of the decoder: its cases, and the clauses that only it has."""

import numpy as np

from ....adapters.contract import FUNCTIONS
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from .weights import HEADS, REGIMES, allowance, named_mask, states_of, weights_of

_COMPONENT = "decoder_layer"
_SOURCE = "paper, section 3.1 and figure 1"
_FUTURE = 'paper, section 3.2.3: "prevent leftward information flow in the decoder"'

_MASKS = ("none", "padding-right", "random", "per-query", "blind-rows")
_LAYOUTS = ("contiguous", "transposed", "sliced", "strided", "mixed")


def _make(case: Case) -> Inputs:
    length, memories = case["L"], case["L_m"]
    arrays = {
        "x": states_of(case, "x", length),
        "memory": states_of(case, "memory", memories),
        **weights_of(case, FUNCTIONS[_COMPONENT].weights),
    }
    for name, keys in (("mask", length), ("memory_mask", memories)):
        mask = named_mask(case, name, length, keys)
        if mask is not None:
            # Under the causal mask, a position that may not see itself would often see nothing.
            itself = name == "mask" and case[name] != "blind-rows"
            arrays[name] = mask | np.eye(length, dtype=bool) if itself else mask
    return Inputs(arrays, {"heads": case["heads"]})


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    bare = case.but(mask="none", memory_mask="none", regime="normal", layout="contiguous")
    without = _make(bare)
    return {
        "mask": (without, _make(bare.but(mask="random"))),
        "memory_mask": (without, _make(bare.but(memory_mask="random"))),
    }


DECODER_LAYER: Component = register(
    Component(
        name=_COMPONENT,
        formula="LayerNorm(b + FFN(b)), b = LayerNorm(a + MultiHead(a, m, m)), a = LayerNorm(x + MultiHead(x, x, x))",
        source=_SOURCE,
        parts=("multi_head_attention", "feed_forward", "layer_norm"),
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 3, 1, 2, 5, 17),
            "memory": factor("L_m", 4, 1, 3, 16),
            "heads": HEADS,
            "d_ff": factor("d_ff", 5, 1, 33),
            "mask": factor("mask", *_MASKS),
            "memory_mask": factor("memory_mask", *_MASKS),
            "regime": factor("regime", *REGIMES),
            "layout": factor("layout", *_LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "L_m", "heads", "d_model", "d_ff"),
        against=("L", "d_model"),
        variations=_variations,
        at_size=AtSize(
            factor(
                "B L L_m heads d_model d_k d_v d_ff",
                (1, 3, 4, 2, 8, 4, 4, 5),
                (1, 257, 130, 2, 16, 8, 8, 33),
                (1, 9, 20, 12, 300, 25, 25, 1100),
                (1, 9, 20, 8, 512, 64, 64, 2048),
            ),
            {
                "mask": factor("mask", "none", "random"),
                "memory_mask": factor("memory_mask", "none", "random"),
                "layout": factor("layout", "contiguous", "mixed"),
            },
            always=(
                {"L": 150, "L_m": 257, "heads": 1, "d_model": 8, "d_k": 8, "d_v": 8}
                | {"mask": "random", "memory_mask": "random"},
            ),
            differentiated=lambda case: case["d_model"] < 500,
        ),
    )
)


@clause(
    "DECL-2",
    _COMPONENT,
    "Padding of the memory does not matter, nor does what stands in it.",
    formula="memory_mask_j = False for j >= n: f(x, memory) = f(x, memory[:n])",
    role="decides",
    why="It compares a padded memory with a shorter one: a mask that goes to the wrong attention lets 100 in.",
    source="paper, section 3.2.3: a masked connection has no weight",
    prepare=lambda case: case.but(memory_mask="none", regime="normal"),
)
def padded_memory_does_not_matter(trial: Trial) -> float:
    """Put large numbers there, and leave these positions out."""
    memory = trial.inputs.arrays["memory"]
    length = memory.shape[1]
    skip_unless(length > 1 and memory.shape[0])
    n = (length + 1) // 2
    valid = np.arange(length) < n
    padded = trial.inputs.but(memory=np.where(valid[:, None], memory, 100.0), memory_mask=valid[None, None, None, :])
    alone = trial.inputs.but(memory=memory[:, :n].copy())
    claim = "padding of the memory changes the result"
    return trial.require_same(trial.call(padded), trial.call(alone), 2 * allowance(trial, alone), claim)


@clause(
    "DECL-3",
    _COMPONENT,
    "The order of the memory does not matter: the layer itself knows none.",
    formula="f(x, P memory) = f(x, memory)",
    why="It compares two calls: a causal mask that is put on the memory gives it an order.",
    source="paper, section 3.5",
    prepare=lambda case: case.but(memory_mask="none"),
)
def memory_permuted(trial: Trial) -> float:
    """Reverse it."""
    memory = trial.inputs.arrays["memory"]
    skip_unless(memory.shape[1] > 1)
    other = trial.inputs.but(memory=memory[:, ::-1].copy())
    claim = "the order of the memory matters"
    return trial.require_same(trial.call(other), trial.call(), 2 * allowance(trial), claim)


@clause(
    "DECL-5",
    _COMPONENT,
    "A later position gets a gradient of exactly zero from earlier ones.",
    formula="g_i = 0 for i >= t: dx_i = 0 for i >= t",
    role="decides",
    why="It says that the future gets a gradient; in float16 about half of the bounds are infinite there.",
    source=f"{_FUTURE}, differentiated",
    prepare=lambda case: case.but(regime="normal"),
)
def future_gets_no_gradient(trial: Trial) -> float:
    """Look at the last half of the positions."""
    length = trial.case["L"]
    skip_unless(length > 1 and trial.cotangent.size)
    early = np.arange(length) < (length + 1) // 2
    dx = trial.gradients(cotangent=np.where(early[:, None], trial.cotangent, 0))["x"]
    later = np.broadcast_to(~early[:, None], dx.shape)
    return trial.require_bits(dx, np.zeros_like(dx), "a later position gets a gradient from earlier ones", later)
