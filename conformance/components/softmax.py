"""Softmax: its cases, and the clauses that only it has; `several/rows.py` has what it shares."""

import numpy as np

from ...oracle.rounding.bound import Bound
from ..cases.logits import HIDDEN, OFFSETS, PROBES_OF_ROWS, with_hidden, with_offset
from ..cases.values import draw, generator_of
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import GENERIC, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial

SOURCE = "paper, section 3.2.1, equation 1"

# Logits of about 1e2 to 1e4, and as large as the format holds; the others are regimes of `values`.
_SCALES = {"normal": 1.0, "uniform": 3.0, "logits-1e2": 1e2, "logits-1e4": 1e4}
_LIMIT = 2.0**15


def _make(case: Case) -> Inputs:
    regime, dtype, shape = case["regime"], case["dtype"], (case["rows"], case["n"])
    if regime in _SCALES:
        kind = "uniform" if regime == "uniform" else "normal"
        x = rounded(_SCALES[regime] * draw(case, "x", shape, kind, dtype), dtype)
    elif regime == "limit":
        # 2^15 is near float16's limit, and far enough above exp's in every format.
        x = generator_of(case, "x").choice([-_LIMIT, 0.0, _LIMIT], shape)
    elif regime == "one-hot":
        # Any exponential of -2^10 is below the smallest number of every format: one weight is 1, the others are 0.
        chosen = generator_of(case, "x").integers(max(case["n"], 1), size=(case["rows"], 1))
        x = np.where(np.arange(case["n"]) == chosen, 0.0, -(2.0**10))
    else:
        x = draw(case, "x", shape, regime, dtype)
    return Inputs({"x": with_hidden(case, with_offset(case, x))})


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark one-hot rows. Equal entries are not exact: exp(x - log n), without a division, is a right way to 1/n."""
    return np.ones(bound.expected.shape, bool)


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the whole row."""
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    depends[where[:-1]] = True
    return depends


def _probes(dtype: str) -> list[Case]:
    """Give rows of which some logits are -inf, and rows far from zero."""
    return [
        SOFTMAX.with_optional(SOFTMAX.plainest(dtype, seed).but(rows=rows, n=n), **special)
        for seed, (rows, n, special) in enumerate(PROBES_OF_ROWS)
    ]


SOFTMAX: Component = register(
    Component(
        name="softmax",
        formula="exp(x_j - max x) / sum_k exp(x_k - max x)",
        source="paper, section 3.2.1, equation 1",
        factors={
            "rows": factor("rows", 1, 2, 3, 5, 0),
            "n": factor("n", 1, 2, 3, 5, 8, 15, 16, 17, 33, 63, 64, 65, 127, 128, 129, 1000, 0),
            "regime": factor(
                "regime", *_SCALES, "zero", "one-hot", "ties", "offset", "cancelling", "tiny", "subnormal", "limit"
            ),
            "layout": factor("layout", "contiguous", "transposed", "sliced", "strided", "expanded"),
        },
        inputs=_make,
        coinciding=("rows", "n"),
        against=("n",),
        generic=lambda case: case["regime"] in (*GENERIC, "logits-1e2"),
        exact=_exact,
        exact_regimes=("one-hot",),
        dependents=_dependents,
        probes=_probes,
        optional={"hidden": HIDDEN, "offset": tuple(OFFSETS)},
        at_size=AtSize(
            factor(
                "rows n", (1, 3), (3, 300), (1201, 12), (2, 4097), (1, 32_000), (1, 131_072), (2, 262_144), (65_537, 3)
            ),
            {
                "regime": factor("regime", "normal", "logits-1e2", "uniform", "ties"),
                "layout": factor("layout", "contiguous", "transposed", "sliced"),
            },
        ),
        large=factor("rows n", (256, 129), (96, 1000)),
    )
)


@clause(
    "SM-1",
    "softmax",
    "The probabilities of a row sum to one, and none is negative or above one.",
    formula="sum_i softmax(x)_i = 1, 0 <= softmax(x)_i <= 1",
    why="It needs no expected value: to sum to one, within 0 and 1, is what makes numbers probabilities.",
    source=SOURCE,
)
def sums_to_one(trial: Trial) -> float:
    """Compare within the sum of the elements' bounds."""
    skip_unless(trial.case["n"] > 0 and trial.case["rows"] > 0)
    p, worst = trial.call(), trial.bound().worst
    ratio = trial.require_same(
        p.sum(-1), np.ones(len(p)), worst.sum(-1), "the probabilities of a row do not sum to one"
    )
    return max(ratio, trial.require_same(p, np.clip(p, 0, 1), worst, "a probability lies outside [0, 1]"))


@clause(
    "SM-4",
    "softmax",
    "Logits of any size give finite probabilities, and a far larger one takes all.",
    formula="softmax(x)_i -> 1 as x_i - x_j -> infinity for all j != i",
    why="It says that large logits are handled wrongly, as without their maximum.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="limit"),
)
def saturates(trial: Trial) -> float:
    """Go near the limit of float16, where exp overflows in every format."""
    skip_unless(trial.case["n"] > 0 and trial.case["rows"] > 0)
    return require_within(trial.judge(trial.call()), "with large logits, the value is wrong")


@clause(
    "SM-5",
    "softmax",
    "The gradient of a row sums to zero, also where the softmax is saturated.",
    formula="sum_j dx_j = 0, since softmax(x + c) = softmax(x)",
    why="It needs no expected gradient: half of the Jacobian, or another function's, leaves a sum.",
    source="paper, section 3.2.1, differentiated",
)
def gradient_sums_to_zero(trial: Trial) -> float:
    """Compare within the sum of the elements' bounds; take the case, and rows in which one entry takes all."""
    skip_unless(trial.case["n"] > 0 and trial.case["rows"] > 0)
    saturated, ratio = trial.component.make(trial.case.but(regime="one-hot")), 0.0
    for inputs in (trial.inputs, saturated):
        dx, worst = trial.gradients(inputs)["x"], trial.gradient_bounds(inputs)["x"].worst
        claim = "the gradient of a row does not sum to zero"
        ratio = max(ratio, trial.require_same(dx.sum(-1), np.zeros(len(dx)), worst.sum(-1), claim))
    return ratio
