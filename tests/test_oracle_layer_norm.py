"""Layer normalisation: its bound against right variants and slight bugs."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.layer_norm import layer_norm
from assay.oracle.layer_norm_bound import error_of_root, errors_of_moments, layer_norm_bound, layer_norm_vjp_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
REGIMES = {
    "random": lambda x: x,
    "constant": lambda x: np.full_like(x, 1 / 3),
    "sorted": lambda x: np.sort(x, -1),
    "tiny": lambda x: x * 1e-4,
    "large": lambda x: x * 1000,
    "zero": lambda x: x * 0,
    "mean 100": lambda x: x + 100,
    "mean 40000": lambda x: x + 40000,
    "tiny about 100": lambda x: x * 1e-3 + 100,
    "outlier": lambda x: np.where(np.arange(x.shape[-1]) == 0, 3000, x),
}


def case(seed, regime="random", dtype=np.float64, d=64):
    """Draw a tensor in the regime, gain and bias."""
    rng = np.random.default_rng(seed)
    arrays = REGIMES[regime](rng.standard_normal((3, 4, d))), rng.standard_normal(d), rng.standard_normal(d)
    return [each.astype(dtype) for each in arrays]


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("variant", variants("layer_norm", wrong=False), ids=lambda each: each.name)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 8, 300])
def test_a_right_variant_is_within_the_bound(variant, regime, dtype, d):
    """Within W always, within S on random inputs."""
    arguments = case(d, regime, DTYPES[dtype], d)
    bound = layer_norm_bound(*arguments, numerics=held_to(dtype, variant.numerics.get(dtype)))
    error = np.abs(variant.function(*arguments).astype(np.float64) - bound.expected)

    assert np.all(error <= (bound.statistical if regime == "random" else bound.worst))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("d", [1, 8, 300])
def test_a_folded_gain_is_within_the_bound(regime, d):
    """As x (gain r) + (bias - mu gain r), in float32."""
    x, gain, bias = case(d, regime, np.float32, d)
    mu = x.mean(-1, keepdims=True)
    scale = gain / np.sqrt(np.square(x - mu).mean(-1, keepdims=True) + np.float32(1e-5))
    y = x * scale + (bias - mu * scale)
    bound = layer_norm_bound(x, gain, bias, numerics=held_to("float32"))

    assert np.all(np.abs(y - bound.expected) <= bound.worst)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_statistics_of_16_bits_are_beyond_the_bound_unless_declared(dtype):
    """Mean and variance rounded to the format of x."""
    x, gain, bias = case(1, dtype=DTYPES[dtype])
    x = (x + 3).astype(DTYPES[dtype])
    wide = x.astype(np.float32)
    mu = wide.mean(-1, keepdims=True).astype(x.dtype).astype(np.float32)
    v = np.square(wide - mu).mean(-1, keepdims=True).astype(x.dtype).astype(np.float32)
    y = ((wide - mu) / np.sqrt(v + np.float32(1e-5)) * gain.astype(np.float32) + bias.astype(np.float32)).astype(
        x.dtype
    )
    silent = layer_norm_bound(x, gain, bias, numerics=held_to(dtype))
    declared = layer_norm_bound(x, gain, bias, numerics=held_to(dtype, {"statistics": dtype}))

    assert np.any(np.abs(y.astype(np.float64) - silent.expected) > silent.worst)
    assert np.all(np.abs(y.astype(np.float64) - declared.expected) <= declared.worst)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The variance over d - 1; epsilon outside the root, of rows whose deviation is 0.1; a result 1/50 too large."""
    x, gain, bias = case(2, dtype=DTYPES[dtype])
    x = (x.astype(np.float64) / 10).astype(x.dtype)
    bound = layer_norm_bound(x, gain, bias, numerics=held_to(dtype))
    wide = x.astype(np.float64)
    deviation = wide.std(-1, keepdims=True)
    for root in (np.sqrt(wide.var(-1, ddof=1, keepdims=True) + 1e-5), deviation + 1e-5, deviation / 1.02):
        z = (wide - wide.mean(-1, keepdims=True)) / root
        wrong = gain.astype(np.float64) * z + bias.astype(np.float64)
        assert np.any(np.abs(wrong - bound.expected) > bound.statistical)


def test_a_variance_of_one_pass_is_beyond_the_bound_unless_declared():
    """In float32, where the mean is 300 deviations."""
    x, gain, bias = case(3, dtype=np.float32)
    x = x + np.float32(300)
    mu = x.mean(-1, keepdims=True)
    v = np.square(x).mean(-1, keepdims=True) - mu**2
    y = gain * (x - mu) / np.sqrt(v + np.float32(1e-5)) + bias
    silent = layer_norm_bound(x, gain, bias, numerics=held_to("float32"))
    declared = layer_norm_bound(x, gain, bias, numerics=held_to("float32", {"variance": "one-pass"}))

    assert np.any(np.abs(y - silent.expected) > silent.worst)
    assert np.all(np.abs(y - declared.expected) <= declared.worst)


def test_a_difference_that_may_be_negative_is_cut_at_zero():
    """So that the bound of a declared one-pass variance is finite: of a constant row, and of a close one."""
    declared = held_to("float32", {"variance": "one-pass"})
    for row in (np.full(8, 0.1), np.linspace(4e4, 4e4 + 1e-2, 8)):
        bound = layer_norm_bound(row[None].astype(np.float32), np.ones(8), np.zeros(8), numerics=declared)
        assert np.all(np.isfinite(bound.worst))


