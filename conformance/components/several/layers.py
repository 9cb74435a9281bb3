"""What holds alike of multi-head attention, of the layers of encoder and decoder, and of stacks of them."""

import numpy as np

from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.requirements import skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ..layers.weights import allowance


@clause(
    "MHA-6",
    "multi_head_attention",
    "Decoding step by step gives the rows of the full pass, at every split.",
    formula="causal self-attention: MultiHead(X[:t]) = MultiHead(X)[:t]",
    why="It compares every first part with the full pass, as a cache of keys and values has to.",
    source="paper, section 3.2.3",
    prepare=lambda case: case.but(regime="normal", layout="contiguous", mask="causal", source="self", L_k=case["L_q"]),
)
@clause(
    "DECL-1",
    "decoder_layer",
    "Decoding step by step gives the rows of the full pass, at every split: no position sees a later one.",
    formula="f(x[:t], memory) = f(x, memory)[:t]",
    role="decides",
    why="It compares every first part with the full pass, which a cache relies on, without an expected value.",
    source='paper, section 3.2.3: "prevent leftward information flow in the decoder"',
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
@clause(
    "DEC-2",
    "decoder",
    "Generating one symbol at a time gives the logits of the full pass, at every split.",
    formula="f(tokens[:t], memory) = f(tokens, memory)[:t]",
    why="It compares every first part with the full pass, as writing one symbol at a time relies on it.",
    source='paper, section 3: "at each step the model is auto-regressive"',
    prepare=lambda case: case.but(regime="normal"),
)
def steps_are_rows(trial: Trial) -> float:
    """Call with the first t positions, as with a cache of keys and values, for every t; the memory stays whole."""
    names = [name for name, axes in trial.component.row.arrays.items() if axes.startswith("B ") and "L_m" not in axes]
    length = trial.inputs.arrays[names[0]].shape[1]
    skip_unless(1 < length <= 17 and trial.case["B"])
    whole, allowed, ratio = trial.call(), allowance(trial), 0.0
    for t in range(1, length):
        step = {name: trial.inputs.arrays[name][:, :t].copy() for name in names} | _first_rows(trial.inputs, t)
        claim = f"the first {t} positions alone give other rows than among {length}"
        actual = trial.call(trial.inputs.but(**step))
        ratio = max(ratio, trial.require_same(actual, whole[:, :t], 2 * allowed[:, :t], claim))
    return ratio


def _first_rows(inputs: Inputs, t: int) -> dict[str, Array]:
    """Cut the mask of the memory to the first t queries, where it has a row for each."""
    mask = inputs.arrays.get("memory_mask")
    if mask is None:
        return {}
    return {"memory_mask": mask[..., :t, :].copy() if mask.shape[-2] > 1 else mask}


@clause(
    "ENCL-2",
    "encoder_layer",
    "Padding does not matter: valid positions are what they are without it.",
    formula="mask_j = False for j >= n: f(x)[:n] = f(x[:n])",
    role="decides",
    why="It compares two calls, one with 100 in the padding: a mask that is lost on the way lets that in.",
    source="paper, section 3.2.3: a masked connection has no weight",
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
@clause(
    "ENC-4",
    "encoder",
    "Padding does not matter: valid positions are what they are without it.",
    formula="mask_j = False for j >= n: f(tokens)[:n] = f(tokens[:n])",
    role="decides",
    why="It compares two calls: a mask that only some of the layers get lets the padding in.",
    source="paper, section 3.2.3",
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
def padding_does_not_matter(trial: Trial) -> float:
    """Pad with large numbers, or with some symbol, and compare with the valid positions alone."""
    name = next(iter(trial.component.row.arrays))
    x = trial.inputs.arrays[name]
    length = x.shape[1]
    skip_unless(length > 1 and x.shape[0])
    n = (length + 1) // 2
    valid = np.arange(length) < n
    padded = x.copy()
    padded[:, n:] = 0 if name == "tokens" else 100.0
    whole = trial.call(trial.inputs.but(**{name: padded}, mask=valid[None, None, None, :]))[:, :n]
    alone = trial.inputs.but(**{name: x[:, :n].copy()})
    return trial.require_same(whole, trial.call(alone), 2 * allowance(trial, alone), "padding changes valid positions")


@clause(
    "ENCL-3",
    "encoder_layer",
    "With both sub-layers silent, the norm of the norm is left: each sum has its residual, and a norm after it.",
    formula="W^O = 0, W_2 = 0, b_2 = 0: f(x) = LayerNorm(LayerNorm(x))",
    source='paper, section 3.1: "LayerNorm(x + Sublayer(x))"',
    prepare=lambda case: case.but(mask="none"),
)
@clause(
    "DECL-4",
    "decoder_layer",
    "With all three sub-layers silent, what is left is three norms: each sum has its residual, and a norm after it.",
    formula="both W^O = 0, W_2 = 0, b_2 = 0: f(x) = LayerNorm(LayerNorm(LayerNorm(x)))",
    why="It leaves three norms: a residual, a norm or a sub-layer out of its place is seen without the rest.",
    source='paper, section 3.1: "LayerNorm(x + Sublayer(x))"',
    prepare=lambda case: case.but(mask="none", memory_mask="none"),
)
def residuals_and_norms(trial: Trial) -> float:
    """Silence the last matrix of each sub-layer, and compare with the norms that are left, within their bound."""
    last = ("attention.w_output", "feed_forward.w_2", "feed_forward.b_2")
    arrays = trial.inputs.arrays
    inputs = trial.inputs.but(**{name: np.zeros_like(arrays[name]) for name in arrays if name.endswith(last)})
    bound = trial.bound(inputs)
    claim = "with its sub-layers silent, the layer is not its norms alone"
    return trial.require_same(trial.call(inputs), bound.expected, bound.worst, claim)
