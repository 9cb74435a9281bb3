"""The suite against implementations whose verdict is known: every wrong variant is caught, no right one fails."""

import functools

import pytest
from catalogue import of_the_catalogue

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import Profile
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.judging.catalogue import tried_by_each, violated_in_turn
from assay.conformance.judging.sharing import sharing
from assay.conformance.terms.component import Component
from assay.conformance.variants import Variant, variants

WRONG = variants(wrong=True)
RIGHT = variants(wrong=False)

NEW = "it states no clause: `python benchmarks/pages.py --of COMPONENT clause-table seeds` finds those that catch it"

FEW = Profile(drawn=0, spread=6, drawn_for_properties=2, at_size="few")
"""The whole covering set for the value, a few cases for each other clause."""


@functools.lru_cache(maxsize=1)
def shared(name: str) -> Component:
    """Give the component with bounds that its variants share, which stand side by side in the catalogue."""
    return sharing(COMPONENTS[name])


def judged(variant: Variant, dtype: str):
    """Judge a right variant; the values of one of gradients are those of a variant without, judged by itself."""
    adapter, component = open_object(variant.adapter(), variant.name), shared(variant.component)
    for clause in clauses_of(component):
        if not variant.vjp or not clause.id.startswith("ALL-"):
            (found,) = tried_by_each(clause, component, dtype if component.has_dtype else "", FEW, 0, [adapter])
            yield found


def of_each_in_turn(every: tuple[Variant, ...]):
    """(variant, one of its dtypes): neighbours in the catalogue get different ones."""
    return [
        pytest.param(each, each.dtypes[k % len(each.dtypes)], id=each.name, marks=pytest.mark.catalogue(each.component))
        for k, each in enumerate(every)
    ]


@pytest.mark.parametrize("variant", of_the_catalogue(WRONG))
def test_a_wrong_variant_is_caught_by_the_clauses_that_it_states(variant):
    assert variant.caught_by, NEW
    assert violated_in_turn((variant.name, variant.caught_by)) == (variant.name, list(variant.caught_by))


@pytest.mark.parametrize(("variant", "dtype"), of_each_in_turn(RIGHT))
def test_a_right_variant_is_not_failed(variant, dtype):
    results = list(judged(variant, dtype))

    failed = [each for each in results if each.failure and each.clause.level == "required"]
    assert [(each.clause.id, each.failure) for each in failed] == []
    assert sum(each.examples > 0 for each in results) >= 3


def test_the_catalogue_holds_every_component():
    assert len(WRONG) >= 40
    assert {each.component for each in WRONG} == {each.component for each in RIGHT} == set(COMPONENTS)
