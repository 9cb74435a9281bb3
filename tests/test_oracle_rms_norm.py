"""Root mean square normalisation: its bounds against right variants, slight bugs, and the limits of the formats."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.rms_norm import bias_of_squares, rms_norm, rms_norm_bound, rms_norm_vjp, rms_norm_vjp_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
REGIMES = {
    "random": lambda x: x,
    "constant": lambda x: np.full_like(x, 1 / 3),
    "sorted": lambda x: np.sort(x, -1),
    "tiny": lambda x: x * 1e-4,
    "subnormal": lambda x: x * 1e-7,
    "large": lambda x: x * 3000,
    "zero": lambda x: x * 0,
    "mean 100": lambda x: x + 100,
    "outlier": lambda x: np.where(np.arange(x.shape[-1]) == 0, 30000, x),
}


def case(seed, regime="random", dtype=np.float64, d=64):
    """Draw a tensor in the regime, and a gain."""
    rng = np.random.default_rng(seed)
    return [each.astype(dtype) for each in (REGIMES[regime](rng.standard_normal((3, 4, d))), rng.standard_normal(d))]


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("variant", variants("rms_norm", wrong=False), ids=lambda each: each.name)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 8, 300])
def test_a_right_variant_is_within_the_bound(variant, dtype, d):
    """Its values or its gradients: within W always, within S on random inputs."""
    for regime in REGIMES:
        x, gain = case(d, regime, DTYPES[dtype], d)
        numerics, conventions = held_to(dtype), dict(variant.conventions)
        if variant.vjp:
            g = case(d + 1, "random", x.dtype, d)[0]
            actual = dict(zip(("x", "gain"), variant.vjp(g, x, gain), strict=True))
            bounds = rms_norm_vjp_bound(g, x, gain, **conventions, numerics=numerics)
        else:
            actual = {"": variant.function(x, gain)}
            bounds = {"": rms_norm_bound(x, gain, **conventions, numerics=numerics)}
        for name, bound in bounds.items():
            error = np.abs(actual[name].astype(np.float64) - bound.expected)
            assert np.all(error <= (bound.statistical if regime == "random" else bound.worst)), regime


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The sum over d - 1; epsilon outside the root, of rows whose root mean square is 0.01; a result 1/50 too large."""
    x, gain = case(2, dtype=DTYPES[dtype])
    x = (x.astype(np.float64) / 100).astype(x.dtype)
    bound = rms_norm_bound(x, gain, numerics=held_to(dtype))
    wide = x.astype(np.float64)
    q = np.square(wide).mean(-1, keepdims=True)
    for root in (np.sqrt(q * 64 / 63 + 1e-6), np.sqrt(q) + 1e-6, np.sqrt(q) / 1.02):
        wrong = gain.astype(np.float64) * wide / root
        assert np.any(np.abs(wrong - bound.expected) > bound.statistical)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_row_rounded_first_is_within_its_own_bound_alone(dtype):
    x, gain = case(3, dtype=DTYPES[dtype])
    (before,) = (each for each in variants("rms_norm") if each.name == "rms-norm-cast-before")
    after, own = (rms_norm_bound(x, gain, rms_cast=cast, numerics=held_to(dtype)) for cast in ("after", "before"))
    error = np.abs(before.function(x, gain).astype(np.float64) - own.expected)

    assert np.any(error > after.worst)
    assert np.all(error <= own.worst)
    # Half an ulp of the row, times the gain: at most as much as the rounding of the product, twice.
    assert np.all(own.worst <= 4 * after.worst)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_row_that_is_rounded_to_the_accumulator_s_format_has_no_bound_of_its_own(dtype):
    x, gain = case(4, dtype=DTYPES[dtype])
    after, before = (rms_norm_bound(x, gain, rms_cast=cast, numerics=held_to(dtype)) for cast in ("after", "before"))

    assert np.array_equal(after.worst, before.worst)
    wide = held_to("float32", {"accumulate": "float64"})
    one, other = (rms_norm_bound(x, gain, rms_cast=cast, numerics=wide) for cast in ("after", "before"))
    assert np.all(one.worst < other.worst)


def test_an_offset_rounded_to_16_bits_is_beyond_the_bound():
    x, gain = case(5, dtype=ml_dtypes.bfloat16)
    bound = rms_norm_bound(x, gain, rms_gain="one_plus_w", numerics=held_to("bfloat16"))
    narrow = (1 + gain.astype(np.float32)).astype(gain.dtype).astype(np.float64)
    wrong = rms_norm(x, narrow)

    assert np.any(np.abs(wrong - bound.expected) > bound.worst)


def test_the_gradient_of_the_offset_gain_is_that_of_the_factor():
    x, gain = case(6)
    g = case(7)[0]
    of_x, of_gain = rms_norm_vjp(g, x, gain, rms_gain="one_plus_w")

    assert np.array_equal(of_x, rms_norm_vjp(g, x, 1 + gain)[0])
    assert np.array_equal(of_gain, rms_norm_vjp(g, x, gain)[1])


def test_squares_overflow_the_accumulator_and_no_other_format():
    """In float16 300^2 is infinite, and the sums of a 16-bit row are in float32."""
    x, gain = np.full((1, 8), 300.0), np.ones(8)

    assert np.all(np.isfinite(rms_norm_bound(x, gain, numerics=held_to("float16")).worst))
    narrow = held_to("float16", {"accumulate": "float16"})
    assert np.all(np.isinf(rms_norm_bound(x, gain, numerics=narrow).worst))
    assert np.all(np.isinf(rms_norm_bound(x * 1e20, gain, numerics=held_to("float32")).worst))
    assert np.all(np.isinf(rms_norm_vjp_bound(x, x * 1e20, gain, numerics=held_to("float32"))["x"].worst))


