"""The suite against implementations whose verdict is known: every wrong variant is caught, no right one fails."""

import pytest
from catalogue import of_the_catalogue

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import Profile
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.judging.catalogue import violated_in_turn
from assay.conformance.judging.judging import judge_clause
from assay.conformance.judging.result import Result
from assay.conformance.variants import Variant, variants

WRONG = variants(wrong=True)
RIGHT = variants(wrong=False)

NEW = "it states no clause: `python benchmarks/pages.py --of COMPONENT clause-table seeds` finds those that catch it"

FEW = Profile(drawn=0, spread=6, drawn_for_properties=2, at_size="few")
"""The whole covering set for the value, a few cases for each other clause."""


def judged(variant: Variant, profile: Profile, dtypes: tuple[str, ...]):
    """Judge a variant; where it is one of gradients, what judges these comes first."""
    adapter, component = open_object(variant.adapter(), variant.name), COMPONENTS[variant.component]
    clauses = clauses_of(component)
    if variant.vjp:
        clauses.sort(key=lambda clause: not clause.id.startswith("GRAD-"))
    if variant.vjp and not variant.wrong:
        # Its values are those of a variant without gradients, which is judged by itself.
        clauses = [clause for clause in clauses if not clause.id.startswith("ALL-")]
    for clause in clauses:
        for dtype in dtypes if component.has_dtype else ("",):
            yield judge_clause(adapter, clause, variant.component, dtype, profile, seed=0)


def of_each_in_turn(every: tuple[Variant, ...]):
    """(variant, one of its dtypes): neighbours in the catalogue get different ones."""
    return [
        pytest.param(each, each.dtypes[k % len(each.dtypes)], id=each.name, marks=pytest.mark.catalogue(each.component))
        for k, each in enumerate(every)
    ]


def violates(result: Result) -> bool:
    """Any level: what NaN does is advisory, and a variant may be wrong in that alone."""
    return result.status == "fail"


@pytest.mark.parametrize("variant", of_the_catalogue(WRONG))
def test_a_wrong_variant_is_caught_by_the_clauses_that_it_states(variant):
    assert variant.caught_by, NEW
    assert violated_in_turn((variant.name, variant.caught_by)) == (variant.name, list(variant.caught_by))


@pytest.mark.parametrize(("variant", "dtype"), of_each_in_turn(RIGHT))
def test_a_right_variant_is_not_failed(variant, dtype):
    results = list(judged(variant, FEW, (dtype,)))

    assert [(each.clause, each.failure) for each in results if violates(each) and each.level == "required"] == []
    assert sum(each.status == "pass" for each in results) >= 3


def test_the_catalogue_holds_every_component():
    assert len(WRONG) >= 40
    assert {each.component for each in WRONG} == {each.component for each in RIGHT} == set(COMPONENTS)
