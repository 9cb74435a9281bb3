"""The encoder, from symbols to continuous representations: its cases, and the clauses that only it has."""

from collections.abc import Mapping

import numpy as np

from ....adapters.contract import ENCODER_LAYER
from ...cases.values import draw, generator_of
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Array, Component, Inputs, factor, register
from ...terms.requirements import skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .weights import HEADS, allowance, named_mask, weights_of

_COMPONENT = "encoder"
_SOURCE = "paper, sections 3.1, 3.4, 3.5 and figure 1"

REGIMES = ("normal", "large-scores")


def table_of(case: Case) -> Array:
    """Make the shared matrix, of the size that makes embeddings as large as positions: d_model^-0.5."""
    table = draw(case, "embedding", (case["V"], case["d_model"]), "normal", case["dtype"])
    return rounded(table / np.sqrt(case["d_model"]), case["dtype"])


def tokens_of(case: Case, length: int) -> Array:
    """Draw tokens at random, the smallest and the largest among them."""
    tokens = generator_of(case, "tokens").integers(0, case["V"], (case["B"], length))
    if tokens.size > 1:
        tokens.flat[0], tokens.flat[-1] = 0, case["V"] - 1
    return np.asarray(tokens)


def stack_of(case: Case, names: Mapping[str, str]) -> dict[str, Array]:
    """Make the weights of a stack: the shared matrix, and those of each layer."""
    weights = {"weights.embedding": table_of(case)}
    for number in range(case["layers"]):
        weights |= weights_of(case, names, f"weights.layers.{number}.")
    return weights


def _make(case: Case) -> Inputs:
    arrays = {"tokens": tokens_of(case, case["L"]), **stack_of(case, ENCODER_LAYER)}
    mask = named_mask(case, "mask", case["L"], case["L"])
    if mask is not None:
        arrays["mask"] = mask
    return Inputs(arrays, {"heads": case["heads"]})


ENCODER_STACK: Component = register(
    Component(
        name=_COMPONENT,
        formula="x_0 = W[tokens] sqrt(d_model) + PE, x_n = encoder_layer(x_(n-1))",
        source=_SOURCE,
        parts=("encoder_layer", "embedding", "positional_encoding"),
        factors={
            "batch": factor("B", 1, 2),
            "positions": factor("L", 3, 1, 2, 7),
            "vocabulary": factor("V", 5, 2, 17),
            "layers": factor("layers", 1, 2, 0, 3),
            "heads": HEADS[:4],
            "d_ff": factor("d_ff", 5, 16),
            "mask": factor("mask", "none", "padding-right", "padding-left"),
            "regime": factor("regime", *REGIMES),
        },
        inputs=_make,
        against=("L", "layers"),
        item=None,
    )
)


@clause(
    "ENC-1",
    _COMPONENT,
    "The encoder turns symbols into continuous vectors, one of d_model numbers for each symbol.",
    formula="whole numbers (B, L) -> real numbers (B, L, d_model)",
    why="It states what the paper calls an encoder, symbols to vectors, and needs no expected value.",
    source='paper, section 3: "the encoder maps an input sequence of symbol representations [...] to a sequence of'
    ' continuous representations"',
)
def symbols_to_vectors(trial: Trial) -> float:
    """Check that another symbol gives another vector, and that the vectors are no whole numbers."""
    tokens = trial.inputs.arrays["tokens"]
    skip_unless(tokens.size)
    actual = trial.call()
    other = tokens.copy()
    other.flat[0] = (tokens.flat[0] + 1) % trial.case["V"]
    changed = trial.call(trial.inputs.but(tokens=other))
    if np.array_equal(actual[0, 0], changed[0, 0]) and trial.case["d_model"] > 2:
        raise Violation("another symbol gives the same vector")
    if (actual == np.round(actual)).all() and actual.size > 2:
        raise Violation("the result holds whole numbers only, and is no continuous representation")
    return 0.0


@clause(
    "ENC-2",
    _COMPONENT,
    "Without any layer, the result is the embedding and the position, added.",
    formula="n = 0: W[tokens] sqrt(d_model) + PE",
    why="It says that embedding and position are wrong, which layers behind them would blur.",
    source="paper, sections 3.4 and 3.5, figure 1",
    prepare=lambda case: case.but(layers=0, mask="none"),
)
def embedding_and_position(trial: Trial) -> float:
    """Compare within the bound of a sum of the two."""
    bound = trial.bound()
    claim = "without layers, the result is not the sum of embedding and position"
    return trial.require_same(trial.call(), bound.expected, bound.worst, claim)


@clause(
    "ENC-3",
    _COMPONENT,
    "Order matters, through the positions alone: the same symbol in two places gives two vectors.",
    formula="tokens_i = tokens_j, i != j: the rows differ",
    why="It states what positions are for: without them a symbol in two places gives one vector.",
    source='paper, section 3.5: "to make use of the order of the sequence"',
    prepare=lambda case: case.but(mask="none", regime="normal"),
)
def order_matters(trial: Trial) -> float:
    """Make all tokens alike; a row may be as another only where the formula says so."""
    tokens = trial.inputs.arrays["tokens"]
    skip_unless(tokens.shape[1] > 1 and trial.case["d_model"] > 2)
    alike = trial.inputs.but(tokens=np.zeros_like(tokens))
    actual, expected, allowed = trial.call(alike), trial.bound(alike).expected, allowance(trial, alike)
    apart = (np.abs(expected[:, 0] - expected[:, 1]) > allowed[:, 0] + allowed[:, 1]).any()
    skip_unless(apart)
    if np.array_equal(actual[:, 0], actual[:, 1]):
        raise Violation("the same symbol in two places gives the same vector")
    return 0.0
