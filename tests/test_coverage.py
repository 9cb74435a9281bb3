"""Every item of the notes has an oracle, clauses, and adapters that are judged by them."""

import pytest

from assay import oracle
from assay.adapters import Listed, available
from assay.conformance.claims.coverage import NOTES, covered, ranges
from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of

ROWS = covered(available())


def test_the_notes_are_all_there():
    assert [note.number for note in NOTES if note.number.startswith("N")] == [f"N{k}" for k in range(1, 19)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.functions[0]}")
def test_no_row_is_empty(row):
    assert row.says
    assert row.clauses
    assert row.adapters
    assert all(callable(getattr(oracle, name)) for name in row.functions)
    assert all(clause in CLAUSES for clause in row.clauses)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.functions[0]}")
def test_the_clauses_of_a_row_concern_its_components(row):
    names = [name for name in row.functions if name in COMPONENTS]
    concerned = {clause.id for name in names for clause in clauses_of(COMPONENTS[name])}
    assert set(row.clauses) <= concerned


def test_every_component_is_in_some_row():
    missing = set(COMPONENTS) - {name for row in ROWS for name in row.functions}

    assert not missing, (
        "NOTES in conformance/claims/coverage.py says what is judged of the paper, and what came since: "
        + "; ".join(f'add Note("since", "what it is, in a few words", ("{name}",))' for name in sorted(missing))
    )


def test_an_adapter_that_is_not_installed_covers_nothing():
    absent = Listed("absent", "built-in", installed=False, functions=tuple(COMPONENTS))
    assert {row.adapters for row in covered([absent])} == {()}


def test_the_differentiable_components_have_a_gradient_and_a_bound_of_it():
    """By the name of the component."""
    for name, component in COMPONENTS.items():
        has = component.gradient is not None
        assert hasattr(oracle, f"{name}_vjp") == has, name
        assert hasattr(oracle, f"{name}_vjp_bound") == has, name


def test_ids_in_a_row_are_one_range():
    assert list(ranges(["SM-1", "SM-2", "SM-3", "PE-2", "PE-4"])) == ["SM-1 to SM-3", "PE-2", "PE-4"]
    assert list(ranges(("SM-1", "SM-2"))) == ["SM-1 to SM-2"]
    assert list(ranges(other := ["", "no id", "X-" + "9" * 5000, "X-\u0664", "SM-9", "SM-11"])) == other
