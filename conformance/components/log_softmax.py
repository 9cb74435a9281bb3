"""Log-softmax: its cases, and the clauses that only it has; `several/rows.py` has what it shares."""

import numpy as np

from ...oracle.rounding.bound import Bound
from ..cases.logits import HIDDEN, OFFSETS, PROBES_OF_ROWS, with_hidden, with_offset
from ..cases.values import draw, generator_of, hidden
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import GENERIC, LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial

SOURCE = "paper, section 3.4: the next-token probabilities, in logarithms"

# Logits of about 1e2 to 1e4; the others are made below, or are regimes of `values`.
_SCALES = {"normal": 1.0, "uniform": 3.0, "logits-1e2": 1e2, "logits-1e4": 1e4}
_LIMIT = 2.0**15
_OWN = ("dominant", "masked", "one-hot", "limit")


def _make(case: Case) -> Inputs:
    regime, dtype = case["regime"], case["dtype"]
    shape = (case["rows"], case["n"]) if case["axes"] == 2 else (2, case["rows"], case["n"])
    n = case["n"]
    generator = generator_of(case, "x", "places")
    chosen = np.arange(n) == generator.integers(max(n, 1), size=(*shape[:-1], 1))
    if regime in _SCALES:
        kind = "uniform" if regime == "uniform" else "normal"
        x = rounded(_SCALES[regime] * draw(case, "x", shape, kind, dtype), dtype)
    elif regime == "dominant":
        # Nearly all of the probability is one entry's: its logarithm is far below an ulp of the sum.
        x = rounded(draw(case, "x", shape, "normal", dtype) + 10.0 * chosen, dtype)
    elif regime == "masked":
        x = np.where(chosen | (generator.random(shape) < 0.6), draw(case, "x", shape, "normal", dtype), hidden(dtype))
    elif regime == "one-hot":
        # Any exponential of -2^10 is below the smallest number of every format.
        x = np.where(chosen, 0.0, -(2.0**10))
    elif regime == "limit":
        # 2^15 is near float16's limit, and far enough above exp's in every format.
        x = generator.choice([-_LIMIT, 0.0, _LIMIT], shape)
    else:
        x = draw(case, "x", shape, regime, dtype)
    return Inputs({"x": with_hidden(case, with_offset(case, np.asarray(x)))})


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark zeros, which one entry alone has; with base two, other numbers are not reached exactly."""
    return np.asarray(bound.expected == 0)


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the whole row."""
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    depends[where[:-1]] = True
    return depends


def _probes(dtype: str) -> list[Case]:
    """Give rows of which some logits are -inf, and rows far from zero."""
    return [
        LOG_SOFTMAX.with_optional(LOG_SOFTMAX.plainest(dtype, seed).but(rows=rows, n=n), **special)
        for seed, (rows, n, special) in enumerate(PROBES_OF_ROWS)
    ]


