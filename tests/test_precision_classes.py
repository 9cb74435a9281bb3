"""Precision classes: what a declaration narrows is narrow in every class, so that none allows more than the last."""

import numpy as np
import pytest

from assay.conformance.components import COMPONENTS
from assay.conformance.terms.subject import completed
from assay.oracle.rounding.numerics import precision_classes

NARROWING = [
    ("bfloat16", {"hidden": "float32"}),
    ("float16", {"hidden": "float32", "probabilities": "float32"}),
    ("float32", {"accumulate": "float64"}),
    ("float32", {"block": 8}),
    ("float32", {"exp_error": 1.0}),
    ("float32", {"hidden": "float64"}),
    ("bfloat16", {"hidden": "float64", "statistics": "float64"}),
]


@pytest.mark.parametrize(("dtype", "declared"), NARROWING)
def test_a_declaration_that_narrows_leaves_no_class_with_what_it_rules_out(dtype, declared):
    for _, numerics in precision_classes(dtype, declared):
        for name, value in declared.items():
            assert getattr(numerics, name) in (value, None)


def test_a_declaration_that_widens_leaves_the_stricter_classes():
    declared = {"hidden": "float8_e4m3", "exp_error": 100.0}
    (_, strict), (_, plain), (number, last) = precision_classes("bfloat16", declared)

    assert [(1, strict), (2, plain)] == list(precision_classes("bfloat16"))
    assert (number, last.hidden, last.exp_error) == (2, "float8_e4m3", 100.0)


def test_a_format_with_a_smaller_range_takes_the_wider_one_out():
    """A format of finer and one of wider range hold numbers that the other lacks."""
    assert [each.hidden for _, each in precision_classes("bfloat16", {"hidden": "float16"})] == [None, "float16"]
    assert [each.hidden for _, each in precision_classes("float16", {"hidden": "bfloat16"})] == [None, "bfloat16"]


@pytest.mark.parametrize("name", [name for name, each in COMPONENTS.items() if not each.gives_data])
@pytest.mark.parametrize(("dtype", "declared"), NARROWING)
def test_no_class_of_any_component_allows_more_than_the_last(name, dtype, declared):
    component, conventions = COMPONENTS[name], completed({})
    inputs = component.make(component.plainest(dtype))
    with np.errstate(all="ignore"):
        *each, last = [
            component.bounds(inputs, numerics, conventions) for _, numerics in precision_classes(dtype, declared)
        ]

    for bounds in each:
        for result, bound in bounds.items():
            assert not (bound.worst > last[result].worst * (1 + 1e-12)).any()
