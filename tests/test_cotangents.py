"""Kinds of cotangents: a key of the case, in every profile, for every component that has gradients."""

import numpy as np
import pytest

from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.judging.catalogue import violated
from assay.conformance.terms.case import CaseError
from assay.conformance.terms.cotangents import KINDS, cotangent
from assay.conformance.terms.generator import Generator
from assay.conformance.variants import find

DIFFERENTIABLE = [component for component in COMPONENTS.values() if component.gradient]


def drawn(kind, shape=(4, 3, 50)):
    """Draw a cotangent of a kind."""
    return cotangent(kind, Generator("test"), shape)


def test_each_kind_has_its_values():
    zero = drawn("zero-rows").reshape(-1, 50)

    assert (drawn("positive") > 0).all()
    assert drawn("thousand").sum(-1).min() > 25_000
    assert drawn("thousand", (100,)).sum() > 65_504
    assert (np.count_nonzero(drawn("one-hot"), axis=-1) == 1).all()
    assert (drawn("constant") == -0.75).all()
    assert 0 < np.abs(drawn("tiny")).max() < 1e-5
    assert not zero[::2].any()
    assert zero[1::2].all()
    assert np.count_nonzero(drawn("zero-rows", (5,))) == 2
    assert all(drawn(kind, shape).shape == shape for kind in KINDS for shape in ((), (0, 3), (3, 0)))


@pytest.mark.parametrize("component", DIFFERENTIABLE, ids=lambda component: component.name)
def test_each_component_has_each_kind_whatever_the_seed(component):
    for seed in range(2):
        cases = list(CLAUSES["GRAD-9"].cases(component, "float32", seed))
        assert {case["cotangent"] for case in cases} == set(KINDS)
        assert all(parse_case(case.id) == case for case in cases)


def test_what_has_no_gradients_has_no_cotangent():
    with pytest.raises(CaseError, match="has no cotangent"):
        parse_case(f"{COMPONENTS['adam'].plainest('float32').id}&cotangent=tiny")


@pytest.mark.parametrize(
    "name", ["log-softmax-gradient-of-first-row", "output-logits-gradient-scaled-up", "rms-norm-gradient-clipped"]
)
def test_what_only_a_kind_shows_is_found_with_every_seed(name):
    component = find(name).component

    for seed in range(2):
        found = violated(component, seed, {name: [("GRAD-9", "float32"), ("GRAD-1", "float32")]})[name]
        assert found == {("GRAD-9", "float32")}
