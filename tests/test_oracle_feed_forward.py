"""The feed-forward network: its bound against right variants and slight bugs."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.feed_forward import (
    feed_forward,
    feed_forward_as_convolutions,
    feed_forward_bound,
    feed_forward_vjp,
    feed_forward_vjp_bound,
)
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
REGIMES = {
    "random": lambda x: x,
    "constant": lambda x: np.full_like(x, 1 / 3),
    "sorted": lambda x: np.sort(x, -1),
    "tiny": lambda x: x * 1e-6,
    "large": lambda x: x * 100,
    "zero": lambda x: x * 0,
}


def case(seed, regime="random", dtype=np.float64, batch=2, length=3, d_model=16, d_ff=40):
    """Arguments whose hidden layer and result are of the order of 1, if x is; in the regime is x and the biases."""
    rng, change = np.random.default_rng(seed), REGIMES[regime]
    x = change(rng.standard_normal((batch, length, d_model)))
    w_1 = rng.standard_normal((d_model, d_ff)) / np.sqrt(d_model)
    b_1 = change(rng.standard_normal(d_ff))
    w_2 = rng.standard_normal((d_ff, d_model)) / np.sqrt(d_ff)
    b_2 = change(rng.standard_normal(d_model))
    return [each.astype(dtype) for each in (x, w_1, b_1, w_2, b_2)]


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("function", [feed_forward, feed_forward_as_convolutions])
@pytest.mark.parametrize("empty", ["batch", "length", "d_ff"])
def test_nothing_gives_an_empty_result_or_the_bias(function, empty):
    """Without hidden units the result is b_2."""
    arguments = case(1, **{empty: 0})
    y = function(*arguments)

    assert y.shape == arguments[0].shape
    assert np.array_equal(y, np.broadcast_to(arguments[4], y.shape))
    assert feed_forward_bound(*arguments, numerics=held_to("bfloat16")).worst.shape == y.shape


@pytest.mark.parametrize("variant", variants("feed_forward", wrong=False), ids=lambda each: each.name)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d_ff", [1, 40, 200])
def test_a_right_variant_is_within_the_bound(variant, regime, dtype, d_ff):
    """Within W always, within S on random inputs."""
    arguments = case(d_ff, regime, DTYPES[dtype], d_ff=d_ff)
    bound = feed_forward_bound(*arguments, numerics=held_to(dtype, variant.numerics.get(dtype)))
    error = np.abs(variant.function(*arguments).astype(np.float64) - bound.expected)

    assert np.all(error <= (bound.statistical if regime == "random" else bound.worst))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_product_that_is_rounded_before_its_bias_is_within_the_bound(dtype):
    """As in a framework that makes two operations of it."""
    x, w_1, b_1, w_2, b_2 = case(7, dtype=DTYPES[dtype])
    hidden = np.maximum((x.astype(np.float32) @ w_1.astype(np.float32)).astype(x.dtype) + b_1, 0).astype(x.dtype)
    y = (hidden.astype(np.float32) @ w_2.astype(np.float32)).astype(x.dtype) + b_2
    bound = feed_forward_bound(x, w_1, b_1, w_2, b_2, numerics=held_to(dtype))

    assert np.all(np.abs(y.astype(np.float64) - bound.expected) <= bound.worst)


def test_a_hidden_unit_far_below_zero_adds_no_error():
    """The relu makes it zero, whatever was rounded before."""
    x, w_1, b_1, w_2, b_2 = case(3)
    shut = feed_forward_bound(x, w_1, b_1 - 1000, w_2, b_2, numerics=held_to("bfloat16"))
    bias = feed_forward_bound(x, w_1 * 0, b_1 * 0 - 1, w_2, b_2, numerics=held_to("bfloat16"))

    assert np.array_equal(shut.worst, bias.worst)


def test_a_hidden_unit_that_may_overflow_leaves_the_result_open():
    """Beyond 65504 float16 has infinity, even behind a weight of zero."""
    x, w_1, b_1, w_2, b_2 = case(4)
    bound = feed_forward_bound(x, w_1, b_1 + 70000, w_2 * 0, b_2, numerics=held_to("float16"))

    assert np.all(np.isinf(bound.worst))
    assert np.all(np.isinf(bound.statistical))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """One hidden unit of 40 whose bias is lost; a relu that lets a hundredth of the negative side through."""
    x, w_1, b_1, w_2, b_2 = case(5, dtype=DTYPES[dtype])
    bound = feed_forward_bound(x, w_1, b_1, w_2, b_2, numerics=held_to(dtype))
    lost = np.where(np.arange(40) == 7, 0, b_1.astype(np.float64))
    h = x.astype(np.float64) @ w_1.astype(np.float64) + b_1.astype(np.float64)
    leaky = np.maximum(h, h / 100) @ w_2.astype(np.float64) + b_2.astype(np.float64)

    assert np.any(np.abs(feed_forward(x, w_1, lost, w_2, b_2) - bound.expected) > bound.worst)
    assert np.any(np.abs(leaky - bound.expected) > bound.worst)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_operands_of_tensorfloat32_are_beyond_the_bound_unless_declared(dtype):
    """Rounding to 11 bits is 2^-11 of each product."""
    arguments = case(6, dtype=DTYPES[dtype])
    y = feed_forward(*(each.astype(np.float16).astype(np.float64) for each in arguments))
    silent = feed_forward_bound(*arguments, numerics=held_to(dtype))
    declared = feed_forward_bound(
        *arguments, numerics=held_to(dtype, {"operands": "tensorfloat32", "hidden": "float16"})
    )

    assert np.any(np.abs(y - silent.expected) > silent.worst)
    assert np.all(np.abs(y - declared.expected) <= declared.worst + 2**-11 * np.abs(arguments[4]))


@pytest.mark.parametrize(("relu_at_zero", "slope"), [("zero", 0.0), ("half", 0.5), ("one", 1.0)])
def test_the_derivative_at_exactly_zero_is_that_which_is_declared(relu_at_zero, slope):
    """Of three hidden units below, at and above zero; the bound is about the same gradient."""
    x, w_1, b_1 = np.ones((1, 1, 1)), np.array([[1.0, 1.0, 1.0]]), np.array([-2.0, -1.0, 0.0])
    arrays = x, w_1, b_1, np.array([[2.0], [3.0], [4.0]]), np.zeros(1)
    numerics = precision_classes("float32")[0][1]

    _, _, of_b_1, *_ = feed_forward_vjp(np.ones((1, 1, 1)), *arrays, relu_at_zero=relu_at_zero)
    bounds = feed_forward_vjp_bound(np.ones((1, 1, 1)), *arrays, relu_at_zero=relu_at_zero, numerics=numerics)

    assert of_b_1.tolist() == [0, 3 * slope, 4]
    assert bounds["b_1"].expected.tolist() == [0, 3 * slope, 4]
    with pytest.raises(SpecError, match="relu_at_zero is 'two'"):
        feed_forward_vjp(np.ones((1, 1, 1)), *arrays, relu_at_zero="two")
