"""ONNX Runtime and the reference evaluator, judged for real: what conforms, and the findings."""

import numpy as np
import pytest

from assay.adapters import open_adapter
from assay.conformance.cases.profiles import Profile
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.judging.judging import judge_clause, judge_line
from assay.conformance.judging.plan import Line

FEW = Profile(drawn=0, spread=6, drawn_for_properties=2, at_size="few")


def as_found(opened, clause, component, dtype, profile, seed):
    """Judge a clause without explaining what fails."""
    return judge_line(opened, Line(clause, component, dtype, offered=True), profile, seed)


def failures(adapter, component, dtype, begins="", judged=as_found):
    """List the required clauses that are violated, of those whose ids begin so, with what they say."""
    opened = open_adapter(adapter, in_process=True)
    results = [
        judged(opened, clause, component, dtype, FEW, seed=0)
        for clause in clauses_of(COMPONENTS[component])
        if clause.level == "required" and clause.id.startswith(begins)
    ]
    assert sum(each.status == "pass" for each in results) >= 4
    return {each.clause: each.failure.message for each in results if each.failure}


CONFORM = ("softmax", "feed_forward", "layer_norm", "rms_norm", "output_logits")


@pytest.mark.parametrize(
    ("adapter", "component"),
    [
        *(("onnxruntime", each) for each in CONFORM),
        # The same models, evaluated slowly.
        *(pytest.param("onnx-reference", each, marks=pytest.mark.catalogue(each)) for each in CONFORM),
    ],
)
def test_its_operators_conform_in_float32(adapter, component):
    assert failures(adapter, component, "float32") == {}


@pytest.mark.parametrize("begins", ["SDPA-1", pytest.param("SDPA", marks=pytest.mark.catalogue("attention"))])
def test_attention_takes_no_negative_scale(begins):
    found = failures("onnxruntime", "attention", "float32", begins)

    assert set(found) == {"SDPA-11"}
    assert "scale must be greater than 0" in found["SDPA-11"]


def test_the_last_row_of_its_own_multi_head_attention_sees_the_future():
    found = failures("onnxruntime-mha", "attention", "float32", "SDPA-1", judge_clause)

    assert {"SDPA-16", "SDPA-17"} <= set(found)
    assert "it is wrong only in the last query" in found["SDPA-17"]


def test_epsilon_is_a_float32_in_every_model():
    found = failures("onnxruntime", "layer_norm", "float64")

    assert {"ALL-1", "LN-4"} <= set(found) <= {"ALL-1", "ALL-2", "ALL-12", "ALL-16", "LN-3", "LN-4"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_of_the_standard_adds_epsilon_before_the_correction(dtype):
    reference = open_adapter("onnx-reference", in_process=True)
    reply = reference.call(
        "adam", {"parameters": np.ones(2), "gradients": np.array([[1.0, 2.0]])}, {}, dtype=np.dtype(dtype).name
    )

    # The first step is the learning rate times sign(g), but for epsilon = 1e-8 over sqrt(1 - beta_2), and rounding.
    assert np.abs(reply.value - (1 - 1e-3)).max() < 1e-3 * 1e-8 / 0.001**0.5 * 2 + 2**-24
