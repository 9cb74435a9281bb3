"""How far the oracle is from the formulas in arbitrary precision, for one case after another."""

import inspect
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import mpmath
import numpy as np
from arbitrary_precision_cases import PLANS, Call
from arbitrary_precision_gradients import gradients

from assay import oracle
from assay.oracle.rounding.bound import Bound

BITS: Final = 320
"""Precision of the formulas; of the gradients as well, whose step along the imaginary axis cancels nothing."""

HELD_TO: Final = oracle.precision_classes("float64")[0][1]
EPS: Final = 2.0**-52

# Where a function has no bound of its own, the one of the function that computes the same.
_BOUND_OF: Final[Mapping[str, str]] = {"feed_forward_as_convolutions": "feed_forward"}


@dataclass
class Row:
    """The largest errors over the cases of one function and regime."""

    function: str
    regime: str
    cases: int = 0
    numbers: int = 0
    ulp: float = 0.0
    """In units in the last place of float64 at the exact result."""
    ratio: float = 0.0
    """As a part of the bound W that a float64 implementation is held to: 1/2 of it is the oracle's own."""
    unbounded: int = 0
    """For how many finite numbers W is infinite."""
    natural: float = 0.0
    """In 2^-52 max(|y|, mean |v|), for attention; in the last place where that is subnormal."""
    worst: int = 0
    """The index of the case with the largest part of W."""

    def add(self, actual: Any, expected: Any, worst: Any, *, scale: Any = None, allowed: float = 0.0) -> None:
        """Take in one number, and of its error what exceeds `allowed`."""
        self.numbers += 1
        off = max(error(float(actual), expected) - allowed, 0)
        self.ulp = max(self.ulp, float(off / ulp(expected)) if off else 0.0)
        self.unbounded += float(worst) == math.inf and bool(mpmath.isfinite(expected))
        ratio = part(off, float(worst))
        if ratio > self.ratio:
            self.ratio, self.worst = ratio, self.cases
        if scale is not None and off:
            unit = max(EPS * max(abs(expected), mpmath.mpf(float(scale))), ulp(0))
            self.natural = max(self.natural, float(off / unit))


def error(actual: float, expected: Any) -> Any:
    """|actual - expected|: 0 where both are NaN, or the same infinity; infinity where only one is."""
    if mpmath.isnan(expected) or math.isnan(actual):
        return mpmath.mpf(0) if mpmath.isnan(expected) and math.isnan(actual) else mpmath.inf
    if mpmath.isinf(expected) or math.isinf(actual):
        return mpmath.mpf(0) if float(expected) == actual else mpmath.inf
    return abs(mpmath.mpf(actual) - expected)


def part(off: Any, worst: float) -> float:
    """Divide the error by the bound."""
    if not off or worst == math.inf:
        return 0.0
    return float(off / mpmath.mpf(worst)) if worst else math.inf


def ulp(expected: Any) -> Any:
    """Return the distance of float64's neighbours at that magnitude."""
    if expected == 0 or not mpmath.isfinite(expected):
        return mpmath.ldexp(1, -1074)
    return mpmath.ldexp(1, max(mpmath.frexp(expected)[1] - 1, -1022) - 52)


def generator(function: str, regime: str, index: int) -> np.random.Generator:
    """Make the generator of one case, so that each case can be drawn without those before it."""
    return np.random.default_rng([zlib.crc32(f"{function}/{regime}".encode()), index])


def call_of(function: str, regime: str, index: int) -> Call:
    """Draw the case, without options that the oracle does not have."""
    base = function.removesuffix("_vjp")
    call = PLANS[base].make(generator(function, regime, index), regime)
    known = inspect.signature(getattr(oracle, base)).parameters
    options = {name: value for name, value in call.options.items() if name in known}
    if function.endswith("_vjp") and options.get("masked_row") == "nan":
        del options["masked_row"]  # NaN has no gradient
    return Call(call.arguments, options)


