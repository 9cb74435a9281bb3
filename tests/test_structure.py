"""What errors have in common: said where it is so for every element, and not where it is only nearly so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from assay.conformance.diagnosis.structure import structure

AXES = ("batch item", "head", "query", "channel")
SHAPE = (2, 3, 6, 5)
EXPECTED = np.random.default_rng(0).standard_normal(SHAPE)
ALLOWANCE = np.full(SHAPE, 1e-6)
EXPECTED_ROW = np.random.default_rng(4).standard_normal((1, 17))


def said(actual, expected=EXPECTED, allowance=ALLOWANCE, axes=AXES, dtype="float32"):
    law, places = structure(actual, expected, allowance, axes, dtype)
    return [law, *places] if law else places


def wrong_in(*index):
    """Errors of many sizes in these places alone."""
    actual = EXPECTED.copy()
    actual[index] += np.random.default_rng(1).lognormal(0, 3, actual[index].shape)
    return actual


EVERY = slice(None)


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ((EVERY, 1), "it is wrong only in head 1 of 3"),
        ((EVERY, EVERY, 5), "it is wrong only in the last query"),
        ((EVERY, EVERY, slice(2, None)), "it is wrong only from query 2 on"),
        ((EVERY, EVERY, slice(1, 3)), "it is wrong only in queries 1 to 2 of 6"),
        ((EVERY, EVERY, slice(1, None, 2)), "it is wrong only in every second query, from 1 on"),
        ((EVERY, EVERY, [0, 1, 3, 4, 5]), "it is wrong only in queries other than 2"),
        ((EVERY, EVERY, EVERY, [0, 1, 4]), "it is wrong only in channels 0, 1, 4 of 5"),
        ((1, EVERY, EVERY, 2), "it is wrong only in batch item 1 of 2"),
    ],
)
def test_where(index, sentence):
    assert sentence.replace("querys", "queries") in said(wrong_in(*index))


def test_every_tile_but_the_first_may_begin_wrong():
    y = np.zeros((4, 64))
    actual = y.copy()
    actual[:, 16::16] = np.random.default_rng(1).lognormal(0, 3, (4, 3))

    assert said(actual, y, y + 1e-6, ("query", "channel")) == ["it is wrong only in every 16th channel, from 16 on"]


def test_one_wrong_element_has_been_named():
    assert said(wrong_in(1, 2, slice(3, 4), slice(4, 5))) == []


def test_a_few_wrong_elements_have_no_place():
    """Of 180 elements 3 are wrong, in three heads and items: which is no more than chance."""
    actual = EXPECTED.copy()
    actual[0, 0, 1, 2] = actual[1, 1, 1, 3] = actual[0, 2, 4, 0] = 77

    assert said(actual) == []


def test_a_law_needs_most_elements():
    """Where one element of many is wrong, a factor next to 1 may give them all; it is not said."""
    y, allowance = np.linspace(1, 2, 33), np.full(33, 1e-3)
    actual = y.copy()
    actual[16] += 1.05e-3

    assert said(actual, y, allowance, ("channel",)) == []


def test_where_everything_is_wrong_nothing_is_said_of_places():
    assert said(wrong_in(EVERY)) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda y: 1.0625 * y, "every element is 1.0625 times what it should be"),
        (lambda y: -y, "every element has the other sign"),
        (lambda y: y + 0.5, "every element is 0.5 too large"),
        (lambda y: y - 0.5, "every element is 0.5 too small"),
        (lambda y: np.full_like(y, 0.25), "every element is 0.25"),
        (lambda y: np.flip(y, 1), "the heads are in reverse order"),
        (lambda y: np.roll(y, 1, 2), "every query holds what is due in the one before it"),
        (lambda y: np.roll(y, -1, 2), "every query holds what is due in the one after it"),
        (lambda y: y[:, [1, 0, 2]], "head 0 holds what is due in head 1, head 1 holds what is due in head 0"),
        (lambda y: y[:, [0, 1, 1]], "head 2 holds what is due in head 1"),
        (lambda y: y[:, :, [3, 0, 5, 1, 2, 4]], "query 1 holds what is due in query 0, and so on"),
        (lambda y: y + 0 * y + y[..., :1] * 0 + np.arange(6.0)[:, None], "between 0 and 5"),
        (lambda y: y * np.arange(1, 7.0)[:, None], "between 1 and 6"),
        (lambda y: np.repeat(y[:, :1], 3, axis=1), "it is the same for every head"),
        (lambda y: y.astype(np.float16).astype(np.float64), "every element is a float16 number"),
        (
            lambda y: y * 1.01 + np.random.default_rng(2).uniform(-0.001, 0.001, SHAPE) * y,
            "each error is about 0.01 of its value",
        ),
        (
            lambda y: y + 0.01 * np.random.default_rng(2).choice([-1, 1], SHAPE),
            "each error is about 0.01, whatever its value",
        ),
    ],
)
def test_how(change, sentence):
    found = said(change(EXPECTED))

    assert any(sentence in each for each in found), found
    # One element that is otherwise: it is not said of all.
    nearly = change(EXPECTED).copy()
    nearly[1, 2, 3, 4] = EXPECTED[1, 2, 3, 4] + 37.123456789
    assert not any(sentence in each for each in said(nearly))


def test_a_transposed_result():
    y = np.random.default_rng(3).standard_normal((4, 4))

    assert said(y.T.copy(), y, np.full((4, 4), 1e-6), ("query", "channel")) == ["query and channel are exchanged"]


def test_what_is_no_number():
    actual = EXPECTED.copy()
    actual[:, :, 3] = np.nan

    assert said(actual) == ["NaN only in query 3 of 6"]
    assert said(np.full(SHAPE, np.inf)) == ["all of it is infinite"]


@pytest.mark.parametrize("places", [[(0, 0, 0, 0)], [(0, 0, 0, 0), (1, 2, 5, 4)]])
def test_one_nan_or_two_far_apart_are_not_all_of_it(places):
    actual = EXPECTED.copy()
    for place in places:
        actual[place] = np.nan

    assert said(actual) == []


def test_a_law_must_hold_within_the_allowance():
    """1.5 y may be off by 1.5 times the allowance and once more: 2.5e-6."""
    noise = np.random.default_rng(4).choice([-1e-6, 1e-6], SHAPE)

    assert "every element is 1.5 times what it should be" in said(1.5 * EXPECTED + noise)
    assert not any("times what it should be" in each for each in said(1.5 * EXPECTED + 4 * noise))


def test_a_factor_says_nothing_where_the_allowance_is_wider_than_the_error():
    """Times 12 the allowance is 0.13, and the errors are 0.02: any factor of that size would do."""
    y, allowance = np.random.default_rng(5).standard_normal(20) * 1e-3, np.full(20, 1e-2)
    actual = np.where(np.arange(20) < 9, y, y + 0.02)

    assert not any("times" in each for each in said(actual, y, allowance, ("channel",)))


FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@given(st.data(), SHAPES, st.sampled_from(["float64", "float32", "bfloat16", "float16"]))
def test_it_never_raises_and_says_nothing_of_what_is_right(data, shape, dtype):
    one, other = (data.draw(arrays.arrays(np.float64, shape, elements=FLOATS)) for _ in range(2))
    allowance = data.draw(arrays.arrays(np.float64, shape, elements=st.floats(0, allow_nan=False)))

    assert structure(one, one, allowance, (), dtype) == ("", [])
    law, places = structure(one, other, allowance, (), dtype)
    assert all(isinstance(each, str) for each in (law, *places))


@pytest.mark.parametrize("unjudged", ["the bound is infinite", "the bound is no number"])
def test_a_place_that_cannot_be_judged_is_no_right_one(unjudged):
    """It is wrong everywhere, and only two queries of 64 have a bound."""
    shape, known = (1, 2, 64, 8), (EVERY, EVERY, [3, 62])
    expected = np.random.default_rng(0).standard_normal(shape)
    actual = expected + np.random.default_rng(1).lognormal(0, 3, shape)
    allowance = np.full(shape, np.inf if "infinite" in unjudged else np.nan)
    allowance[known] = 1e-6

    assert said(actual, expected, allowance) == []
    allowance[...] = 1e-6
    actual = np.where(np.isin(np.arange(64), [3, 62])[:, None], actual, expected)
    assert said(actual, expected, allowance) == ["it is wrong only in queries 3, 62 of 64"]


def test_a_number_where_nan_is_due_is_wrong_whatever_its_bound_is():
    expected, allowance = EXPECTED.copy(), ALLOWANCE.copy()
    expected[:, 1], allowance[:, 1] = np.nan, np.inf

    assert said(EXPECTED, expected, allowance) == ["it is wrong only in head 1 of 3"]
    assert said(expected, expected, allowance) == []


def test_nan_in_a_place_that_cannot_be_judged_is_not_held_against_it():
    actual, allowance = EXPECTED.copy(), ALLOWANCE.copy()
    actual[:, 2], allowance[:, 2] = np.nan, np.inf

    assert said(actual, allowance=allowance) == []
    actual[:, 0] = np.nan
    assert said(actual, allowance=allowance) == []  # of heads 1 and 2, one cannot be judged
    allowance[...] = 1e-6
    assert said(actual, allowance=allowance) == ["NaN only in heads other than 1"]


def test_no_law_is_read_off_a_few_elements_that_have_a_bound():
    allowance = np.full(SHAPE, np.inf)
    allowance[0, 0] = 1e-6

    assert said(2 * EXPECTED, allowance=allowance) == []
    assert said(2 * EXPECTED) == ["every element is 2 times what it should be"]


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        ([(0, 8, 2.0), (8, 12, 1.0)], "of the channels of a row, 0 to 7 are 2 times what is due, 8 to 11 are right"),
        (
            [(0, 5, 1.0), (5, 8, 0.5), (8, 12, 3.0)],
            "of the channels of a row, 0 to 4 are right, 5 to 7 are 0.5 times what is due, 8 to 11 are 3 times what",
        ),
    ],
)
def test_pieces_of_a_row_that_have_one_factor_each_are_told(factors, sentence):
    expected = np.random.default_rng(2).uniform(0.5, 1, (3, 12))
    actual = expected.copy()
    for first, end, factor in factors:
        actual[1, first:end] *= factor
        actual[2, first:end] *= factor
    found = said(actual, expected, np.full((3, 12), 1e-6), ("query", "channel"))

    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    ("size", "length", "sentence"),
    [
        (17, 16, "of the channels of a row, 0 to 15 are 1.1 times what is due, 16 is 1.2 times what is due"),
        (96, 8, "of the channels of a row, each 8 have a factor of their own, from 1.1 to 2.2 times what is due"),
    ],
)
def test_pieces_that_tiles_leave_are_told(size, length, sentence):
    expected = np.random.default_rng(2).uniform(0.5, 1, (3, size))
    actual = expected * (1.1 + 0.1 * (np.arange(size) // length))

    assert said(actual, expected, np.full((3, size), 1e-6), ("query", "channel"))[0] == sentence


def test_of_few_elements_a_factor_is_told_and_nothing_else():
    expected, allowance = EXPECTED_ROW[0, :5], np.full(5, 1e-6)

    assert structure(2 * expected, expected, allowance, ("step",), "float32", few=True) == (
        "every element is 2 times what it should be",
        [],
    )
    assert structure(expected[::-1], expected, allowance, ("step",), "float32", few=True) == ("", [])


def test_pieces_that_are_off_by_one_number_each_are_told():
    actual = EXPECTED_ROW + np.where(np.arange(17) < 16, -0.25, 3)

    found = said(actual, EXPECTED_ROW, np.full((1, 17), 1e-6), ("query", "channel"))
    assert found[0] == "of the channels of a row, 0 to 15 are 0.25 too small, 16 is 3 too large"


@pytest.mark.parametrize(("cut", "step"), [(5, 3.0), (16, 4e-6)], ids=["no tile", "hardly known"])
def test_no_numbers_are_told_where_no_tile_ends_or_roundings_are_as_large(cut, step):
    actual = EXPECTED_ROW + np.where(np.arange(17) < cut, 0, step)

    assert all("too large" not in each for each in said(actual, EXPECTED_ROW, np.full((1, 17), 1e-6), AXES[2:]))


def test_no_pieces_are_told_where_each_element_has_a_factor_of_its_own():
    expected = np.random.default_rng(2).uniform(0.5, 1, (3, 12))
    actual = expected * np.random.default_rng(3).uniform(1, 2, (3, 12))

    assert not any("times what is due" in each for each in said(actual, expected, np.full((3, 12), 1e-6), ("a", "b")))