LOG_SOFTMAX: Component = register(
    Component(
        name="log_softmax",
        formula="x_j - log sum_k exp(x_k)",
        source="paper, section 3.4",
        factors={
            "axes": factor("axes", 2, 3),
            "rows": factor("rows", 1, 2, 3, 5, 0),
            "n": factor("n", 1, 2, 3, 5, 8, 16, 17, 33, 64, 65, 129, 1000, 0),
            "regime": factor("regime", *_SCALES, "zero", "ties", *_OWN, "offset", "cancelling", "tiny", "subnormal"),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("rows", "n"),
        against=("n",),
        generic=lambda case: case["regime"] in (*GENERIC, "logits-1e2", "dominant"),
        exact=_exact,
        exact_regimes=("one-hot",),
        dependents=_dependents,
        probes=_probes,
        optional={"hidden": HIDDEN, "offset": tuple(OFFSETS)},
        at_size=AtSize(
            factor(
                "axes rows n",
                (2, 1, 3),
                (3, 3, 300),
                (2, 1201, 12),
                (2, 3, 4097),
                (2, 1, 50_257),
                (3, 2, 262_144),
                (2, 65_537, 3),
            ),
            {
                "regime": factor("regime", "normal", "logits-1e2", "uniform", "dominant"),
                "layout": factor("layout", "contiguous", "transposed", "sliced"),
            },
        ),
        large=factor("rows n", (256, 129), (96, 1000)),
    )
)


def _has_entries(trial: Trial) -> bool:
    return bool(trial.inputs.arrays["x"].size)


@clause(
    "LSM-1",
    "log_softmax",
    "The exponentials of a row sum to one, and no logarithm is above zero.",
    formula="sum_j exp(log_softmax(x)_j) = 1, log_softmax(x)_j <= 0",
    why="It needs no expected value: a normaliser that is a little off is off in every term of one sum.",
    source=SOURCE,
)
def sums_to_one(trial: Trial) -> float:
    """Compare within the sum of what the elements' bounds make of their exponentials."""
    skip_unless(_has_entries(trial))
    y, bound = trial.call(), trial.bound()
    with np.errstate(all="ignore"):
        p = np.exp(bound.expected)
        allowance = np.where(p > 0, p * np.expm1(bound.worst), 0.0).sum(-1)
        # That of this very sum.
        allowance += y.shape[-1] * np.finfo(float).eps
        total = np.exp(y).sum(-1)
    ratio = trial.require_same(total, np.ones_like(total), allowance, "the exponentials of a row do not sum to one")
    return max(ratio, trial.require_same(y, np.minimum(y, 0), bound.worst, "a log-probability is above zero"))


@clause(
    "LSM-4",
    "log_softmax",
    "A log-probability is finite even where the probability is below the smallest number.",
    formula="log_softmax(x)_j = x_j - log sum exp(x), not log(exp(x_j) / sum exp(x))",
    why="It names the logarithm of a probability that has vanished; ALL-1 has an infinity there.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="limit"),
)
def finite_where_probabilities_vanish(trial: Trial) -> float:
    """Take entries far below the largest, up to the limit of float16."""
    skip_unless(_has_entries(trial))
    return require_within(trial.judge(trial.call()), "log-probabilities of large logits are wrong")


@clause(
    "LSM-5",
    "log_softmax",
    "A row differs from its logits by one constant.",
    formula="x_j - log_softmax(x)_j = lse for all j",
    why="It needs no expected value: a wrong base, or a logit that is clipped, is no shift by one constant.",
    source=SOURCE,
)
def one_constant(trial: Trial) -> float:
    """Compare that of each entry with that of the largest, within both bounds."""
    skip_unless(_has_entries(trial) and trial.case["n"] > 1)
    x, y, worst = trial.inputs.arrays["x"], trial.call(), trial.bound().worst
    with np.errstate(invalid="ignore"):
        lse = x - y
    at = x.argmax(-1)[..., None]
    reference = np.take_along_axis(lse, at, -1)
    allowance = worst + np.take_along_axis(worst, at, -1) + np.finfo(float).eps * (np.abs(x) + np.abs(y))
    finite = np.isfinite(x) & np.isfinite(y)
    skip_unless(finite.any())
    constant = np.broadcast_to(reference, lse.shape)
    return trial.require_same(
        np.where(finite, lse, 0), np.where(finite, constant, 0), allowance, "logits and results differ by no constant"
    )


@clause(
    "LSM-6",
    "log_softmax",
    "A logit of -inf has the log-probability -inf, and the others are what they are without it.",
    formula="log_softmax(x)_j = -inf where x_j = -inf; the rest = log_softmax of the rest",
    why="It compares a row with what is left of it without the masked logits, and wants -inf at these.",
    source="IEEE 754 arithmetic along the formula: exp(-inf) = 0",
    prepare=lambda case: case.but(regime="masked"),
)
def masked(trial: Trial) -> float:
    """Compare the first row with and without them, within both bounds."""
    skip_unless(_has_entries(trial))
    x = trial.inputs.arrays["x"].reshape(-1, trial.case["n"])[:1]
    seen = x[0] > hidden(trial.dtype)
    whole = trial.call(Inputs({"x": np.where(seen, x, -np.inf)}))
    claim = "a masked logit has another log-probability than -inf"
    ratio = trial.require_bits(whole[:, ~seen], np.full((1, int((~seen).sum())), -np.inf), claim)
    rest = Inputs({"x": x[:, seen]})
    claim = "masked logits change the log-probabilities of the others"
    return max(ratio, trial.require_same(whole[:, seen], trial.call(rest), 2 * trial.bound(rest).worst, claim))
