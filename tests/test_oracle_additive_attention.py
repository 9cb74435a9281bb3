"""Additive attention and its bound: right implementations, slightly larger errors."""

import sys

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.additive_attention import additive_attention, additive_attention_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
RIGHT = variants("additive_attention", wrong=False)


def operands(rng, lengths=(4, 6), d_a=5, spread=1.0):
    queries, keys = lengths
    shapes = (2, queries, 3), (2, keys, 4), (2, keys, 7), (3, d_a), (4, d_a), (d_a,)
    return [rng.normal(size=shape) * (spread if n < 2 else 1) for n, shape in enumerate(shapes)]


def test_blocks_of_queries_make_the_whole(monkeypatch):
    arrays = operands(np.random.default_rng(1), (7, 6))
    numerics = precision_classes("float32")[-1][1]
    whole = additive_attention_bound(*arrays, numerics=numerics)
    monkeypatch.setattr(
        sys.modules["assay.oracle.additive_attention"], "BLOCK", 2 * 6 * 5 * 3
    )  # three queries at a time
    np.testing.assert_allclose(additive_attention(*arrays), whole.expected, rtol=1e-13)
    np.testing.assert_allclose(additive_attention_bound(*arrays, numerics=numerics).worst, whole.worst, rtol=1e-12)


@pytest.mark.parametrize(("masked_row", "held"), [("zero", 0), ("nan", np.nan), ("mean", 0)])
def test_no_keys_and_no_queries(masked_row, held):
    rng = np.random.default_rng(2)
    arrays, numerics = operands(rng, (4, 0)), precision_classes("float32")[-1][1]
    np.testing.assert_array_equal(additive_attention(*arrays, masked_row=masked_row), np.full((2, 4, 7), held))
    assert additive_attention_bound(*arrays, masked_row=masked_row, numerics=numerics).worst.shape == (2, 4, 7)
    assert additive_attention_bound(*operands(rng, (0, 6)), numerics=numerics).worst.shape == (2, 0, 7)


def test_an_unknown_convention_is_refused():
    arrays = operands(np.random.default_rng(3))
    with pytest.raises(SpecError, match="masked_row"):
        additive_attention(*arrays, masked_row="none")


def structured(rng):
    """Draw inputs on which rounding errors go together: large, tiny, ties, constant, sorted."""
    for lengths in ((3, 1), (4, 50)):
        arrays = operands(rng, lengths, 16)
        yield arrays
        yield operands(rng, lengths, 16, spread=10)
        yield operands(rng, lengths, 16, spread=1e-3)
        yield [arrays[0], arrays[1][:, :1].repeat(lengths[1], 1), *arrays[2:]]
        yield [np.full_like(each, 0.3) for each in arrays]
        yield [np.sort(np.abs(each), axis=-2 if each.ndim > 1 else 0) for each in arrays]


def by_steps(query, key, value, w_query, w_key, v, dtype):
    """Float32 arithmetic, each tensor stored in the format of the input."""

    def stored(x):
        return x.astype(dtype).astype(np.float32)

    query, key, value, w_query, w_key, v = (each.astype(np.float32) for each in (query, key, value, w_query, w_key, v))
    a = stored(stored(query @ w_query)[:, :, None] + stored(key @ w_key)[:, None])
    s = stored(stored(np.tanh(a)) @ v)
    e = np.exp(s - s.max(-1, keepdims=True))
    return (stored(e / e.sum(-1, keepdims=True)) @ value).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_right_implementations_stay_within_the_bounds(dtype):
    rng, numerics = np.random.default_rng(4), precision_classes(dtype)[-1][1]
    implementations = [each.function for each in RIGHT]
    if dtype in ("bfloat16", "float16"):
        implementations.append(lambda *arrays: by_steps(*arrays, DTYPES[dtype]))
    for arrays in structured(rng):
        given = [each.astype(DTYPES[dtype]) for each in arrays]
        bound = additive_attention_bound(*given, numerics=numerics)
        for function in implementations:
            assert np.all(np.abs(function(*given).astype(float) - bound.expected) <= bound.worst)
    given = [each.astype(DTYPES[dtype]) for each in operands(rng, (64, 40), 16)]
    bound = additive_attention_bound(*given, numerics=numerics)
    ratios = [
        np.abs(function(*given).astype(float) - bound.expected) / bound.statistical for function in implementations
    ]
    # In float64, the plain one is the oracle itself.
    assert {"float64": 0, "float32": 0.03, "bfloat16": 0.3, "float16": 0.3}[dtype] <= np.max(ratios) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropped_key_is_caught(dtype):
    given = [each.astype(DTYPES[dtype]).astype(float) for each in operands(np.random.default_rng(5), (8, 20))]
    bound = additive_attention_bound(*given, numerics=precision_classes(dtype)[-1][1])
    query, key, value, *weights = given
    dropped = additive_attention(query, key[:, 1:], value[:, 1:], *weights)
    assert np.any(np.abs(dropped - bound.expected) > bound.worst)


def test_hidden_format_widens_the_bound():
    arrays = operands(np.random.default_rng(6))
    first, second = (additive_attention_bound(*arrays, numerics=each) for _, each in precision_classes("bfloat16"))
    assert np.all(second.worst > first.worst)
    assert first.rows_independent
    assert not second.rows_independent
