"""Scaled dot-product attention: against 200-bit loops, and every convention and option."""

import itertools

import mpmath
import numpy as np
import pytest

from assay.adapters.contract import CONVENTIONS
from assay.oracle.attention import Call, arguments, attention, visible
from assay.oracle.attention_bound import attention_bound
from assay.oracle.general_attention import general_attention
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

EPS = np.finfo(float).eps


def operands(rng, lengths=(3, 5), heads=(2, 2), d=(4, 3), batch=1):
    (queries, keys), (h, h_kv), (d_k, d_v) = lengths, heads, d
    shapes = (batch, h, queries, d_k), (batch, h_kv, keys, d_k), (batch, h_kv, keys, d_v)
    return [rng.normal(size=shape) for shape in shapes]


def exact(query, key, value, scale, seen):
    """One row after another in 200 bits; rows that see no key are zero."""
    result = np.zeros((*query.shape[:3], value.shape[3]))
    group = query.shape[1] // key.shape[1]
    with mpmath.workprec(200):
        for b, h, i in np.ndindex(*query.shape[:3]):
            keys = [j for j in range(key.shape[2]) if seen[b, h, i, j]]
            q, k, v = query[b, h, i], key[b, h // group], value[b, h // group]
            e = [mpmath.exp(scale * mpmath.fdot(q.tolist(), k[j].tolist())) for j in keys]
            for d in range(value.shape[3]):
                if keys:
                    result[b, h, i, d] = float(mpmath.fdot(e, v[keys, d].tolist()) / mpmath.fsum(e))
    return result


@pytest.mark.parametrize("scale", [None, 0.0, -0.7, 3.0])
@pytest.mark.parametrize("heads", [(1, 1), (4, 2), (3, 1)])
def test_values_agree_with_200_bits(scale, heads):
    rng = np.random.default_rng(heads[0])
    for lengths in ((1, 1), (3, 5), (6, 2)):
        query, key, value = operands(rng, lengths, heads)
        mask = rng.random((1, heads[0], *lengths)) < 0.7
        for causal, alignment in itertools.product((False, True), CONVENTIONS["causal_alignment"]):
            given = {"mask": mask, "causal": causal, "causal_alignment": alignment}
            seen = visible(mask.shape, **given)
            expected = exact(query, key, value, mpmath.mpf(1) / 2 if scale is None else mpmath.mpf(scale), seen)
            actual = attention(query, key, value, scale=scale, **given)
            size = np.maximum(np.abs(expected), np.abs(value).mean((2,), keepdims=True).repeat(heads[0] // heads[1], 1))
            assert np.all(np.abs(actual - expected) <= 8 * EPS * size)


def test_default_scale_is_the_reciprocal_root_of_d_k():
    query, key, value = operands(np.random.default_rng(0), d=(9, 2))
    np.testing.assert_allclose(attention(query, key, value), attention(query, key, value, scale=1 / 3), rtol=8 * EPS)


def test_causal_alignments():
    seen = [
        visible((1, 1, 2, 4), causal=True, causal_alignment=each)[0, 0].astype(int)
        for each in CONVENTIONS["causal_alignment"]
    ]
    np.testing.assert_array_equal(seen[0], [[1, 0, 0, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(seen[1], [[1, 1, 1, 0], [1, 1, 1, 1]])
    # More queries than keys: the first ones see nothing.
    seen = visible((1, 1, 4, 2), causal=True, causal_alignment="bottom-right")[0, 0].astype(int)
    np.testing.assert_array_equal(seen, [[0, 0], [0, 0], [1, 0], [1, 1]])


@pytest.mark.parametrize("shape", [(), (5,), (3, 1), (1, 2, 1, 5), (2, 2, 3, 5)])
def test_mask_broadcasts(shape):
    rng = np.random.default_rng(1)
    query, key, value = operands(rng, batch=2)
    mask = rng.random(shape) < 0.5
    full = np.array(np.broadcast_to(mask, (2, 2, 3, 5)))
    np.testing.assert_array_equal(attention(query, key, value, mask=mask), attention(query, key, value, mask=full))


def test_rows_that_see_no_key():
    query, key, value = operands(np.random.default_rng(2))
    mask = np.ones((3, 5), np.bool_)
    mask[1] = False
    rest = attention(query, key, value)[:, :, [0, 2]]
    for masked_row, held in (("zero", 0), ("nan", np.nan), ("mean", value.mean(2))):
        result = attention(query, key, value, mask=mask, masked_row=masked_row)
        np.testing.assert_allclose(result[:, :, 1], np.broadcast_to(held, (1, 2, 3)), rtol=8 * EPS)
        np.testing.assert_array_equal(result[:, :, [0, 2]], rest)


@pytest.mark.parametrize(("masked_row", "held"), [("zero", 0), ("nan", np.nan), ("mean", 0)])
def test_no_keys_at_all(masked_row, held):
    result = attention(*operands(np.random.default_rng(3), (3, 0)), masked_row=masked_row)
    np.testing.assert_array_equal(result, np.full((1, 2, 3, 3), held))


def test_empty_results():
    rng = np.random.default_rng(4)
    assert attention(*operands(rng, (0, 5))).shape == (1, 2, 0, 3)
    assert attention(*operands(rng, batch=0), causal=True).shape == (0, 2, 3, 3)
    assert attention(*operands(rng, d=(4, 0))).shape == (1, 2, 3, 0)


def test_rows_are_those_of_the_whole():
    rng = np.random.default_rng(5)
    query, key, value = operands(rng, (7, 5))
    for causal, mask in itertools.product((False, True), (None, rng.random((2, 7, 5)) < 0.6)):
        given = {"causal": causal, "mask": mask, "causal_alignment": "bottom-right", "masked_row": "mean"}
        whole, rows = attention(query, key, value, **given), [6, 0, 3]
        np.testing.assert_allclose(attention(query, key, value, rows=rows, **given), whole[:, :, rows], atol=8 * EPS)
        seen = visible((1, 2, 7, 5), mask, causal, "bottom-right", rows)
        np.testing.assert_array_equal(seen, visible((1, 2, 7, 5), mask, causal, "bottom-right")[:, :, rows])


def test_blocks_of_queries_make_the_whole(monkeypatch):
    query, key, value = operands(np.random.default_rng(6), (7, 5), batch=2)
    mask = np.random.default_rng(7).random((2, 1, 7, 5)) < 0.6
    whole = attention(query, key, value, mask=mask, causal=True)
    monkeypatch.setattr(Call.blocks, "__defaults__", (60,))  # three queries at a time
    assert len([*arguments(query, key, value, None, False, None, None, "top-left", "zero", None).blocks()]) == 3
    np.testing.assert_allclose(attention(query, key, value, mask=mask, causal=True), whole, atol=8 * EPS)


@pytest.mark.parametrize(("alignment", "queries"), [("top-left", 7), ("bottom-right", 5), ("bottom-right", 7)])
@pytest.mark.parametrize("masked_row", ["zero", "mean"])
def test_causal_blocks_need_only_the_keys_that_they_see(monkeypatch, alignment, queries, masked_row):
    query, key, value = operands(np.random.default_rng(6), (queries, 6))
    given = {"causal_alignment": alignment, "masked_row": masked_row}
    as_mask = {**given, "mask": visible((1, 2, queries, 6), None, True, alignment)}
    monkeypatch.setattr(Call.blocks, "__defaults__", (12,))  # a query at a time
    call = arguments(query, key, value, None, True, None, None, alignment, masked_row, None)
    reach = [keys.stop for _, keys, _ in call.blocks()]
    offset = 0 if alignment == "top-left" else 6 - queries
    assert reach == [min(row + 1 + offset, 6) if row + offset >= 0 else 6 for row in range(queries)]
    for found, due in zip(
        (attention(query, key, value, causal=True, **given), *bound_of(query, key, value, causal=True, **given)),
        (attention(query, key, value, **as_mask), *bound_of(query, key, value, **as_mask)),
        strict=True,
    ):
        np.testing.assert_allclose(found, due, rtol=1e-9, atol=8 * EPS)


def bound_of(query, key, value, **given):
    """W and S in float32."""
    found = attention_bound(query, key, value, numerics=precision_classes("float32")[0][1], **given)
    return found.worst, found.statistical


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_what_is_masked_does_not_matter(poison):
    query, key, value = operands(np.random.default_rng(8))
    mask = np.arange(5) != 2
    expected = attention(query, key, value, mask=mask)
    key[:, :, 2], value[:, :, 2] = poison, poison
    np.testing.assert_array_equal(attention(query, key, value, mask=mask), expected)


def test_what_is_not_finite_follows_ieee_arithmetic():
    query, key, value = np.ones((1, 1, 1, 1)), np.array([0.0, 1]).reshape(1, 1, 2, 1), np.ones((1, 1, 2, 2))
    value[..., 0, 0] = np.inf
    np.testing.assert_array_equal(attention(query, key, value)[0, 0, 0], [np.inf, 1])
    assert np.isnan(attention(query, key * 1e4, value)[0, 0, 0, 0])  # a weight of 0 times infinity
    assert np.isnan(attention(query, key * np.nan, value)).all()
    assert np.isnan(attention(query, np.full_like(key, np.inf), value)).all()


def test_general_attention_takes_any_scores():
    rng = np.random.default_rng(9)
    scores, value = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))
    seen = np.tril(np.ones((3, 4), np.bool_))
    e = np.exp(scores) * seen
    np.testing.assert_allclose(general_attention(scores, value, seen), e @ value / e.sum(-1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": np.ones((1, 3, 5, 4)), "value": np.ones((1, 3, 5, 3))}, "divisor"),
        ({"mask": np.ones((3, 4), np.bool_)}, "mask has the shape"),
        ({"mask": np.ones((3, 5))}, "mask holds"),
        ({"causal_alignment": "middle"}, "causal_alignment"),
        ({"masked_row": "none"}, "masked_row"),
        ({"rows": [3]}, "rows"),
        ({"rows": [0.5]}, "rows"),
    ],
)
def test_malformed_arguments_are_refused(change, message):
    query, key, value = operands(np.random.default_rng(0))
    with pytest.raises(SpecError, match=message):
        attention(**{"query": query, "key": key, "value": value, **change})
