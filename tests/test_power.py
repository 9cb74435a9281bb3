"""Power: what a pass could have seen, and what is said where that is nothing."""

import io
from dataclasses import replace

import numpy as np
import pytest

from assay.adapters import Offer, Opening
from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.report import CONFORMS, NO_EVIDENCE, Report
from assay.conformance.interface.summary import show_summary
from assay.conformance.interface.terminal import Screen
from assay.conformance.judging import judging
from assay.conformance.judging.plan import Line
from assay.conformance.judging.result import Result
from assay.conformance.terms.power import Power
from assay.conformance.variants import find
from assay.oracle.rounding.bound import Bound


def of(expected, worst, statistical=None):
    expected, worst = np.array(expected, float), np.array(worst, float)
    power, zeros = Power(), np.zeros_like(expected)
    statistic = worst if statistical is None else np.array(statistical, float)
    bound = Bound(expected, worst, statistic, zeros, zeros, zeros)
    power.take(bound, statistical=statistical is not None)
    return power.as_json()


@pytest.mark.parametrize(("worst", "informative"), [(0.124, 1.0), (0.126, 0.0), (np.inf, 0.0), (0.0, 1.0)])
def test_a_bound_below_an_eighth_of_the_scale_is_informative(worst, informative):
    assert of([1.0, -1.0, 1.0], [worst] * 3)["informative"] == informative


def test_an_element_near_zero_has_the_scale_of_its_row():
    assert of([[1e-9, 1.0], [1e-9, 1e-9]], [[0.01, 0.01], [0.01, 0.01]])["informative"] == 0.5


def test_what_has_no_scale_is_not_counted():
    assert of([0.0, 0.0], [1.0, 1.0]) is None
    assert of([np.nan, np.inf, 1.0], [1.0, 1.0, 1e-3])["informative"] == 1.0
    assert of([], []) is None


def test_the_statistical_bound_counts_where_it_is_used():
    assert of([1.0], [1.0], [1e-3])["informative"] == 1.0


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_the_median_is_that_of_bound_over_scale(size):
    found = of([size] * 3, [2**-20 * size, 1e-2 * size, size])

    assert found["median"] == pytest.approx(1e-2, rel=0.2)
    assert found["informative"] == pytest.approx(2 / 3)


def judged_with(monkeypatch, more):
    """Judge a right softmax, with bounds that are larger."""
    component = COMPONENTS["softmax"]

    def bound(*arguments):
        found = component.bound(*arguments)
        return replace(found, worst=found.worst + more, statistical=found.statistical + more)

    monkeypatch.setattr(judging, "COMPONENTS", {**COMPONENTS, "softmax": replace(component, bound=bound)})
    adapter = open_object(find("softmax-plain").adapter(), "mine")
    return judging.judge_clause(adapter, CLAUSES["ALL-1"], "softmax", "float32", PROFILES["quick"], 0)


def test_a_clause_whose_every_bound_is_vacuous_is_no_pass(monkeypatch):
    plain, wide = judged_with(monkeypatch, 0.0), judged_with(monkeypatch, 1.0)

    assert (plain.status, plain.power["informative"] > 0.9) == ("pass", True)
    assert (wide.status, wide.power["informative"], wide.failure) == ("vacuous", 0.0, None)
    assert "every bound exceeds" in wide.reason


def shown(*results):
    offer = Offer("mine", "numpy", "numpy", "2", "cpu", ("float32",), ("softmax",))
    lines = [Line(CLAUSES[each.clause], "softmax", "float32", offered=True) for each in results]
    report = Report(Opening("mine.py"), offer, "quick", 0, lines, judged=dict(zip(lines, results, strict=True)))
    screen = Screen()
    screen.file, screen.width = io.StringIO(), 100
    show_summary(screen, report)
    return report, screen.file.getvalue()


PASS = Result("ALL-1", "required", "softmax", "float32", "pass", 3, 0.5, 1, power={"informative": 1.0, "median": 0.01})
VACUOUS = replace(PASS, clause="SM-1", status="vacuous", power={"informative": 0.0, "median": 9.0})
EXACT = replace(PASS, clause="ALL-4", power=None)


def test_the_table_counts_vacuous_clauses_apart():
    report, text = shown(PASS, VACUOUS, EXACT)

    assert (report.verdict, report.checked) == (CONFORMS, 2)
    assert "2 pass, 1 vacuous" in text
    assert "no evidence" not in text


def test_a_component_whose_bounds_are_all_vacuous_is_no_evidence():
    report, text = shown(VACUOUS, EXACT)

    assert report.verdict == NO_EVIDENCE
    assert "│ no evidence" in text
    assert "no evidence of softmax in float32" in " ".join(text.split())
