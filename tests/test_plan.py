"""What a run judges, and in which turn."""

from assay.adapters import Offer
from assay.conformance.judging.plan import Selection, in_turn, plan

OFFER = Offer("mine", "numpy", "", "", "cpu", ("float64", "float32"), ("softmax", "layer_norm"))
LINES = [line for line in plan(OFFER, Selection()) if line.offered]


def test_the_turn_holds_every_line_once():
    assert sorted(in_turn(LINES), key=LINES.index) == LINES


def test_values_and_gradients_come_first_and_what_takes_long_last():
    lines = [line for line in in_turn(LINES) if line.component == "softmax"]
    first = ["ALL-1", "ALL-4", "ALL-5", "GRAD-1", "GRAD-2"]
    start = [line.dtype for line in lines].index("float32")

    assert [line.clause.id for line in lines[: len(first)]] == first
    assert [line.clause.id for line in lines[start : start + len(first)]] == first
    assert [line.name for line in lines[-2:]] == ["ALL-2[softmax-float64]", "ALL-2[softmax-float32]"]


def test_the_first_dtype_is_done_before_the_others():
    dtypes = [line.dtype for line in in_turn(LINES) if line.component == "softmax" and line.clause.id != "ALL-2"]

    assert dtypes == sorted(dtypes, key=OFFER.dtypes.index)


def test_components_keep_their_order():
    components = [line.component for line in in_turn(LINES)]

    assert components == sorted(components, key=["softmax", "layer_norm"].index)
