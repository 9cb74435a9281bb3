"""Gates of hidden units that rounding opens: what becomes of their gradient where it is mixed by further products."""

import numpy as np
import pytest

from assay.oracle.rounding.bound import Z
from assay.oracle.rounding.computed import Computed
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.rounding.tape import Tape, matmul, relu

FLOAT32 = precision_classes("float32")[0][1]


@pytest.mark.parametrize(("away", "left"), [(0, 6), (3, 27**0.5), (5, 11**0.5), (5.9, 2**0.5), (6.1, 0)])
def test_what_is_left_to_the_mixing_is_what_the_opening_has_not_taken(away, left):
    """A unit that opens at `away` deviations leaves sqrt(Z^2 - away^2) of them; at least, room for all of |g|."""
    tape, sigma, g = Tape(FLOAT32), 2.0**-10, 0.25
    h = Computed(np.full((1, 1), -away * sigma), np.full((1, 1), 8 * sigma), np.full((1, 1), sigma**2))
    found = tape.gradients(relu(tape, h, mixed=True), np.full((1, 1), g), {"h": h})["h"]

    assert found.value.item() == 0
    assert Z * np.sqrt(found.variance).item() == pytest.approx(left * g, abs=1e-6)


def error_ratio(*, mixed):
    """Compute the largest error ratio of 4,000 rows whose gates open as a normal error of x has it."""
    generator = np.random.default_rng(0)
    sigma, rows = 2.0**-9, 4000
    x, first, second, g = (generator.standard_normal(shape) for shape in ((rows, 16), (16, 16), (16, 32), (rows, 32)))
    tape, inexact = Tape(FLOAT32), np.full(x.shape, sigma)
    of = Computed(x, 8 * inexact, inexact**2)
    h = matmul(tape, matmul(tape, of, Computed(first)), Computed(second))
    bound = tape.bounds(relu(tape, h, mixed=mixed), g, {"x": of})["x"]
    off = (x + sigma * generator.standard_normal(x.shape)) @ first @ second
    opened = ((off > 0) != (h.value > 0)).any(1)
    error = np.abs((g * (off > 0)) @ second.T @ first.T - bound.expected)
    assert opened.sum() > 20
    return (error[opened] / bound.statistical[opened]).max()


def test_a_gate_whose_gradient_is_mixed_twice_is_within_and_not_without_the_room_for_the_mixing():
    """Where few gates open, room for |g| alone is too little; with it, an error of some times more is outside."""
    assert error_ratio(mixed=False) > 1
    assert 1 / 3 < error_ratio(mixed=True) <= 1
