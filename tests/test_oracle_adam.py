"""Adam: its bound over whole trajectories against right variants and slight bugs."""

import functools

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import find, variants
from assay.oracle.adam import adam
from assay.oracle.adam_bound import adam_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
REGIMES = {
    "random": lambda g: g,
    "constant": lambda g: np.full_like(g, 1 / 3),
    "tiny": lambda g: g * 1e-6,
    "large": lambda g: g * 100,
    "zero": lambda g: g * 0,
    "sparse": lambda g: np.where(g > 0.5, g, 0),
    "shrinking": lambda g: g * np.geomspace(1, 1e-6, len(g))[:, None],
    "late": lambda g: g * (np.arange(len(g)) == len(g) - 1)[:, None],
}
OPTIONS = {
    "default": {},
    "decay": {"weight_decay": 0.1, "learning_rate": 0.1},
    "betas": {"beta_1": 0.0, "beta_2": 0.5},
    "epsilon": {"epsilon": 1e-2, "beta_2": 0.98},
}


def case(seed, regime="random", dtype=np.float64, steps=12, n=5):
    """Parameters, of which the first is zero, and gradients."""
    rng = np.random.default_rng(seed)
    parameters, gradients = rng.standard_normal(n), REGIMES[regime](rng.standard_normal((steps, n)))
    return (parameters * (np.arange(n) > 0)).astype(dtype), gradients.astype(dtype)


def classes(dtype, declared=None):
    return [numerics for _, numerics in precision_classes(dtype, declared)]


@functools.cache
def bound_of_case(regime, options, dtype, numerics, conventions):
    """Compute the bound once for all variants that declare the same."""
    p, g = case(1, regime, DTYPES[dtype], steps=40)
    return adam_bound(p, g, **OPTIONS[options], **dict(conventions), numerics=numerics)


@pytest.mark.parametrize(
    "variant",
    [each for each in variants("adam", wrong=False) if set(each.dtypes) == set(DTYPES)],
    ids=lambda each: each.name,
)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_variant_is_within_the_bound(variant, regime, options, dtype):
    """In each class, as all keep their moments in the accumulator: within W always, within S on random gradients."""
    p, g = case(1, regime, DTYPES[dtype], steps=40)
    y = variant.function(p, g, **OPTIONS[options]).astype(np.float64)

    for numerics in classes(dtype, variant.numerics.get(dtype)):
        bound = bound_of_case(regime, options, dtype, numerics, tuple(variant.conventions.items()))
        assert np.all(np.abs(y - bound.expected) <= (bound.statistical if regime == "random" else bound.worst))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_state_and_operations_in_the_format_of_the_parameters_are_within_class_2(regime, dtype):
    """Every operation is rounded, as in an unfused loop; the corrections are products in float32 from step to step."""
    p, g = case(2, regime, DTYPES[dtype], steps=30)
    bound = adam_bound(p, g, numerics=classes(dtype)[-1])
    number = np.float64 if dtype == "float64" else np.float32
    store = lambda x: np.asarray(x).astype(p.dtype).astype(number)  # noqa: E731
    b_1, b_2, power_1, power_2 = number(0.9), number(0.999), number(1), number(1)
    p, m, v, rows = store(p), store(0 * p), store(0 * p), []
    with np.errstate(all="ignore"):
        for gradient in map(store, g):
            m = store(m + store((1 - b_1) * store(gradient - m)))
            v = store(store(b_2 * v) + store(store((1 - b_2) * gradient) * gradient))
            power_1, power_2 = power_1 * b_1, power_2 * b_2
            root = store(np.sqrt(store(v / (1 - power_2))))
            p = store(p - store(number(1e-3) * store(store(m / (1 - power_1)) / store(root + store(number(1e-8))))))
            rows.append(p)
        error = np.abs(np.array(rows, np.float64) - bound.expected)

    # In float16 epsilon is 0, and 0/0 in parameters without gradient is NaN: there the bound is infinite.
    assert np.all((error <= bound.worst) | np.isinf(bound.worst))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_state_in_16_bits_is_within_class_2(regime, dtype):
    """Over 300 steps, of parameters that move and of some that are too large to."""
    p, g = case(2, regime, DTYPES[dtype], steps=300)
    bound = adam_bound(p, g, epsilon=1e-4, numerics=classes(dtype)[-1])
    y = find("adam-narrow-state").function(p, g, epsilon=1e-4).astype(np.float64)

    assert np.all((np.abs(y - bound.expected) <= bound.worst) | np.isinf(bound.worst))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("adam_epsilon", ["outside", "hat"])
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}])
def test_steps_at_rest_are_those_of_a_late_first_gradient(dtype, adam_epsilon, options):
    """The parameters and the error of the last step are those that smallest gradients before it would give."""
    p, g = case(3, "late", DTYPES[dtype], steps=300)
    almost = np.where(g == 0, 1e-60, g.astype(np.float64))
    arguments = {"beta_2": 0.9999, "epsilon": 1e-4, "adam_epsilon": adam_epsilon, **options}

    assert np.allclose(adam(p, g, **arguments), adam(p, almost, **arguments), rtol=1e-12, atol=1e-12)
    for numerics in classes(dtype):
        bounds = [adam_bound(p, each, **arguments, numerics=numerics).worst[-1] for each in (g, almost)]
        assert np.all(bounds[0] <= bounds[1])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("counted", [40, 256, 2048])
