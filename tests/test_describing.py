"""What is said of a failure that is no known bug: at which sizes it is right, by which number, and where not."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis.simple_numbers import simple_number
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import find


def message(clause="ALL-1", **adapter):
    """Judge a clause on a function in float32, and return what is said of its failure."""
    opened = open_object(SimpleNamespace(dtypes=("float32",), **adapter), "mine")
    component = next(iter(adapter))
    return judge_clause(opened, CLAUSES[clause], component, "float32", PROFILES["quick"], seed=0).failure.message


def logits(hidden, weight):
    return hidden @ weight.swapaxes(0, 1)


def test_a_tile_is_found_by_the_sizes_at_which_it_is_right():
    def output_logits(hidden, weight):
        result = logits(hidden, weight)
        words = result.shape[-1]
        result[..., words // 4 * 4 if words > 4 else words :] = 0
        return result

    assert "; it is right where V is a multiple of 4, or below 4" in message(output_logits=output_logits)


@pytest.mark.parametrize(
    ("right", "rule"),
    [
        (lambda words: words & (words - 1) == 0, "a power of two"),
        (lambda words: words % 16, "no multiple of 16"),
        (lambda words: words < 64 or words % 64 == 0, "a multiple of 64, or below 64"),
        (lambda words: words < 20 or words % 32 == 0, ""),
        (lambda words: words <= 27, "27 or less"),
    ],
)
def test_sizes_are_tried_up_to_the_border(right, rule):
    def output_logits(hidden, weight):
        result = logits(hidden, weight)
        return result if right(result.shape[-1]) else 2 * result

    said = message(output_logits=output_logits)
    assert (f"; it is right where V is {rule}" in said) if rule else ("it is right where" not in said)


def test_what_is_right_by_the_luck_of_its_values_is_no_rule():
    def output_logits(hidden, weight):
        result = logits(hidden, weight)
        late = result.argmax(-1, keepdims=True) >= 16 if result.shape[-1] else 0
        return result * (1 + np.float32(late))

    assert "it is right where" not in message(output_logits=output_logits)


def test_an_odd_size_of_1_is_tried_where_the_plainest_is_larger():
    def gated(x, w_gate, w_up, w_down, *, activation="swiglu"):
        if activation != "reglu":
            raise NotImplementedError("ReGLU alone")
        result = np.maximum(x @ w_gate, 0) * (x @ w_up) @ w_down
        return 2 * result if w_up.shape[-1] % 2 else result

    opened = open_object(SimpleNamespace(gated_feed_forward=gated), "mine")
    found = judge_clause(opened, CLAUSES["ALL-1"], "gated_feed_forward", "float32", PROFILES["quick"], seed=0)

    assert "; it is right where d_ff is a multiple of 2" in found.failure.message


def test_which_gradients_are_right_is_told():
    def vjp(g, hidden, weight):
        return g @ weight, 2 * np.einsum("blv,bld->vd", g, hidden)

    said = message("GRAD-1", output_logits=logits, output_logits_vjp=vjp)
    assert "; of the gradients, that of weight alone is wrong" in said


def test_the_formats_in_which_it_is_right_are_told():
    def output_logits(hidden, weight):
        result = logits(hidden, weight)
        return np.flip(result, -1).copy() if result.dtype == np.float32 else result

    offered = SimpleNamespace(dtypes=("float64", "float32"), output_logits=output_logits)
    component, clause = COMPONENTS["output_logits"], CLAUSES["ALL-1"]
    said = judge_clause(open_object(offered, "mine"), clause, component.name, "float32", PROFILES["quick"], seed=0)

    assert "; it is right in float64" in said.failure.message


def test_the_argument_that_errors_are_in_proportion_to_is_told():
    def feed_forward(x, w_1, b_1, w_2, b_2):
        return np.maximum(x @ w_1 + b_1, 0) @ w_2 - np.float32(2) * b_2

    assert "; the error is -3 times b_2" in message(feed_forward=feed_forward)


def test_a_factor_of_each_row_of_the_result_is_told():
    right = find("adam-plain").function

    def adam(parameters, gradients, **options):
        found = right(parameters, gradients, **options)
        return found + parameters * np.arange(1, len(found) + 1, dtype=np.float32)[:, None] / 8

    assert "the error is 0.125 times parameters in step 0, 0.25 times parameters in step 1" in message(adam=adam)


def test_of_a_loss_its_gradients_are_told():
    import torch

    def cross_entropy(logits, targets, *, label_smoothing=0.0, reduction="mean", ignore_index=None):
        if reduction != "mean" or ignore_index is not None:
            raise NotImplementedError("means of all")
        y = torch.log_softmax(logits, -1)
        own, few = y.gather(1, targets[:, None])[:, 0], y[:, :16].mean(-1)
        return -((1 - label_smoothing) * own + label_smoothing * few).mean()

    opened = open_object(SimpleNamespace(framework="torch", cross_entropy=cross_entropy), "mine")
    found = judge_clause(opened, CLAUSES["ALL-1"], "cross_entropy", "float32", PROFILES["quick"], seed=0)

    assert "; of the gradient of logits, of the tokens of a row, 0 to 15 are " in found.failure.message
    assert "too small, 16 is " in found.failure.message


def test_what_has_no_gradient_is_described_without():
    right = find("learning-rate-plain").function

    assert "is wrong" in message(learning_rate=lambda steps, **options: right(steps, **options) + 1)


def test_a_place_is_not_told_where_the_failing_case_is_wrong_elsewhere():
    """The first error is small: it is outside its bound where there are few steps, and not where parameters grew."""
    right = find("adam-plain").function

    def adam(parameters, gradients, **options):
        found = right(parameters, gradients, **options)
        return found + np.where(np.arange(len(found)) > 0, 1, len(found) < 3)[:, None].astype(np.float32) * found**2

    said = message(adam=adam)
    assert "is wrong" in said
    assert "from step 1 on" not in said


def test_a_factor_is_told_with_the_number_that_it_is():
    said = message(output_logits=lambda hidden, weight: logits(hidden, weight) * np.float32(math.sqrt(15 / 16)))

    assert "every element is 0.968246 times what it should be, which is sqrt(15/16)" in said


@pytest.mark.parametrize(
    ("factor", "error", "name"),
    [
        (15 / 16, 1e-7, "15/16"),
        (-2 / 3, 1e-7, "2/3"),
        (math.sqrt(7), 1e-7, "sqrt(7)"),
        (1 / math.log(2), 1e-7, "log2(e)"),
        (math.log(2), 1e-3, "log(2)"),
        (2.0, 1e-7, ""),
        (0.5, 1e-7, ""),
        (0.7301, 1e-7, ""),
        (0.7301, 1e-2, ""),
        (0.0, 1e-7, ""),
        (math.nan, 1e-7, ""),
        (math.inf, 1e-7, ""),
    ],
)
def test_a_number_is_named_where_it_is_hardly_by_chance(factor, error, name):
    assert simple_number(factor, error) == name


def test_an_index_that_other_cases_do_not_have_is_not_told():
    """Which channel is wrong hangs on the values here, so that it is another in each case."""

    def output_logits(hidden, weight):
        result = logits(hidden, weight)
        chosen = int(np.abs(weight[:, 0]).argmax()) if weight.size else 0
        result[..., chosen : chosen + 1] *= np.float32(1.5)
        return result

    assert "it is wrong only in token" not in message(output_logits=output_logits)
