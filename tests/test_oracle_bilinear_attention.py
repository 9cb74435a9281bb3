"""Bilinear attention and its bound: right implementations, slightly larger errors."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.bilinear_attention import bilinear_attention, bilinear_attention_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
RIGHT = variants("bilinear_attention", wrong=False)


def operands(rng, lengths=(4, 6), d=(3, 5), spread=1.0):
    (queries, keys), (d_q, d_k) = lengths, d
    shapes = (2, queries, d_q), (2, keys, d_k), (2, keys, 7), (d_q, d_k)
    scales = spread, 1, 1, (d_q * d_k) ** -0.5
    return [rng.normal(size=shape) * scale for shape, scale in zip(shapes, scales, strict=True)]


@pytest.mark.parametrize(("masked_row", "held"), [("zero", 0), ("nan", np.nan), ("mean", 0)])
def test_no_keys_and_no_queries(masked_row, held):
    rng = np.random.default_rng(2)
    arrays, numerics = operands(rng, (4, 0)), precision_classes("float32")[-1][1]
    np.testing.assert_array_equal(bilinear_attention(*arrays, masked_row=masked_row), np.full((2, 4, 7), held))
    assert bilinear_attention_bound(*arrays, masked_row=masked_row, numerics=numerics).worst.shape == (2, 4, 7)
    assert bilinear_attention_bound(*operands(rng, (0, 6)), numerics=numerics).worst.shape == (2, 0, 7)


def test_an_unknown_convention_is_refused():
    query, key, value, w = operands(np.random.default_rng(3))
    with pytest.raises(SpecError, match="masked_row"):
        bilinear_attention(query, key, value, w, masked_row="none")


def structured(rng):
    """Draw inputs on which rounding errors go together: large, tiny, ties, constant, sorted; a wide and a narrow W."""
    for lengths, d in (((3, 1), (1, 1)), ((4, 50), (2, 48)), ((4, 50), (48, 2))):
        query, key, value, w = operands(rng, lengths, d)
        yield query, key, value, w
        yield 10 * query, key, value, w
        yield 1e-3 * query, key, 1e-3 * value, w
        yield query, key[:, :1].repeat(lengths[1], 1), value, w
        yield tuple(np.full_like(each, 0.3) for each in (query, key, value, w))
        yield tuple(np.sort(np.abs(each), axis=-2) for each in (query, key, value, w))


def by_steps(query, key, value, w, dtype, *, key_first):
    """Float32 arithmetic, each tensor stored in the format of the input."""

    def stored(x):
        return x.astype(dtype).astype(np.float32)

    query, key, value, w = (each.astype(np.float32) for each in (query, key, value, w))
    k_t = key.swapaxes(-1, -2)
    s = stored(query @ stored(w @ k_t)) if key_first else stored(stored(query @ w) @ k_t)
    e = np.exp(s - s.max(-1, keepdims=True))
    return (stored(e / e.sum(-1, keepdims=True)) @ value).astype(dtype)


def implementations(dtype):
    yield from (each.function for each in RIGHT)
    if dtype in ("bfloat16", "float16"):
        yield lambda *arrays: by_steps(*arrays, DTYPES[dtype], key_first=False)
        yield lambda *arrays: by_steps(*arrays, DTYPES[dtype], key_first=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_right_implementations_stay_within_the_bounds(dtype):
    rng, numerics = np.random.default_rng(4), precision_classes(dtype)[-1][1]
    for arrays in structured(rng):
        given = [each.astype(DTYPES[dtype]) for each in arrays]
        bound = bilinear_attention_bound(*given, numerics=numerics)
        for function in implementations(dtype):
            assert np.all(np.abs(function(*given).astype(float) - bound.expected) <= bound.worst)
    given = [each.astype(DTYPES[dtype]) for each in operands(rng, (64, 40), (16, 16))]
    bound = bilinear_attention_bound(*given, numerics=numerics)
    ratios = [np.abs(function(*given).astype(float) - bound.expected) for function in implementations(dtype)]
    # Far enough from zero that the bound is no vacuous one.
    least = {"float64": 0.05, "float32": 0.05, "bfloat16": 0.3, "float16": 0.3}[dtype]
    assert least <= np.max(ratios / bound.statistical) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropped_key_is_caught(dtype):
    given = [each.astype(DTYPES[dtype]).astype(float) for each in operands(np.random.default_rng(5), (8, 20))]
    bound = bilinear_attention_bound(*given, numerics=precision_classes(dtype)[-1][1])
    query, key, value, w = given
    dropped = bilinear_attention(query, key[:, 1:], value[:, 1:], w)
    assert np.any(np.abs(dropped - bound.expected) > bound.worst)


def test_hidden_format_widens_the_bound():
    arrays = operands(np.random.default_rng(6))
    first, second = (bilinear_attention_bound(*arrays, numerics=each) for _, each in precision_classes("bfloat16"))
    assert np.all(second.worst > first.worst)
    assert first.rows_independent
    assert not second.rows_independent


def test_numbers_beyond_the_hidden_format_have_no_bound():
    # float16 ends at 65504: where the projected query is stored in it, what comes after is anything.
    arrays = operands(np.random.default_rng(7), spread=1e6)
    bound = bilinear_attention_bound(*arrays, numerics=precision_classes("float16")[-1][1])
    assert np.all(bound.worst >= np.abs(bound.expected) * 0.5)


@pytest.mark.parametrize(("bits", "least", "most"), [(24, 0.1, 1), (20, 1, 20)])
def test_a_score_may_be_one_sum_and_a_coarser_one_is_caught(bits, least, most):
    """Products of three, added up one after another; 4 bits less than float32 has are too few."""
    numerics = precision_classes("float32")[-1][1]
    query, key, value, w = (
        each.astype(np.float32) for each in operands(np.random.default_rng(8), (16, 20), (24, 24), spread=3)
    )

    def kept(x):
        exponent = np.frexp(x)[1]
        return np.ldexp(np.round(np.ldexp(x, bits - exponent)), exponent - bits)

    terms = (query[:, :, None, :, None] * w) * key[:, None, :, None, :]
    s = np.zeros(terms.shape[:3], np.float32)
    for term in np.moveaxis(terms.reshape(*s.shape, -1), -1, 0):
        s = kept(s + term)
    e = np.exp(s - s.max(-1, keepdims=True))
    bound = bilinear_attention_bound(query, key, value, w, numerics=numerics)
    error = np.abs((e / e.sum(-1, keepdims=True)) @ value - bound.expected)
    assert least < np.max(error / bound.statistical) <= most
