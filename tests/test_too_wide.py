"""Declared numerics that would let a cheap answer pass are refused, and those of real implementations are not."""

import dataclasses

import pytest

from assay.adapters import AdapterError
from assay.adapters.contract import CONVENTIONS
from assay.conformance.components import COMPONENTS
from assay.conformance.diagnosis.cheap_passes import _cases, _Tried, what_passes
from assay.conformance.interface.judge import judge
from assay.conformance.terms.subject import completed

DEFAULT = completed({})
WITH_ARRAYS = [name for name, component in COMPONENTS.items() if not component.gives_data]


def without_gradients(name):
    return dataclasses.replace(COMPONENTS[name], gradient=None)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("name", "declared", "field", "answer"),
    [
        ("softmax", {"exp_error": 1e12}, "exp_error", "a hard maximum"),
        ("attention", {"exp_error": 1e12}, "exp_error", "a hard maximum"),
        ("attention", {"accumulate": "float8_e5m2"}, "accumulate", "the result for twice the scores"),
        ("layer_norm", {"accumulate": "float8_e5m2"}, "accumulate", "x itself"),
        ("rms_norm", {"block": 4, "accumulate": "float8_e5m2"}, "accumulate", "zeros"),
        ("additive_attention", {"accumulate": "float8_e5m2"}, "accumulate", "a mean of value"),
        ("cross_entropy", {"exp_error": 1e12}, "exp_error", "zeros"),
        ("adam", {"accumulate": "float8_e5m2"}, "accumulate", "parameters itself"),
        ("feed_forward", {"accumulate": "float8_e5m2"}, "accumulate", "noise of a quarter of the result"),
    ],
)
def test_what_would_pass_is_found_with_the_field_that_lets_it(name, declared, field, answer, dtype):
    assert what_passes(without_gradients(name), dtype, declared, DEFAULT) == ([field], answer)


def test_gradients_that_are_zero_are_bought_by_parts_without_number():
    found = what_passes(COMPONENTS["output_logits"], "float32", {"gradient_chunks": 2**53}, DEFAULT)

    assert found == (["gradient_chunks"], "zeros for every gradient")


@pytest.mark.parametrize(
    ("dtype", "declared"),
    [
        # What built-in adapters declare: torch, ONNX Runtime, Keras; flax, mlx.
        ("float16", {"exp_error": 1024, "probabilities": "float16", "scores": "float16"}),
        ("bfloat16", {"variance": "one-pass", "operands": "bfloat16", "scores": "bfloat16", "statistics": "bfloat16"}),
        # What units of matrix products do.
        ("float32", {"operands": "tensorfloat32", "variance": "one-pass"}),
        ("bfloat16", {"accumulate": "bfloat16"}),
        ("bfloat16", {"rounding": "toward-zero", "gradient_chunks": 64}),
    ],
)
def test_what_real_implementations_declare_buys_nothing(dtype, declared):
    assert [name for name in WITH_ARRAYS if what_passes(COMPONENTS[name], dtype, declared, DEFAULT)] == []


def passing(name, dtype, conventions):
    """Name the cheap answers that pass without a declaration of numerics."""
    tried = [_Tried(COMPONENTS[name], case, dtype, conventions) for case in _cases(COMPONENTS[name], dtype)]
    answers = dict.fromkeys(answer for each in tried for answer in each.answers)
    to_each = {answer: [each.passes(answer, {}) for each in tried if answer in each.answers] for answer in answers}
    # One alone may be right: over a single key, attention is the value.
    return [answer for answer, passed in to_each.items() if len(passed) > 1 and all(passed)]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_nothing_cheap_passes_without_a_declaration(dtype):
    for name in WITH_ARRAYS:
        # In evaluation, dropout is the identity.
        assert passing(name, dtype, DEFAULT) == (["x itself"] if name == "dropout" else []), name


def test_no_convention_buys_a_pass():
    each = [
        (name, convention, value)
        for name in WITH_ARRAYS
        for convention in COMPONENTS[name].row.conventions
        for value in CONVENTIONS[convention][1:]
    ]

    assert len(each) > 10
    assert [one for one in each if passing(one[0], "bfloat16", {**DEFAULT, one[1]: one[2]})] == []


HARD = """
import numpy as np

numerics = {"float32": {"exp_ulp": 1e15}}

def softmax(x):
    hard = x == x.max(-1, keepdims=True, initial=-np.inf)
    return (hard / np.maximum(hard.sum(-1, keepdims=True), 1)).astype(x.dtype)
"""
REFUSED = "numerics['float32'] is too wide in exp_error: a hard maximum would pass as softmax in float32"


def test_an_adapter_is_refused_before_it_is_asked_for_anything(terminal):
    hard = terminal.write("hard.py", HARD)

    with pytest.raises(AdapterError) as refusal:
        judge(hard, in_process=True)
    assert str(refusal.value) == f"hard: {REFUSED}"
    done = terminal.assay("run", hard)
    assert (done.returncode, done.stdout, terminal.complaints(done.stderr)) == (2, "", f"assay: hard: {REFUSED}\n")


def test_a_suite_that_judges_it_is_a_usage_error(terminal):
    done = terminal.python("-m", "pytest", "-p", "no:cacheprovider", "--assay", terminal.write("hard.py", HARD))

    assert done.returncode == 4
    assert REFUSED in done.stderr