def test_a_late_gradient_tells_in_class_2_how_the_steps_were_counted(dtype, counted):
    """All is exact before it: the bound of its step is a few roundings, and of no step before it more than none."""
    p, g = case(4, "late", DTYPES[dtype], steps=3000)
    arguments = {"beta_2": 0.9999, "epsilon": 1e-4}
    bound = adam_bound(0 * p, g, **arguments, numerics=classes(dtype)[-1])
    wrong = adam(0 * p, g[-counted:], **arguments)[-1]

    assert np.all(np.abs(wrong - bound.expected[-1]) > bound.worst[-1])
    assert np.all(bound.worst[-1] < 0.07 * np.abs(bound.expected[-1]))
    assert np.all(bound.worst[:-1] <= 2.0**-25)  # half of the smallest number of float16


def test_parameters_that_a_gradient_cannot_move_cost_nothing_to_store():
    """In bfloat16 those of 1 stand still, so that they are off by their updates alone, not by half an ulp a step."""
    p, g = np.ones(5, DTYPES["bfloat16"]), case(5, dtype=DTYPES["bfloat16"], steps=20)[1]
    bound = adam_bound(p, g, numerics=classes("bfloat16")[-1])
    updates = np.abs(np.diff(bound.expected, axis=0, prepend=1)).sum(0)

    assert np.all(updates <= bound.worst[-1])
    assert np.all(bound.worst[-1] < 3 * updates + 2**-8)  # of 20 half ulps: 0.08


@pytest.mark.parametrize("mistaken", [{"beta_1": 0.7}, {"learning_rate": 0.3}, {"weight_decay": 3.0}])
def test_a_bug_is_beyond_the_bound_of_class_2_after_a_thousand_steps(mistaken):
    """Where the decay makes the parameters forget what storing them has cost."""
    p, g = case(6, dtype=DTYPES["bfloat16"], steps=1000)
    arguments = {"learning_rate": 0.25, "weight_decay": 3.5, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4}
    bound = adam_bound(p, g, **arguments, numerics=classes("bfloat16")[-1])

    assert np.any(np.abs(adam(p, g, **{**arguments, **mistaken}) - bound.expected)[-10:] > bound.worst[-10:])


@pytest.mark.parametrize(
    ("options", "mistaken"),
    [
        ({}, {"beta_2": 0.99}),
        ({}, {"beta_1": 0.89}),
        ({}, {"learning_rate": 1.01e-3}),
        ({"weight_decay": 0.1}, {"weight_decay": 0.0}),
        ({"epsilon": 1e-3}, {"adam_epsilon": "hat"}),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_slight_bug_is_beyond_the_bound(options, mistaken, dtype):
    """After 12 steps."""
    p, g = case(3, dtype=DTYPES[dtype])
    bound = adam_bound(p, g, **options, numerics=classes(dtype)[-1])
    wrong = adam(p, g, **{**options, **mistaken})

    assert np.any(np.abs(wrong - bound.expected) > bound.worst)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_slight_bug_is_beyond_the_bound_of_class_2(dtype):
    """Of parameters that start at zero, where 16 bits are as fine as the update."""
    p, g = case(4, dtype=DTYPES[dtype], steps=4)
    bound = adam_bound(0 * p, g, learning_rate=0.1, numerics=classes(dtype)[-1])

    assert np.any(np.abs(adam(0 * p, g, learning_rate=0.1, beta_1=0.5) - bound.expected) > bound.worst)
    assert np.any(np.abs(adam(0 * p, g[::-1], learning_rate=0.1) - bound.expected) > bound.worst)


def test_a_parameter_without_gradient_only_decays():
    """Exactly, and without any error where there is no decay."""
    p, g = case(5, "zero", np.float32, steps=3)
    decayed = adam(p, g, weight_decay=0.5, learning_rate=0.5)
    bound = adam_bound(p, g, numerics=classes("float32")[0])

    assert np.allclose(decayed, p * 0.75 ** np.arange(1, 4)[:, None], rtol=1e-15, atol=0)
    assert np.array_equal(bound.expected, np.broadcast_to(p, (3, 5)))
    assert np.all(bound.worst <= 6 * np.spacing(np.abs(p)))
    assert np.all(bound.worst[:, 0] < 1e-40)


@pytest.mark.parametrize("gradient", [1e-4, 300.0])
def test_second_moments_beyond_float16_leave_the_result_open_in_class_2(gradient):
    """The square of 1e-4 is below float16's smallest number, that of 300 above its largest; float32 has both."""
    p, g = np.ones(1, np.float16), np.full((2, 1), gradient, np.float16)
    strict, lenient = (adam_bound(p, g, numerics=numerics) for numerics in classes("float16"))

    assert np.all(strict.worst < 0.01)
    assert np.all(np.isinf(lenient.worst))


@pytest.mark.parametrize(("steps", "n"), [(0, 5), (3, 0), (1, 1)])
def test_no_steps_or_parameters_give_an_empty_result(steps, n):
    """Of the right shape."""
    p, g = case(6, steps=steps, n=n)

    assert adam(p, g).shape == adam_bound(p, g, numerics=classes("bfloat16")[-1]).worst.shape == (steps, n)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beta_1": 1.0}, "beta_1 is 1.0, but should be at least 0 and below 1"),
        ({"epsilon": -1.0}, "epsilon is -1.0"),
        ({"adam_epsilon": "inside"}, "should be 'outside' or 'hat'"),
    ],
)
def test_what_the_formula_does_not_define_is_refused(options, sentence):
    """The sentence names the argument."""
    p, g = case(7)

    with pytest.raises(SpecError, match=sentence):
        adam(p, g, **options)
