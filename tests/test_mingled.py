"""ALL-16 and ALL-17: any number of axes, and hard rows among ordinary ones, whatever the seed."""

import re

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.components.every.mingled import _HARD, _arrays_of_rows, _mingled, _ordinary
from assay.conformance.judging.judging import judge_clause
from assay.conformance.terms.generator import Generator
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.variants import find

CONCERNED = [name for name, component in COMPONENTS.items() if CLAUSES["ALL-17"].concerns(component)]


def judged(clause, name, dtype="float32", seed=0):
    variant = find(name)
    adapter = open_object(variant.adapter(), variant.name)
    return judge_clause(adapter, CLAUSES[clause], variant.component, dtype, PROFILES["quick"], seed)


@pytest.mark.parametrize("name", CONCERNED)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_first_row_is_ordinary_and_others_are_not(name, seed):
    component = COMPONENTS[name]
    adapter = open_object(find("softmax-plain").adapter(), "mine")
    cases = _ordinary(component, "float32", seed)
    hard = str(component.factors["regime"][-1]["regime"])

    assert len(cases) == 2
    for case in cases:
        trial = Trial(Subject(adapter), component, case)
        arrays = _mingled(trial, hard, _HARD["the last half"]).arrays
        rows = [
            (each.reshape(-1, each.shape[-1]), arrays[argument].reshape(-1, each.shape[-1]))
            for argument, each in trial.inputs.arrays.items()
            if argument in _arrays_of_rows(component)
        ]
        assert all(np.array_equal(own[0], now[0]) for own, now in rows)
        assert not all(np.array_equal(own[-1], now[-1]) for own, now in rows)


@pytest.mark.parametrize("way", _HARD)
def test_each_way_leaves_the_first_row_and_takes_something(way):
    chosen = _HARD[way](Generator("any", 0), (3, 5, 4))

    assert chosen.shape == (3, 5, 4)
    assert chosen.any()
    assert not chosen[0, 0].any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["softmax-range-of-first-row-of-x", "output-logits-range-of-first-row-of-hidden"])
def test_what_the_first_row_decides_is_told_with_what_was_hard(name, seed):
    message = judged("ALL-17", name, seed=seed).failure.message

    assert re.match(
        r"with (the last half|one row|some places) of the regime \S+: the value is wrong: result\[", message
    )


def test_the_shape_of_the_array_is_told():
    assert judged("ALL-16", "softmax-fourth-axis-at-most").failure.message.startswith(
        "of an array of shape (4, 2, 3, 5, 7), the value is wrong: result["
    )


def test_a_number_of_axes_that_is_not_taken_is_left_aside():
    def softmax(x):
        if x.ndim > 3:
            raise NotImplementedError("at most three axes")
        return find("softmax-plain").function(x)

    adapter = open_object(type("Mine", (), {"softmax": staticmethod(softmax)})(), "mine")
    result = judge_clause(adapter, CLAUSES["ALL-16"], "softmax", "float32", PROFILES["quick"], 0)

    assert result.status == "pass"
