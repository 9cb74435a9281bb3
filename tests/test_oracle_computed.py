"""The operations on tensors with errors: what float32 computes from arguments in error is within the error stated."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.oracle import precision_classes
from assay.oracle.rounding.computed import Computed, added, product, scaled, stored_in, times, total

(_, FLOAT32), *_ = precision_classes("float32")
FACTOR = 0.1
"""No number of float32, so that its own rounding counts."""

NUMBERS = st.floats(-1e6, 1e6, width=32)
"""Zeros and subnormals are among them; no product of two overflows."""

MOVES = st.floats(-1, 1)


@st.composite
def tensors(draw, shape):
    """Draw a tensor as float32 has it, and what it stands for: other values, and how far off it is from these."""
    size = int(np.prod(shape))
    kept = np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size)), np.float32).reshape(shape)
    moves = np.array(draw(st.lists(MOVES, min_size=size, max_size=size))).reshape(shape)
    value = kept.astype(np.float64) * (1 + draw(st.sampled_from([0.0, 2.0**-24, 2.0**-8])) * moves)
    return kept, Computed(value, np.abs(kept.astype(np.float64) - value))


OPERATIONS = {
    "product": (lambda a, b: a @ b.T, lambda a, b: product(a, b.transposed, FLOAT32)),
    "times": (lambda a, b: a * b, lambda a, b: times(a, b, FLOAT32)),
    "added": (lambda a, b: a + b, lambda a, b: added(a, b, FLOAT32)),
    "scaled": (lambda a, b: np.float32(FACTOR) * a, lambda a, b: scaled(a, FACTOR, FLOAT32)),
    "total": (lambda a, b: a.sum(-1, keepdims=True), lambda a, b: total(a, -1, FLOAT32)),
}
TERM_BY_TERM = {
    "product": lambda a, b: sum(a[:, None, k] * b[None, :, k] for k in range(a.shape[-1])),
    "total": lambda a, b: sum(a[:, k : k + 1] for k in range(a.shape[-1])),
}


def within(kept, computed):
    """Tell whether what was kept is within the error; float64, on this side, rounds 2^29 times finer than float32."""
    off = np.abs(kept.astype(np.float64) - computed.value)
    return bool((off <= computed.errors.error * (1 + 2.0**-20)).all())


@pytest.mark.parametrize("operation", OPERATIONS)
@given(a=tensors((2, 4)), b=tensors((2, 4)))
def test_what_float32_computes_is_within_the_error(operation, a, b):
    in_float32, with_errors = OPERATIONS[operation]
    computed = with_errors(a[1], b[1])

    for way in filter(None, (in_float32, TERM_BY_TERM.get(operation))):
        kept = way(a[0], b[0])
        assert kept.dtype == np.float32
        assert within(kept, computed)


@given(a=tensors((2, 4)))
def test_what_is_kept_in_bfloat16_is_within_the_error(a):
    assert within(a[0].astype(ml_dtypes.bfloat16), stored_in(a[1], "bfloat16"))
