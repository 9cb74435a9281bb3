"""The weights of an attention are read where its result is wrong, and what is wrong with them is said."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.components import COMPONENTS
from assay.conformance.diagnosis.weights import of_weights

PLAINEST = COMPONENTS["attention"].plainest("float32", 3)
LONG = PLAINEST.but(L_k=70)


def attention(change, *, values=lambda value: value):
    """Make one whose scores, exponentials and sums a function changes before they are divided."""

    def function(query, key, value, *, mask=None, causal=False, scale=None):
        times = query.shape[1] // key.shape[1]
        key, value = np.repeat(key, times, 1), values(np.repeat(value, times, 1))
        s = query @ key.swapaxes(-1, -2) * np.float32(query.shape[-1] ** -0.5 if scale is None else scale)
        seen = np.ones(s.shape[-2:], bool)
        seen = np.tril(seen) if causal else seen
        s, seen = np.broadcast_arrays(s, seen if mask is None else seen & mask)
        p = np.where(seen, np.exp(s - s.max(-1, keepdims=True, where=seen, initial=-1e30)), 0).astype(query.dtype)
        above, below = change(p, p.sum(-1, keepdims=True))
        return np.where(below > 0, above @ value / np.where(below > 0, below, 1), 0).astype(query.dtype)

    return function


def told(change, case, **how):
    return of_weights(
        open_object(SimpleNamespace(attention=attention(change, **how)), "mine"), COMPONENTS["attention"], case
    )


def without_tail(p, total):
    """Leave out the keys after the last whole tile."""
    kept = p * (np.arange(p.shape[-1]) < p.shape[-1] // 64 * 64)
    return kept, kept.sum(-1, keepdims=True)


def sees_all(p, total):
    return np.ones_like(p), p.shape[-1] * np.ones_like(total)


def of_item(item):
    def change(p, total):
        p = p.copy()
        p[item, -1, -1, 0] = 0
        return p, p.sum(-1, keepdims=True)

    return change


def last_twice(p, total):
    twice = p * np.where(np.arange(p.shape[-1]) >= p.shape[-1] - 2, np.float32(2), np.float32(1))
    return twice, twice.sum(-1, keepdims=True)


def warmer(p, total):
    roots = np.sqrt(p)
    return roots, roots.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("change", "case", "sentence"),
    [
        (without_tail, LONG, "queries 0 to 2 count keys 0 to 63 in place of keys 0 to 69"),
        (
            sees_all,
            PLAINEST.but(mask="causal"),
            "query 0 counts keys 0 to 2 in place of key 0, query 1 counts keys 0 to 2 in place of keys 0 to 1",
        ),
        (
            of_item(1),
            PLAINEST.but(B=2, H=2, H_kv=1),
            "query 2 of head 1 of item 1 counts keys 1 to 2 in place of keys 0 to 2",
        ),
        (
            lambda p, total: (p, 4 * total),
            PLAINEST,
            "the weights of query 0 sum to 0.25, not to 1; in proportion to each other they are right",
        ),
        (
            lambda p, total: (p, total + p[..., :1]),
            PLAINEST.but(mask="causal"),
            "the weights of query 0 sum to 0.5, not to 1",
        ),
        (last_twice, PLAINEST.but(L_k=5), "of query 0, keys 3 to 4 count 2 times as much beside the others as is due"),
        (warmer, PLAINEST.but(L_k=5), "of query 0, the weights are those of the scores times 0.5"),
    ],
)
def test_what_is_wrong_with_the_weights_is_said(change, case, sentence):
    assert told(change, case).startswith(sentence)


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        (lambda heads: [0, 0, 0, 0, 1, 1], "head 3 has the weights that it would have with the keys of head 0"),
        (lambda heads: [0, 0, 0, 1, 1, 0], "head 5 has the weights that it would have with the keys of head 0"),
    ],
)
def test_keys_of_another_head_are_known(taken, sentence):
    def function(query, key, value, **options):
        heads = taken(query.shape[1])
        return attention(lambda p, total: (p, total))(query, key[:, heads], value[:, heads], **options)

    adapter = open_object(SimpleNamespace(attention=function), "mine")
    assert of_weights(adapter, COMPONENTS["attention"], PLAINEST.but(H=6, H_kv=2)) == sentence


def test_a_mask_of_another_item_is_known():
    def of_item_0(p, total):
        seen = np.ones_like(p) * (p[:1] > 0)
        return seen, seen.sum(-1, keepdims=True)

    said = told(of_item_0, PLAINEST.but(B=2, L_q=1, L_k=9, mask="padding-right"))
    assert said == "query 0 of item 1 counts keys 0 to 7 in place of keys 0 to 8: those of item 0"


def several_heads(change, *, values=lambda value: value):
    """Make a multi-head attention of an attention."""
    attend = attention(change, values=values)

    def function(query, key, value, w_query, w_key, w_value, w_output, *, mask=None, heads, causal=False):
        arrays = ((query, w_query), (key, w_key), (value, w_value))
        split = [(x @ w).reshape(*x.shape[:2], heads, -1).swapaxes(1, 2) for x, w in arrays]
        found = attend(*split, mask=mask, causal=causal).swapaxes(1, 2)
        return found.reshape(*found.shape[:2], -1) @ w_output

    return open_object(SimpleNamespace(multi_head_attention=function), "mine")


def heads_swapped(p, total):
    return p[:, ::-1], total[:, ::-1]


@pytest.mark.parametrize(
    ("change", "changes", "sentence"),
    [
        (
            without_tail,
            {"L_k": 70},
            "queries 0 to 2 of head 0 count keys 0 to 63 in place of keys 0 to 69, queries 0 to 2 of head 1 count keys",
        ),
        (last_twice, {"L_k": 5}, "of query 0 of head 0, keys 3 to 4 count 2 times as much beside the others as is due"),
        (heads_swapped, {}, "head 0 has the weights of head 1"),
    ],
)
def test_the_weights_of_several_heads_are_read(change, changes, sentence):
    component = COMPONENTS["multi_head_attention"]
    case = component.plainest("float32", 3).but(heads=2, d_model=8, d_k=4, d_v=4, **changes)

    assert of_weights(several_heads(change), component, case).startswith(sentence)


def test_of_several_heads_it_may_be_their_projections():
    component = COMPONENTS["multi_head_attention"]
    case = component.plainest("float32", 3).but(heads=2, d_model=8, d_k=4, d_v=4)
    right = several_heads(lambda p, total: (p, total))
    wrong = several_heads(lambda p, total: (p, total), values=lambda value: value + np.float32(1) * (value < 0))

    assert of_weights(right, component, case) == ""
    assert of_weights(wrong, component, case) == (
        "of values 0 and 1 each key has the weight that is due: it hangs on the values, or their projections"
    )


def test_where_the_weights_are_right_it_is_the_values():
    said = told(lambda p, total: (p, total), PLAINEST, values=lambda value: value + np.float32(1) * (value < 0))

    assert said == "of values 0 and 1 each key has the weight that is due: it hangs on the values"


@pytest.mark.parametrize("case", [PLAINEST, LONG, PLAINEST.but(mask="causal"), PLAINEST.but(L_k=0)])
def test_nothing_is_said_of_what_is_right(case):
    assert told(lambda p, total: (p, total), case) == ""


def test_nothing_is_said_where_the_weights_cannot_be_read():
    def refuses(query, key, value, **_):
        raise NotImplementedError("plain values only")

    adapter = open_object(SimpleNamespace(attention=refuses, softmax=lambda x: x), "mine")
    assert of_weights(adapter, COMPONENTS["attention"], PLAINEST) == ""
    assert of_weights(adapter, COMPONENTS["softmax"], COMPONENTS["softmax"].plainest("float32", 3)) == ""
    assert told(lambda p, total: (p * np.float32(np.nan), total), PLAINEST) == ""
