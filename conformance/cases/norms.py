"""What the cases of layer normalisation and of normalisation by the root mean square have in common."""

from collections.abc import Sequence

import numpy as np

from ..terms.case import Case
from ..terms.component import Array, Conventions, Inputs
from .values import draw, generator_of


def shape_of(case: Case) -> tuple[int, ...]:
    """Give the shape of x: of so many axes, the last of which has `d` channels."""
    shape: tuple[int, ...] = (*(2,) * (case["axes"] - 3), case["B"], case["L"], case["d"])
    return shape[-max(case["axes"], 1) :]


def rows_of(case: Case, narrow: Sequence[float]) -> Array:
    """Make x of a regime; `narrow` are the sizes of rows about which epsilon decides."""
    regime, shape = case["regime"], shape_of(case)
    generator, column = generator_of(case, "x", regime), (*shape[:-1], 1)
    if regime == "constant":
        return np.broadcast_to(generator.choice([0.3, -7.0, 100.0], column), shape).copy()
    if regime == "narrow":
        return np.asarray(generator.choice(narrow, column) * generator.standard_normal(shape))
    if regime == "mixed":
        # Rows of unlike size and mean side by side.
        size = generator.choice([1e-2, 1.0, 30.0], column)
        return np.asarray(size * (generator.standard_normal(shape) + generator.standard_normal(column)))
    return draw(case, "x", shape, "normal" if regime == "zero-gain" else regime, case["dtype"])


def dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the row of an element of x, or the channel of a gain or a bias."""
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    if name == "x":
        depends[where[:-1]] = True
    else:
        depends[..., where[0]] = True
    return depends
