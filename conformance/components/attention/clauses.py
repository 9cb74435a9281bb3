"""The clauses that only scaled dot-product attention has. Each compares results of the implementation with each other,
or with what the formula gives without any rounding; two results may differ by the sum of their bounds.
"""

import math

import numpy as np

from ...terms.clause import clause
from ...terms.component import Array, Inputs
from ...terms.requirements import require_within, skip_unless
from ...terms.trial import Trial
from .cases import plain, seen_by

_EQUATION = "paper, section 3.2.1, equation 1: softmax(Q K^T / sqrt(d_k)) V"
_COMPONENT = "attention"


def _ones(inputs: Inputs) -> Array:
    return np.ones_like(inputs.arrays["value"])


def _sees_something(trial: Trial) -> Array:
    """Find the rows that see a key, with an axis for the channels; `Inapplicable` if there are none."""
    sees = np.asarray(seen_by(trial.inputs, trial.conventions).any(-1, keepdims=True))
    skip_unless(sees.any())
    return sees


@clause(
    "SDPA-1",
    _COMPONENT,
    "The weights of a row sum to one.",
    formula="sum_j p_ij = 1, seen with values of 1",
    why="It needs no expected value: whatever the scores are, weights that do not sum to one are reported as such.",
    source=_EQUATION,
)
def weights_sum_to_one(trial: Trial) -> float:
    """Give values of 1, so that a row holds the sum of its weights."""
    sees = _sees_something(trial)
    ones = trial.inputs.but(value=_ones(trial.inputs))
    actual = np.where(sees, trial.call(ones), 1.0)
    return trial.require_same(
        actual, np.ones_like(actual), trial.bound(ones).worst, "with values of 1, the result is not 1"
    )


