"""The clauses of multi-head attention."""

import numpy as np

from ....oracle.attention import attention
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.requirements import of_gradient, skip_unless
from ...terms.trial import Trial
from ..layers.weights import allowance

_COMPONENT = "multi_head_attention"
_SOURCE = "paper, section 3.2.2"
_BLOCKS = ("w_query", "w_key", "w_value", "w_output")


def _plain(case: Case, **changes: object) -> Case:
    return case.but(**{"regime": "normal", "layout": "contiguous", **changes})


@clause(
    "MHA-1",
    _COMPONENT,
    "One head is attention between projections.",
    formula="h = 1: MultiHead(Q, K, V) = Attention(Q W^Q, K W^K, V W^V) W^O",
    why="It has no heads to split or to merge, on either side: a mistake in that cannot be shared by the oracle.",
    source=_SOURCE,
    prepare=lambda case: _plain(case, heads=1),
)
def one_head(trial: Trial) -> float:
    """Compare without any splitting or merging on the judge's side."""
    arrays = trial.inputs.arrays
    q, k, v = (arrays[x] @ arrays[f"w_{x}"] for x in ("query", "key", "value"))
    o = attention(
        q[:, None],
        k[:, None],
        v[:, None],
        mask=arrays.get("mask"),
        causal=trial.inputs.options["causal"],
        causal_alignment=trial.conventions["causal_alignment"],
        masked_row=trial.conventions["masked_row"],
    )
    expected = o[:, 0] @ arrays["w_output"]
    claim = "one head gives another result than attention between projections"
    return trial.require_same(trial.call(), expected, allowance(trial), claim)


@clause(
    "MHA-2",
    _COMPONENT,
    "Each head carries the value that it looks at to its own place: seen with small whole numbers, bit for bit.",
    formula="p_ij = 1 for one j of each head: head_i = V[j] W_i^V",
    role="decides",
    why="It is exact, and follows each head by itself; in bfloat16 most elements have an infinite bound here.",
    source=_SOURCE,
    prepare=lambda case: _plain(case, source="separate", mask="none"),
)
def values_are_routed(trial: Trial) -> float:
    """Make scores of 0 for one key, below -1000 for the others, as attention's one-hot regime. Sums stay below 256."""
    heads, batch, length, d_v = trial.case["heads"], trial.case["B"], 4, 3
    skip_unless(batch and heads <= 8)
    generator = trial.generator("routes")
    eye = np.eye(length)
    looks = np.stack([generator.permutation(length) for _ in range(heads)])  # (h, L): head i, query l -> key
    w_query = np.concatenate([2.0**14 * eye[looks[i]] for i in range(heads)], 1)
    value = generator.integers(-2, 3, (batch, length, length)).astype(float)
    w_value = generator.choice([-1.0, 0.0, 1.0], (length, heads * d_v))
    w_output = generator.choice([-1.0, 0.0, 0.0, 1.0], (heads * d_v, length))
    rows = np.broadcast_to(eye, value.shape).copy()
    arrays = {"query": rows, "key": rows, "value": value, "w_query": w_query, "w_key": np.tile(eye - 1, heads)}
    inputs = Inputs({**arrays, "w_value": w_value, "w_output": w_output}, {"heads": heads, "causal": False})
    of_heads = [(value @ w_value[:, i * d_v : (i + 1) * d_v])[:, looks[i]] for i in range(heads)]
    merged = np.concatenate(of_heads, -1)
    skip_unless((np.abs(merged) @ np.abs(w_output)).max() <= 256)
    return trial.require_bits(
        trial.call(inputs),
        merged @ w_output,
        "with one key for each query of a head, the result is not made of the values there",
    )


@clause(
    "MHA-3",
    _COMPONENT,
    "The order of the heads does not matter.",
    formula="blocks of W^Q, W^K, W^V and rows of W^O permuted alike: the same result",
    why="It compares two calls: heads that share a block, or are merged channel by channel, have an order.",
    source=_SOURCE,
    prepare=lambda case: _plain(case, mask="none"),
)
def heads_permuted(trial: Trial) -> float:
    """Reverse them."""
    heads = trial.case["heads"]
    skip_unless(heads > 1)
    changed = {}
    for name in _BLOCKS:
        array = trial.inputs.arrays[name]
        axis = 0 if name == "w_output" else 1
        blocks = np.split(array, heads, axis)
        changed[name] = np.concatenate(blocks[::-1], axis)
    other = trial.inputs.but(**changed)
    both = allowance(trial) + allowance(trial, other)
    return trial.require_same(trial.call(other), trial.call(), both, "the order of the heads matters")


@clause(
    "MHA-4",
    _COMPONENT,
    "Permuting the keys with their values changes nothing.",
    formula="MultiHead(Q, P K, P V) = MultiHead(Q, K, V)",
    why="It compares two calls: a split without its transpose, or a softmax over items, gives the keys an order.",
    source=_SOURCE,
    prepare=lambda case: _plain(case, mask="none"),
)
def keys_permuted(trial: Trial) -> float:
    """Reverse them."""
    arrays = trial.inputs.arrays
    skip_unless(arrays["key"].shape[1] > 1)
    other = trial.inputs.but(**{name: arrays[name][:, ::-1].copy() for name in ("key", "value")})
    return trial.require_same(trial.call(other), trial.call(), 2 * allowance(trial), "the order of the keys matters")


@clause(
    "MHA-5",
    _COMPONENT,
    "Masking keys is the same as deleting them.",
    formula="mask_j = False for all i: MultiHead over the keys that are left",
    why="It compares masking with deleting: a mask that is inverted, transposed or applied too late is no deletion.",
    source="paper, section 3.2.3",
    prepare=lambda case: _plain(case, mask="none", source="separate"),
)
def mask_deletes(trial: Trial) -> float:
    """Mask the last half of them."""
    arrays, keys = trial.inputs.arrays, trial.case["L_k"]
    skip_unless(keys > 1)
    left = np.arange(keys) < (keys + 1) // 2
    masked = trial.inputs.but(mask=left[None, None, None, :])
    deleted = trial.inputs.but(key=arrays["key"][:, left].copy(), value=arrays["value"][:, left].copy())
    both = allowance(trial, masked) + allowance(trial, deleted)
    return trial.require_same(
        trial.call(masked), trial.call(deleted), both, "without the masked keys, the result is another"
    )


@clause(
    "MHA-7",
    _COMPONENT,
    "A key that no query sees gets a gradient of exactly zero, and so does its value.",
    formula="mask_ij = False for all i: dK_j = dV_j = 0",
    role="decides",
    why="It says that a masked key gets a gradient, through the projections, which mix its channels.",
    source="paper, section 3.2.3",
    prepare=lambda case: _plain(case, mask="none", source="separate"),
)
def masked_keys_get_nothing(trial: Trial) -> float:
    """Mask the last half of them, and compare bit for bit."""
    keys = trial.case["L_k"]
    skip_unless(keys > 1 and trial.cotangent.size)
    left = np.arange(keys) < (keys + 1) // 2
    gradients = trial.gradients(trial.inputs.but(mask=left[None, None, None, :]))
    ratio = 0.0
    for name in ("key", "value"):
        hidden = np.broadcast_to(~left[:, None], gradients[name].shape)
        claim = f"the {of_gradient(name)} is not zero at a key that no query sees"
        ratio = max(ratio, trial.require_bits(gradients[name], np.zeros(hidden.shape), claim, hidden))
    return ratio
