"""A result against its bound, element by element: classes of values, overflow, and the sentence about the worst."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.conformance.terms.comparison import against_bound, bit_for_bit, place, ratios, same_within, worst_of
from assay.oracle.rounding.bound import Bound
from assay.oracle.rounding.formats import FORMATS, half_ulp

NAN, INF = np.nan, np.inf


def bound_of(expected, worst, statistical=None, dtype="float32"):
    """Make a bound by hand."""
    expected = np.asarray(expected, float)
    worst = np.broadcast_to(np.asarray(worst, float), expected.shape)
    statistical = worst if statistical is None else np.broadcast_to(np.asarray(statistical, float), expected.shape)
    zero = np.zeros(expected.shape)
    return Bound(expected, worst, statistical, zero, half_ulp(expected, FORMATS[dtype]), zero)


def ratio_of(actual, expected, worst, dtype="float32"):
    """Compute the ratio of one element."""
    return float(ratios(np.array([actual]), bound_of([expected], worst), dtype, statistical=False)[0])


@pytest.mark.parametrize(
    ("actual", "expected", "worst", "ratio"),
    [
        (1.5, 1.0, 0.5, 1.0),
        (0.5, 1.0, 1.0, 0.5),
        (1.0, 1.0, 0.0, 0.0),
        (1.0, 1.5, 0.0, INF),
        (-0.0, 0.0, 0.0, 0.0),
        (NAN, NAN, 1.0, 0.0),
        (NAN, 1.0, 1.0, INF),
        (1.0, NAN, 1.0, INF),
        (INF, NAN, 1.0, INF),
        (INF, INF, 1.0, 0.0),
        (-INF, INF, 1.0, INF),
        (1e38, INF, 1e39, INF),
        (NAN, INF, 1.0, INF),
        (NAN, NAN, NAN, 0.0),
        (INF, 1.0, 1e9, INF),
        (7.0, 1.0, INF, 0.0),
        (NAN, 1.0, INF, 0.0),
        (INF, 1.0, INF, 0.0),
        (7.0, INF, INF, INF),
    ],
)
def test_the_ratio_of_one_element(actual, expected, worst, ratio):
    """A NaN or an infinity where and only where it is due; an infinite bound cannot be judged."""
    assert ratio_of(actual, expected, worst) == ratio


# The largest finite number, and the point from where rounding to nearest gives infinity.
EDGES = {
    "float16": (65504.0, 65520.0),
    "bfloat16": (float.fromhex("0x1.fep127"), float.fromhex("0x1.ffp127")),
    "float32": (float.fromhex("0x1.fffffep127"), float.fromhex("0x1.ffffffp127")),
}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("dtype", EDGES)
def test_overflow_begins_half_an_ulp_beyond_the_largest_number(dtype, sign):
    largest, edge = EDGES[dtype]
    below, ulp = np.nextafter(edge, 0.0), 2 * (edge - largest)
    assert FORMATS[dtype].largest == largest

    def ratio(actual, expected, worst):
        return ratio_of(sign * actual, sign * expected, worst, dtype)

    # Exactly known: just below the edge is finite, from the edge on it is infinite.
    assert (ratio(INF, below, 0.0), ratio(INF, edge, 0.0)) == (INF, 0.0)
    assert ratio(largest, below, ulp / 2) <= 1
    assert ratio(largest, edge, 0.0) == INF
    # Within an interval that holds the edge, either is right; an infinity of the other sign never is.
    assert (ratio(INF, largest, ulp), ratio(largest, edge, ulp)) == (0.0, 0.5)
    assert ratio(-INF, largest, ulp) == INF
    # An interval that ends below the edge has no room for an infinity, and one beyond it none for a number.
    assert ratio(INF, largest - 4 * ulp, ulp) == INF
    assert ratio(largest, edge + 4 * ulp, ulp) == INF


def test_overflow_of_float64_is_where_the_oracle_overflows():
    largest = np.finfo(np.float64).max
    assert FORMATS["float64"].largest == largest
    assert ratio_of(largest, largest, 0.0, "float64") == 0.0
    assert ratio_of(INF, largest / 2, largest / 8, "float64") == INF


def test_the_statistical_bound_is_the_one_that_was_asked_for():
    bound = bound_of([1.0, 2.0], 1.0, 0.25)
    actual = np.array([1.0, 2.5])

    assert ratios(actual, bound, "float32", statistical=False).tolist() == [0.0, 0.5]
    assert ratios(actual, bound, "float32", statistical=True).tolist() == [0.0, 2.0]
    assert against_bound(actual, bound, "float32", statistical=False).outside == 0
    assert against_bound(actual, bound, "float32", statistical=True).outside == 1


def test_the_worst_element_is_named_with_its_numbers():
    bound = bound_of(np.arange(6.0).reshape(2, 3), 0.5)
    actual = bound.expected + np.array([[0.0, 1.0, 0.0], [-2.0, 0.0, 0.25]])
    worst = against_bound(actual, bound, "float32", statistical=False)

    assert (worst.ratio, worst.where, worst.outside, worst.judged) == (4.0, (1, 0), 2, 6)
    assert worst.sentence == (
        "result[1, 0] is 1, but should be 3: the error is 2, 4 times the 0.5 allowed; 2 of 6 elements are outside"
    )


@pytest.mark.parametrize(
    ("actual", "expected", "allowance", "sentence"),
    [
        ([1.5], [1.0], [0.0], "result[0] is 1.5, but should be 1: the error is 0.5, and none is allowed"),
        ([1.5], [4.0], [1e-6], "result[0] is 1.5, but should be 4: the error is 2.5, 62 % of what is due"),
        ([1.0], [0.0], [1e-45], "result[0] is 1, but should be 0: the error is 1, and 1e-45 is allowed"),
        ([NAN], [1.0], [1.0], "result[0] is nan, but should be 1"),
        ([INF, 1.0], [1.0, 1.0], [1.0, 1.0], "result[0] is inf, but should be 1; 1 of 2 elements are outside"),
    ],
)
def test_the_sentence_where_no_number_of_times_can_be_given(actual, expected, allowance, sentence):
    actual, expected, allowance = map(np.asarray, (actual, expected, allowance))
    ratio = ratios(actual, bound_of(expected, allowance), "float32", statistical=False)
    assert worst_of(ratio, actual, expected, allowance).sentence == sentence


def test_a_result_without_axes_and_one_without_elements():
    scalar = against_bound(np.array(2.0), bound_of(1.0, 0.5), "float32", statistical=False)
    empty = against_bound(np.empty((0, 3)), bound_of(np.empty((0, 3)), 0.5), "float32", statistical=False)

    assert scalar.sentence == "the result is 2, but should be 1: the error is 1, 2 times the 0.5 allowed"
    assert (empty.ratio, empty.judged) == (0.0, 0)
    assert [place(()), place((2,)), place((0, 2))] == ["the result", "result[2]", "result[0, 2]"]


@pytest.mark.parametrize(
    ("one", "other", "allowance", "ratio"),
    [
        (1.0, 1.0, 0.0, 0.0),
        (1.0, 2.0, 0.0, INF),
        (1.0, 2.0, 2.0, 0.5),
        (NAN, NAN, 1.0, 0.0),
        (NAN, 1.0, 1.0, INF),
        (1.0, NAN, 1.0, INF),
        (INF, INF, 1.0, 0.0),
        (INF, -INF, 1.0, INF),
        (INF, 1.0, 1.0, INF),
        (NAN, INF, 1.0, INF),
        (1.0, 2.0, INF, 0.0),
        (NAN, 1.0, INF, 0.0),
    ],
)
def test_two_results_that_should_agree(one, other, allowance, ratio):
    for dtype in ("", "float64"):
        assert same_within(np.array([one]), np.array([other]), np.array([allowance]), dtype).ratio == ratio


@pytest.mark.parametrize(
    ("one", "other", "allowance", "ratio"),
    [
        (INF, 65000.0, 520.0, 1.0),
        (65000.0, INF, 520.0, 1.0),
        (-INF, -65000.0, 260.0, 2.0),
        (INF, -65000.0, 520.0, 251.0),
        (INF, -INF, 131040.0, 1.0),
        (INF, 80000.0, 1.0, 0.0),  # a sum in float64 of what the implementation has in float16
        (60000.0, 80000.0, 1.0, 20000.0),
        (INF, 1.0, 0.0, INF),
        (NAN, INF, 1e300, INF),
        (NAN, 65000.0, 1e300, INF),
    ],
)
def test_one_of_two_results_may_overflow_from_65520_on_in_float16(one, other, allowance, ratio):
    """The largest number is 65504, and half an ulp 16."""
    assert same_within(np.array([one]), np.array([other]), np.array([allowance]), "float16").ratio == ratio


def test_bit_for_bit_has_no_allowance():
    """Not even the last bit; only -0 and 0, and one NaN and another, count as equal."""
    expected = np.array([0.0, 1.0, NAN, INF])
    assert bit_for_bit(np.array([-0.0, 1.0, NAN, INF]), expected).ratio == 0.0
    for k, wrong in enumerate((5e-324, np.nextafter(1.0, 2.0), 0.0, -INF)):
        actual = expected.copy()
        actual[k] = wrong
        worst = bit_for_bit(actual, expected)
        assert (worst.ratio, worst.where, worst.outside) == (INF, (k,), 1)
        chosen = np.ones(4, bool)
        assert bit_for_bit(actual, expected, chosen).ratio == INF
        chosen[k] = False
        assert bit_for_bit(actual, expected, chosen).ratio == 0.0


@given(st.tuples(*[st.floats()] * 4), st.sampled_from(["", *FORMATS]), st.booleans())
def test_the_ratio_of_any_numbers_is_a_number(numbers, dtype, statistical):
    """Even where expected value and bounds are what no oracle should say; what is no number passes nothing."""
    actual, expected, worst, likely = (np.array([each]) for each in numbers)
    bound = Bound(expected, worst, likely, np.zeros(1), np.zeros(1), np.zeros(1))

    (ratio,) = ratios(actual, bound, dtype, statistical=statistical)

    assert ratio >= 0
    assert against_bound(actual, bound, dtype, statistical=statistical).sentence
    if np.isnan(actual) and not np.isnan(expected) and np.isfinite(worst):
        assert ratio == INF


@given(st.tuples(*[st.floats()] * 3), st.sampled_from(["", *FORMATS]))
def test_the_ratio_of_any_two_results_is_a_number(numbers, dtype):
    worst = same_within(*(np.array([each]) for each in numbers), dtype)

    assert worst.ratio >= 0
    assert worst.sentence
