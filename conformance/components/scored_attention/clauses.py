"""What additive and bilinear attention share: shapes, the arrays every method has, and the clauses of a weighted mean.

Both score each query against each key by weights of their own, and mix the values by the softmax of the scores.
"""

from collections.abc import Mapping

import numpy as np

from ...cases.values import draw
from ...terms.case import Case
from ...terms.clause import clause
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
    """Query, key and value."""
    return {
        "query": (case["B"], case["L_q"], case["d_q"]),
        "key": (case["B"], case["L_k"], case["d_k"]),
        "value": (case["B"], case["L_k"], case["d_v"]),
    }


def arrays_of(case: Case, weights: Shapes, grown: str, growth: float) -> dict[str, Array]:
    """Arrays of a regime; the weights are shrunk so that scores stay near one, or one grown for large scores."""
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
    """A query reaches its row, a key its item, a value its channel of the item, and a weight everything."""
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


def define_clauses(component: str, prefix: str, source: str) -> None:
    """The clauses of a weighted mean, for one component."""

    @clause(
        f"{prefix}-1",
        component,
        "The weights of a row sum to one.",
        formula="sum_j p_ij = 1, seen with values of 1",
        why="It needs no expected value: it tells a wrong softmax from wrong scores.",
        source=source,
    )
    def weights_sum_to_one(trial: Trial) -> float:
        """With values of 1, a row holds the sum of its weights."""
        skip_unless(trial.case["L_k"])
        ones = trial.inputs.but(value=np.ones_like(trial.inputs.arrays["value"]))
        actual = trial.call(ones)
        return trial.require_same(
            actual, np.ones_like(actual), trial.bound(ones).worst, "the weights of a row do not sum to 1"
        )

    @clause(
        f"{prefix}-2",
        component,
        "Permuting the keys with their values changes nothing.",
        formula="f(Q, P K, P V) = f(Q, K, V)",
        why="It compares two calls: a causal order that nobody asked for makes the order of the keys matter.",
        source=source,
    )
    def keys_permuted(trial: Trial) -> float:
        """Any order."""
        key, value = trial.inputs.arrays["key"], trial.inputs.arrays["value"]
        skip_unless(key.shape[1] > 1)
        order = trial.generator("order").permutation(key.shape[1])
        permuted = trial.inputs.but(key=key[:, order].copy(), value=value[:, order].copy())
        return trial.require_same(
            trial.call(permuted), trial.call(), 2 * trial.bound().worst, "the order of the keys matters"
        )

    @clause(
        f"{prefix}-3",
        component,
        "Each query is answered by itself: permuting the queries permutes the rows.",
        formula="f(P Q, K, V) = P f(Q, K, V)",
        why="It compares two calls: a row that takes anything from another row depends on its place.",
        source=source,
    )
    def queries_permuted(trial: Trial) -> float:
        """Any order."""
        query = trial.inputs.arrays["query"]
        skip_unless(query.shape[1] > 1)
        order = trial.generator("order").permutation(query.shape[1])
        permuted = trial.call(trial.inputs.but(query=query[:, order].copy()))
        allowance = 2 * trial.bound().worst[:, order]
        return trial.require_same(
            permuted, trial.call()[:, order], allowance, "permuting the queries does not permute the rows"
        )

    @clause(
        f"{prefix}-4",
        component,
        "With one key, every row is its value.",
        formula="softmax of one score is 1",
        why="What is due is an argument itself, whatever the weights and the scores.",
        source=source,
        prepare=lambda case: case.but(L_k=1),
    )
    def one_key(trial: Trial) -> float:
        """Whatever the query is."""
        actual = trial.call()
        expected = np.broadcast_to(trial.inputs.arrays["value"], actual.shape)
        return trial.require_same(actual, expected, trial.bound().worst, "one key does not return its value")

    @clause(
        f"{prefix}-5",
        component,
        "Equal keys give the mean of their values.",
        formula="k_j = k for all j: p_ij = 1/n",
        why="What is due is a plain mean, whatever the weights: only the normaliser is left to be wrong.",
        source=source,
        prepare=lambda case: case.but(regime="equal-rows"),
    )
    def equal_keys(trial: Trial) -> float:
        """The mean in float64 is off by at most L_k 2^-53 mean |v|, below the bound of every format."""
        skip_unless(trial.case["L_k"])
        actual = trial.call()
        mean = np.broadcast_to(trial.inputs.arrays["value"].mean(1, keepdims=True), actual.shape)
        return trial.require_same(actual, mean, trial.bound().worst, "equal keys do not give the mean")
