"""The bound of attention: right implementations within it, slightly larger errors beyond it, what each term is for."""

import functools
from dataclasses import replace

import ml_dtypes
import mpmath
import numpy as np
import pytest

from assay.conformance.variants import find, variants
from assay.oracle.attention import attention
from assay.oracle.attention_bound import attention_bound
from assay.oracle.rounding.numerics import Numerics, precision_classes

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
RIGHT = variants("attention", wrong=False)


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


def normal(rng, queries=16, keys=64, d=16, spread=1.0):
    query, key, value = (rng.normal(size=(1, 2, n, d)) for n in (queries, keys, keys))
    return query * spread, key, value


def structured(rng):
    """Draw inputs on which rounding errors go together: ties, sorted, constant, large, tiny, one dominant key."""
    for keys in (1, 3, 70):
        query, key, value = normal(rng, 5, keys, 8)
        yield query, key, value, {}
        yield 30 * query, key, value, {}
        yield np.full_like(query, 0.1), np.full_like(key, 0.1), np.full_like(value, 0.1), {}
        yield np.abs(query), np.sort(key, 2), np.sort(value, 2), {}
        yield np.ones_like(query), 0 * key + np.arange(keys)[:, None] / 512, np.sign(value), {}
        yield query, key[:, :, :1].repeat(keys, 2), value + 100, {}
        yield 1e-3 * query, key, 1e-6 * value, {"scale": 0.0}
        dominant = key.copy()
        dominant[:, :, keys // 2] = 8 * query[:, :, 0]
        yield query, dominant, value, {"scale": 1.0}
        yield query, key, value, {"causal": True, "scale": -0.5}
        yield query, key, value, {"mask": rng.random((1, 2, 5, keys)) < 0.2}


@functools.cache
def inputs_and_bounds(dtype, numerics, conventions):
    """Compute, once for all variants that declare the same: arrays, options, expected values, and how far they may be.

    Structured inputs are held to the worst case, normal ones to the statistical bound.
    """
    rng, found = np.random.default_rng(3), []
    for *arrays, options in structured(rng):
        arrays = [each.astype(DTYPES[dtype]) for each in arrays]
        for fast in (False, True):
            bound = attention_bound(*arrays, **options, **dict(conventions), numerics=numerics, fast=fast)
            found.append((arrays, options, bound.expected, bound.worst))
    for spread in (1, 8):
        arrays = [each.astype(DTYPES[dtype]) for each in normal(rng, spread=spread)]
        bound = attention_bound(*arrays, **dict(conventions), numerics=numerics)
        found.append((arrays, {}, bound.expected, bound.statistical))
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variant", RIGHT, ids=lambda each: each.name)
def test_right_implementations_stay_within_the_bounds(variant, dtype):
    numerics = held_to(dtype, variant.numerics.get(dtype))
    for arrays, options, expected, bound in inputs_and_bounds(dtype, numerics, tuple(variant.conventions.items())):
        assert_within(variant.function(*arrays, **options), expected, bound)


def assert_within(actual, expected, bound):
    np.testing.assert_array_equal(np.isnan(actual.astype(float)), np.isnan(expected))
    assert np.all((np.abs(actual.astype(float) - expected) <= bound) | np.isnan(expected))


# From the validation of the model: 0.2 to 0.5 in float32, where errors cancel; 0.5 where weights are rounded, too.
@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.15), ("bfloat16", 0.4), ("float16", 0.4)])
def test_bound_is_tight(dtype, least):
    arrays = [each.astype(DTYPES[dtype]) for each in normal(np.random.default_rng(4), 256)]
    bound = attention_bound(*arrays, numerics=held_to(dtype))
    ratios = [np.abs(each.function(*arrays).astype(float) - bound.expected) / bound.statistical for each in RIGHT[:13]]
    assert least < np.max(ratios) <= 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_class_1_is_little_more_than_one_rounding(dtype):
    arrays = [each.astype(DTYPES[dtype]) for each in normal(np.random.default_rng(4), 256)]
    bound = attention_bound(*arrays, numerics=precision_classes(dtype)[0][1])
    error = np.abs(find("attention-plain").function(*arrays).astype(float) - bound.expected)
    assert 0.95 < np.max(error / bound.statistical) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropped_key_and_wrong_scale_are_caught(dtype):
    query, key, value = (each.astype(DTYPES[dtype]).astype(float) for each in normal(np.random.default_rng(5), 64))
    bound = attention_bound(query, key, value, numerics=held_to(dtype))
    dropped = attention(query, key[:, :, 1:], value[:, :, 1:])
    assert np.any(np.abs(dropped - bound.expected) > bound.worst)
    scaled = attention(query, key, value, scale=1 / np.sqrt(17))  # of d_k + 1
    assert np.any(np.abs(scaled - bound.expected) > bound.statistical)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fast_form_agrees_with_the_full_one(dtype):
    arrays = [each.astype(DTYPES[dtype]).astype(float) for each in normal(np.random.default_rng(6), spread=3)]
    full, fast = (attention_bound(*arrays, numerics=held_to(dtype), fast=each) for each in (False, True))
    # The only difference but for rounding: half an ulp of a weight is taken as u p, up to twice as much.
    for name in ("worst", "statistical", "sigma", "coherent"):
        ratio = getattr(fast, name) / getattr(full, name)
        assert np.all((ratio > 0.99) & (ratio < (2.01 if dtype in ("bfloat16", "float16") else 1.01)))


