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
        if dtype == "bfloat16":
            # Eight bits first: ml_dtypes rounds to float32 and then once more, which may end at the second nearest.
            exponent = np.maximum(np.frexp(given)[1], -125) - 8
            given = np.ldexp(np.rint(np.ldexp(given, -exponent)), exponent)
        return given.astype(NUMPY[dtype]).astype(np.float64)
