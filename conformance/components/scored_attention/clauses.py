"""What additive and bilinear attention share: shapes, the arrays every method has, and the clauses of a weighted mean.

Both score each query against each key by weights of their own, and mix the values by the softmax of the scores.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ...cases.values import draw
from ...terms.case import Case
from ...terms.clause import Check, clause
from ...terms.component import LAYOUTS, Array, Conventions, Inputs, Option, factor
from ...terms.requirements import skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial

Shapes = Mapping[str, tuple[int, ...]]

REGIMES = ("normal", "uniform", "integers", "zero", "ties", "equal-rows", "large-scores", "offset", "tiny", "subnormal")

_LENGTHS = (3, 1, 2, 5, 7, 16, 17, 33, 0)

FACTORS: Mapping[str, list[Option]] = {
    "batch": factor("B", 1, 2, 3, 0),
    "queries": factor("L_q", *_LENGTHS),
    "keys": factor("L_k", *_LENGTHS[:-1], 65, 129, 0),
    "d_q": factor("d_q", 4, 1, 2, 7, 16, 33),
    "d_k": factor("d_k", 4, 1, 5, 16, 33),
    "d_v": factor("d_v", 4, 1, 3, 17),
    "regime": factor("regime", *REGIMES),
    "layout": factor("layout", *LAYOUTS),
}


def shapes_of(case: Case) -> dict[str, tuple[int, ...]]:
    """Give the shapes of query, key and value."""
    return {
        "query": (case["B"], case["L_q"], case["d_q"]),
        "key": (case["B"], case["L_k"], case["d_k"]),
        "value": (case["B"], case["L_k"], case["d_v"]),
    }


def arrays_of(case: Case, weights: Shapes, grown: str, growth: float) -> dict[str, Array]:
    """Make arrays of a regime; weights are shrunk so that scores stay near one, or one is grown for large scores."""
    regime, dtype = case["regime"], case["dtype"]
    kind = "normal" if regime in ("equal-rows", "large-scores", "subnormal", "offset") else regime
    arrays = {name: draw(case, name, shape, kind, dtype) for name, shape in {**shapes_of(case), **weights}.items()}
    if kind in ("normal", "uniform"):
        for name, shape in weights.items():
            arrays[name] = rounded(arrays[name] / np.sqrt(shape[0]), dtype)
    if regime == "equal-rows":
        arrays["key"][...] = arrays["key"][:, :1]
    elif regime == "large-scores":
        arrays[grown] = rounded(growth * arrays[grown], dtype)
    elif regime in ("subnormal", "offset"):
        arrays["value"] = draw(case, "value", arrays["value"].shape, regime, dtype)
    return arrays


def dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the row of a query, the item of a key, the channel of a value in its item, and all of a weight."""
    query, value = inputs.arrays["query"], inputs.arrays["value"]
    depends = np.zeros((*query.shape[:2], value.shape[-1]), bool)
    if not inputs.arrays["key"].shape[1]:
        return depends
    if name == "query":
        depends[where[:2]] = True
    elif name == "key":
        depends[where[0]] = True
    elif name == "value":
        depends[where[0], :, where[2]] = True
    else:
        depends[...] = True
    return depends


BOTH: Final = {
    "additive_attention": ("ADD", "Bahdanau, Cho and Bengio 2015, section 3.1: a(s, h) = v^T tanh(W s + U h)"),
    "bilinear_attention": ("BIL", "Luong, Pham and Manning 2015, section 3.1: score(h_t, h_s) = h_t^T W_a h_s"),
}
"""What the ids of a component's clauses begin with, and the source of its formula."""


def of_both(number: int, sentence: str, **words: Any) -> Callable[[Check], Check]:
    """Make a function a clause of both components, under the same number."""

    def register(check: Check) -> Check:
        for component, (prefix, source) in BOTH.items():
            clause(f"{prefix}-{number}", component, sentence, source=source, **words)(check)
        return check

    return register


@of_both(
    1,
    "The weights of a row sum to one.",
    formula="sum_j p_ij = 1, seen with values of 1",
    why="It needs no expected value: it tells a wrong softmax from wrong scores.",
)
def weights_sum_to_one(trial: Trial) -> float:
    """Give values of 1, so that a row holds the sum of its weights."""
    skip_unless(trial.case["L_k"])
    ones = trial.inputs.but(value=np.ones_like(trial.inputs.arrays["value"]))
    actual = trial.call(ones)
    return trial.require_same(
        actual, np.ones_like(actual), trial.bound(ones).worst, "with values of 1, the result is not 1"
    )


@of_both(
    4,
    "With one key, every row is its value.",
    formula="softmax of one score is 1",
    why="What is due is an argument itself, whatever the weights and the scores.",
    prepare=lambda case: case.but(L_k=1),
)
def one_key(trial: Trial) -> float:
    """Compare every row with the value of the one key, whatever the query is."""
    actual = trial.call()
    expected = np.broadcast_to(trial.inputs.arrays["value"], actual.shape)
    return trial.require_same(actual, expected, trial.bound().worst, "one key does not return its value")


@of_both(
    5,
    "Equal keys give the mean of their values.",
    formula="k_j = k for all j: p_ij = 1/n",
    why="What is due is a plain mean, whatever the weights: only the normaliser is left to be wrong.",
    prepare=lambda case: case.but(regime="equal-rows"),
)
def equal_keys(trial: Trial) -> float:
    """Compare with the mean, which in float64 is off by at most L_k 2^-53 mean |v|, below the bound of every format."""
    skip_unless(trial.case["L_k"])
    actual = trial.call()
    mean = np.broadcast_to(trial.inputs.arrays["value"].mean(1, keepdims=True), actual.shape)
    return trial.require_same(actual, mean, trial.bound().worst, "equal keys do not give the mean")
