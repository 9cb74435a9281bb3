"""Scores that a declared format does not hold: what comes of their row is left open, and of no other."""

import numpy as np
import pytest

from assay import oracle
from assay.oracle.rounding.numerics import precision_classes

SIZES = np.array([1.0, 3e5, 3.0])
"""Of three queries: the scores of the second are beyond float16."""

DECLARED = [{}, {"scores": "float16"}, {"statistics": "float16"}, {"accumulate": "float16"}]


def open_rows(bounds):
    """Which rows have a bound that is infinite anywhere."""
    return np.isinf(bounds.worst).any(-1).ravel().tolist()


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_attention(declared):
    rng, numerics = np.random.default_rng(1), precision_classes("float32", declared)[-1][1]
    query, key, value = (rng.normal(size=(1, 1, n, 4)) for n in (3, 6, 6))
    query *= SIZES[:, None]

    bound = oracle.attention_bound(query, key, value, numerics=numerics)
    of_query = oracle.attention_vjp_bound(np.ones((1, 1, 3, 4)), query, key, value, numerics=numerics)["query"]

    assert open_rows(bound) == [False, bool(declared), False]
    assert declared == {} or (open_rows(of_query)[::2] == [False, False] and open_rows(of_query)[1])


@pytest.mark.parametrize("declared", DECLARED[2:], ids=str)
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_softmax(function, declared):
    rng, numerics = np.random.default_rng(2), precision_classes("float32", declared)[-1][1]
    x = rng.normal(size=(3, 5)) * SIZES[:, None]
    for each in (numerics, precision_classes("float32")[-1][1]):
        bound = getattr(oracle, f"{function}_bound")(x, numerics=each)
        assert open_rows(bound) == [False, each is numerics, False]


@pytest.mark.parametrize("function", ["additive_attention", "bilinear_attention", "multi_head_attention"])
def test_attention_by_other_scores(function):
    rng, numerics = np.random.default_rng(3), precision_classes("float32", {"scores": "float16"})[-1][1]
    query, key, value = (rng.normal(size=(1, n, 4)) for n in (3, 6, 6))
    weights = {"additive_attention": 2, "bilinear_attention": 1, "multi_head_attention": 4}[function]
    given = [query * SIZES[:, None], key, value, *(rng.normal(size=(4, 4)) for _ in range(weights))]
    options = {"heads": 2} if function == "multi_head_attention" else {}
    due = [False, True, False]
    if function == "additive_attention":
        given[0], due = query, [True] * 3
        given.append(1e6 * rng.normal(size=4))  # tanh is at most 1: it is v that makes scores large
    assert open_rows(getattr(oracle, f"{function}_bound")(*given, numerics=numerics, **options)) == due


def test_scores_that_only_do_not_fit_before_they_are_scaled():
    """They may be stored before the scale is taken."""
    numerics = precision_classes("float32", {"scores": "float16"})[-1][1]
    query, key, value = np.full((1, 1, 2, 1), 1e3), np.full((1, 1, 2, 1), 1e3), np.ones((1, 1, 2, 1))
    for scale, due in ((1e-2, True), (1e-9, True), (1.0, True)):
        assert open_rows(oracle.attention_bound(query, key, value, scale=scale, numerics=numerics)) == [due] * 2
    assert open_rows(oracle.attention_bound(query, key / 100, value, scale=0.1, numerics=numerics)) == [False] * 2
