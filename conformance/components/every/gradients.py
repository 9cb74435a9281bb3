"""The clauses on gradients that hold for every differentiable component, each written once.

A gradient is that of sum(result * cotangent). The cotangent is random: a constant one lets an implementation that
ignores it pass. GRAD-9 takes others beside it. Each argument's gradient is judged alone.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ....adapters.contract import FUNCTIONS
from ...cases.drawing import covering_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import REGISTERED, Component
from ...terms.cotangents import KINDS
from ...terms.requirements import of_gradient, require_within, skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .values import with_fresh_values

_ALONE = 4

_SOURCE = "the component's formula, differentiated"


def _differentiable(component: Component) -> bool:
    return component.gradient is not None


def _of_several(component: Component) -> bool:
    """Say whether there is more than one real argument to have a gradient."""
    function = FUNCTIONS[component.name]
    return _differentiable(component) and bool(function.weights or len(function.real) > 1)


def _small(case: Case) -> Case | None:
    return case if REGISTERED[case.component].differentiated(case) else None


@clause(
    "GRAD-1",
    None,
    "The gradient of every argument is within its rounding bound: the worst case on any input, S on random ones.",
    formula="d sum(f(x) * g) / dx, |actual - expected| <= W; on generic inputs <= S",
    source="the component's formula, differentiated; the derivation is in docs/bounds.md",
    covering=True,
    halved=True,
    prepare=_small,
    concerns=_differentiable,
)
def gradient(trial: Trial) -> float:
    """Hold it to W everywhere, and to S on generic inputs, where a violation must show again with fresh values."""
    return within_bounds(trial, trial.gradients_of(trial.recent_gradients()))


def within_bounds(trial: Trial, actual: Mapping[str, Array]) -> float:
    """Hold gradients to W, and to S on generic inputs, where a violation must show again with fresh values."""
    ratio = require_within(trial.judge_gradients(actual), "the gradient is wrong")
    if not trial.component.generic(trial.case) or trial.case.get("cotangent") == "constant":
        return ratio
    worst = trial.judge_gradients(actual, statistical=True)
    if worst.ratio <= 1:
        return max(ratio, worst.ratio)
    if all(each.judge_gradients(each.gradients(), statistical=True).ratio > 1 for each in with_fresh_values(trial)):
        require_within(worst, "the gradient is further off than rounding explains on random inputs")
    return ratio


@clause(
    "GRAD-2",
    None,
    "Every real argument has a gradient, of its shape and dtype.",
    formula="shape and dtype as in the contract",
    source="the contract",
    prepare=_small,
    concerns=_differentiable,
)
def shape_and_dtype(trial: Trial) -> float:
    """Check each of them; integers and masks have none."""
    reply = trial.recent_gradients()
    actual = trial.gradients_of(reply)
    due = {name for name, array in trial.inputs.arrays.items() if array.dtype.kind == "f"}
    if set(actual) != due:
        raise Violation(
            f"there are gradients of {', '.join(sorted(actual))}, but should be of {', '.join(sorted(due))}"
        )
    if reply.dtype != trial.dtype:
        raise Violation(f"the gradients are {reply.dtype}, but the arguments are {trial.dtype}")
    return 0.0


@clause(
    "GRAD-3",
    None,
    "A second backward pass gives the gradients of the first, and neither changes the arguments.",
    formula="vjp(g) = vjp(g)",
    role="decides",
    why="It makes two backward passes from one call: gradients that pile up between them are reported as such.",
    source="a formula has no memory: gradients do not accumulate between calls",
    prepare=_small,
    concerns=_differentiable,
)
def repeated(trial: Trial) -> float:
    """Compare within both bounds: a backward pass may sum in an order that is not fixed."""
    reply = trial.gradient_reply()
    if reply.touched:
        raise Violation(f"the backward pass changed its argument {', '.join(reply.touched)}")
    first, second = trial.gradients_of(reply), trial.gradients()
    return require_same_gradients(trial, second, first, "a second backward pass gives another gradient")


@clause(
    "GRAD-4",
    None,
    "The gradients do not depend on which arguments they are asked for.",
    formula="the gradient of x alone = that of x among others",
    role="decides",
    why="It asks for one gradient at a time, as with frozen weights; GRAD-1 asks for all of them together.",
    source=_SOURCE,
    prepare=_small,
    concerns=_of_several,
)
def each_alone(trial: Trial) -> float:
    """Ask for every argument by itself; of the many weights of a layer, for some."""
    every = trial.gradients()
    alone, names = {}, list(every)
    if len(names) > _ALONE:
        names = [str(name) for name in trial.generator("alone").choice(names, _ALONE, replace=False)]
    for name in names:
        found = trial.gradients(wrt=[name])
        if set(found) != {name}:
            raise Violation(f"asked for the gradient of {name} alone, it gives {', '.join(sorted(found))}")
        alone[name] = found[name]
    return require_same_gradients(trial, alone, every, "asked for alone, a gradient is another")


@clause(
    "GRAD-5",
    None,
    "The gradients do not depend on how the cotangent lies in memory.",
    formula="vjp(view of g) = vjp(g)",
    source="an array is its values",
    prepare=_small,
    concerns=_differentiable,
)
def layout_of_cotangent(trial: Trial) -> float:
    """Lay it out transposed, strided, and expanded: what the gradient of a sum or of a transposition is."""
    axes = min(each.ndim for each in trial.cotangents.values())
    skip_unless(axes and trial.cotangent.size)
    alike = {name: np.broadcast_to(each[:1], each.shape).copy() for name, each in trial.cotangents.items()}
    plain, of_alike, ratio = trial.gradients(), trial.gradients(cotangent=alike), 0.0
    # One axis has no transpose.
    every = (("strided", None, plain), ("expanded", alike, of_alike), ("transposed", None, plain))
    for layout, along, other in every[: 1 + axes]:
        claim = f"a cotangent that is {layout} in memory gives another gradient"
        one = trial.gradients(cotangent=along, of_cotangent=layout)
        ratio = max(ratio, require_same_gradients(trial, one, other, claim, along))
    return ratio


@clause(
    "GRAD-6",
    None,
    "The gradients are linear in the cotangent.",
    formula="vjp(-2 g) = -2 vjp(g), vjp(0) = 0",
    role="decides",
    why="It needs no expected gradient: a cotangent that is ignored, clipped or taken as 1 is not linear.",
    source=_SOURCE,
    prepare=_small,
    concerns=_differentiable,
)
def linear_in_cotangent(trial: Trial) -> float:
    """Scale by a power of two, exact within the format's range; zero gives zero where the arguments are finite."""
    skip_unless(trial.cotangent.size)
    doubled = {name: -2 * each for name, each in trial.cotangents.items()}
    zeros = {name: np.zeros_like(each) for name, each in doubled.items()}
    due = {name: -2 * each for name, each in trial.gradients().items()}
    claim = "twice the cotangent does not give twice the gradient"
    twice = trial.gradients(cotangent=doubled)
    # What overflows in one of the two is left to GRAD-1.
    finite = {name: np.isfinite(each) & np.isfinite(due[name]) for name, each in twice.items()}
    twice, due = ({name: np.where(finite[name], each, 0) for name, each in both.items()} for both in (twice, due))
    ratio = require_same_gradients(trial, twice, due, claim, doubled)
    for name, each in trial.gradients(cotangent=zeros).items():
        if each.any() and np.isfinite(trial.gradient_bounds()[name].worst).all():
            claim = f"a cotangent of zero gives a {of_gradient(name)} other than zero"
            ratio = max(ratio, trial.require_bits(each, np.zeros_like(each), claim))
    return ratio