def test_fast_form_is_left_where_float32_has_not_the_range():
    query, key, value = normal(np.random.default_rng(7), 4, 8)
    value[:, :, 0] *= 1e-30
    numerics = held_to("float64")
    full, fast = (attention_bound(query, key, value, numerics=numerics, fast=each) for each in (False, True))
    np.testing.assert_array_equal(fast.worst, full.worst)


def test_single_visible_key_leaves_a_few_roundings():
    query, key, value = normal(np.random.default_rng(8), spread=30)
    bound = attention_bound(query, key, value, mask=np.eye(16, 64, dtype=np.bool_), numerics=held_to("float32"))
    # The sum with its rescaling and the normaliser: 2 U each; the quotient 3 U; half an ulp U. No score is in it.
    assert np.all(bound.worst <= 9 * 2.0**-24 * np.abs(bound.expected) + 1e-37)


def test_rows_without_a_key():
    query, key, value = normal(np.random.default_rng(9), 3, 4)
    mask, numerics = np.zeros((3, 4), np.bool_), held_to("float32")
    zero, nan, mean = (
        attention_bound(query, key, value, mask=mask, masked_row=each, numerics=numerics)
        for each in ("zero", "nan", "mean")
    )
    assert np.all(zero.worst < 1e-44)  # half the smallest subnormal of float32
    assert np.isnan(nan.expected).all()
    assert np.all(mean.worst <= 100 * 2.0**-24 * np.abs(value).max())
    empty = attention_bound(query, key[:, :, :0], value[:, :, :0], numerics=numerics)
    assert not empty.expected.any()
    assert np.all(empty.worst < 1e-44)


def test_masked_poison_and_visible_poison():
    query, key, value = normal(np.random.default_rng(10), 3, 4)
    numerics, mask = held_to("float32"), np.array([True, True, False, True])
    expected = attention_bound(query, key, value, mask=mask, numerics=numerics)
    key[:, :, 2], value[:, :, 2] = np.nan, np.inf
    poisoned = attention_bound(query, key, value, mask=mask, numerics=numerics)
    # Errors of second order are taken at the largest value of the channel, masked or not.
    np.testing.assert_allclose(poisoned.worst, expected.worst, rtol=1e-4)
    value[:, :, 0, 0] = np.nan
    poisoned = attention_bound(query, key, value, mask=mask, numerics=numerics)
    assert np.isinf(poisoned.worst[..., 0]).all()
    np.testing.assert_allclose(poisoned.worst[..., 1:], expected.worst[..., 1:], rtol=1e-4)


@pytest.mark.parametrize(
    "declared",
    [
        {"scores": "bfloat16"},
        {"operands": "tensorfloat32"},
        {"statistics": "bfloat16"},
        {"probabilities": "bfloat16"},
        {"rounding": "toward-zero"},
        {"exp_error": 1024.0},
    ],
    ids=lambda each: next(iter(each)),
)
def test_declaration_widens_the_bound(declared):
    arrays, strict = normal(np.random.default_rng(11)), held_to("float32")
    narrow, wide = (attention_bound(*arrays, numerics=each) for each in (strict, replace(strict, **declared)))
    assert np.all(wide.worst > narrow.worst)
    assert np.all(wide.statistical > narrow.statistical)
    assert wide.rows_independent == ("operands" not in declared)


