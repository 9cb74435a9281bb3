"""Three factors of attention at once: every kind of mask in every layout with every grouping of heads, in each run."""

import itertools

from assay.conformance.cases.masks import MASKS
from assay.conformance.cases.sizes import sized
from assay.conformance.components import COMPONENTS
from assay.conformance.components.attention.triples import kind_of, triples
from assay.conformance.terms.component import LAYOUTS

ATTENTION = COMPONENTS["attention"]


def grouping(case):
    """Say how heads share keys: a single head, one key head for each, one for all, or groups."""
    heads, groups = case["H"], case["H_kv"]
    return "one" if heads == 1 else "each" if heads == groups else "all" if groups == 1 else "groups"


def met(seed):
    """List the triples in the order of the cases."""
    return [(kind_of(case["mask"]), case["layout"], grouping(case)) for case in triples(ATTENTION, "float32", seed)]


def test_every_triple_is_there_once_whatever_the_seed():
    kinds = {kind_of(mask) for mask in MASKS}

    assert len(kinds) == 17
    for seed in (0, 3):
        assert sorted(met(seed)) == sorted(itertools.product(kinds, LAYOUTS, ("one", "each", "all", "groups")))


def test_padding_and_a_mask_of_rows_are_of_two_kinds():
    assert kind_of("padding-left") == kind_of("padding-right+padding-left") != kind_of("random")
    assert len({kind_of(mask) for mask in ("random", "blind-rows", "causal+random", "random+per-head")}) == 4


def test_each_mask_is_met_and_sizes_change_from_case_to_case():
    cases = triples(ATTENTION, "float32", 0)

    assert {case["mask"] for case in cases} == set(MASKS)
    for layout in LAYOUTS:
        assert len({case["L_k"] for case in cases if case["layout"] == layout}) == 7


def test_where_sizes_are_few_a_fifth_has_every_kind_at_four_shapes():
    cases = triples(sized(ATTENTION, "few"), "float32", 0)

    assert len(cases) == 96
    assert len({(case["H"], case["H_kv"], case["L_q"], case["L_k"]) for case in cases}) == 4
    assert {kind_of(case["mask"]) for case in cases} == {kind_of(mask) for mask in MASKS}
    assert {case["layout"] for case in cases} == set(LAYOUTS)