def test_the_bound_grows_without_limit_where_nothing_is_left_under_the_root():
    """Squares that may be flushed to zero, without an epsilon; with one the bound is finite."""
    x, gain = np.full((1, 8), 1e-20), np.ones(8)

    assert np.all(np.isinf(rms_norm_bound(x, gain, epsilon=0, numerics=held_to("float32")).worst))
    assert np.all(rms_norm_bound(x, gain, numerics=held_to("float32")).worst < 1e-20)
    zero = rms_norm_bound(0 * x, gain, epsilon=0, numerics=held_to("float32"))
    assert np.all(np.isnan(zero.expected))
    assert np.all(np.isinf(zero.worst))


def test_a_cube_of_the_root_that_is_flushed_is_within_the_bound():
    """The way back through r^3 = 2^-150, which float32 flushes: nothing is left of z mean(a z)."""
    x, gain = np.array([[2.0**50, -(2.0**50)]]), np.ones(2)
    g = np.array([[1.0, 0.5]])
    bound = rms_norm_vjp_bound(g, x, gain, numerics=held_to("float32"))["x"]

    assert np.all(np.abs(g * 2.0**-50 - bound.expected) <= bound.worst)
    moderate = rms_norm_vjp_bound(g, x * 2.0**-40, gain, numerics=held_to("float32"))["x"]
    assert np.all(moderate.worst < 1e-5 * np.abs(moderate.expected).max())


def test_what_is_declared_of_the_root_widens_the_bound():
    """A mean square that is kept in 16 bits, and a sum that is truncated, which errs to one side."""
    x, gain = case(8, dtype=np.float16)
    plain = rms_norm_bound(x, gain, numerics=held_to("float16"))

    assert np.all(rms_norm_bound(x, gain, numerics=held_to("float16", {"statistics": "float16"})).worst > plain.worst)
    x, gain = case(8, dtype=np.float32)  # of few bits, squares have a bias of their own
    plain = rms_norm_bound(x, gain, numerics=held_to("float32"))
    truncated = rms_norm_bound(x, gain, numerics=replace(held_to("float32"), rounding="toward-zero"))
    assert np.all(truncated.coherent > 10 * plain.coherent)


def test_an_empty_batch_gives_an_empty_result():
    x, gain = case(9)

    assert rms_norm(x[:0], gain).shape == (0, 4, 64)
    assert rms_norm(x[0, 0], gain).shape == (64,)
    assert rms_norm_bound(x[:, :0], gain, numerics=held_to("float16")).worst.shape == (3, 0, 64)
    empty = rms_norm_vjp_bound(x[:, :0], x[:, :0], gain, numerics=held_to("float16"))
    assert np.array_equal(empty["gain"].expected, np.zeros(64))


def test_what_the_formula_does_not_define_is_refused():
    """The sentence names the argument."""
    x, gain = case(10)

    with pytest.raises(SpecError, match="gain has the shape"):
        rms_norm(x, gain[1:])
    with pytest.raises(SpecError, match="epsilon is -1e-06"):
        rms_norm(x, gain, epsilon=-1e-6)
    with pytest.raises(SpecError, match="at least one channel"):
        rms_norm(x[..., :0], gain[:0])
    with pytest.raises(SpecError, match="rms_gain is 'v', but should be 'w' or 'one_plus_w'"):
        rms_norm_bound(x, gain, rms_gain="v", numerics=held_to("float64"))
    with pytest.raises(SpecError, match="rms_cast is 'never', but should be 'after' or 'before'"):
        rms_norm_vjp(x, x, gain, rms_cast="never")
    with pytest.raises(SpecError, match="cotangent has the shape"):
        rms_norm_vjp(x[0], x, gain)


def test_the_sum_of_65536_squares_of_few_bits_errs_to_one_side_as_far_as_is_said_and_a_little_more_is_caught():
    """One after another in float32: by ten deviations, upwards with every seed, and by less than half of the bias."""
    n, numerics = 65_536, held_to("bfloat16")
    bias = bias_of_squares(n, numerics)
    for seed in range(4):
        x = np.random.default_rng(seed).standard_normal((1, n)).astype(ml_dtypes.bfloat16)
        squares = np.square(x.astype(np.float32))
        off = np.add.accumulate(squares, -1)[0, -1] / squares.sum(dtype=np.float64) - 1
        assert 6 * numerics.unit * np.sqrt(n) / 3 < off < bias / 2

    bound = rms_norm_bound(x, np.ones(n), numerics=numerics)
    inside = np.abs(bound.expected) * (1 + 0.4 * bias)
    outside = np.abs(bound.expected) * (1 + 1.5 * bias) + 2 * bound.half_ulp
    assert np.all(inside - np.abs(bound.expected) < bound.statistical)
    assert np.all(outside - np.abs(bound.expected) > bound.statistical)


def test_sums_that_are_exact_have_no_bias():
    assert bias_of_squares(512, held_to("bfloat16")) == 0
    assert bias_of_squares(1024, held_to("bfloat16")) > 0
    assert bias_of_squares(10**6, held_to("float32")) < 2.0**-24
