"""Beam search: against enumeration, against searches by hand, and the choices that rounding may turn."""

import itertools
import math

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.beam_search import beam_score, beam_search, every_hypothesis
from assay.oracle.beam_search_bound import beam_score_bound, beam_search_outcomes, sum_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

RIGHT = [each for each in variants("beam_search", wrong=False) if not each.conventions]


def held_to(dtype):
    return precision_classes(dtype)[-1][1]


def model(seed, vocabulary=4, dtype=np.float64):
    """Draw a table of log-probabilities that is exact in the dtype."""
    logits = np.random.default_rng(seed).standard_normal((vocabulary, vocabulary))
    table = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return np.minimum(table.astype(dtype).astype(np.float64), 0)


def by_hand(rows, **options):
    """Make a model of few possible steps: token 0 ends, the last one starts."""
    size = 1 + max(rows)
    table = np.full((size, size), -np.inf)
    for row, entries in rows.items():
        for token, entry in entries.items():
            table[row, token] = entry
    plain = {"beam_size": 2, "max_length": 5, "start": size - 1, "end": 0, "length_penalty": 0.0}
    return [(tuple(tokens), score) for tokens, score in beam_search(table, **{**plain, **options})]


def enumerated(table, max_length, start, end):
    """Every sequence of tokens that a search may finish, from all sequences there are."""
    for length in range(1, max_length + 1):
        for tokens in itertools.product(range(len(table)), repeat=length):
            finished = tokens[-1] == end or length == max_length
            if finished and end not in tokens[:-1]:
                path = (start, *tokens)
                score = sum(table[a, b] for a, b in itertools.pairwise(path))
                if score > -math.inf:
                    yield path, score


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, -0.5])
@pytest.mark.parametrize(("start", "end"), [(3, 0), (2, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all(alpha, start, end, seed):
    """Scores of all sequences, by a formula written out here."""
    table = model(seed)
    table[np.random.default_rng(seed).random(table.shape) < 0.2] = -np.inf
    every = {path: s / ((5 + len(path) - 1) / 6) ** alpha for path, s in enumerated(table, 4, start, end)}
    found = beam_search(table, beam_size=200, max_length=4, start=start, end=end, length_penalty=alpha)

    assert set(every_hypothesis(table, max_length=4, start=start, end=end)) == set(every)
    assert {tuple(tokens) for tokens, _ in found} == set(every)
    assert [score for _, score in found] == pytest.approx(sorted(every.values(), reverse=True), rel=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_a_beam_of_one_is_greedy(seed):
    """The largest entry of each row, until the end."""
    table, path = model(seed, 6), [5]
    while len(path) < 8 and (len(path) == 1 or path[-1] != 0):
        path.append(int(table[path[-1]].argmax()))
    for stop in ("exhaust", "first_full"):
        found = beam_search(table, beam_size=1, max_length=7, start=5, end=0, length_penalty=0.0, beam_stop=stop)
        assert [tokens for tokens, _ in found] == [path]


def test_searches_by_hand():
    """A place that is filled up; a late hypothesis; a length penalty that decides; none at all."""
    filled_up = {3: {0: -0.5, 1: -1.5, 2: -2.0}, 1: {0: -3.0}, 2: {0: -0.25}, 0: {}}
    assert by_hand(filled_up) == [((3, 0), -0.5), ((3, 2, 0), -2.25)]
    late = {3: {0: -2.0, 1: -0.25}, 1: {0: -3.0, 2: -0.25}, 2: {0: -0.25}}
    assert by_hand(late) == [((3, 1, 2, 0), -0.75), ((3, 0), -2.0)]
    assert by_hand(late, beam_stop="first_full") == [((3, 0), -2.0), ((3, 1, 0), -3.25)]
    near = {3: {1: -0.25, 0: -0.5}, 1: {2: -2.0}, 2: {2: -2.0}}
    assert by_hand(near, beam_size=1, max_length=3) == [((3, 1, 2, 2), -4.25)]
    assert by_hand(near, beam_size=1, max_length=3, beam_ends="twice") == [((3, 0), -0.5)]
    lengths = {4: {0: -2.0, 1: -0.5}, 1: {2: -0.5}, 2: {3: -0.5}, 3: {0: -1.0}}
    assert by_hand(lengths) == [((4, 0), -2.0), ((4, 1, 2, 3, 0), -2.5)]
    assert by_hand(lengths, length_penalty=1.0) == [((4, 1, 2, 3, 0), -2.5 * 6 / 9), ((4, 0), -2.0)]
    assert by_hand(lengths, max_length=2) == [((4, 1, 2), -1.0), ((4, 0), -2.0)]
    assert by_hand({3: {1: -1.0}, 1: {2: -1.0}}) == []
    assert by_hand({1: {0: -1.0}}, max_length=0) == [((1,), 0.0)]


def test_the_length_penalty_is_that_of_wu():
    """lp(10) for alpha = 0.6, and the score of a chain of ten."""
    chain = np.full((12, 12), -np.inf)
    chain[np.arange(11, 1, -1), np.arange(10, 0, -1)] = -0.5
    [(tokens, score)] = beam_search(chain, beam_size=3, max_length=10, start=11, end=0)

    assert tokens == list(range(11, 0, -1))
    assert -5 / score == pytest.approx(1.732862, abs=1e-6)


@pytest.mark.parametrize(("variant", "dtype"), [(each, dtype) for each in RIGHT for dtype in each.dtypes])
def test_a_right_variant_has_scores_within_the_bound(variant, dtype):
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    for seed, alpha in itertools.product(range(5), (0.6, -1.0)):
        table = model(seed, 6, kind)
        options = {"beam_size": 6, "max_length": 6, "start": 5, "end": 0, "length_penalty": alpha}
        for tokens, score in variant.function(table.astype(kind), **options):
            due = beam_score(table, tokens, length_penalty=alpha)
            bound = beam_score_bound(table, tokens, length_penalty=alpha, numerics=held_to(dtype))
            assert abs(score - due) <= bound


def test_a_score_rounded_to_a_narrower_format_is_beyond_the_bound():
    """And so is one whose length is one off, or whose sum lacks 2^-20 of a step."""
    outside = 0
    for seed in range(20):
        table = model(seed, 6, np.float32)
        for tokens, score in beam_search(table, beam_size=3, max_length=6, start=5, end=0):
            bound = beam_score_bound(table, tokens, numerics=held_to("float32"))
            outside += abs(float(np.float16(score)) - score) > bound
            n = len(tokens) - 1
            assert abs(score * ((5 + n) / (6 + n)) ** 0.6 - score) > bound
            assert abs(score) * 2**-18 > bound

    assert outside >= 50


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(("stop", "ends"), [("exhaust", "beam"), ("first_full", "beam"), ("exhaust", "twice")])
def test_a_search_whose_sums_are_off_within_the_bound_ends_in_a_known_outcome(dtype, stop, ends):
    """Each sum gets a random error of up to its bound, another one for each history."""
    numerics, several = held_to(dtype), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = np.round(model(seed, 5) * (4 if seed % 2 else 64)) / (4 if seed % 2 else 64)
        options = {"beam_size": 3, "max_length": 4, "start": 4, "end": 0, "beam_stop": stop, "beam_ends": ends}
        outcomes = beam_search_outcomes(table, **options, numerics=numerics, limit=4000)
        if outcomes is None:
            continue
        several += len(outcomes) > 1
        beam, finished = [(4,)], set()
        for length in range(1, 5):
            sums = {}
            for tokens in [(*h, token) for h in beam for token in range(5)]:
                exact = math.fsum(table[a, b] for a, b in itertools.pairwise(tokens))
                sums[tokens] = exact + rng.uniform(-1, 1) * sum_bound(table, tokens, numerics)
            ranked = sorted(sums, key=sums.__getitem__, reverse=True)
            finished |= {h for h in ranked[: 3 if ends == "beam" else 6] if h[-1] == 0}
            beam = [h for h in ranked if h[-1] != 0][:3]
            if stop == "first_full" and len(finished) >= 3 and length < 4:
                break
        else:
            finished |= set(beam)
        assert any(each.certain <= finished <= each.certain | each.possible for each in outcomes), seed

    assert several > 5


def test_where_nothing_is_close_there_is_one_outcome():
    """That of the search itself; with another choice anywhere it would be another."""
    for seed in range(10):
        options = {"beam_size": 3, "max_length": 3, "start": 5, "end": 0}
        outcomes = beam_search_outcomes(model(seed, 6), **options, numerics=held_to("float64"))
        found = {tuple(tokens) for tokens, _ in beam_search(model(seed, 6), **options)}

        assert len(outcomes) == 1
        assert found <= next(iter(outcomes)).certain
        assert not next(iter(outcomes)).possible


def test_a_table_of_equal_entries_has_too_many_outcomes():
    table = np.full((6, 6), -np.log(6))
    options = {"beam_size": 3, "max_length": 4, "start": 5, "end": 0}
    assert beam_search_outcomes(table, **options, numerics=held_to("float64")) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"log_probabilities": np.zeros((2, 3))}, "log_probabilities has the shape"),
        ({"log_probabilities": np.full((3, 3), np.nan)}, "log_probabilities holds a NaN or a number above 0"),
        ({"log_probabilities": np.full((3, 3), 0.5)}, "log_probabilities holds a NaN or a number above 0"),
        ({"beam_size": 0}, "beam_size is 0, but should be a whole number of at least 1"),
        ({"max_length": -1}, "max_length is -1, but should be a whole number of at least 0"),
        ({"start": 3}, "start is 3, but should be a token, 0 ... 2"),
        ({"end": -1}, "end is -1, but should be a token, 0 ... 2"),
        ({"beam_stop": "never"}, "beam_stop is 'never', but should be 'exhaust' or 'first_full'"),
        ({"beam_ends": "all"}, "beam_ends is 'all', but should be 'beam' or 'twice'"),
    ],
)
def test_bad_arguments_are_refused(change, says):
    plain = {"log_probabilities": model(0, 3), "beam_size": 2, "max_length": 2, "start": 2, "end": 0}
    with pytest.raises(SpecError, match=says):
        beam_search(**{**plain, **change})
