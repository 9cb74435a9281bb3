"""Number formats against those of numpy and ml_dtypes: their constants, and half an ulp of any number."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.oracle.rounding.formats import FORMATS, half_ulp

KNOWN = {
    "float64": np.float64,
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float16": np.float16,
    "float8_e4m3": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
}
each_format = pytest.mark.parametrize("name", KNOWN)


def test_only_tensorfloat32_has_no_type_to_compare_with():
    assert set(FORMATS) - set(KNOWN) == {"tensorfloat32"}


@each_format
def test_the_constants_are_those_of_the_type(name):
    form, known = FORMATS[name], ml_dtypes.finfo(KNOWN[name])

    assert form.precision == known.nmant + 1
    assert form.smallest_normal == float(known.smallest_normal)
    assert form.largest == float(known.max)
    # Half of float64's smallest number is no number of float64, in which the bounds are.
    half = 1 if name == "float64" else 2
    assert form.half_smallest_subnormal == float(known.smallest_subnormal) / half


@each_format
@given(data=st.data())
def test_the_next_number_is_two_half_ulps_above(name, data):
    """Counted by their bits, which order the numbers of a format."""
    kind, form = np.dtype(KNOWN[name]), FORMATS[name]
    whole = np.dtype(f"u{kind.itemsize}")
    largest = int(np.array(form.largest, kind).view(whole))
    bits = data.draw(st.integers(0, largest - 1))
    number, above = np.array([bits, bits + 1], whole).view(kind).astype(np.float64)

    assert half_ulp(number, form) == half_ulp(-number, form)
    # Half of float64's smallest number is no number of float64.
    assert half_ulp(number, form) == max((above - number) / 2, form.half_smallest_subnormal)


def test_half_an_ulp_of_what_is_not_finite_is_infinite():
    assert half_ulp(np.array([np.nan, np.inf, -np.inf]), FORMATS["float16"]).tolist() == [np.inf] * 3


@each_format
@given(x=st.floats())
def test_rounding_to_nearest_moves_a_number_by_at_most_half_an_ulp(name, x):
    with np.errstate(all="ignore"):
        stored = float(np.float64(x).astype(KNOWN[name]))

    half = float(half_ulp(np.float64(x), FORMATS[name]))

    assert half > 0
    if abs(x) <= FORMATS[name].largest:
        assert abs(stored - x) <= half
