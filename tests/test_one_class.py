"""ALL-14: what is float32 inside in small cases and 16 bits beyond a size is told, with the size."""

import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import drawn_for
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import find

CLAUSE = CLAUSES["ALL-14"]


def judged(name, dtype):
    variant = find(name)
    return judge_clause(open_object(variant.adapter(), name), CLAUSE, variant.component, dtype, PROFILES["quick"], 0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_format_that_changes_with_the_size_is_told_with_the_size(dtype):
    result = judged("feed-forward-hidden-narrow-beyond-1024", dtype)

    assert (result.status, result.level) == ("fail", "advisory")
    assert "kept in fewer bits beyond a size; with d_ff = 1024 it is right" in result.failure.message


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["feed-forward-plain", "feed-forward-hidden-rounded"])
def test_one_format_at_all_sizes_passes(name, dtype):
    assert judged(name, dtype).status == "pass"


def test_what_is_narrow_everywhere_has_that_noise_at_size_too():
    assert judged("feed-forward-hidden-rounded", "bfloat16").worst_ratio == 1.0
    assert judged("feed-forward-plain", "bfloat16").worst_ratio < 1.0


@pytest.mark.parametrize("name", [name for name, each in COMPONENTS.items() if CLAUSE.concerns(each)])
def test_only_where_there_are_several_classes_is_there_anything_to_compare(name):
    component = drawn_for(CLAUSE, COMPONENTS[name])

    assert CLAUSE.cases(component, "float16", 0)
    assert not CLAUSE.cases(component, "float32", 0)
