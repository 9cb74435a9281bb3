"""Without any key, with `masked_row = nan` declared: NaN is right, and so is the empty sum, zero; nothing else is."""

import numpy as np
import pytest

from assay import oracle
from assay.adapters.contract import DECODER_LAYER
from assay.conformance.terms.comparison import ratios
from assay.oracle.rounding.numerics import precision_classes

NUMERICS = precision_classes("float32")[-1][1]


def arguments(component, keys):
    """Make the arrays of a call with so many keys, and its options."""
    rng = np.random.default_rng(1)
    batch = (2, 2) if component == "attention" else (2,)
    query, key, value = (rng.normal(size=(*batch, n, 4)) for n in (3, keys, keys))
    weights = {"additive_attention": ((4, 4), (4, 4), (4,)), "bilinear_attention": ((4, 4),)}
    weights["multi_head_attention"] = ((4, 4),) * 4
    options = {"heads": 2} if component == "multi_head_attention" else {}
    return [query, key, value, *(rng.normal(size=shape) for shape in weights.get(component, ()))], options


COMPONENTS = ("attention", "additive_attention", "bilinear_attention", "multi_head_attention")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_value_may_be_nan_or_zero_and_nothing_else(component):
    arrays, options = arguments(component, 0)
    bound = getattr(oracle, f"{component}_bound")(*arrays, masked_row="nan", numerics=NUMERICS, **options)

    def worst(held):
        return ratios(np.full(bound.expected.shape, held), bound, "float32", statistical=False).max()

    assert worst(np.nan) == worst(0.0) == 0
    assert worst(2.0**-20) > 1
    assert worst(np.inf) > 1


@pytest.mark.parametrize("component", COMPONENTS)
def test_so_may_a_gradient(component):
    arrays, options = arguments(component, 0)
    bounds = getattr(oracle, f"{component}_vjp_bound")(
        np.ones(arrays[0].shape), *arrays, masked_row="nan", numerics=NUMERICS, **options
    )
    for bound in bounds.values():
        for held, right in ((np.nan, True), (0.0, True), (2.0**-20, False)):
            actual = np.full(bound.expected.shape, held)
            assert (ratios(actual, bound, "float32", statistical=False).max(initial=0) <= 1) in (right, not actual.size)


@pytest.mark.parametrize("component", COMPONENTS)
def test_with_a_key_or_zero_declared_nan_is_wrong(component):
    for keys, masked_row in ((1, "nan"), (0, "zero"), (0, "mean")):
        arrays, options = arguments(component, keys)
        bound = getattr(oracle, f"{component}_bound")(*arrays, masked_row=masked_row, numerics=NUMERICS, **options)
        assert ratios(np.full(bound.expected.shape, np.nan), bound, "float32", statistical=False).min() == np.inf


def test_a_decoder_layer_without_memory_is_nan_or_what_it_is_with_zeros():
    rng, sizes = np.random.default_rng(2), {"d_model": 4, "d_ff": 5}
    weights = {
        name: rng.normal(size=[sizes.get(axis, 4) for axis in axes.split()]) for name, axes in DECODER_LAYER.items()
    }
    arguments = rng.normal(size=(2, 3, 4)), np.zeros((2, 0, 4)), weights
    due = oracle.decoder_layer(*arguments, heads=2, masked_row="zero")
    bound = oracle.decoder_layer_bound(*arguments, heads=2, masked_row="nan", numerics=NUMERICS)
    for actual, right in ((due, True), (np.full_like(due, np.nan), True), (due + 2.0**-8, False)):
        assert (ratios(actual, bound, "float32", statistical=True).max() <= 1) == right
