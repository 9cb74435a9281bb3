"""Random numbers of a case: Philox's words, the values made of them, and that no two purposes share any."""

import itertools
import math
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest

import assay.conformance.terms
from assay.conformance.cases.values import generator_of
from assay.conformance.components import COMPONENTS
from assay.conformance.terms.elementary import exp, log
from assay.conformance.terms.generator import Generator
from assay.conformance.terms.rounding import rounded
from assay.conformance.terms.trial import Trial

NORMAL = Generator("many", "normal").standard_normal(400_000)


def test_the_words_are_those_that_the_authors_of_philox_publish():
    """Random123, `kat_vectors`: philox4x64 of ten rounds, of counter 0 and key 0. numpy counts up before it draws."""
    words = np.random.Philox(key=0, counter=2**256 - 1).random_raw(4)
    assert [hex(word) for word in words] == [
        *("0x16554d9eca36314c", "0xdb20fe9d672d0fdc", "0xd7e772cee186176b", "0x7e68b68aec7ba23b")
    ]


def test_a_key_gives_the_same_values_for_ever():
    """One line of each method; the arrays of whole cases are in `case_arrays.json`."""
    generator = Generator("softmax", 7, "argument", "x")
    assert generator.integers(-3, 4, 6).tolist() == [0, 0, 0, 3, 1, 0]
    assert generator.random(2).tolist() == [0.8914027717950699, 0.6647954668143916]
    assert generator.uniform(-1, 1, 2).tolist() == [-0.9044172025820325, -0.7744076815112104]
    assert [each.hex() for each in generator.standard_normal(3).tolist()] == [
        "0x1.3ed96aaec8e3bp-1",
        "0x1.88449a6135684p-1",
        "0x1.f7d625f776eacp-4",
    ]
    assert generator.permutation(6).tolist() == [2, 5, 3, 1, 4, 0]
    assert generator.choice([0.5, 1.5], (2, 2)).tolist() == [[0.5, 0.5], [0.5, 1.5]]


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.6, 0.75])
def test_what_is_chosen_by_chance_is_what_numbers_say_and_takes_as_many_words(probability):
    by_chance, by_numbers = Generator("chance"), Generator("chance")
    for shape in ((), (0, 3), (7,), (90, 101)):
        expected = by_numbers.random(shape) < probability
        np.testing.assert_array_equal(by_chance.chance(probability, shape), expected)
    assert by_chance.random() == by_numbers.random()


@pytest.mark.parametrize("size", [(), 0, 7, (2, 3), 10_000])
def test_numbers_that_are_kept_are_those_of_a_new_stream_and_so_is_what_follows_them(size):
    """A stream that has begun keeps nothing; what is done to an array does not reach the next one."""
    for _ in range(2):
        first, begun = Generator("kept", size), Generator("kept", size)
        begun.random(0)
        for draw in (first.standard_normal, first.standard_normal, first.random):
            numbers = draw(size)
            assert numbers.tolist() == getattr(begun, draw.__name__)(size).tolist()
            numbers[...] = 0


def test_no_two_keys_share_numbers():
    keys = [("a", "b"), ("ab",), ("a,b",), ('a", "b',), ("b", "a"), ("a", "b", ""), (), ("",), ("a", 1), ("a", 11)]
    words = [Generator(*key).integers(2**62, size=4).tolist() for key in keys]
    assert len(set(itertools.chain(*words))) == 4 * len(keys)


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS.keys())
def test_no_clause_shares_numbers_with_an_argument_nor_one_component_or_seed_with_another(component):
    case = component.case([options[0] for options in component.factors.values()], "float32", 3)
    other = next(each for each in COMPONENTS.values() if each is not component)
    streams = [
        *(generator_of(case, *purpose) for purpose in (("x",), ("gain",), ("mask", "random"), ("clause", "gain"))),
        *(Trial(None, component, case).generator(*purpose) for purpose in (("x",), ("gain",), ("mask", "random"))),
        generator_of(case.but(seed=4), "x"),
        generator_of(other.case([options[0] for options in other.factors.values()], "float32", 3), "x"),
    ]
    words = [word for stream in streams for word in stream.integers(2**62, size=2).tolist()]
    assert len(set(words)) == len(words)


def test_more_numbers_begin_with_fewer():
    """Whatever the blocks are in which they are made."""
    sizes = (1, 2, 7, 20_000, 60_000)
    for draw in ("random", "standard_normal"):
        longest, *shorter = (getattr(Generator("x"), draw)(size) for size in reversed(sizes))
        assert all((longest[: len(each)] == each).all() for each in shorter)
    assert Generator("x").standard_normal((3, 5)).ravel().tolist() == Generator("x").standard_normal(15).tolist()


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    """Each within four of its own deviations: 1, sqrt(2), sqrt(15), sqrt(96) over sqrt(n)."""
    off = 4 / math.sqrt(len(NORMAL))
    assert abs(NORMAL.mean()) < off
    assert abs((NORMAL**2).mean() - 1) < off * math.sqrt(2)
    assert abs((NORMAL**3).mean()) < off * math.sqrt(15)
    assert abs((NORMAL**4).mean() - 3) < off * math.sqrt(96)


