"""Logits of -inf and offsets: what a case may have beside its regime."""

import numpy as np
import pytest

from assay.conformance.cases.logits import HIDDEN, OFFSETS
from assay.conformance.components import COMPONENTS, parse_case
from assay.conformance.terms.rounding import rounded

ROWS = {"softmax": {"rows": 4, "n": 300}, "log_softmax": {"rows": 4, "n": 300}, "cross_entropy": {"N": 4, "V": 300}}
each_of_rows = pytest.mark.parametrize("component", [COMPONENTS[name] for name in ROWS], ids=ROWS)


def logits_of(component, dtype="float32", **special):
    """Make the logits of a case in which something is special."""
    case = component.with_optional(component.plainest(dtype, 3).but(**ROWS[component.name]), **special)
    inputs = component.make(parse_case(case.id))
    return inputs.arrays[component.row.real[0]], inputs


@each_of_rows
@pytest.mark.parametrize("which", HIDDEN)
def test_some_logits_of_each_row_are_hidden_and_others_are_as_they_were(component, which):
    x, _ = logits_of(component, hidden=which)
    plain, _ = logits_of(component)
    away = np.isneginf(x)

    assert away.any()
    assert not away.all(-1).any()
    assert np.array_equal(x[~away], plain[~away])


@pytest.mark.parametrize(
    ("which", "due"),
    [
        ("first-16", range(16)),
        ("last-16", range(288, 300)),
        ("first-128", range(128)),
        ("last-128", range(256, 300)),
        ("first", range(1)),
    ],
)
def test_a_tile_is_hidden_as_a_whole(which, due):
    x, _ = logits_of(COMPONENTS["softmax"], hidden=which)

    assert np.array_equal(np.isneginf(x), np.broadcast_to(np.isin(np.arange(300), due), x.shape))


@pytest.mark.parametrize(("which", "seen"), [("top-8", 8), ("all-but-one", 1), ("one", 299), ("half", 150)])
@each_of_rows
def test_so_many_are_left(component, which, seen):
    x, _ = logits_of(component, hidden=which)

    assert (np.isfinite(x).sum(-1) == seen).all()


@pytest.mark.parametrize("which", HIDDEN)
def test_a_target_is_hidden_only_where_the_case_says_so(which):
    x, inputs = logits_of(COMPONENTS["cross_entropy"], hidden=which)
    rows = np.arange(4), inputs.arrays["targets"]
    of_targets, _ = logits_of(COMPONENTS["cross_entropy"], hidden="target")

    assert np.isfinite(x[rows]).all()
    assert np.isneginf(of_targets[rows]).tolist() == [True, False, True, False]
    assert np.isneginf(of_targets).sum() == 2


@each_of_rows
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_an_offset_leaves_the_differences_exact(component, offset, dtype):
    x, _ = logits_of(component, dtype, offset=offset)
    differences = x - x[..., :1]

    assert np.sign(x[0, 0]) * np.abs(x).min() * OFFSETS[offset] > 0
    assert np.unique(x).size > 1
    assert np.array_equal(differences, np.round(2 * differences) / 2)


@each_of_rows
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_an_offset_of_the_largest_logits_is_finite_and_in_the_format(component, offset, dtype):
    case = component.plainest(dtype, 3).but(regime="limit", **ROWS[component.name])
    x = component.make(component.with_optional(case, offset=offset)).arrays[component.row.real[0]]

    assert np.isfinite(x).all()
    assert np.array_equal(x, rounded(x, dtype))
