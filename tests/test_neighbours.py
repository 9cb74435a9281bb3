"""What a failure says of its neighbours: that plain memory, or unlike sizes, make it right; and only if that is so."""

from types import SimpleNamespace

import numpy as np

from assay.conformance import judge
from assay.oracle import attention as formula


def message(function, clauses="ALL-1", **declared):
    adapter = SimpleNamespace(name="mine", **declared, attention=function)
    (failed,) = judge(adapter, clauses=clauses).failures
    return failed.failure.message


def exact(query, key, value, *, mask=None, causal=False, scale=None):
    arrays = (each.astype(np.float64) for each in (query, key, value))
    return formula(*arrays, mask=mask, causal=causal, scale=scale).astype(np.float32)


def test_what_is_wrong_in_other_layouts_alone_is_right_when_contiguous():
    def attention(query, key, value, **options):
        return exact(query, key, value, **options) * np.float32(1 if value.flags.c_contiguous else 2)

    assert "; it is right when contiguous" in message(attention)


def test_what_is_wrong_where_sizes_are_equal_alone_is_right_unless_they_are():
    def attention(query, key, value, **options):
        return exact(query, key, value, **options) * np.float32(2 if 1 < query.shape[2] == query.shape[3] else 1)

    said = message(attention)
    assert "; it is right unless L_q = d_k" in said
    assert "contiguous" not in said


def test_the_argument_that_must_not_lie_so_is_named():
    def attention(query, key, value, **options):
        return exact(query, key, value, **options) * np.float32(1 if key.flags.c_contiguous else 2)

    said = message(attention)
    assert "; it is right when contiguous; it is wrong with key alone transposed" in said
    assert "value alone" not in said
    assert "query alone" not in said


def test_three_sizes_that_must_not_be_equal_are_named():
    def attention(query, key, value, **options):
        _, heads, queries, width = query.shape
        return exact(query, key, value, **options) * np.float32(2 if 1 < heads == queries == width else 1)

    assert "; it is right unless H = L_q = d_k" in message(attention)


def test_what_is_wrong_everywhere_or_below_a_size_is_right_nowhere_near():
    def doubled(query, key, value, **options):
        return exact(query, key, value, **options) * np.float32(2)

    def doubled_where_small(query, key, value, **options):
        return exact(query, key, value, **options) * np.float32(2 if key.shape[2] < 4 else 1)

    assert "it is right" not in message(doubled)
    assert "it is right unless" not in message(doubled_where_small)
    assert "it is right where L_k is 4 or more" in message(doubled_where_small)


def softmax_failure(wrong):
    def softmax(x):
        e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True, initial=-np.inf))
        return (wrong(x) * e / e.sum(-1, keepdims=True)).astype(np.float32)

    (failed,) = judge(SimpleNamespace(name="mine", softmax=softmax), clauses="ALL-1", dtypes="float32").failures
    return failed.failure


def test_what_fails_far_more_or_in_another_way_at_first_is_told_beside_the_smallest():
    failure = softmax_failure(lambda x: np.nan if x.shape == (1, 1) else 2.0)

    assert "is nan" in failure.message
    assert "the value is wrong" in failure.typical["message"]
    assert "nan" not in failure.typical["message"]
    assert failure.typical["case"] != failure.case


def test_what_fails_alike_is_told_once():
    assert softmax_failure(lambda x: 2.0).typical is None
