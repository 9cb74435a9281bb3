"""What a run judges, and in which turn."""

import pytest

from assay.adapters import Offer, Opening
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.interface.report import Report
from assay.conformance.judging.plan import Selection, due, in_turn, plan
from assay.conformance.judging.result import Result

OFFER = Offer("mine", "numpy", "", "", "cpu", ("float64", "float32"), ("softmax", "layer_norm"))
LINES = [line for line in plan(OFFER, Selection()) if line.offered]


def test_what_explains_waits_in_the_quick_profile_and_wherever_it_is_named_does_not():
    quick = list(plan(OFFER, Selection(), PROFILES["quick"]))
    named = list(plan(OFFER, Selection(clauses=("SM-1", "ALL-1")), PROFILES["quick"]))
    standard = list(plan(OFFER, Selection(), PROFILES["standard"]))

    assert {line.clause.id for line in quick if line.component == "softmax" and not line.waits} == {
        *("ALL-1", "ALL-2", "ALL-3", "ALL-4", "ALL-5", "ALL-6", "ALL-7", "ALL-11", "ALL-12"),
        *("ALL-15", "ALL-16", "ALL-17", "ALL-18", "ALL-19"),
        *("GRAD-1", "GRAD-2", "GRAD-3", "GRAD-5", "GRAD-6", "GRAD-8", "GRAD-9", "GRAD-11", "GRAD-12", "GRAD-13"),
    }
    assert [line.waits for line in (*named, *standard)] == [False] * len((*named, *standard))
    assert [line.name for line in quick] == [line.name for line in standard]


def test_the_lines_of_a_component_that_has_failed_are_due_and_no_others():
    quick = list(plan(OFFER, Selection(), PROFILES["quick"]))
    added = [line for line in due(quick, {"softmax"}) if line not in due(quick, ())]

    assert {line.component for line in added} == {"softmax"}
    assert {line.clause.role for line in added} == {"explains"}
    assert {line.dtype for line in added} == {"float64", "float32"}


@pytest.mark.parametrize(
    ("status", "level", "explained"),
    [
        ("fail", "required", True),
        ("allowed", "required", True),
        ("fail", "advisory", False),
        ("pass", "required", False),
    ],
)
def test_a_required_clause_that_fails_is_explained(status, level, explained):
    quick = list(plan(OFFER, Selection(), PROFILES["quick"]))
    report = Report(Opening("mine.py"), OFFER, "quick", 0, quick)
    before = report.due
    report.add(before[0], Result(before[0].clause.id, level, before[0].component, before[0].dtype, status))

    assert (len(report.due) > len(before)) == explained
    assert report.as_json()["expected"] == len(report.due)
    assert before[0] not in report.left


def test_the_turn_holds_every_line_once():
    assert sorted(in_turn(LINES), key=LINES.index) == LINES


def test_values_and_gradients_come_first_and_what_takes_long_last():
    lines = [line for line in in_turn(LINES) if line.component == "softmax"]
    first = ["ALL-1", "ALL-4", "ALL-5", "GRAD-1", "GRAD-2"]
    start = [line.dtype for line in lines].index("float32")

    assert [line.clause.id for line in lines[: len(first)]] == first
    assert [line.clause.id for line in lines[start : start + len(first)]] == first
    late = [line for line in lines if line.clause.id == "ALL-2" or line.clause.at_size]
    late = [line for line in late if line.clause.level == "required"]
    assert [line for line in lines if line.clause.level == "required"][-len(late) :] == late
    assert {line.dtype for line in late} == {"float64", "float32"}


@pytest.mark.parametrize("hurried", [False, True])
def test_what_only_advises_comes_last(hurried):
    lines = [line for line in in_turn(LINES, hurried=hurried) if hurried or line.component == "softmax"]
    levels = [line.clause.level for line in lines]

    assert levels == sorted(levels, reverse=True)
    assert set(levels) == {"required", "advisory"}


def test_the_first_dtype_is_done_before_the_others():
    lines = [line for line in in_turn(LINES) if line.component == "softmax" and line.clause.level == "required"]
    dtypes = [line.dtype for line in lines if line.clause.id != "ALL-2" and not line.clause.at_size]

    assert dtypes == sorted(dtypes, key=OFFER.dtypes.index)


def test_components_keep_their_order():
    components = [line.component for line in in_turn(LINES)]

    assert components == sorted(components, key=["softmax", "layer_norm"].index)