@clause(
    "GRAD-7",
    None,
    "The gradients do not depend on how the arguments lie in memory.",
    formula="vjp at a view of x = vjp at x, within both roundings",
    why="It blames the layout of an argument, since the same values in another give the right gradient.",
    source="an array is its values",
    prepare=lambda case: _small(case) if case["layout"] != "contiguous" else None,
    concerns=lambda component: _differentiable(component) and "layout" in component.parameters,
)
def layouts(trial: Trial) -> float:
    """Compare with the same values, contiguous."""
    claim = f"the layout {trial.case['layout']!r} changes a gradient"
    return require_same_gradients(trial, trial.gradients(), trial.gradients(layout="contiguous"), claim)


def _along_each_kind(component: Component, dtype: str, seed: int) -> Iterator[Case]:
    """Take cases of the covering set whose results have rows, random ones first, for each kind of cotangent others."""
    every = sorted(covering_cases(component, dtype, seed), key=lambda case: not component.generic(case))
    several = (case for case in every if component.differentiated(case) and _has_rows(component, case))
    for case, kind in zip(several, KINDS, strict=False):
        yield component.with_optional(case, cotangent=kind)


def _has_rows(component: Component, case: Case) -> bool:
    """Say whether the result has rows of several numbers, or is a row of several."""
    shape = component.shape(component.make(case))
    return bool(shape) and shape[-1] > 1 and (len(shape) == 1 or math.prod(shape[:-1]) > 1)


@clause(
    "GRAD-9",
    None,
    "Gradients are within their bounds along cotangents of one sign, large, tiny, constant, one-hot, and zero in rows.",
    formula="d sum(f(x) * g) / dx for g of each kind, |actual - expected| <= W",
    source=_SOURCE,
    cases=lambda component, dtype, seed: list(_along_each_kind(component, dtype, seed)),
    concerns=_differentiable,
)
def along_each_kind(trial: Trial) -> float:
    """Hold them to W, and to S where inputs and cotangent are random."""
    return within_bounds(trial, trial.gradients())


def require_same_gradients(
    trial: Trial,
    actual: Mapping[str, Array],
    other: Mapping[str, Array],
    claim: str,
    cotangent: Mapping[str, Array] | None = None,
) -> float:
    """Compare two sets of gradients within both bounds; what is equal bit for bit needs none."""
    if all(np.array_equal(each, other[name], equal_nan=True) for name, each in actual.items()):
        return 0.0
    bounds = trial.gradient_bounds(cotangent=cotangent)
    return max(
        trial.require_same(each, other[name], 2 * bounds[name].worst, f"{claim}, that of {name}")
        for name, each in actual.items()
    )