def test_a_gradient_without_its_variance_is_within_the_bound_where_the_variance_may_be_cut():
    """v just below its error, and taken as 0: nothing comes back through it. 1/2 more is beyond the bound."""
    declared = held_to("float32", {"variance": "one-pass"})
    ones, zeros, g = np.ones(2, np.float32), np.zeros(2, np.float32), np.array([[1.0, -1.0]])
    error = errors_of_moments(np.ones((1, 2)), declared)[1].error.item()
    x = 1 + np.sqrt(0.9 * error) * np.array([[1.0, -1.0]], np.float32)
    bound = layer_norm_vjp_bound(g, x, ones, zeros, numerics=declared)["x"]
    off = np.abs((g - g.mean(-1, keepdims=True)) / np.sqrt(1e-5) - bound.expected)

    assert np.all(off <= bound.worst)
    assert np.all(1.5 * off > bound.worst)


@pytest.mark.parametrize("error", [1e-8, 1e-6, 1e-4], ids=["small", "as large as v", "large"])
def test_the_error_of_the_root_is_the_larger_of_both_sides(error):
    """Where only epsilon is left of v + epsilon, 1/sqrt(v + epsilon) can fall by more than it can rise."""
    v, epsilon = np.array([1e-6]), 1e-6
    rho = error_of_root(v, np.array([error]), epsilon, held_to("float64"))
    moved = [np.sqrt((v + epsilon) / (np.maximum(v + e, 0) + epsilon)) - 1 for e in (-error, error)]
    largest = np.max(np.abs(moved))

    assert largest <= rho <= largest * (1 + 1e-6)


@pytest.mark.parametrize(
    ("x", "epsilon", "declared"),
    [
        (np.full((1, 8), 0.1), 0.0, {}),
        (np.linspace(-1e30, 1e30, 8)[None], 1e-5, {}),
        (np.linspace(-1e-6, 1e-6, 8)[None], 1e-12, {"statistics": "float16"}),
    ],
    ids=["0/0", "squares overflow", "1/sqrt(v) overflows"],
)
def test_what_no_implementation_can_be_held_to_has_no_bound(x, epsilon, declared):
    """W is infinite, never NaN."""
    numerics = held_to("float32", declared)
    bound = layer_norm_bound(x.astype(np.float32), np.ones(8), np.zeros(8), epsilon=epsilon, numerics=numerics)

    assert np.all(np.isinf(bound.worst) | np.isnan(bound.expected))


def test_an_empty_batch_gives_an_empty_result():
    """Of the right shape; one axis is enough."""
    x, gain, bias = case(4)

    assert layer_norm(x[:0], gain, bias).shape == (0, 4, 64)
    assert layer_norm(x[0, 0], gain, bias).shape == (64,)
    assert layer_norm_bound(x[:, :0], gain, bias, numerics=held_to("float16")).worst.shape == (3, 0, 64)


def test_what_the_formula_does_not_define_is_refused():
    """The sentence names the argument."""
    x, gain, bias = case(5)

    with pytest.raises(SpecError, match="epsilon is -1e-05"):
        layer_norm(x, gain, bias, epsilon=-1e-5)
    with pytest.raises(SpecError, match="at least one channel"):
        layer_norm(x[..., :0], gain[:0], bias[:0])


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.2), ("float32", 0.1)])
def test_a_mean_that_is_computed_twice_errs_as_the_variance_says(dtype, least):
    """Of 16-bit inputs the roundings of the second sum go to one side, and the deviation grows with sqrt(n)."""
    numerics = precision_classes(dtype)[0][1]
    x = np.random.default_rng(1).uniform(-1, 1, (200, 2048)).astype(dtype).astype(np.float32)
    first = np.add.accumulate(x, -1)[..., -1:] / np.float32(2048)
    twice = first + np.add.accumulate(x - first, -1)[..., -1:] / np.float32(2048)

    of_mu, _ = errors_of_moments(x.astype(float), numerics)
    error = np.abs(twice - x.astype(float).mean(-1, keepdims=True))

    assert (error <= of_mu.error).all()
    assert (error <= 6 * np.sqrt(of_mu.variance)).all()
    assert np.sqrt(np.mean(error**2 / of_mu.variance)) > least


@pytest.mark.parametrize(("deviations", "within"), [(1, True), (12, False)])
def test_a_mean_that_is_further_off_is_beyond_the_bound(deviations, within):
    """In elements near zero, which a format of 16 bits rounds finely."""
    numerics = precision_classes("float16")[0][1]
    x = np.random.default_rng(2).uniform(-1, 1, (50, 2048)).astype(np.float16).astype(float)
    gain, bias = np.ones(2048), np.zeros(2048)
    bound = layer_norm_bound(x, gain, bias, numerics=numerics)
    of_mu, _ = errors_of_moments(x, numerics)
    moved = (x - x.mean(-1, keepdims=True) + deviations * np.sqrt(of_mu.variance)) / np.sqrt(
        x.var(-1, keepdims=True) + 1e-5
    )

    assert (np.abs(moved.astype(np.float16) - bound.expected) <= bound.statistical).all() == within