@clause(
    "SDPA-2",
    _COMPONENT,
    "Every element lies within the range of the values that its row sees.",
    formula="min_j v_j <= sum_j p_ij v_j <= max_j v_j",
    why="It needs no expected value: a mean stays within its values, with any weights whatever.",
    source=_EQUATION,
)
def within_the_values(trial: Trial) -> float:
    """Compare with the smallest and the largest value; rounding may step outside by its bound."""
    sees = _sees_something(trial)
    query, value = trial.inputs.arrays["query"], trial.inputs.arrays["value"]
    seen = seen_by(trial.inputs, trial.conventions)[..., None]
    each = np.repeat(value, query.shape[1] // value.shape[1], axis=1)[:, :, None]  # (B, H, 1, L_k, d_v)
    skip_unless(seen.size * value.shape[-1] <= 2**22)
    low = np.where(seen, each, np.inf).min(-2, initial=np.inf)
    high = np.where(seen, each, -np.inf).max(-2, initial=-np.inf)
    actual = trial.call()
    # A NaN would be its own nearest.
    nearest = np.where(np.isnan(actual), low, np.clip(actual, low, high))
    claim = "an element lies outside the range of its values"
    return trial.require_same(actual, np.where(sees, nearest, actual), trial.bound().worst, claim)


@clause(
    "SDPA-3",
    _COMPONENT,
    "Adding a constant vector to all keys changes nothing.",
    formula="q.(k_j + c) = q.k_j + q.c, and softmax does not see a shift",
    why="It compares two calls: scores that are clipped or capped do not shift together.",
    source=_EQUATION,
    prepare=lambda case: plain(case, regime="integers"),
)
def constant_added_to_keys(trial: Trial) -> float:
    """Take small integers, so that the sum is exact."""
    key = trial.inputs.arrays["key"]
    skip_unless(key.size)
    shift = trial.generator("shift").integers(-4, 5, key.shape[-1]).astype(float)
    shifted = trial.inputs.but(key=key + shift)
    allowance = trial.bound().worst + trial.bound(shifted).worst
    return trial.require_same(trial.call(shifted), trial.call(), allowance, "a vector added to all keys matters")


@clause(
    "SDPA-6",
    _COMPONENT,
    "Doubling every key and value changes nothing.",
    formula="Attention(Q, [K; K], [V; V]) = Attention(Q, K, V)",
    why="It compares calls of two lengths: a softmax that is not normalised doubles with its keys.",
    source=_EQUATION,
    prepare=lambda case: case.but(mask="none"),
)
def keys_doubled(trial: Trial) -> float:
    """Double the keys: each weight is halved, and there are two of it."""
    key, value = trial.inputs.arrays["key"], trial.inputs.arrays["value"]
    skip_unless(0 < key.shape[2] <= 129)
    doubled = trial.inputs.but(key=np.concatenate([key, key], 2), value=np.concatenate([value, value], 2))
    allowance = trial.bound().worst + trial.bound(doubled).worst
    return trial.require_same(trial.call(doubled), trial.call(), allowance, "doubling keys and values matters")


@clause(
    "SDPA-7",
    _COMPONENT,
    "With one key, every row is its value.",
    formula="softmax of one score is 1",
    why="What is due is an argument itself: no score of the oracle's is needed.",
    source=_EQUATION,
    prepare=lambda case: case.but(L_k=1, mask="none"),
)
def one_key(trial: Trial) -> float:
    """Compare with the value, whatever the query is."""
    value = trial.inputs.arrays["value"]
    expected = np.repeat(value, trial.case["H"] // trial.case["H_kv"], axis=1)
    actual = trial.call()
    return trial.require_same(
        actual, np.broadcast_to(expected, actual.shape), trial.bound().worst, "one key does not return its value"
    )


@clause(
    "SDPA-8",
    _COMPONENT,
    "Equal keys give the mean of their values.",
    formula="k_j = k for all j: p_ij = 1/n",
    why="What is due is a plain mean: it tells a wrong normaliser from wrong scores.",
    source=_EQUATION,
    prepare=lambda case: case.but(regime="equal-rows", mask="none"),
)
def equal_keys(trial: Trial) -> float:
    """Compare with the mean, which in float64 is off by at most L_k 2^-53 mean |v|, below the bound of every format."""
    value = trial.inputs.arrays["value"]
    skip_unless(value.shape[2])
    mean = np.repeat(value.mean(2, keepdims=True), trial.case["H"] // trial.case["H_kv"], axis=1)
    actual = trial.call()
    return trial.require_same(
        actual, np.broadcast_to(mean, actual.shape), trial.bound().worst, "equal keys do not give the mean"
    )


@clause(
    "SDPA-9",
    _COMPONENT,
    "The result is linear in the values.",
    formula="Attention(Q, K, a V + b V') = a Attention(Q, K, V) + b Attention(Q, K, V')",
    why="It compares three calls: weights that depend on the values, or arithmetic too coarse for sums, show.",
    source=_EQUATION,
    prepare=lambda case: plain(case, regime="integers"),
)
def linear_in_values(trial: Trial) -> float:
    """Take small integers, whose combination is exact: V + 2 V'."""
    sees = _sees_something(trial)
    value = trial.inputs.arrays["value"]
    other = trial.inputs.but(value=trial.generator("other").integers(-3, 4, value.shape).astype(float))
    both = trial.inputs.but(value=value + 2 * other.arrays["value"])
    allowance = trial.bound().worst + 2 * trial.bound(other).worst + trial.bound(both).worst
    combined = np.where(sees, trial.call() + 2 * trial.call(other), 0.0)
    return trial.require_same(
        np.where(sees, trial.call(both), 0.0), combined, allowance, "the result is not linear in the values"
    )


@clause(
    "SDPA-10",
    _COMPONENT,
    "The scale is 1/sqrt(d_k) unless another is given, whatever d_v, H and the lengths are.",
    formula="Attention with scale None = Attention with scale 1/sqrt(d_k)",
    why="It says that the default scale is wrong, and compares it with 1/sqrt(d_k) given by hand.",
    source="paper, section 3.2.1: the dot products are scaled by 1/sqrt(d_k)",
    prepare=lambda case: plain(case, scale="none"),
)
def scale_of_keys(trial: Trial) -> float:
    """Give 1/sqrt(d_k) in float64 by hand; and compare with the formula."""
    given = trial.inputs.but(scale=1 / math.sqrt(trial.case["d_k"]))
    actual = trial.call()
    ratio = require_within(trial.judge(actual), "with the default scale, 1/sqrt(d_k), the result is wrong")
    return max(
        ratio,
        trial.require_same(
            trial.call(given),
            actual,
            2 * trial.bound().worst,
            "with the scale 1/sqrt(d_k) given, the result is another",
        ),
    )


@clause(
    "SDPA-11",
    _COMPONENT,
    "A scale of zero gives the mean of the values that a row sees, and a negative one prefers what is least alike.",
    formula="scale 0: p_ij = 1/n; scale -c with queries q = scale c with queries -q",
    source=_EQUATION,
    # A kernel may put minus infinity in place of a score before it scales.
    prepare=lambda case: plain(
        case,
        scale="none",
        mask="none" if case["mask"] == "none" else "causal",
        regime=case["regime"] if case["regime"] == "logits-1e4" else "normal",
    ),
    # Scores as large as those of ALL-1 show whose maximum is taken away.
    probes=lambda component, dtype: [
        *(component.plainest(dtype).but(mask=mask) for mask in ("none", "causal")),
        component.plainest(dtype).but(L_k=17, regime="logits-1e4"),
    ],
)
def other_scales(trial: Trial) -> float:
    """Give other scales; zero is a number, not the lack of one."""
    nothing = trial.inputs.but(scale=0.0)
    ratio = require_within(trial.judge(trial.call(nothing), nothing), "with a scale of 0, the result is wrong")
    negative = trial.inputs.but(scale=-0.5)
    return max(
        ratio, require_within(trial.judge(trial.call(negative), negative), "with a negative scale the result is wrong")
    )


@clause(
    "SDPA-12",
    _COMPONENT,
    "Grouped heads equal the same heads repeated: query head h meets key head h // (H / H_kv).",
    formula="Attention(Q, K, V)[:, h] = Attention(Q[:, h], K[:, h // (H / H_kv)], V[:, h // (H / H_kv)])",
    why="It compares grouped heads with repeated ones: a kernel may have a path for each, and one of them wrong.",
    source="Ainslie et al. 2023 (GQA), section 2.2",
    prepare=lambda case: case if case["H"] != case["H_kv"] else case.but(H=4, H_kv=2),
)
def grouped_heads(trial: Trial) -> float:
    """Repeat each key/value head as often as it is shared."""
    arrays, times = trial.inputs.arrays, trial.case["H"] // trial.case["H_kv"]
    repeated = trial.inputs.but(**{name: np.repeat(arrays[name], times, axis=1) for name in ("key", "value")})
    return trial.require_same(
        trial.call(), trial.call(repeated), 2 * trial.bound().worst, "with its KV heads repeated, the result is another"
    )


@clause(
    "SDPA-13",
    _COMPONENT,
    "Logits of any size give finite results, and the largest takes all.",
    formula="p_ij -> 1 as s_ij - s_ik -> infinity for all k != j",
    why="It says that large logits overflow, or that they are clipped; ALL-1 has a NaN or a number.",
    source=_EQUATION,
    prepare=lambda case: case.but(regime="limit" if case["regime"] == "limit" else "logits-1e4", mask="none"),
    probes=lambda component, dtype: [component.plainest(dtype).but(regime="limit")],
)
def large_logits(trial: Trial) -> float:
    """Take logits of 1e4, and as large as the accumulator holds."""
    return require_within(trial.judge(trial.call()), "with large logits, the value is wrong")
