"""Arrays of the judge, and values rounded to the format of a case."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import ml_dtypes
import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

NUMPY: Final[Mapping[str, Any]] = {
    "float64": np.float64,
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float16": np.float16,
}
"""The names of the contract -> numpy's types."""


def rounded(values: Array | float, dtype: str) -> Array:
    """Return the nearest values of the dtype, in float64; of two that are equally near, the even one."""
    given = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        once = _for_eight_bits(given) if dtype == "bfloat16" else given
        return once.astype(NUMPY[dtype]).astype(np.float64)


def _for_eight_bits(given: Array) -> Array:
    """Round to float32 so that rounding once more, to bfloat16, ends at the nearest.

    It does not where float32 has rounded to a number half-way between two of bfloat16: that moves back by one.
    """
    once = given.astype(np.float32)
    half = once.view(np.int32) & 0xFFFF == 0x8000
    between, exact = once[half], given[half]
    back = np.nextafter(between, np.where(exact > between, np.float32(np.inf), np.float32(-np.inf)))
    once[half] = np.where(exact == between, between, back)
    return once
