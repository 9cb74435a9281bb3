"""Few sizes: an adapter that asks for them meets a few shapes, in which every size still occurs."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.drawing import cases_of, covering_cases, drawn_cases
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import sized
from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.judging.judging import judge_clause

each_component = pytest.mark.parametrize(
    "name", [name for name in COMPONENTS if "sizes" in sized(COMPONENTS[name], "few").factors]
)


def shape_of(case):
    """Select the sizes of a case."""
    return {name: case[name] for name in sized(COMPONENTS[case.component], "few").factors["sizes"][0]}


@each_component
def test_every_size_occurs_in_few_shapes(name):
    """But an empty one that a component takes only with other options."""
    component, few = COMPONENTS[name], sized(COMPONENTS[name], "few")
    pool = few.factors["sizes"]
    sizes = [options for factor, options in component.factors.items() if factor not in few.factors]

    assert len(pool) <= max(map(len, sizes)) + 4
    for option in (option for options in sizes for option in options if 0 not in option.values()):
        assert any(option.items() <= shape.items() for shape in pool), option


@each_component
def test_cases_keep_to_these_shapes_and_are_lines_like_all_others(name):
    few = sized(COMPONENTS[name], "few")
    found = [*covering_cases(few, "float32", 3), *drawn_cases(few, "float32", 3, 100)]

    assert all(shape_of(case) in few.factors["sizes"] for case in found)
    assert all(parse_case(case.id) == case for case in found)


def test_everything_but_the_sizes_is_paired_as_before():
    few = sized(COMPONENTS["attention"], "few")
    found = covering_cases(few, "float32", 0)

    assert {case["mask"] for case in found} == {option["mask"] for option in few.factors["mask"]}
    assert {case["regime"] for case in found if case["mask"] == "causal"} == {
        option["regime"] for option in few.factors["regime"]
    }


def asked(sizes):
    """Collect the shapes that a wrong softmax meets until its failing case is as small as can be, and that case."""
    shapes = set()

    def softmax(x):
        shapes.add(x.shape)
        with np.errstate(all="ignore"):
            return x * x / (x * x).sum(-1, keepdims=True)

    adapter = open_object(SimpleNamespace(dtypes=("float32",), sizes=sizes, softmax=softmax), "mine")
    result = judge_clause(adapter, CLAUSES["ALL-1"], "softmax", "float32", PROFILES["quick"], seed=0)
    return shapes, parse_case(result.failure.case)


def test_a_failing_case_is_made_smaller_within_the_pool():
    pool = sized(COMPONENTS["softmax"], "few").factors["sizes"]
    shapes, case = asked("few")
    clause, few = CLAUSES["ALL-1"], sized(COMPONENTS["softmax"], "few")
    # Beside the pool, probes and sizes that coincide are judged.
    drawn = cases_of(clause, few, "float32", PROFILES["quick"], 0)

    assert shapes <= {(shape["rows"], shape["n"]) for shape in [*pool, *drawn]}
    assert shape_of(case) in pool
    assert not asked("all")[0] <= shapes
