"""Output logits: their cases, and the clauses that only they have."""

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ..cases.values import draw
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import skip_unless
from ..terms.trial import Trial

_SOURCE = "paper, section 3.4"
_TIED = 'paper, section 3.4: "we share the same weight matrix"'

_D_MODEL = (3, 1, 2, 4, 5, 8, 16, 17, 33, 64, 65, 128, 257)
_VOCABULARY = (4, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33, 64, 65, 127, 129, 1000)
_REGIMES = ("normal", "uniform", "integers", "zero", "ties", "offset", "cancelling", "large", "tiny", "subnormal")


def _make(case: Case) -> Inputs:
    regime, dtype = case["regime"], case["dtype"]
    # A product of two tiny factors is below every format: one of them keeps its size.
    of_weight = "normal" if regime in ("tiny", "subnormal", "large", "zero") else regime
    arrays = {
        "hidden": draw(case, "hidden", (case["B"], case["L"], case["d_model"]), regime, dtype),
        "weight": draw(case, "weight", (case["V"], case["d_model"]), of_weight, dtype),
    }
    if regime == "integers":
        # Of -1, 0 and 1 in the hidden states, so that the sums have no more bits than bfloat16.
        arrays["hidden"] = np.sign(arrays["hidden"]) * (np.abs(arrays["hidden"]) == 1)
    return Inputs(arrays)


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark integers, where no partial sum has more bits than the format."""
    sums = np.abs(inputs.arrays["hidden"]) @ np.abs(inputs.arrays["weight"].T)
    return np.asarray(sums <= 2.0 ** FORMATS[case["dtype"]].precision)


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the row of a hidden state, or the column of a row of the matrix."""
    hidden, weight = inputs.arrays["hidden"], inputs.arrays["weight"]
    depends = np.zeros((*hidden.shape[:2], weight.shape[0]), bool)
    if name == "hidden":
        depends[where[:2]] = True
    else:
        depends[..., where[0]] = True
    return depends


OUTPUT_LOGITS: Component = register(
    Component(
        name="output_logits",
        formula="hidden weight^T",
        source="paper, section 3.4",
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 2, 1, 3, 5, 17, 0),
            "d_model": factor("d_model", *_D_MODEL),
            "vocabulary": factor("V", *_VOCABULARY),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "V", "d_model"),
        against=("d_model",),
        admissible=lambda case: case["B"] * case["L"] * case["d_model"] * case["V"] <= 2**21,
        exact=_exact,
        exact_regimes=("integers",),
        dependents=_dependents,
        rescaled=({"hidden": (-1, 1), "weight": (1, -1)}, {"hidden": (-1, -1), "weight": (1, 1)}),
        at_size=AtSize(
            factor(
                "B L d_model V",
                (1, 2, 3, 4),
                (2, 3, 300, 700),
                (1, 3, 16, 32_000),
                (1, 2, 4, 262_144),
                (1, 5, 1024, 257),
                (1, 1201, 12, 9),
                (1, 65_537, 3, 4),
                (65_537, 1, 2, 3),
            ),
            {
                "regime": factor("regime", "normal", "uniform", "offset"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
        ),
        large=factor("B L d_model V", (2, 96, 64, 129), (1, 96, 257, 65)),
    )
)


@clause(
    "LOGIT-1",
    "output_logits",
    "The logits are linear in the hidden states.",
    formula="logits(2 h + h') = 2 logits(h) + logits(h')",
    why="It compares three calls: a cap, a scale or a norm that the formula has not is not linear.",
    source=_SOURCE,
    prepare=lambda case: case.but(regime="integers"),
)
def linear(trial: Trial) -> float:
    """Take small integers, whose sum is exact; compare within all three bounds."""
    hidden = trial.inputs.arrays["hidden"]
    skip_unless(hidden.size)
    other = trial.generator("other").integers(-3, 4, hidden.shape).astype(float)
    if trial.case["layout"] == "expanded":
        other[...] = other[:1]
    second, both = trial.inputs.but(hidden=other), trial.inputs.but(hidden=2 * hidden + other)
    allowance = 2 * trial.bound().worst + trial.bound(second).worst + trial.bound(both).worst
    parts = 2 * trial.call() + trial.call(second)
    return trial.require_same(trial.call(both), parts, allowance, "the logits are not linear in the hidden states")


@clause(
    "LOGIT-2",
    "output_logits",
    "The logit of a token depends on its own row of the matrix only.",
    formula="logits(h; W)[v] = logits(h; W[v])",
    why="It compares the last token with itself in a vocabulary of one: an end that is left out is reported as such.",
    source=_SOURCE,
)
def rows_independent(trial: Trial) -> float:
    """Compare the last row alone, and the rows in reverse, within both bounds."""
    weight, worst = trial.inputs.arrays["weight"], trial.bound().worst
    skip_unless(weight.shape[0] > 1)
    whole = trial.call()
    last = trial.call(trial.inputs.but(weight=weight[-1:].copy()))
    claim = f"the logit of token {weight.shape[0] - 1} is another where the vocabulary has no other token"
    ratio = trial.require_same(last, whole[..., -1:], 2 * worst[..., -1:], claim)
    reverse = trial.call(trial.inputs.but(weight=weight[::-1].copy()))
    claim = "reversing the vocabulary does not reverse the logits"
    return max(ratio, trial.require_same(reverse, whole[..., ::-1], 2 * worst[..., ::-1], claim))


@clause(
    "LOGIT-3",
    "output_logits",
    "The matrix is used as it is: unscaled, without a bias, a row for each token.",
    formula="logits(e_k)[v] = W[v, k],   logits(0) = 0",
    why="It reads the matrix back bit for bit: a factor, a bias or another matrix is seen without rounding.",
    source='paper, section 3.4: only "in the embedding layers, we multiply those weights by sqrt(d_model)"',
    prepare=lambda case: case.but(regime="integers"),
)
def reads_the_matrix(trial: Trial) -> float:
    """Read the matrix bit for bit by one-hot hidden states; of small integers, which rounded operands keep as well."""
    hidden, weight = trial.inputs.arrays["hidden"], trial.inputs.arrays["weight"]
    skip_unless(hidden.size)
    channel = np.arange(hidden.shape[1]) % hidden.shape[2]
    one_hot = np.broadcast_to(np.eye(hidden.shape[2])[channel], hidden.shape).copy()
    actual = trial.call(trial.inputs.but(hidden=one_hot))
    expected = np.broadcast_to(weight.T[channel], actual.shape)
    ratio = trial.require_bits(actual, expected, "one-hot hidden states do not give the matrix's own entries")
    nothing = trial.call(trial.inputs.but(hidden=np.zeros_like(hidden)))
    return max(ratio, trial.require_bits(nothing, np.zeros_like(nothing), "hidden states of zero give logits"))


@clause(
    "LOGIT-5",
    "output_logits",
    "A position alone gives what it gives among others.",
    formula="logits(h)[l] = logits(h[l])",
    why="It compares position 0 alone and among others: logits of the last position are reported as such.",
    source=_SOURCE,
)
def positions_independent(trial: Trial) -> float:
    """Compare the first position, within both bounds."""
    hidden, worst = trial.inputs.arrays["hidden"], trial.bound().worst
    skip_unless(hidden.shape[0] > 0 and hidden.shape[1] > 1)
    alone = trial.call(trial.inputs.but(hidden=hidden[:, :1].copy()))
    claim = f"position 0 gives another result alone than among {hidden.shape[1]}"
    return trial.require_same(alone, trial.call()[:, :1], 2 * worst[:, :1], claim)
