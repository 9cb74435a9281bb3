"""What follows from the row of the contract: shapes, items of a batch, the layout `expanded`, the oracle's bounds."""

from dataclasses import replace

import numpy as np
import pytest

from assay.adapters.contract import CONVENTIONS, FUNCTIONS, Function
from assay.conformance.components import COMPONENTS, parse_case
from assay.conformance.terms.component import factor
from assay.conformance.terms.row import bound_of, gradient_of, item_of, shapes
from assay.conformance.terms.verdict import Inapplicable
from assay.oracle import precision_classes

DEFAULTS = {name: values[0] for name, values in CONVENTIONS.items()}
WITH_ARRAYS = [name for name, component in COMPONENTS.items() if not component.gives_data]
ATTENTION = "attention?dtype=float32&B=3&H=2&H_kv=1&L_q=2&L_k=5&d_k=4&d_v=3&mask={}&scale=none&regime=normal&layout={}"


def attention(mask="none", layout="contiguous"):
    """Make the arguments of a small case."""
    return COMPONENTS["attention"].make(parse_case(f"{ATTENTION.format(mask, layout)}&seed=1"))


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_the_shape_by_the_axes_is_that_of_the_oracles_result(name):
    component = COMPONENTS[name]
    inputs = component.make(component.plainest("float32"))
    _, numerics = precision_classes("float32", {})[0]
    bound = component.bound(inputs, numerics, DEFAULTS)

    assert component.shape(inputs) == bound.expected.shape
    assert next(iter(component.shapes(inputs))) == "result"


def test_a_result_without_a_reduction_has_another_shape():
    component = COMPONENTS["cross_entropy"]
    case = component.plainest("float32").but(N=4)

    assert component.shape(component.make(case)) == ()
    assert component.shape(component.make(case.but(reduction="none"))) == (4,)


def test_several_results_have_a_shape_each_in_the_order_of_the_row():
    row = replace(FUNCTIONS["attention"], results={"result": "B H L_q d_v", "lse": "B H L_q"})

    assert list(shapes(row, row.results, attention()).items()) == [("result", (3, 2, 2, 3)), ("lse", (3, 2, 2))]


@pytest.mark.parametrize("mask", ["none", "padding-right", "random", "per-head"])
def test_an_item_has_its_own_arrays_and_its_own_mask(mask):
    inputs = attention(mask)
    alone = COMPONENTS["attention"].item(inputs, 2)

    assert {len(alone.arrays[name]) for name in ("query", "key", "value")} == {1}
    assert np.array_equal(alone.arrays["key"][0], inputs.arrays["key"][2])
    if mask == "padding-right":
        assert np.array_equal(alone.arrays["mask"], inputs.arrays["mask"][2:])
    elif mask != "none":
        assert alone.arrays["mask"] is inputs.arrays["mask"]


def test_what_has_no_batch_has_no_items():
    assert item_of(FUNCTIONS["adam"]) is None
    component = COMPONENTS["layer_norm"]
    with pytest.raises(Inapplicable):
        component.item(component.make(component.plainest("float32").but(axes=1)), 0)


def test_the_layout_expanded_makes_the_items_alike_and_leaves_masks():
    plain, expanded = attention("padding-right"), attention("padding-right", "expanded")

    for name in ("query", "key", "value"):
        assert np.array_equal(expanded.arrays[name], np.repeat(plain.arrays[name][:1], 3, axis=0))
    assert np.array_equal(expanded.arrays["mask"], plain.arrays["mask"])


def test_a_row_without_a_formula_is_one_sentence():
    row = Function("squeeze", {"x": "... n"}, {"result": "... n"})
    for derive, name in ((bound_of, "squeeze_bound"), (gradient_of, "squeeze_vjp_bound")):
        with pytest.raises(LookupError, match=f"assay.oracle has no function {name}"):
            derive(row)


def test_a_factor_is_of_one_parameter_or_of_several():
    assert factor("B", 1, 2) == [{"B": 1}, {"B": 2}]
    assert factor("H H_kv", (2, 1)) == [{"H": 2, "H_kv": 1}]
    with pytest.raises(ValueError, match="zip"):
        factor("H H_kv", (2,))
