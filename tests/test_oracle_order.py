"""The order inside the files of the oracle: formula, gradient, their bounds, and then what they are made of."""

import ast
from pathlib import Path

import pytest

from assay.adapters.contract import FUNCTIONS

ORACLE = Path(__file__).parent.parent / "oracle"
# A search has no bound as an array has: its choices may be turned, and its scores have a bound.
BOUND_OF_ANOTHER_NAME = {"beam_search": "beam_search_outcomes"}


def functions_of(source):
    """List the names of the functions of a file, in order."""
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


def due(name):
    """List the functions that a component has, in their order."""
    function = FUNCTIONS[name]
    gradient = function.differentiable
    bound = BOUND_OF_ANOTHER_NAME.get(name, f"{name}_bound")
    has = {name: True, f"{name}_vjp": gradient, bound: not function.gives_data or name in BOUND_OF_ANOTHER_NAME}
    return [each for each, there in {**has, f"{name}_vjp_bound": gradient}.items() if there]


def in_order(sources, functions):
    """Whether the functions are the first of one file, or the bounds the first of another."""
    values = [each for each in functions if each.removesuffix("_vjp") == functions[0]]
    bounds = [each for each in functions if each not in values]
    parts = [functions] if len(sources) == 1 else [values, bounds]
    return all(functions_of(source)[: len(part)] == part for source, part in zip(sources, parts, strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_component_has_its_functions_first_and_in_one_order(name):
    files = [file for file in (ORACLE / f"{name}.py", ORACLE / f"{name}_bound.py") if file.exists()]
    assert in_order([file.read_text(encoding="utf-8") for file in files], due(name))


def test_another_order_would_fail():
    functions = due("softmax")
    assert functions == ["softmax", "softmax_vjp", "softmax_bound", "softmax_vjp_bound"]
    source = [f"def {each}(): ..." for each in functions]
    assert in_order(["\n".join(source)], functions)
    assert in_order(["\n".join(source[:2]), "\n".join(source[2:])], functions)
    for wrong in (
        [[source[0], source[2], source[1], source[3]]],
        [source[:3]],
        [["def part(): ...", *source]],
        [source[:2], source[:1:-1]],
        [source[:3], source[3:]],
        [source, ["def part(): ..."]],
    ):
        assert not in_order(["\n".join(each) for each in wrong], functions)
