"""Further cases than those that fail, small ones first: what is found on a failure is tried on them."""

import functools
from collections.abc import Mapping
from typing import Final

import numpy as np

from ..cases.drawing import covering_cases, evenly_spaced
from ..components import COMPONENTS
from ..terms.case import Case
from ..terms.component import Component

_FEW: Final = 16
"""Small cases that each known bug must answer as the implementation does, before the failing clause is tried on it."""
_MANY: Final = 48
"""Cases that tell apart those which are left. Numbers, not times, so that the same seed gives the same report."""
_GRADIENTS_TAKE: Final = 3
"""A case with gradients costs about as much as so many without."""


def further_cases(component: Component, case: Case, backward: bool) -> list[Case]:
    """List cases of every kind: as many small ones as are wanted first, then others up to any size."""
    dtype = case["dtype"] if component.has_dtype else ""
    every = covering_cases(component, dtype, case["seed"])
    # Whatever the seed and the dtype, they are as large.
    plain = covering_cases(component, "float64" if component.has_dtype else "", 0)
    asked = [k for k, each in enumerate(every) if not backward or component.differentiated(each)]
    kept = {every[k]: size for k in asked if (size := _size(plain[k]))}
    few, many = few_and_many(backward)
    small = list(evenly_spaced(sorted(kept, key=kept.__getitem__)[: len(kept) // 2], few))
    return [*small, *evenly_spaced([each for each in kept if each not in small], many - few)]


def few_and_many(backward: bool) -> tuple[int, int]:
    """Say how many small cases there are first, and how many in all."""
    return (_FEW // _GRADIENTS_TAKE, _MANY // _GRADIENTS_TAKE) if backward else (_FEW, _MANY)


@functools.cache
def _size(case: Case) -> int:
    """Count the numbers and letters of a case; an empty call has none, and tells nothing apart."""
    inputs = COMPONENTS[case.component].make(case)
    sizes = [np.size(array) for array in inputs.arrays.values()] or [letters(inputs.options)]
    return sum(sizes) if all(sizes) else 0


def letters(options: Mapping[str, object]) -> int:
    """Count the letters of the options of a call."""
    return len(str(options))
