"""Elements that hold what is due in others: told where that is so of several that follow each other."""

import numpy as np
import pytest

from assay.conformance.diagnosis.moves import moved


def shifted(step, first, last):
    """Put into these channels what is due in others, and something else where that ends."""
    expected = np.random.default_rng(5).standard_normal((2, 33))
    actual, there = expected.copy(), np.arange(first, last)
    actual[:, there] = np.roll(expected, -step, 1)[:, there]
    actual[:, there[-1] if step > 0 else there[0]] = 7
    return next(moved(actual, expected, np.full(expected.shape, 1e-6), ("row", "channel")), "")


@pytest.mark.parametrize(
    ("step", "first", "last", "sentence"),
    [
        (1, 16, 33, "from channel 16 on, every channel holds what is due in the one after it"),
        (-1, 16, 33, "from channel 16 on, every channel holds what is due in the one before it"),
        (1, 4, 24, "in channels 4 to 23, every channel holds what is due in the one after it"),
    ],
)
def test_channels_that_hold_what_is_due_in_their_neighbours_are_told(step, first, last, sentence):
    assert shifted(step, first, last) == sentence


def test_two_channels_in_each_others_places_are_no_shift():
    assert shifted(1, 30, 33) == ""
