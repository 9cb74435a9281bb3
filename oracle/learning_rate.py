"""Learning rate with warm-up: "Attention Is All You Need", section 5.3, equation 3.

    lrate = d_model^-0.5 min(step^-0.5, step warmup^-1.5)

    steps (T,), whole numbers of which the first is 1   d_model, warmup: whole numbers, at least 1

The two arms meet at step = warmup: the rate rises up to there, and falls from there on.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from .options import check_whole
from .rounding.bound import Bound, Errors, finish
from .rounding.numerics import Numerics
from .shapes import Array, checked_arrays
from .spec_error import SpecError

_BITS: Final = 64
"""Of the root, before it is rounded to the 53 of float64: its error is then 1/2 + 2^-11 units in the last place."""


def learning_rate(steps: ArrayLike, *, d_model: int, warmup: int) -> Array:
    """Give d_model^-0.5 min(step^-0.5, step warmup^-1.5): (T,), correct to 0.501 units in the last place.

    SpecError if a step, d_model or warmup is not a whole number of at least 1.
    """
    steps = _arguments(steps, d_model, warmup)
    rates = [_rate(step, d_model, warmup) for step in steps.tolist()]
    return np.array(rates, np.float64)  # (T,)


def learning_rate_bound(steps: ArrayLike, *, d_model: int, warmup: int, numerics: Numerics) -> Bound:
    """Say how far from `learning_rate` a right implementation may be.

        E = |y| (e^(U (2 c_e + 2 + r)) - 1)   two powers, two products
        r = [step] + 3/2 [warmup] + 1/2 [d_model]   [k]: whether k is too large to be exact, 1 or 0

    The powers of d_model and warmup are common to all steps, and so all of it is coherent.
    """
    y = learning_rate(steps, d_model=d_model, warmup=warmup)
    unit = numerics.unit
    rounded_step = np.asarray(steps).astype(np.int64) * unit > 1
    roundings = rounded_step + 1.5 * (warmup * unit > 1) + 0.5 * (d_model * unit > 1)
    error = y * np.expm1(unit * (2 * numerics.exp_error + 2 + roundings))
    return finish(y, Errors(error, np.zeros_like(y), error), numerics, rows_independent=False)


def _arguments(steps: ArrayLike, d_model: int, warmup: int) -> Array:
    """Check all arguments, and give the steps as int64."""
    (t,) = checked_arrays("learning_rate", steps)
    if t.size and t.min() < 1:
        raise SpecError(f"learning_rate: steps holds {t.min()}, but the first step is 1")
    for name, value in {"d_model": d_model, "warmup": warmup}.items():
        check_whole("learning_rate", name, value, 1)
    return t


def _rate(step: int, d_model: int, warmup: int) -> float:
    """Give the rate of one step, by whole numbers: its square is 1/(d_model step) or step^2/(d_model warmup^3)."""
    above, below = (step**2, d_model * warmup**3) if step < warmup else (1, d_model * step)
    # Twice as many bits for the square as for the root.
    doubled = _BITS + (below.bit_length() - above.bit_length()) // 2
    root = math.isqrt((above << 2 * doubled) // below)
    return math.ldexp(root, -doubled)
