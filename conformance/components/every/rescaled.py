"""Large and small numbers side by side: one channel is multiplied by a power of two, and its partner divided by it.

    attention    q_c 2^p, k_c 2^-p: the scores are as before     v_c 2^p: so is the result, but for channel c
    linear maps  x_c 2^p, row c of W 2^-p                        norms: gain_c 2^p, bias_c 2^p, or x 2^p

A number that an inner format cannot hold, or that is cut to 448 or 65,504 on the way, changes the result by its own
size, though nothing else does. Random places of generic values: what looks at the first entry, or at the largest scale
of an ordinary tensor, does not see it coming.
"""

import math
from typing import Final

import numpy as np

from ....oracle.rounding.formats import FORMATS
from ...cases.drawing import generic_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Rescaling
from ...terms.inputs import Inputs
from ...terms.requirements import require_within, skip_unless, told_with
from ...terms.rounding import Array, rounded
from ...terms.trial import Trial

_CASES: Final = 3
_SIZES: Final = (10, 17, 64)
"""What the largest number of a channel is raised to, as powers of two: beyond float8 (240, 448), beyond float16
(57,344, 65,504), and where a square leaves float32 (1e19)."""
_SIZES_IN_FLOAT16: Final = (10, 14)


def _small(component: Component, dtype: str, seed: int) -> list[Case]:
    """Take those whose gradients are judged."""
    return [case for case in _generic(component, dtype, seed) if component.differentiated(case)]


def _generic(component: Component, dtype: str, seed: int) -> list[Case]:
    """Take cases with random values and more than one number in each array that is multiplied."""
    names = {name for partners in component.rescaled for name in partners}
    return generic_cases(
        component, dtype, seed, _CASES, lambda inputs: all(inputs.arrays[name].size > 1 for name in names)
    )


def _places(trial: Trial, partners: Rescaling) -> dict[str, tuple[slice | int, ...]]:
    """Choose a channel, and say where it is in each of the partners."""
    arrays, chosen = trial.inputs.arrays, trial.generator("channel", *partners)
    length = next(1 if axis is None else arrays[name].shape[axis] for name, (axis, _) in partners.items())
    channel = int(chosen.integers(length))
    places = {}
    for name, (axis, _) in partners.items():
        place: list[slice | int] = [slice(None)] * arrays[name].ndim
        if axis is not None:
            place[axis] = channel
        places[name] = tuple(place)
    return places


def _power(array: Array, size: int) -> int:
    """Give the power of two by which the largest number passes 2^size."""
    largest = float(np.abs(array).max())
    return size - math.floor(math.log2(largest)) if largest else size


def _rescaled(trial: Trial, partners: Rescaling, size: int) -> tuple[Inputs, int]:
    """Multiply a channel by a power of two, so that its largest number passes 2^size, and its partner by the inverse.

    What is small is rounded to the format of the case. Returned are the inputs and the power.
    """
    arrays, places = trial.inputs.arrays, _places(trial, partners)
    power = min(_power(arrays[name][places[name]], size) for name, (_, sign) in partners.items() if sign > 0)
    changed = {}
    for name, (_, sign) in partners.items():
        array = np.array(arrays[name])
        array[places[name]] = rounded(np.ldexp(array[places[name]], sign * power), trial.case["dtype"])
        changed[name] = array
    return trial.inputs.but(**changed), power


@clause(
    "ALL-13",
    None,
    "A channel that is multiplied by a power of two, and its partner divided by it, leaves the bounds as they are.",
    formula="|f(2^p x_c, 2^-p w_c) - y| <= W, where the largest |2^p x_c| passes 2^10, 2^17 and 2^64",
    source="the component's formula",
    cases=_generic,
    concerns=lambda component: bool(component.rescaled),
)
def rescaled(trial: Trial) -> float:
    """Hold it to W; float16 itself does not hold the larger sizes, and gets 2^14."""
    skip_unless(trial.inputs.arrays)
    ratio = 0.0
    for partners in trial.component.rescaled:
        for size in _sizes(trial, partners):
            inputs, power = _rescaled(trial, partners, size)
            with told_with(f"with {_raised(partners)} times 2^{power}: "):
                ratio = max(ratio, require_within(trial.judge(trial.results(inputs), inputs), "the value is wrong"))
    return ratio


@clause(
    "GRAD-10",
    None,
    "A channel times a power of two, its partner divided by it, leaves gradients in their bounds; so do cotangents.",
    formula="d sum(f(x) * g) / dx, |actual - expected| <= W, where the largest |2^p x_c|, or |2^p g|, passes 2^17",
    source="the component's formula, differentiated",
    cases=_small,
    concerns=lambda component: bool(component.rescaled) and component.gradient is not None,
)
def rescaled_gradient(trial: Trial) -> float:
    """Hold it to W, with each channel raised in turn, and then the cotangent."""
    skip_unless(trial.inputs.arrays)
    # What float16 keeps between two steps must not overflow.
    size, ratio, own = 17 if trial.case["dtype"] != "float16" else 10, 0.0, trial.along()["result"]
    each = [(_raised(partners), *_rescaled(trial, partners, size), own) for partners in trial.component.rescaled]
    power = _power(own, size)
    each.append(("the cotangent", trial.inputs, power, rounded(np.ldexp(own, power), trial.case["dtype"])))
    for raised, inputs, power, cotangent in each:
        with told_with(f"with {raised} times 2^{power}: "):
            actual = trial.gradients(inputs, cotangent)
            worst = trial.judge_gradients(actual, inputs, cotangent)
            ratio = max(ratio, require_within(worst, "the gradient is wrong"))
    return ratio


def _sizes(trial: Trial, partners: Rescaling) -> tuple[int, ...]:
    """Give the sizes that the format holds; what is raised as a whole is squared, and float32 must hold that."""
    if FORMATS[trial.case["dtype"]].largest < 2**20:
        return _SIZES_IN_FLOAT16
    return _SIZES if None not in (axis for axis, _ in partners.values()) else _SIZES[:2]


def _raised(partners: Rescaling) -> str:
    """Say what is multiplied."""
    whole = "" if None in (axis for axis, _ in partners.values()) else "a channel of "
    return whole + " and ".join(name for name, (_, sign) in partners.items() if sign > 0)
