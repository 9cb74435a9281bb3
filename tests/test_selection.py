"""Attention that selects keys by their class: what it gives, against the oracle, and how much of an error it holds."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.components.attention.selection import Selection
from assay.conformance.components.attention.selection_clauses import _of_gradients, _of_result
from assay.conformance.judging.judging import judge_case, judge_clause
from assay.conformance.terms.subject import completed
from assay.conformance.variants import find
from assay.oracle import attention, attention_vjp
from assay.oracle.rounding.numerics import precision_classes

ATTENTION = COMPONENTS["attention"]
MASKS = ("none", "causal", "padding-left", "padding-uneven", "causal+padding-right")
LENGTHS = ((30, 30), (20, 50), (50, 20), (1, 9), (9, 1))


def selection(alignment="top-left", **sizes):
    case = ATTENTION.plainest("float64").but(**{"B": 3, **sizes})
    return Selection(ATTENTION.make(case), completed({}) | {"causal_alignment": alignment})


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
@pytest.mark.parametrize("mask", MASKS)
def test_what_running_counts_give_is_what_scores_give(mask, alignment):
    heads, sizes = ((4, 2), (3, 3), (6, 1)), ((8, 4), (4, 30), (2, 1))
    for (l_q, l_k), (h, h_kv), (d_k, d_v) in itertools.product(LENGTHS, heads, sizes):
        found = selection(alignment, mask=mask, H=h, H_kv=h_kv, L_q=l_q, L_k=l_k, d_k=d_k, d_v=d_v)
        selects = found.selected > 0
        result = attention(**found.inputs.keywords, causal_alignment=alignment)
        g = np.where(selects[..., None], found.cotangent, 0)
        of_query, of_key, of_value = attention_vjp(g, **found.inputs.keywords, causal_alignment=alignment)
        up, down = found.pushes

        assert np.isnan(found.result).all(-1).tolist() == (~selects).tolist()
        np.testing.assert_allclose(found.result[selects], result[selects], atol=1e-14)
        np.testing.assert_allclose(found.of_value, of_value, atol=1e-12)
        np.testing.assert_allclose(found.along(up - down), of_key, atol=1e-10)
        np.testing.assert_allclose(of_query, 0, atol=1e-10)


def test_what_another_class_weighs_is_nothing():
    for d_k, scale in ((1, "none"), (576, "none"), (64, 0.3)):
        found = selection(d_k=d_k, L_k=5, scale=scale)
        assert 128 <= found.score < 512
        assert all(np.log2(entry) % 1 == 0 and entry <= 2**8 for entry in found.entries)


def test_rows_tiles_heads_and_items_give_other_shares():
    found = selection(mask="none", H=6, H_kv=2, L_q=200, L_k=200, d_k=16, d_v=16).result
    for tile in (1, 16, 64, 128):
        assert (found[:, :, tile:] != found[:, :, :-tile]).any(-1).all()
    assert (found[1:] != found[:-1]).any(-1).all()
    assert (found[:, 1:] != found[:, :-1]).any(-1).all()


def test_a_mask_that_treats_queries_unlike_is_refused():
    with pytest.raises(ValueError, match=r"mask has shape \(3, 3\); a selection needs one of \(B, 1, 1, L_k\)"):
        selection(mask="random")


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_relative_errors_allowed_are_a_small_share(dtype):
    """A tile of 64 keys amid 8,192 of 8 blocks is a sixteenth of a share."""
    found = selection(L_q=8192, L_k=8192, d_k=8, d_v=8, B=1)
    numerics = precision_classes(dtype)[-1][1]

    assert _of_result(numerics, found) < _of_gradients(numerics, found) < 1 / 16
    if dtype == "float32":
        assert _of_gradients(numerics, found) < 1e-3


CASE = ATTENTION.plainest("float32").but(B=2, H=4, H_kv=2, L_q=64, L_k=80, d_k=16, d_v=4, mask="causal")


def off(which, factor):
    """Give the oracle's attention, of which the largest element of one result is multiplied by a factor.

    Of the gradient of key all are, since one key of each class may be further off.
    """

    def changed(name, array):
        array = np.array(array)
        if name == which:
            array[... if name == "key" else np.unravel_index(np.abs(array).argmax(), array.shape)] *= factor
        return array.astype(np.float32)

    def value(*arrays, **options):
        return changed("result", attention(*arrays, **options))

    def gradients(cotangent, *arrays, **options):
        found = zip(("query", "key", "value"), attention_vjp(cotangent, *arrays, **options), strict=True)
        return {name: changed(name, gradient) for name, gradient in found}

    return open_object(SimpleNamespace(name="off", attention=value, attention_vjp=gradients), "off")


@pytest.mark.parametrize(
    ("which", "clause"), [("result", "SDPA-27"), ("value", "SDPA-28"), ("key", "SDPA-28"), (None, "SDPA-27")]
)
def test_one_element_that_is_off_by_more_than_its_bound_fails(which, clause):
    numerics = precision_classes("float32")[-1][1]
    found = Selection(ATTENTION.make(CASE), completed({}))
    relative = (_of_result if which == "result" else _of_gradients)(numerics, found)
    if which == "key":  # the bound is that of two parts, of which the difference is taken
        up, down = found.pushes
        relative /= np.sort((np.abs(up - down) / np.maximum(up + 3 * down, 1e-9)).ravel())[-20]

    for times, passes in ((0.8, True), (1.2, which is None)):
        assert judge_case(off(which, 1 + times * relative), CLAUSES[clause], CASE).passed == passes


@pytest.mark.parametrize("name", ["attention-tiled-16", "attention-split-beyond-512", "attention-exp2"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_right_kernels_pass_in_any_order_of_keys(name, dtype):
    adapter = open_object(find(name).adapter(), name)
    case = CASE.but(dtype=dtype, L_k=700)

    assert judge_case(adapter, CLAUSES["SDPA-27"], case).passed


def test_the_row_amid_many_is_named():
    variant = find("attention-query-tile-read-twice-amid-1024")
    adapter = open_object(variant.adapter(), variant.name)
    case = CASE.but(L_q=1024, L_k=512, mask="none")
    outcome = judge_case(adapter, CLAUSES["SDPA-27"], case)

    assert outcome.failed
    assert "result[0, 0, 704, " in outcome.reason
    assert "a row does not hold the shares of the keys that its query selects" in outcome.reason


def test_without_gradients_none_is_asked_for():
    variant = find("attention-plain")
    adapter = open_object(variant.adapter(), variant.name)

    assert (
        judge_clause(adapter, CLAUSES["SDPA-28"], "attention", "float32", PROFILES["quick"], 0).status == "unsupported"
    )
