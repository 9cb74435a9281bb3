"""The decoder, from symbols and a memory to the logits of the next symbol: its cases, and the clauses it alone has."""

import numpy as np

from ....adapters.contract import DECODER_LAYER
from ...cases.values import draw
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.requirements import of_gradient, require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .encoder import ENCODER_STACK, REGIMES, stack_of, tokens_of
from .weights import HEADS, allowance, named_mask

_COMPONENT = "decoder"
_SOURCE = "paper, sections 3.1, 3.4, 3.5 and figure 1"


def _make(case: Case) -> Inputs:
    shape = (case["B"], case["L_m"], case["d_model"])
    arrays = {
        "tokens": tokens_of(case, case["L"]),
        "memory": draw(case, "memory", shape, "normal", case["dtype"]),
        **stack_of(case, DECODER_LAYER),
    }
    mask = named_mask(case, "memory_mask", case["L"], case["L_m"])
    if mask is not None:
        arrays["memory_mask"] = mask
    return Inputs(arrays, {"heads": case["heads"]})


DECODER_STACK: Component = register(
    Component(
        name=_COMPONENT,
        formula="x_0 = W[tokens] sqrt(d_model) + PE, x_n = decoder_layer(x_(n-1), memory), logits = x_N W^T",
        source=_SOURCE,
        parts=("decoder_layer", "embedding", "positional_encoding", "output_logits"),
        factors={
            "batch": factor("B", 1, 2),
            "positions": factor("L", 3, 1, 2, 6),
            "memory": factor("L_m", 4, 1, 7),
            "vocabulary": factor("V", 5, 2, 17),
            "layers": factor("layers", 1, 2, 0, 3),
            "heads": HEADS[:4],
            "d_ff": factor("d_ff", 5, 16),
            "memory_mask": factor("memory_mask", "none", "padding-right", "padding-left"),
            "regime": factor("regime", *REGIMES),
        },
        inputs=_make,
        against=("L", "layers"),
        item=None,
    )
)


@clause(
    "DEC-1",
    _COMPONENT,
    "The decoder gives symbols: a logit for each of the vocabulary, at each position.",
    formula="whole numbers (B, L), real numbers (B, L_m, d_model) -> real numbers (B, L, V)",
    why="It says that the memory is not read; ALL-1 shows the wrong logits that come of it.",
    source='paper, section 3: "the decoder then generates an output sequence of symbols one element at a time"',
)
def vectors_to_symbols(trial: Trial) -> float:
    """Give another memory, which must give other logits: symbols depend on what the encoder wrote."""
    inputs, memory = trial.inputs, trial.inputs.arrays["memory"]
    other = inputs.but(memory=rounded(memory[:, ::-1] + 1, trial.dtype))
    one, two = trial.bound(), trial.bound(other)
    apart = np.abs(one.expected - two.expected) > allowance(trial) + allowance(trial, other)
    skip_unless(apart.any())
    if np.array_equal(trial.call(), trial.call(other)):
        raise Violation("another memory gives the same logits")
    return 0.0


@clause(
    "DEC-3",
    _COMPONENT,
    "The embedding and the last product share one matrix, and its gradient is the sum of both uses.",
    formula="n = 0: logits = (W[tokens] sqrt(d_model) + PE) W^T, dW by way of the embedding and of the product",
    why="It says that the shared matrix gets the gradient of one use only, or not their sum.",
    source='paper, section 3.4: "we share the same weight matrix"',
    prepare=lambda case: case.but(layers=0),
)
def shared_matrix(trial: Trial) -> float:
    """Leave out all layers, where the bound is narrow."""
    name = "weights.embedding"
    actual, bound = trial.gradients()[name], trial.gradient_bounds()[name]
    claim = f"the {of_gradient('the shared matrix')} is not the sum of both its uses"
    return trial.require_same(actual, bound.expected, bound.worst, claim)


@clause(
    "DEC-4",
    _COMPONENT,
    "The whole Transformer: the decoder reads what the encoder wrote.",
    formula="logits = decoder(target, encoder(source))",
    source="paper, section 3 and figure 1",
    prepare=lambda case: case.but(regime="normal", memory_mask="none"),
)
def whole_transformer(trial: Trial) -> float:
    """Let the implementation's own encoder write the memory; the logits are those of exactly that memory."""
    of_encoder = ENCODER_STACK
    names = {name: trial.case[name] for name in ("B", "V", "layers", "heads", "d_model", "d_k", "d_v", "d_ff", "seed")}
    plain = of_encoder.plainest(trial.dtype)
    source = of_encoder.make(plain.but(**names, L=trial.case["L_m"]))
    inputs = trial.inputs.but(memory=trial.other("encoder", source))
    actual = trial.call(inputs)
    claim = "the logits are not those of what the encoder wrote"
    return require_within(trial.judge(actual, inputs, statistical=True), claim)
