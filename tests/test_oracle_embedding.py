"""The embedding: the bound against right variants and slight bugs."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.embedding import embedding, embedding_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
SCALES = {"ordinary": 1, "tiny": 1e-6, "large": 100, "zero": 0}


def case(seed, scale="ordinary", dtype=np.float64, d_model=48, vocabulary=37):
    """Tokens that come more than once, and a matrix."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, vocabulary, (4, 20))
    return tokens, (rng.standard_normal((vocabulary, d_model)) * SCALES[scale]).astype(dtype)


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("variant", variants("embedding", wrong=False), ids=lambda each: each.name)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d_model", [1, 48, 512])
def test_a_right_variant_is_within_the_bound(variant, scale, dtype, d_model):
    """Within S, which is as good as W for one product."""
    arguments = case(1, scale, DTYPES[dtype], d_model)
    bound = embedding_bound(*arguments, numerics=held_to(dtype, variant.numerics.get(dtype)))

    assert np.all(np.abs(variant.function(*arguments).astype(np.float64) - bound.expected) <= bound.statistical)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The scale is sqrt(d - 1); the tokens are one off."""
    tokens, weight = case(2, dtype=DTYPES[dtype])
    bound = embedding_bound(tokens, weight, numerics=held_to(dtype))

    for wrong in (bound.expected * np.sqrt(47 / 48), embedding((tokens + 1) % 37, weight)):
        assert np.mean(np.abs(wrong - bound.expected) > bound.worst) > 0.5


def test_a_scale_in_bfloat16_is_beyond_the_bound():
    """As a framework makes it whose constants take the format of the tensor; in bfloat16 sqrt(48) is 6.9375."""
    tokens, weight = case(3, dtype=ml_dtypes.bfloat16)
    bound = embedding_bound(tokens, weight, numerics=held_to("bfloat16"))
    wrong = (weight * ml_dtypes.bfloat16(np.sqrt(48)))[tokens].astype(np.float64)

    assert np.any(np.abs(wrong - bound.expected) > bound.worst)


def test_rows_of_the_same_token_are_not_independent():
    """Their errors are the same."""
    _, weight = case(4)

    assert embedding_bound([[0, 1], [2, 3]], weight, numerics=held_to("float32")).rows_independent
    assert not embedding_bound([[0, 1], [2, 0]], weight, numerics=held_to("float32")).rows_independent


def test_no_tokens_give_an_empty_result():
    """Of the right shape."""
    _, weight = case(5)

    assert embedding(np.empty((3, 0), int), weight).shape == (3, 0, 48)


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [([[0, 37]], "holds 37, but should hold numbers in 0 ... 36"), ([[-1]], "holds -1"), ([[0.5]], "whole numbers")],
)
def test_a_token_outside_the_vocabulary_is_refused(tokens, sentence):
    """A negative one does not count from the end."""
    with pytest.raises(SpecError, match=sentence):
        embedding(tokens, case(6)[1])