def test_normal_numbers_have_the_distribution_function_of_the_normal_distribution():
    """Kolmogorov and Smirnov: sqrt(n) times the largest difference exceeds 1.95 once in a thousand streams."""
    due = np.array([0.5 * (1 + math.erf(each / math.sqrt(2))) for each in np.sort(NORMAL)])
    places = np.arange(len(due) + 1) / len(due)
    assert math.sqrt(len(due)) * max((places[1:] - due).max(), (due - places[:-1]).max()) < 1.95


@pytest.mark.parametrize("beyond", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_normal_numbers_have_the_tails_of_the_normal_distribution(beyond, sign):
    due = len(NORMAL) * math.erfc(beyond / math.sqrt(2)) / 2
    assert abs((sign * NORMAL > beyond).sum() - due) < 4 * math.sqrt(due)


def test_normal_numbers_are_independent_of_their_neighbours():
    """The two of a point, and the points: neither they nor their sizes are correlated."""
    for values in (NORMAL, np.abs(NORMAL) - math.sqrt(2 / math.pi)):
        for apart in (1, 2, 3):
            assert abs((values[apart:] * values[:-apart]).mean()) < 4 / math.sqrt(len(values))


def test_normal_numbers_of_many_keys_have_the_moments_as_well():
    """The first numbers of neighbouring seeds: what a case has."""
    first = np.concatenate([Generator("softmax", seed, "argument", "x").standard_normal(8) for seed in range(4000)])
    off = 4 / math.sqrt(len(first))
    assert abs(first.mean()) < off
    assert abs((first**2).mean() - 1) < off * math.sqrt(2)
    assert abs((first**4).mean() - 3) < off * math.sqrt(96)


def counted(values, count):
    """Chi squared of the counts of whole numbers below `count`, in its own deviations."""
    due = len(values) / count
    found = ((np.bincount(values, minlength=count) - due) ** 2 / due).sum()
    return (found - (count - 1)) / math.sqrt(2 * (count - 1))


def test_whole_numbers_choices_and_permutations_are_even():
    generator = Generator("even")
    assert counted(generator.integers(-3, 4, 70_000) + 3, 7) < 4
    assert counted(generator.choice(np.arange(5), 50_000), 5) < 4
    assert counted((generator.random(50_000) * 16).astype(int), 16) < 4
    orders = np.array([generator.permutation(4) for _ in range(5000)])
    assert counted(ranks(orders), 24) < 4


def ranks(orders):
    """Compute the place of each order among all 24."""
    places = {order: place for place, order in enumerate(itertools.permutations(range(4)))}
    return np.array([places[tuple(order)] for order in orders.tolist()])


def test_what_is_drawn_lies_where_it_should():
    generator = Generator("ranges")
    assert set(generator.integers(2, 5, 200).tolist()) == {2, 3, 4}
    assert set(generator.integers(3, size=(10, 20)).ravel().tolist()) == {0, 1, 2}
    assert generator.integers(1) == 0
    assert (generator.integers(0, 0, 0).shape, generator.standard_normal((2, 0)).shape) == ((0,), (2, 0))
    uniform = generator.uniform(-1, 1, 1000)
    assert -1 <= uniform.min() < -0.99
    assert 0.99 < uniform.max() < 1
    rows = np.arange(12).reshape(6, 2)
    assert sorted(generator.permutation(rows).tolist()) == rows.tolist()
    assert len(set(generator.choice(list("abcdef"), 4, replace=False).tolist())) == 4
    with pytest.raises(ValueError, match="no whole number is at least 3 and less than 3"):
        generator.integers(3, 3)


def test_nothing_else_draws_for_the_judge():
    """Neither numpy's generators nor Python's."""
    judge = Path(assay.conformance.terms.__file__).parent.parent
    files = [file for room in ("terms", "cases", "components", "judging") for file in (judge / room).rglob("*.py")]
    other = re.compile(r"np\.random|^(import|from) random", re.MULTILINE)
    assert [file.name for file in files if other.search(file.read_text("utf-8"))] == ["generator.py"]


def test_exp_and_log_are_within_units_of_the_last_place():
    """Against 53 bits of arbitrary precision."""
    x = Generator("exponents").uniform(-300, 300, 3000)
    positive = np.concatenate([exp(x), Generator("near one").uniform(0.99, 1.01, 1000), [1.0, 2.0**-1022, 0.5]])
    for function, right, values, units in ((exp, mpmath.exp, x, 2), (log, mpmath.log, positive, 4)):
        due = np.array([float(right(each)) for each in values])
        assert (np.abs(function(values) - due) <= units * np.spacing(np.abs(due))).all()


def test_bfloat16_is_rounded_once():
    """A float32 between would round 1 + 2^-8 + 2^-40 to a tie, and the tie to 1."""
    tie, least, largest = 1 + 2.0**-8, 2.0**-133, 2.0**128 - 2.0**120
    given = np.array([tie + 2.0**-40, tie, tie - 2.0**-40, -tie - 2.0**-40, least / 2 * (1 + 2.0**-40), least / 2])
    assert rounded(given, "bfloat16").tolist() == [1 + 2.0**-7, 1.0, 1.0, -1 - 2.0**-7, least, 0.0]
    assert rounded(given[0], "bfloat16").tolist() == 1 + 2.0**-7
    assert rounded(given[0], "bfloat16").tolist() == 1 + 2.0**-7
    ends = np.array([largest + 2.0**118, largest + 2.0**119, -np.inf, np.nan, -0.0, 5e-324])
    assert repr(rounded(ends, "bfloat16").tolist()) == repr([largest, np.inf, -np.inf, np.nan, -0.0, 0.0])
