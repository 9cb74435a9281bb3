"""Large and small numbers side by side: one channel is multiplied by a power of two, and its partner divided by it.

    attention    q_c 2^p, k_c 2^-p: the scores are as before     v_c 2^p: so is the result, but for channel c
    linear maps  x_c 2^p, row c of W 2^-p                        norms: gain_c 2^p, bias_c 2^p, or x 2^p

A number that an inner format cannot hold, or that is cut to 448 or 65,504 on the way, changes the result by its own
size, though nothing else does. Random places of generic values: what looks at the first entry, or at the largest scale
of an ordinary tensor, does not see it coming.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from ....oracle.rounding.formats import FORMATS
from ...cases.drawing import covering_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Rescaling
from ...terms.inputs import Inputs
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ...terms.verdict import Violation

_CASES: Final = 3
_SIZES: Final = (10, 17)
"""What the largest number of a channel is raised to, as powers of two: beyond float8 (240, 448), and beyond float16
(57,344, 65,504)."""


def _generic(component: Component, dtype: str, seed: int) -> Iterator[Case]:
    """Take cases of the covering set with random values and more than one number in each array."""
    found = 0
    for case in covering_cases(component, dtype, seed):
        arrays = component.make(case).arrays
        if component.generic(case) and all(arrays[name].size > 1 for each in component.rescaled for name in each):
            found += 1
            yield component.with_optional(case)
            if found == _CASES:
                return


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


def _rescaled(trial: Trial, partners: Rescaling, size: int) -> tuple[Inputs, int]:
    """Multiply a channel by a power of two, so that its largest number passes 2^size, and its partner by the inverse.

    What is small is rounded to the format of the case. Returned are the inputs and the power.
    """
    arrays, places = trial.inputs.arrays, _places(trial, partners)
    raised = [np.abs(arrays[name][places[name]]).max() for name, (_, sign) in partners.items() if sign > 0]
    power = size - math.floor(math.log2(max(raised))) if max(raised) else size
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
    formula="|f(2^p x_c, 2^-p w_c) - y| <= W, where the largest |2^p x_c| passes 2^10, and 2^17",
    source="the component's formula",
    cases=lambda component, dtype, seed: list(_generic(component, dtype, seed)),
    concerns=lambda component: bool(component.rescaled),
)
def rescaled(trial: Trial) -> float:
    """Hold it to W; float16 itself does not hold the larger size, and gets 2^14."""
    largest, ratio = FORMATS[trial.case["dtype"]].largest, 0.0
    skip_unless(trial.inputs.arrays)
    for partners in trial.component.rescaled:
        for size in _SIZES if largest > 2**20 else (_SIZES[0], 14):
            inputs, power = _rescaled(trial, partners, size)
            try:
                ratio = max(ratio, require_within(trial.judge(trial.results(inputs), inputs), "the value is wrong"))
            except Violation as violation:
                whole = "" if None in (axis for axis, _ in partners.values()) else "a channel of "
                up = " and ".join(name for name, (_, sign) in partners.items() if sign > 0)
                raise Violation(f"with {whole}{up} times 2^{power}: {violation}", violation.ratio) from None
    return ratio
