"""A value of an option that an implementation must have taken for another is found, where every wrong case agrees."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.components import COMPONENTS
from assay.conformance.diagnosis.further import further_cases
from assay.conformance.diagnosis.options import other_option

LAYER_NORM = COMPONENTS["layer_norm"]
CASE = LAYER_NORM.plainest("float32", 3).but(d=5, epsilon=0.1)


def told(epsilon_of, case=CASE):
    def layer_norm(x, gain, bias, *, epsilon=1e-5):
        centred = (x - x.mean(-1, keepdims=True)).astype(np.float64)
        variance = np.mean(centred**2, -1, keepdims=True)
        return (centred / np.sqrt(variance + epsilon_of(epsilon, x.shape[-1])) * gain + bias).astype(x.dtype)

    adapter = open_object(SimpleNamespace(layer_norm=layer_norm), "mine")
    return other_option(adapter, LAYER_NORM, [case], further_cases(LAYER_NORM, case, backward=False))


@pytest.mark.parametrize(
    ("epsilon_of", "sentence"),
    [
        (lambda epsilon, d: epsilon / d, "epsilon / d in place of epsilon: 0.02 where 0.1 is due"),
        (lambda epsilon, d: epsilon**2, "epsilon^2 in place of epsilon: 0.01 where 0.1 is due"),
        (lambda epsilon, d: 0, "0 in place of epsilon: 0 where 0.1 is due"),
    ],
)
def test_another_value_of_an_option_is_found(epsilon_of, sentence):
    assert told(epsilon_of) == f"it is right with {sentence}"


@pytest.mark.parametrize(
    "epsilon_of",
    [
        lambda epsilon, d: epsilon,
        lambda epsilon, d: epsilon / d if d < 7 else epsilon * 3,
        lambda epsilon, d: 3e-4,
    ],
)
def test_what_is_right_or_follows_no_rule_is_told_nothing_of(epsilon_of):
    assert told(epsilon_of) == ""


def test_an_option_without_a_number_and_a_component_of_texts_have_none():
    attention, tokenize = COMPONENTS["attention"], COMPONENTS["tokenize"]
    adapter = open_object(SimpleNamespace(attention=lambda query, key, value, **_: value * 2), "mine")
    case = attention.plainest("float32", 3)

    assert other_option(adapter, attention, [case], further_cases(attention, case, backward=False)) == ""
    assert other_option(adapter, tokenize, [tokenize.plainest("", 3)], []) == ""
