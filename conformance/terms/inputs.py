"""The arguments of one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from .rounding import Array

Conventions: TypeAlias = Mapping[str, str]
"""What an implementation declares, or the default, for each convention of the contract."""


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call by the names of the contract, floats exact in the dtype of the case."""

    arrays: Mapping[str, Array]
    options: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Inputs":
        """Give the same call with other arguments; None leaves one out."""
        arrays, options = dict(self.arrays), dict(self.options)
        for name, value in changes.items():
            place = arrays if name in arrays or isinstance(value, np.ndarray) else options
            if value is None:
                place.pop(name, None)
            else:
                place[name] = value
        return replace(self, arrays=arrays, options=options)

    @property
    def keywords(self) -> dict[str, Any]:
        """Arrays and options by name, for a call that takes both as keywords."""
        return {**self.arrays, **self.options}
