"""Numbers beyond 448 and 65,504 in one channel: they are in the inputs, and what they make of the result is held."""

import re

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.components.every.rescaled import _generic, _rescaled
from assay.conformance.judging.judging import judge_clause
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.variants import find

RESCALED = {name: component for name, component in COMPONENTS.items() if component.rescaled}


@pytest.mark.parametrize("name", RESCALED)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_multiplied_is_large_and_its_partner_small(name, dtype):
    component = RESCALED[name]
    cases = _generic(component, dtype, 0)
    adapter = open_object(find("softmax-plain").adapter(), "mine")

    assert len(cases) == 3
    for case in cases:
        trial = Trial(Subject(adapter), component, case)
        for partners in component.rescaled:
            inputs, power = _rescaled(trial, partners, 10)
            changed = inputs.arrays
            for argument, (axis, sign) in partners.items():
                before, after = trial.inputs.arrays[argument], changed[argument]
                assert ((after == before) | (np.abs(after - 2.0 ** (power * sign) * before) < 2e-7)).all()
                assert (after != before).any() == before.any() or axis is not None
            assert max(np.abs(changed[name]).max() for name, (_, sign) in partners.items() if sign > 0) >= 2**10


@pytest.mark.parametrize("name", RESCALED)
def test_every_limit_is_passed_in_some_argument(name):
    component = RESCALED[name]
    adapter = open_object(find("softmax-plain").adapter(), "mine")
    trial = Trial(Subject(adapter), component, _generic(component, "float32", 0)[0])
    for partners in component.rescaled:
        raised = [argument for argument, (_, sign) in partners.items() if sign > 0]
        for size, limit in ((10, 448), (17, 65_504), (64, 1e19)):
            arrays = _rescaled(trial, partners, size)[0].arrays
            assert any(np.abs(arrays[argument]).max() > limit for argument in raised), (partners, size)


def test_what_was_raised_is_named():
    variant = find("attention-value-cut-to-448")
    adapter = open_object(variant.adapter(), variant.name)
    failure = judge_clause(adapter, CLAUSES["ALL-13"], "attention", "float32", PROFILES["quick"], 0).failure

    assert re.match(r"with a channel of value times 2\^\d+: the value is wrong: result\[", failure.message)


def gradient_of(name, dtype):
    variant = find(name)
    adapter = open_object(variant.adapter(), variant.name)
    return judge_clause(adapter, CLAUSES["GRAD-10"], variant.component, dtype, PROFILES["quick"], 0)


@pytest.mark.parametrize("whose", ["query", "key", "value", "cotangent"])
def test_a_gradient_or_a_cotangent_that_is_cut_is_told_with_what_was_raised(whose):
    failure = gradient_of(f"attention-gradient-{whose}-cut-to-65504", "bfloat16").failure

    assert re.match(r"with (a channel of \w+|the cotangent) times 2\^\d+: the gradient is wrong: ", failure.message)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["attention-gradient-flash", "gated-gradient-hidden-rounded"])
def test_right_gradients_of_what_was_raised_pass(name, dtype):
    assert gradient_of(name, dtype).status == "pass"
