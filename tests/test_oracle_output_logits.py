"""Output logits: the bound against right variants and slight bugs."""

import ml_dtypes
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.output_logits import output_logits, output_logits_bound
from assay.oracle.rounding.numerics import precision_classes

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
REGIMES = {
    "random": lambda x: x,
    "constant": lambda x: np.full_like(x, 1 / 3),
    "sorted": lambda x: np.sort(x, -1),
    "tiny": lambda x: x * 1e-6,
    "large": lambda x: x * 30,
    "zero": lambda x: x * 0,
}


def case(seed, regime="random", dtype=np.float64, d_model=64, vocabulary=37):
    """Draw a hidden layer and the matrix, both in the regime."""
    rng, change = np.random.default_rng(seed), REGIMES[regime]
    arrays = change(rng.standard_normal((2, 3, d_model))), change(rng.standard_normal((vocabulary, d_model)))
    return [each.astype(dtype) for each in arrays]


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("variant", variants("output_logits", wrong=False), ids=lambda each: each.name)
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_variant_is_within_the_bound(variant, regime, dtype):
    """Within W always, within S on random inputs."""
    arguments = case(1, regime, DTYPES[dtype])
    bound = output_logits_bound(*arguments, numerics=held_to(dtype, variant.numerics.get(dtype)))
    error = np.abs(variant.function(*arguments).astype(np.float64) - bound.expected)

    assert np.all(error <= (bound.statistical if regime == "random" else bound.worst))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """The last channel is lost; the matrix comes from the row before."""
    hidden, weight = case(2, dtype=DTYPES[dtype])
    bound = output_logits_bound(hidden, weight, numerics=held_to(dtype))

    for wrong in (output_logits(hidden[..., :-1], weight[:, :-1]), output_logits(hidden, np.roll(weight, 1, 0))):
        assert np.mean(np.abs(wrong - bound.expected) > bound.worst) > 0.5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_an_accumulator_of_16_bits_is_beyond_the_bound(dtype):
    """Sums of 300 products, one after another."""
    hidden, weight = case(3, dtype=DTYPES[dtype], d_model=300)
    total = np.zeros((2, 3, 37), hidden.dtype)
    for k in range(300):
        total = total + hidden[..., k, None] * weight[:, k]
    bound = output_logits_bound(hidden, weight, numerics=held_to(dtype))

    assert np.mean(np.abs(total.astype(np.float64) - bound.expected) > bound.worst) > 0.5


def test_an_empty_batch_gives_an_empty_result():
    """Of the right shape."""
    hidden, weight = case(4)

    assert output_logits(hidden[:0], weight).shape == (0, 3, 37)
    assert output_logits_bound(hidden[:, :0], weight, numerics=held_to("float32")).worst.shape == (2, 0, 37)
