"""What the oracle of every component must satisfy, on calls that are drawn by the plans of the certificate.

Whether a value or a gradient is right to the last digits is the certificate's matter (test_certificate.py).
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import ml_dtypes
import numpy as np
import pytest
from arbitrary_precision_cases import PLANS
from arbitrary_precision_measures import call_of

from assay import oracle
from assay.adapters.contract import FUNCTIONS
from assay.conformance.terms.comparison import against_bound

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
COMPOSED = {name for name, row in FUNCTIONS.items() if row.weights} | {"multi_head_attention"}
"""Their bounds follow the steps on a tape, which may round otherwise than the formula: within W for float64."""
BEYOND_SOME_FORMAT = ("spread", "limit")
ROWS = [
    (name, regime)
    for name, plan in PLANS.items()
    for regime in (plan.regimes[:1] if name in COMPOSED else plan.regimes)
    if name in FUNCTIONS and regime not in BEYOND_SOME_FORMAT
]
DIFFERENTIABLE = [name for name in PLANS if name in FUNCTIONS and FUNCTIONS[name].differentiable]
FLOAT64 = oracle.precision_classes("float64")[0][1]

STEP = 2.0**-17
"""Near the cube root of eps, where truncation and rounding of a central difference are about equal."""


def cases(name):
    """Give fewer cases of what is composed of others, which takes longer."""
    return range(1 if name in COMPOSED else 2)


def each_array(function, arguments):
    """Apply the function to every array of real numbers, those in mappings included."""
    if isinstance(arguments, Mapping):
        return {name: each_array(function, each) for name, each in sorted(arguments.items())}
    if isinstance(arguments, tuple):
        return tuple(each_array(function, each) for each in arguments)
    return function(arguments) if isinstance(arguments, np.ndarray) and arguments.dtype.kind == "f" else arguments


def arrays_of(arguments):
    """List the arrays of real numbers."""
    found = []
    each_array(found.append, arguments)
    return found


def flat(arguments):
    """Put all real numbers of the arguments into one vector."""
    return np.concatenate([np.ravel(array) for array in arrays_of(arguments)])


def drawn(name, regime, index, dtype="float64"):
    """Draw a call whose numbers the format holds. Dropout is in evaluation: its bound is about what is kept."""
    call = call_of(name, regime, index)
    with np.errstate(over="ignore"):
        arguments = each_array(lambda array: array.astype(DTYPES[dtype]).astype(np.float64), call.arguments)
    return arguments, {"rate": call.options["rate"]} if name == "dropout" else call.options


def bound_of(name, arguments, options, numerics):
    """Give the bound on the value."""
    return getattr(oracle, f"{name}_bound")(*arguments, **options, numerics=numerics)


@cache
def value_and_bounds(name, regime, index, dtype):
    """Give the value of the formula, the bounds of all classes, and the one of float64 for a bound by the tape."""
    arguments, options = drawn(name, regime, index, dtype)
    value = np.asarray(getattr(oracle, name)(*arguments, **options))
    bounds = [bound_of(name, arguments, options, each) for _, each in oracle.precision_classes(dtype)]
    if name not in COMPOSED:
        return value, bounds, None
    return value, bounds, replace(bound_of(name, arguments, options, FLOAT64), expected=value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "regime"), ROWS)
def test_a_bound_is_about_the_value_of_the_formula_and_holds_its_rounding(name, regime, dtype):
    """Bit for bit. The correctly rounded value is within W and S, and what is beyond W is caught, in every class."""
    for index in cases(name):
        value, bounds, of_float64 = value_and_bounds(name, regime, index, dtype)
        rounded = value.astype(DTYPES[dtype]).astype(np.float64)
        for bound in bounds:
            if of_float64:
                assert against_bound(bound.expected, of_float64, "float64", statistical=False).ratio <= 1
            else:
                assert np.array_equal(bound.expected, value, equal_nan=True)
            for statistical in (False, True):
                assert against_bound(rounded, bound, dtype, statistical=statistical).ratio <= 1
            judged = np.isfinite(bound.worst) & np.isfinite(bound.expected)
            beyond = np.nextafter(bound.expected + np.where(judged, 1.001 * bound.worst, 0), np.inf)
            assert against_bound(beyond, bound, dtype, statistical=False).outside >= judged.sum()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("name", "regime"), ROWS)
def test_class_1_is_never_wider_than_class_2(name, regime, dtype):
    """Neither in W nor in S."""
    for index in cases(name):
        _, (strict, lenient), _ = value_and_bounds(name, regime, index, dtype)
        assert not np.any(strict.worst > lenient.worst)
        assert not np.any(strict.statistical > lenient.statistical)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_gradient_is_what_differences_of_the_formula_say(name):
    """Of phi(t) = sum(g f(x + t v)) in a random direction v: D(h) = (phi(h) - phi(-h)) / 2h for phi'(0) = gradient . v.

    Truncation: D(2h) - D(h) = 3 c h^2 + O(h^4), where c h^2 is D(h)'s own, so that their distance is three times as
    much as is needed. Rounding: half of float64's W on each value, and one eps for its product with g and the sum
    (math.fsum), in both values of D: sum(|g| (W + 2 eps |f|)) / 2h; and half an eps of x in both of x +- h v.
    """
    eps, compared = np.finfo(np.float64).eps, 0
    for index in cases(name):
        call, rng = call_of(name, "normal", index), np.random.default_rng(index)
        options = {key: each for key, each in call.options.items() if (key, each) != ("masked_row", "nan")}
        bound = bound_of(name, call.arguments, options, FLOAT64)
        g = rng.standard_normal(bound.expected.shape)
        direction = each_array(lambda x, rng=rng: rng.standard_normal(x.shape), call.arguments)
        gradient = flat(getattr(oracle, f"{name}_vjp")(g, *call.arguments, **options))

        def phi(t, call=call, direction=direction, g=g, options=options):
            steps = iter(arrays_of(direction))
            moved = each_array(lambda x: x + t * next(steps), call.arguments)
            return math.fsum((g * getattr(oracle, name)(*moved, **options)).ravel().tolist())

        near, far = ((phi(h) - phi(-h)) / (2 * h) for h in (STEP, 2 * STEP))
        along = gradient * flat(direction)
        rounding = np.sum(np.abs(g) * (bound.worst + 2 * eps * np.abs(bound.expected))) / (2 * STEP)
        rounding += eps * np.sum(np.abs(gradient * flat(call.arguments))) / (2 * STEP)
        allowed = abs(far - near) + rounding
        assert abs(near - math.fsum(along)) <= allowed
        compared += allowed < 1e-4 * np.sum(np.abs(along))
    assert compared > 0


@pytest.mark.parametrize("name", PLANS)
def test_an_argument_that_is_no_number_is_refused(name):
    """By the formula, whichever array it is."""
    call = call_of(name, PLANS[name].regimes[0], 0)
    for place, argument in enumerate(call.arguments):
        wrong = {**argument} if isinstance(argument, Mapping) else np.full(np.shape(argument), "no").tolist()
        if isinstance(argument, Mapping):
            wrong[next(iter(argument))] = "no"
        with pytest.raises(oracle.SpecError):
            getattr(oracle, name)(*call.arguments[:place], wrong, *call.arguments[place + 1 :], **call.options)
