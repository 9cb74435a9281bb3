"""Every clause earns its place, and the table that says so is true."""

import hashlib
from collections import Counter

import clause_page
import clause_table
import pytest

from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.report import SPEC
from assay.conformance.judging.catalogue import opened, tried_by_each
from assay.conformance.judging.sharing import sharing
from assay.conformance.variants import find, variants

FOUND = clause_table.read()
OF_TODAY = {name for name, spec in clause_table.specs().items() if spec == SPEC}
"""The components whose variants were judged with the cases of today."""

TRIPLES = [
    (name, dtype, clause)
    for name, by_dtype in FOUND.items()
    if find(name).component in OF_TODAY
    for dtype, clauses in by_dtype.items()
    for clause in clauses
    if "call" not in find(name).needs  # what depends on the calls before is not the same by itself
]
# By hashes of the entries, so that a new variant leaves the others of the sample as they are.
SAMPLE = sorted(TRIPLES, key=lambda each: hashlib.sha256(" ".join(each).encode()).hexdigest())[:40]
NEW = "`python benchmarks/pages.py --of COMPONENT clause-table` judges those that are new"


def test_the_table_has_every_wrong_variant_in_each_of_its_dtypes():
    due = {
        each.name: set(each.dtypes if COMPONENTS[each.component].has_dtype else ("",)) for each in variants(wrong=True)
    }

    assert {name: set(by_dtype) for name, by_dtype in FOUND.items()} == due, NEW


def test_the_table_says_with_which_cases_each_component_was_judged():
    assert set(clause_table.specs()) == set(COMPONENTS)
    assert "gated_feed_forward" in OF_TODAY


def test_every_wrong_variant_violates_a_clause():
    assert [name for name, by_dtype in FOUND.items() if not any(by_dtype.values())] == []


def test_a_clause_says_why_it_is_there_if_it_catches_nothing_alone():
    _, alone = clause_page.catches(FOUND)

    assert {clause: each.why for clause, each in CLAUSES.items() if bool(each.why) == bool(alone[clause])} == {}


def test_what_decides_catches_whatever_any_clause_catches():
    """In the quick profile nothing else is judged where it passes."""
    explained = {
        (name, dtype): clauses
        for name, by_dtype in FOUND.items()
        for dtype, clauses in by_dtype.items()
        if clauses and all(CLAUSES[clause].role == "explains" for clause in clauses)
    }

    assert explained == {}


def test_a_clause_that_alone_catches_something_decides():
    assert [each.id for each in CLAUSES.values() if not each.why and each.role == "explains"] == []
    assert {each.role for each in CLAUSES.values()} == {"decides", "explains"}


def test_no_two_clauses_of_a_component_are_there_for_the_same_reason():
    reasons = [(each.component, each.why) for each in CLAUSES.values() if each.why]

    assert [reason for reason, count in Counter(reasons).items() if count > 1] == []


def test_every_clause_catches_something():
    every, _ = clause_page.catches(FOUND)

    assert [clause for clause in CLAUSES if not every[clause]] == []


@pytest.mark.parametrize(
    ("name", "dtype", "clause"),
    [pytest.param(*each, marks=pytest.mark.catalogue(find(each[0]).component)) for each in SAMPLE],
)
def test_what_the_table_says_is_so(name, dtype, clause):
    variant = find(name)
    component = sharing(COMPONENTS[variant.component])
    ((_, adapter),) = opened([variant], dtype)
    (found,) = tried_by_each(CLAUSES[clause], component, dtype, PROFILES["quick"], 0, [adapter])

    assert found.failure is not None
