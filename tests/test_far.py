"""Far memory: what lies there, what a kernel that wraps its offsets reads, and that this is found and named."""

import dataclasses
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from assay.adapters import FAR, far
from assay.adapters.bridges import bridge_to
from assay.adapters.in_process import open_object
from assay.adapters.layouts import lay
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.judging.judging import judge_case, judge_clause
from assay.conformance.variants import find

pytestmark = pytest.mark.skipif(not far.can_reserve(), reason="this system does not reserve so many addresses")
DTYPES = [np.float64, np.float32, ml_dtypes.bfloat16, np.int64, np.bool_]


def values_of(dtype, shape=(2, 3, 4)):
    return (
        np.arange(int(np.prod(shape))).reshape(shape) % 2 if dtype is np.bool_ else 1 + np.arange(24).reshape(shape)
    ).astype(dtype)


@pytest.mark.parametrize("layout", [each for each in FAR if not each.endswith("4")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_pass_32_bits_and_where_these_would_point_lies_another_value(layout, dtype):
    values = values_of(dtype)
    laid = lay(values, layout)
    offsets = far.offsets_of(values.shape, laid.strides)
    wrong = np.concatenate([each[each != offsets] for each in far.wrapped(offsets, values.itemsize)])
    due = np.concatenate([values[each != offsets] for each in far.wrapped(offsets, values.itemsize)])

    assert abs(offsets).max() > 2**31
    assert abs(offsets).max() * values.itemsize > 2**32
    assert len(wrong) >= len(values.ravel()) / max(values.shape)
    assert np.array_equal(laid.buffer[laid.offset + offsets], values)
    assert not (laid.buffer[laid.offset + wrong] == due).any()
    _, view = bridge_to("numpy").to_framework(laid, "cpu")
    assert np.array_equal(view, values)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (4, 0)])
def test_an_array_without_that_axis_is_contiguous(shape):
    laid = lay(np.ones(shape), "far-2")

    assert laid.held is None
    assert laid.buffer.size == np.prod(shape)


def test_torch_gets_the_strides():
    pytest.importorskip("torch")
    _, view = bridge_to("torch").to_framework(lay(values_of(np.float32), "far-3"), "cpu")

    assert view.stride(0) > 2**31
    assert np.array_equal(view.numpy(), values_of(np.float32))


def far_reply(softmax, layout="far-2"):
    adapter = open_object(SimpleNamespace(softmax=softmax), "mine")
    return adapter.call("softmax", {"x": np.ones((2, 3))}, dtype="float32", layouts={"x": layout})


def test_what_a_call_writes_there_is_seen():
    def in_place(x):
        x[1, 2] = 7
        return x.copy()

    assert far_reply(in_place).touched == ("x",)
    assert far_reply(lambda x: x.copy()).touched == ()
    assert far_reply(lambda x: x).aliased == ("x",)


def test_a_system_that_reserves_nothing_is_no_violation(monkeypatch):
    def reserve(size):
        raise NotImplementedError("this system does not reserve 48 GiB of addresses: Cannot allocate memory")

    monkeypatch.setattr("assay.adapters.layouts.reserve", reserve)
    reply = far_reply(lambda x: x.copy())

    assert (reply.status, reply.message[:27]) == ("unsupported", "this system does not reserv")


def judged(adapter, clause="ALL-15", component="softmax"):
    return judge_clause(adapter, CLAUSES[clause], component, "float32", PROFILES["quick"], 0)


def test_a_kernel_that_wraps_is_told_so_and_its_line_shows_it_again():
    adapter = open_object(find("softmax-logits-by-elements-in-32-bits").adapter(), "wrong")
    failure = judged(adapter).failure

    assert "the layout 'far-" in failure.message
    assert "it is right when contiguous" in failure.message
    assert failure.looks_like == "softmax-logits-by-elements-in-32-bits"
    assert judge_case(adapter, CLAUSES["ALL-15"], parse_case(failure.case)).failed
    assert judge_case(adapter, CLAUSES["ALL-1"], parse_case(failure.case)).failed


def test_a_result_that_is_one_number_is_compared_like_others():
    adapter = open_object(find("cross-entropy-logits-by-elements-in-32-bits").adapter(), "wrong")

    assert judged(adapter, component="cross_entropy").failure.message.startswith(
        "the layout 'far-1' changes the result: "
    )


def test_a_backward_pass_alone_that_wraps_is_told_so():
    adapter = open_object(find("softmax-gradient-logits-by-bytes-in-32-bits").adapter(), "wrong")

    assert judged(adapter).status == "pass"
    assert judged(adapter, "GRAD-11").failure.message.startswith("the layout 'far-")


def test_what_is_wrong_anywhere_is_left_to_the_other_clauses():
    assert judged(open_object(find("softmax-temperature").adapter(), "wrong")).status == "pass"


def test_where_arrays_have_no_such_strides_the_report_says_so():
    adapter = open_object(find("softmax-plain").adapter(), "plain")
    offer = adapter.offer
    adapter.offer = dataclasses.replace(offer, layouts=("contiguous",))
    result = judged(adapter)
    adapter.offer = dataclasses.replace(offer, layouts=far.FORWARDS)

    assert result.status == "unsupported"
    assert result.reason == "far memory is not judged: numpy on cpu has no arrays at huge strides"
    assert (judged(adapter).status, judged(adapter).examples) == ("pass", 2)


def test_far_memory_is_not_offered_on_another_device():
    pytest.importorskip("torch")
    own = {"framework": "torch", "softmax": lambda x: x}

    assert set(far.FORWARDS) <= set(open_object(SimpleNamespace(**own), "mine").offer.layouts)
    assert not set(FAR) & set(open_object(SimpleNamespace(**own, device="meta"), "mine").offer.layouts)


@pytest.mark.parametrize("name", ["attention", "embedding", "decoder_layer", "cross_entropy"])
def test_each_axis_of_each_argument_is_far_in_turn(name):
    component = COMPONENTS[name]
    cases = CLAUSES["ALL-15"].cases(component, "float32", 0)
    shapes = [each.shape for each in component.make(cases[0]).arrays.values()]
    axes = {axis for shape in shapes for axis in range(1, len(shape) + 1)}

    assert {case["layout"] for case in cases} == {f"far-{back}{axis}" for axis in axes for back in ("", "back-")}
    assert max(map(len, shapes)) == max(axes)
