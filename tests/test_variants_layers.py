"""Variants of multi-head attention, layers and stacks: their gradients against difference quotients, and each other."""

import numpy as np
import pytest
from catalogue import of_the_catalogue, right_on_plain_inputs

from assay.conformance.variants import find, variants

COMPONENTS = ("multi_head_attention", "encoder_layer", "decoder_layer", "encoder", "decoder")
HEADS, D_MODEL, D_K, D_FF, VOCABULARY = 2, 6, 3, 5, 7
OF_VALUES = (2, 3)
"""d_v, unlike d_k and like it: some bugs need matrices that can take each other's place."""
BATCH, LENGTH, MEMORIES = 2, 4, 3

RIGHT = [each for name in COMPONENTS for each in variants(name, wrong=False)]
WRONG = [each for name in COMPONENTS for each in variants(name, wrong=True)]
PLAIN = {name: find(f"{name.removesuffix('_attention').replace('_', '-')}-plain") for name in COMPONENTS}


def attention(rng, d_v, prefix):
    """Draw the four matrices."""
    shapes = {"query": (D_MODEL, HEADS * D_K), "key": (D_MODEL, HEADS * D_K), "value": (D_MODEL, HEADS * d_v)}
    shapes["output"] = (HEADS * d_v, D_MODEL)
    return {f"{prefix}w_{name}": rng.standard_normal(shape) / shape[0] ** 0.5 for name, shape in shapes.items()}


def layer(rng, d_v, decoder, prefix=""):
    """Draw the weights of a layer by name."""
    weights = {}
    for name in ("self_attention", "cross_attention")[: 1 + decoder]:
        weights |= attention(rng, d_v, f"{prefix}{name}.")
    shapes = {"w_1": (D_MODEL, D_FF), "b_1": (D_FF,), "w_2": (D_FF, D_MODEL), "b_2": (D_MODEL,)}
    weights |= {f"{prefix}feed_forward.{name}": rng.standard_normal(shape) for name, shape in shapes.items()}
    for name in ("self_attention", "cross_attention", "feed_forward"):
        if decoder or name != "cross_attention":
            weights[f"{prefix}{name}_norm.gain"] = rng.uniform(0.5, 1.5, D_MODEL)
            weights[f"{prefix}{name}_norm.bias"] = rng.standard_normal(D_MODEL)
    return weights


def given(component, d_v=2):
    """Named arrays, the weights among them, and masks: a query hides a key of its own, and padding differs by item."""
    rng = np.random.default_rng(0)
    x, memory = rng.standard_normal((BATCH, LENGTH, D_MODEL)), rng.standard_normal((BATCH, MEMORIES, D_MODEL))
    tokens = np.array([[0, 3, 6, 3], [5, 0, 1, 0]])
    mask = np.ones((BATCH, 1, 1, LENGTH), bool)
    mask[1, ..., -1] = False
    if component == "multi_head_attention":
        arrays = {"query": x, "key": x[:, ::-1] + 0.5, "value": rng.standard_normal(x.shape), **attention(rng, d_v, "")}
        return arrays, {}, {"mask": mask, "causal": True}
    decoder = component.startswith("decoder")
    arrays = {"x": x} if component.endswith("layer") else {"tokens": tokens}
    weights = layer(rng, d_v, decoder)
    if not component.endswith("layer"):
        weights = {"embedding": rng.standard_normal((VOCABULARY, D_MODEL)) / D_MODEL**0.5}
        for number in range(2):
            weights |= layer(rng, d_v, decoder, f"layers.{number}.")
    if decoder:
        memory_mask = np.ones((BATCH, 1, 1, MEMORIES), bool)
        memory_mask[0, ..., 0] = False
        return {**arrays, "memory": memory}, weights, {"mask": mask, "memory_mask": memory_mask}
    return arrays, weights, {"mask": mask}


def called(function, arrays, weights, options, *first):
    """Make the contract's call."""
    return function(*first, *arrays.values(), *([weights] if weights else []), heads=HEADS, **options)


def gradients_of(variant, g, arrays, weights, options):
    """By the name of each argument and weight."""
    found = called(variant.vjp, arrays, weights, options, g)
    names = [name for name, array in arrays.items() if array.dtype.kind == "f"]
    of_arrays = dict(zip(names, found, strict=not weights))
    return of_arrays | (found[-1] if weights else {})


def furthest(variant):
    """For either width of the values."""
    return max(off_by(variant, d_v) for d_v in OF_VALUES)


def off_by(variant, d_v):
    """How far a gradient is from the difference quotient along a random direction, relative to what it may be."""
    arrays, weights, options = given(variant.component, d_v)
    result = called(variant.function, arrays, weights, options)
    rng = np.random.default_rng(7)
    g = rng.standard_normal(result.shape)
    found, h, worst = gradients_of(variant, g, arrays, weights, options), 2.0**-15, 0.0
    assert set(found) == {name for name, array in {**arrays, **weights}.items() if array.dtype.kind == "f"}
    for name, gradient in found.items():
        group = arrays if name in arrays else weights
        direction, values = rng.standard_normal(group[name].shape), []
        assert gradient.shape == direction.shape
        for steps in (-2, -1, 1, 2):
            moved = {**group, name: group[name] + steps * h * direction}
            every = (moved, weights) if group is arrays else (arrays, moved)
            values.append((called(variant.function, *every, options) * g).sum())
        quotient = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        size = np.linalg.norm(gradient) + np.linalg.norm(direction)
        worst = max(worst, abs((gradient * direction).sum() - quotient) / size)
    return worst


@pytest.mark.parametrize("variant", of_the_catalogue([each for each in RIGHT if each.vjp]))
def test_a_right_gradient_is_the_limit_of_difference_quotients(variant):
    """Of fourth order: h^4 / 30 of the fifth derivative is 10^-19 of it, 1.5 / h roundings of the sum are 10^-10.

    The steps are this small because of the relu: with 2^-12, one of the hidden units drawn here, 0.002 from zero,
    crosses it.
    """
    assert furthest(variant) < 1e-8


BEYOND = [each for each in WRONG if each.vjp and ("B = L" in each.needs or right_on_plain_inputs(each))]
"""Those that are wrong under their own trigger alone."""


@pytest.mark.parametrize("variant", of_the_catalogue([each for each in WRONG if each.vjp and each not in BEYOND]))
def test_a_wrong_gradient_is_not(variant):
    """By a hundred thousand times what the right ones may be off."""
    assert furthest(variant) > 1e-3


@pytest.mark.parametrize("variant", of_the_catalogue(BEYOND))
def test_a_gradient_that_is_wrong_under_its_own_trigger_alone_is_right_here(variant):
    assert furthest(variant) < 1e-8


@pytest.mark.parametrize("variant", of_the_catalogue([each for each in RIGHT if not each.conventions and not each.vjp]))
def test_right_ones_agree_in_float64(variant):
    """One order of the sums or another: a few hundred roundings of values of size one, through two layers."""
    arguments = given(variant.component)
    plain = called(PLAIN[variant.component].function, *arguments)

    found = called(variant.function, *arguments)

    assert np.abs(found - plain).max() < 1e3 * 2.0**-53 * np.abs(plain).max()


def test_a_call_leaves_its_weights_alone():
    for component in COMPONENTS[1:]:
        arrays, weights, options = given(component)
        before = {name: array.copy() for name, array in weights.items()}
        called(PLAIN[component].function, arrays, weights, options)
        assert all(np.array_equal(before[name], array) for name, array in weights.items())
