"""Sizes that agree on purpose: each two of them in some case, all of them in one; what guesses axes is caught."""

import itertools
from dataclasses import replace

import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.coincidences import coinciding_cases
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import sized
from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.terms.checking import check
from assay.conformance.terms.recent import RecentReplies
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.variants import find

COINCIDING = [component for component in COMPONENTS.values() if component.coinciding]
each_component = pytest.mark.parametrize("component", COINCIDING, ids=lambda component: component.name)


def sizes_of(case):
    """Select the sizes that may agree."""
    return {name: case[name] for name in COMPONENTS[case.component].coinciding}


@each_component
def test_all_sizes_agree_in_a_case_and_none_in_another(component):
    found = [list(sizes_of(case).values()) for case in coinciding_cases(component, "float32", 1)]

    assert all(size > 1 for sizes in found for size in sizes)
    assert any(len(set(sizes)) == 1 for sizes in found)
    assert any(len(set(sizes)) == len(sizes) for sizes in found)


@each_component
def test_each_two_sizes_agree_with_all_others_unlike_them(component):
    found = [sizes_of(case) for case in coinciding_cases(component, "float32", 1)]

    for one, other in itertools.combinations(component.coinciding, 2):
        alone = [sizes for sizes in found if sizes[one] == sizes[other]]
        assert any(list(sizes.values()).count(sizes[one]) == 2 for sizes in alone), (one, other)


@each_component
def test_they_are_lines_like_all_others_whose_values_alone_the_seed_decides(component):
    one, other = (coinciding_cases(component, "float32", seed) for seed in (1, 2))

    assert all(parse_case(case.id) == case and component.admissible(case) for case in one)
    assert [case.but(seed=0) for case in one] == [case.but(seed=0) for case in other]
    assert not {case["seed"] for case in one} & {case["seed"] for case in other}


def test_where_few_shapes_are_asked_for_there_are_none():
    few = [component for component in (sized(each, "few") for each in COINCIDING) if "sizes" in component.factors]

    assert few
    assert all(not coinciding_cases(component, "float32", 0) for component in few)


@each_component
@pytest.mark.parametrize("clause", ["ALL-1", "GRAD-1"])
def test_values_and_gradients_are_judged_on_them_in_the_quick_profile(component, clause):
    judged = set(cases_of(CLAUSES[clause], component, "float32", PROFILES["quick"], 3))

    assert set(map(CLAUSES[clause].prepare, coinciding_cases(component, "float32", 3))) <= {*judged, None}


MISSED_BEFORE = (
    "attention-mask-of-heads-for-queries",
    "attention-gradient-keys-for-values-of-a-size",
    "feed-forward-bias-by-positions",
    "feed-forward-gradient-biases-exchanged",
    "gated-square-gate-transposed",
    "layer-norm-positions-guessed-first",
    "rms-norm-positions-guessed-first",
    "additive-key-matrix-for-query",
    "multi-head-gradient-queries-for-keys",
)
"""Variants that the covering set alone does not show."""


def verdicts(clause, variant, cases):
    """Judge the cases, and say of which the clause does not hold."""
    component, adapter = COMPONENTS[variant.component], open_object(variant.adapter(), variant.name)
    subject = Subject(adapter, RecentReplies(0))
    return {case: check(CLAUSES[clause], Trial(subject, component, case)).failed for case in cases}


@pytest.mark.parametrize("name", MISSED_BEFORE)
def test_what_is_wrong_where_sizes_agree_fails_there_and_nowhere_else(name):
    variant = find(name)
    component = COMPONENTS[variant.component]
    clause = "GRAD-1" if variant.vjp else "ALL-1"
    cases = coinciding_cases(component, "float64", 0)
    found = verdicts(clause, variant, filter(None, map(CLAUSES[clause].prepare, cases)))

    assert any(found.values())
    assert not any(failed for case, failed in found.items() if len(set(sizes_of(case).values())) == len(sizes_of(case)))
    assert not any(verdicts(clause, variant, component.probes("float64")).values())


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_scale_of_zero_meets_the_causal_mask_and_none_whatever_is_drawn(seed):
    nothing_drawn = replace(PROFILES["quick"], spread=0, drawn_for_properties=0)
    found = cases_of(CLAUSES["SDPA-11"], COMPONENTS["attention"], "float32", nothing_drawn, seed)

    assert {case["mask"] for case in found} == {"none", "causal"}
