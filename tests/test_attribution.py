"""What a failing case is due to: a cause that is known explains it, or another is found."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance import judge
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis.attribution import follows_its_values
from assay.conformance.judging.findings import Findings
from assay.conformance.judging.judging import judge_clause
from assay.conformance.judging.result import Failure, Result
from assay.conformance.variants import catalogue, find


def logits(factor, of_gradient, **declared):
    """Make output logits that are wrong by one factor, and their gradients by another."""

    def function(hidden, weight):
        return (factor * (hidden.astype(float) @ weight.astype(float).T)).astype(hidden.dtype)

    def vjp(g, hidden, weight):
        d = of_gradient * g.astype(float)
        of_weight = np.einsum("blv,bld->vd", d, hidden.astype(float))
        return (d @ weight.astype(float)).astype(g.dtype), of_weight.astype(g.dtype)

    return SimpleNamespace(output_logits=function, output_logits_vjp=vjp, **declared)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_gradient_is_compared_with_the_differences_of_its_own_values(dtype):
    component = COMPONENTS["output_logits"]
    case = component.plainest(dtype, seed=3)

    def follows(factor, of_gradient):
        return follows_its_values(open_object(logits(factor, of_gradient), "logits"), component, case)

    assert follows(1.5, 1.5)
    assert not follows(1.0, 1.5)
    assert not follows(1.5, 1.0)
    assert not follows(1.5, 3.0)


@pytest.mark.parametrize(("of_gradient", "causes"), [(1.37, 1), (0.61, 2)])
def test_a_gradient_that_is_not_that_of_wrong_values_has_a_cause_of_its_own(of_gradient, causes):
    report = judge(logits(1.37, of_gradient, dtypes=("float64",)), clauses=["ALL-1", "GRAD-1"], dtypes="float64")

    assert len({each.failure.cause for each in report.results if each.failure}) == causes


def test_a_known_bug_of_the_gradients_is_named_whatever_the_values():
    variant = find("bias-1-gradient-ungated")
    adapter = variant.adapter()
    adapter.feed_forward = lambda *arguments: 2 * variant.function(*arguments)
    line = open_object(adapter, "twice"), CLAUSES["GRAD-1"], "feed_forward", "float64", PROFILES["quick"]

    assert judge_clause(*line, seed=0).failure.looks_like == variant.name


@pytest.mark.parametrize(("first", "explains"), [("ALL-11", False), ("ALL-5", True)])
def test_what_only_advises_is_not_why_something_required_fails(first, explains):
    adapter, component = open_object(logits(1.5, 1.5), "logits"), COMPONENTS["output_logits"]
    findings = Findings()

    def cause(clause):
        failure = Failure("the value is wrong: more", component.plainest("float32", 3).id, 9.0)
        result = Result(clause, CLAUSES[clause].level, component.name, "float32", "fail", failure=failure)
        return findings.explain(adapter, CLAUSES[clause], component, result, lambda case: ()).failure.cause

    assert cause(first).startswith(first)
    assert cause("ALL-1").startswith(first if explains else "ALL-1")


def without_its_tail(x, axis=-1):
    """Lose half of what is beyond a multiple of eight in the sum of exponentials."""
    shifted = x - x.max(axis, keepdims=True)
    tail = shifted[..., x.shape[axis] // 8 * 8 or x.shape[axis] :]
    total = np.exp(shifted).sum(axis, keepdims=True) - 0.5 * np.exp(tail).sum(axis, keepdims=True)
    return shifted - np.log(total)


@pytest.mark.parametrize(("clauses", "causes"), [(["ALL-1", "LSM-3"], {"ALL-1"}), (["LSM-3"], {"LSM-3"})])
def test_a_property_fails_by_what_makes_the_values_wrong(clauses, causes):
    report = judge(SimpleNamespace(log_softmax=without_its_tail), clauses=clauses, dtypes="float32")
    failures = [each.failure for each in report.results if each.failure]

    assert {each.cause.partition(" ")[0] for each in failures} == causes
    # One entry, or eight, cannot be permuted, or are right: the trigger is found all the same.
    assert all("n" in each.trigger for each in failures)


@pytest.mark.parametrize(
    ("name", "property_"),
    [("adam-decay-grows", "ADAM-8"), ("cross-entropy-class-zero-ignored", "CE-9")],
    ids=["another number of the trigger", "a wrong number where the smallest case is NaN"],
)
def test_a_bug_without_a_name_is_one_cause(monkeypatch, name, property_):
    variant = find(name)
    others = {each: known for each, known in catalogue._CATALOGUE.items() if each != name}
    monkeypatch.setattr(catalogue, "_CATALOGUE", others)  # so that the order of what comes back is as it was
    report = judge(variant.adapter(), clauses=["ALL-1", property_], dtypes="float64", go_on=True)

    assert [each.failure.looks_like for each in report.results if each.failure] == [None, None]
    assert len(report.causes) == 1


def test_what_is_kept_from_the_first_call_is_told_with_a_call_that_shows_it(monkeypatch):
    widths = []

    def softmax(x):
        widths.append(x.shape[-1])
        powers = np.exp(x - x.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True) * (x.shape[-1] / widths[0])

    adapter = open_object(SimpleNamespace(softmax=softmax), "softmax")
    monkeypatch.setattr(adapter, "afresh", lambda: widths.clear() or True)
    component, clause, findings = COMPONENTS["softmax"], CLAUSES["ALL-1"], Findings()

    def told(case):
        widths[:] = [2]  # the smoke cases came first
        result = Result("ALL-1", "required", "softmax", "float32", "fail", failure=Failure("wrong", case.id, 9.0))
        return findings.explain(adapter, clause, component, result, lambda each: ()).failure

    case = component.plainest("float32", 3)
    first, second = told(case.but(n=9)), told(case.but(n=7))

    assert re.match(
        r"it is right by itself, in a new process, but not after a call with n = \d+: the value", first.message
    )
    assert second.cause == first.cause