def test_blocks_of_products_tighten_the_bound():
    arrays, strict = normal(np.random.default_rng(12)), held_to("float32")
    assert np.all(attention_bound(*arrays, numerics=replace(strict, block=16)).worst <= worst_of(arrays, strict))


def worst_of(arrays, numerics):
    return attention_bound(*arrays, numerics=numerics).worst


def test_scores_far_beyond_the_first_order_reach_the_range_of_the_values():
    arrays = normal(np.random.default_rng(13), spread=1000)
    numerics = Numerics("float32", "float32", "float32", scores="float8_e5m2")
    widest = np.abs(arrays[2]).max(2, keepdims=True) + np.abs(attention(*arrays))
    assert np.all(worst_of(arrays, numerics) <= 1.001 * widest)
    assert np.all(worst_of(arrays, numerics) >= 0.1 * np.abs(attention(*arrays)))


def test_small_weights_beside_one_that_is_nearly_1_have_their_errors():
    """The variance is sum p^2 v (v_j - o)^2, where v_first - o cancels: here in 100 digits, with scores in float16.

    e^-23 of the other value is 10^-10 of the result; scores off by 2^-11 |s| change that by a hundredth.
    """
    query, key = np.full((1, 1, 1, 1), 1.0), np.array([14.0, -9.25, -9.5]).reshape(1, 1, 3, 1)
    value = np.array([-0.7305391705, 1.2, 0.4]).reshape(1, 1, 3, 1)
    bound = attention_bound(query, key, value, scale=1.0, numerics=held_to("float64", {"scores": "float16"}))
    with mpmath.workdps(100):
        e = [mpmath.exp(float(s)) for s in key.ravel()]
        p = [each / sum(e) for each in e]
        o = sum(a * float(b) for a, b in zip(p, value.ravel(), strict=True))
        terms = zip(p, key.ravel(), value.ravel(), strict=True)
        variance = sum((a * float(s) * 2.0**-11 * (float(b) - o)) ** 2 / 3 for a, s, b in terms)
    assert bound.sigma.item() == pytest.approx(float(mpmath.sqrt(2 * variance)), rel=1e-3)


def test_smallest_numbers_have_only_the_worst_case():
    query, key, value = normal(np.random.default_rng(14), 4, 8)
    bound = attention_bound(query, key, 1e-200 * value, numerics=held_to("float64"))
    assert np.all(bound.statistical >= 0.9 * bound.worst)
    scaled = worst_of((query, key, value), held_to("float64"))
    np.testing.assert_allclose(bound.worst / scaled, 1e-200, rtol=1.0)


def test_key_score_finds_the_wrong_weight_of_one_key():
    arrays = [each.astype(np.float16).astype(float) for each in normal(np.random.default_rng(15), 256, 48)]
    bound = attention_bound(*arrays, numerics=held_to("float16"))
    right = find("attention-tiled-16").function(*(each.astype(np.float16) for each in arrays)).astype(float)
    assert bound.tests["key"](right - bound.expected) == 0
    wrong = right + 0.001 * (attention(arrays[0], arrays[1][:, :, 1:], arrays[2][:, :, 1:]) - bound.expected)
    assert np.all(np.abs(wrong - bound.expected) <= bound.worst)
    assert bound.tests["key"](wrong - bound.expected) > 7


def test_rows_and_temperature():
    arrays, numerics = normal(np.random.default_rng(16), 6, 9), held_to("float32")
    whole = attention_bound(*arrays, causal=True, numerics=numerics)
    part = attention_bound(*arrays, causal=True, rows=[4, 1], numerics=numerics)
    np.testing.assert_allclose(part.worst, whole.worst[:, :, [4, 1]], rtol=1e-12)
    step, scale = 1e-6, 0.25
    change = attention(*arrays, causal=True, scale=scale * (1 + step)) - whole.expected
    np.testing.assert_allclose(change / step, whole.sensitivities["temperature"], atol=1e-5)