def value_row(function: str, regime: str, indices: range) -> Row:
    """Measure the results of a function."""
    row, plan = Row(function, regime), PLANS[function]
    for index in indices:
        call = call_of(function, regime, index)
        actual = np.asarray(getattr(oracle, function)(*call.arguments, **call.options))
        with mpmath.workprec(BITS):
            expected = plan.reference(*call.arguments, **call.options)
            worst = _worst(function, call)
            scale = _mean_of_values(call, expected.shape) if function == "attention" else None
            for place in np.ndindex(*expected.shape):
                row.add(actual[place], expected[place], worst[place], scale=None if scale is None else scale[place])
        row.cases += 1
    return row


def gradient_row(function: str, regime: str, indices: range) -> Row:
    """Measure the gradients of a function, `NAME_vjp`, along a random cotangent."""
    base = function.removesuffix("_vjp")
    row, reference = Row(function, regime), PLANS[base].reference
    names = list(inspect.signature(reference).parameters)
    for index in indices:
        call = call_of(function, regime, index)
        result = np.asarray(getattr(oracle, base)(*call.arguments, **call.options))
        cotangent = generator(f"{function} cotangent", regime, index).standard_normal(result.shape)
        cotangent[~np.isfinite(result)] = 0  # a constant, if it is one
        given = getattr(oracle, function)(cotangent, *call.arguments, **call.options)
        bounds = _worst_of_gradients(function, cotangent, call, names)
        with mpmath.workprec(BITS):
            expected = gradients(reference, cotangent, call.arguments, call.options)
            actual = _by_name(given, call, names)
            for key, exactly in expected.items():
                place, _, part = key.partition(".")
                name = ".".join([names[int(place)], *([part] if part else [])])
                worst = bounds[name]
                for at in np.ndindex(*exactly.shape):
                    row.add(actual[name][at], exactly[at], worst[at])
        row.cases += 1
    return row


def _worst(function: str, call: Call) -> Any:
    """W of the result."""
    if function == "general_attention":
        arguments, options = _as_attention(call)
        return oracle.attention_bound(*arguments, **options, numerics=HELD_TO).worst[0, 0]
    bound_of = getattr(oracle, f"{_BOUND_OF.get(function, function)}_bound")
    bound = bound_of(*call.arguments, **call.options, numerics=HELD_TO)
    return bound.worst if isinstance(bound, Bound) else np.asarray(bound)


def _worst_of_gradients(function: str, cotangent: Any, call: Call, names: list[str]) -> dict[str, Any]:
    """W of each gradient, by the name of its argument."""
    if function == "general_attention_vjp":
        arguments, options = _as_attention(call)
        bounds = oracle.attention_vjp_bound(cotangent[None, None], *arguments, **options, numerics=HELD_TO)
        return {"scores": bounds["query"].worst[0, 0], "value": bounds["value"].worst[0, 0]}
    bound_of = getattr(oracle, f"{function}_bound")
    bounds = bound_of(cotangent, *call.arguments, **call.options, numerics=HELD_TO)
    if isinstance(bounds, Bound):  # the only real argument is the first one
        bounds = {names[0]: bounds}
    return {name: bound.worst for name, bound in bounds.items()}


def _as_attention(call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn general attention into attention whose queries are the scores and whose keys are the unit vectors."""
    (scores, value), options = call.arguments, call.options
    arguments = scores[None, None], np.eye(scores.shape[1])[None, None], value[None, None]
    how = {"masked_row": options["masked_row"]} if "masked_row" in options else {}
    return arguments, {"mask": options["visible"], "scale": 1.0, **how}


def _by_name(given: Any, call: Call, names: list[str]) -> dict[str, Any]:
    """Name the gradients by their arguments; those of `weights` get the names within it."""
    real = [
        name
        for name, argument in zip(names, call.arguments, strict=False)
        if isinstance(argument, Mapping) or np.asarray(argument).dtype.kind == "f"
    ]
    found: dict[str, Any] = {}
    for name, gradient in zip(real, given if isinstance(given, tuple) else (given,), strict=True):
        if isinstance(gradient, Mapping):
            found |= {f"{name}.{part}": each for part, each in gradient.items()}
        else:
            found[name] = gradient
    return found


def _mean_of_values(call: Call, shape: tuple[int, ...]) -> Any:
    """mean |v| over the keys, for each head and channel: (B, H, L_q, d_v)."""
    value = np.abs(call.arguments[2]).mean(2, keepdims=True)
    return np.broadcast_to(np.repeat(value, shape[1] // value.shape[1], 1), shape)
