"""One layer of the decoder: its cases, and the clauses that only it has."""

import numpy as np

from ....adapters.contract import FUNCTIONS
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
        variations=_variations,
    )
)


@clause(
    "DECL-1",
    _COMPONENT,
    "Decoding step by step gives the rows of the full pass, at every split: no position sees a later one.",
    formula="f(x[:t], memory) = f(x, memory)[:t]",
    why="It compares every first part with the full pass, which a cache relies on, without an expected value.",
    source=_FUTURE,
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
def steps_are_rows(trial: Trial) -> float:
    """As with a cache of keys and values, for every t."""
    x = trial.inputs.arrays["x"]
    skip_unless(x.shape[0] and x.shape[1] > 1)
    whole, allowed, ratio = trial.call(), allowance(trial), 0.0
    for t in range(1, x.shape[1]):
        step = trial.inputs.but(x=x[:, :t].copy(), **_first_rows(trial.inputs, t))
        claim = f"the first {t} positions alone give other rows than among {x.shape[1]}"
        ratio = max(ratio, trial.require_same(trial.call(step), whole[:, :t], 2 * allowed[:, :t], claim))
    return ratio


def _first_rows(inputs: Inputs, t: int) -> dict[str, object]:
    """The masks of the first t queries: a row for each of them, where there is one for each query."""
    mask = inputs.arrays.get("memory_mask")
    if mask is None:
        return {}
    return {"memory_mask": mask[..., :t, :].copy() if mask.shape[-2] > 1 else mask}


@clause(
    "DECL-2",
    _COMPONENT,
    "Padding of the memory does not matter, nor does what stands in it.",
    formula="memory_mask_j = False for j >= n: f(x, memory) = f(x, memory[:n])",
    why="It compares a padded memory with a shorter one: a mask that goes to the wrong attention lets 100 in.",
    source="paper, section 3.2.3: a masked connection has no weight",
    prepare=lambda case: case.but(memory_mask="none", regime="normal"),
)
def padded_memory_does_not_matter(trial: Trial) -> float:
    """With large numbers there, and without these positions."""
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
    """Reversed."""
    memory = trial.inputs.arrays["memory"]
    skip_unless(memory.shape[1] > 1)
    other = trial.inputs.but(memory=memory[:, ::-1].copy())
    claim = "the order of the memory matters"
    return trial.require_same(trial.call(other), trial.call(), 2 * allowance(trial), claim)


@clause(
    "DECL-4",
    _COMPONENT,
    "With all three sub-layers silent, what is left is three norms: each sum has its residual, and a norm after it.",
    formula="both W^O = 0, W_2 = 0, b_2 = 0: f(x) = LayerNorm(LayerNorm(LayerNorm(x)))",
    why="It leaves three norms: a residual, a norm or a sub-layer out of its place is seen without the rest.",
    source='paper, section 3.1: "LayerNorm(x + Sublayer(x))"',
    prepare=lambda case: case.but(mask="none", memory_mask="none"),
)
def residuals_and_norms(trial: Trial) -> float:
    """Within the bound, which is that of three norms."""
    names = ("self_attention.w_output", "cross_attention.w_output", "feed_forward.w_2", "feed_forward.b_2")
    silent = {f"weights.{name}": np.zeros_like(trial.inputs.arrays[f"weights.{name}"]) for name in names}
    inputs = trial.inputs.but(**silent)
    bound = trial.bound(inputs)
    claim = "with all sub-layers silent, the layer is not three norms"
    return trial.require_same(trial.call(inputs), bound.expected, bound.worst, claim)


@clause(
    "DECL-5",
    _COMPONENT,
    "A later position gets a gradient of exactly zero from earlier ones.",
    formula="g_i = 0 for i >= t: dx_i = 0 for i >= t",
    why="It says that the future gets a gradient; in float16 about half of the bounds are infinite there.",
    source=f"{_FUTURE}, differentiated",
    prepare=lambda case: case.but(regime="normal"),
)
def future_gets_no_gradient(trial: Trial) -> float:
    """The last half of the positions."""
    length = trial.case["L"]
    skip_unless(length > 1 and trial.cotangent.size)
    early = np.arange(length) < (length + 1) // 2
    dx = trial.gradients(cotangent=np.where(early[:, None], trial.cotangent, 0))["x"]
    later = np.broadcast_to(~early[:, None], dx.shape)
    return trial.require_bits(dx, np.zeros_like(dx), "a later position gets a gradient from earlier ones", later)
