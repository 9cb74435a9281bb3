"""From a failing case to the smallest one, precision classes, and cases that an implementation refuses."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.adapter import Adapter
from assay.adapters.in_process import InProcessAdapter, open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, parse_case
from assay.conformance.judging.catalogue import violated
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import find

QUICK = PROFILES["quick"]


def judge(target, clause, component, dtype):
    """One clause with the quick profile and seed 0."""
    return judge_clause(open_object(target, "mine"), CLAUSES[clause], component, dtype, QUICK, seed=0)


def softmax_that(condition, answer):
    """Make a right softmax that gives another answer where the condition holds."""

    def softmax(x):
        if condition(x):
            return answer(x)
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        with np.errstate(invalid="ignore"):
            return e / e.sum(-1, keepdims=True)

    return SimpleNamespace(dtypes=("float64", "float32"), softmax=softmax)


def test_a_failing_case_shrinks_to_the_plainest_that_fails():
    wrong = softmax_that(lambda x: x.shape[-1] > 16 and x.shape[0] > 1, lambda x: x * 0)
    result = judge(wrong, "ALL-1", "softmax", "float64")
    case = parse_case(result.failure.case)

    assert result.status == "fail"
    assert (case["rows"], case["n"], case["regime"], case["layout"]) == (2, 17, "normal", "contiguous")


def test_what_it_says_names_the_element_and_both_values():
    wrong = softmax_that(lambda x: True, lambda x: np.full(x.shape, 2.0))
    result = judge(wrong, "ALL-1", "softmax", "float64")

    assert "result[0, 0] is 2, but should be 1: the error is 1, " in result.failure.message
    assert result.failure.ratio > 1e10


def test_a_result_of_another_shape_is_a_sentence():
    wrong = softmax_that(lambda x: True, lambda x: x[:1])
    result = judge(wrong, "ALL-4", "softmax", "float64")

    assert result.failure.message == "the result has the shape (1, 1), but should have (2, 1)"


def test_refused_cases_are_replaced_by_plainer_ones():
    def refuse(x):
        raise NotImplementedError("no more than 64 columns")

    result = judge(softmax_that(lambda x: x.shape[-1] > 64, refuse), "ALL-1", "softmax", "float32")
    every = judge(softmax_that(lambda x: False, refuse), "ALL-1", "softmax", "float32")

    assert result.status == "pass"
    assert "no more than 64 columns" in result.reason
    assert every.reason is None
    assert result.examples > every.examples / 2


def test_nothing_but_refusals_is_no_pass():
    def refuse(x):
        raise NotImplementedError("not on Tuesdays")

    result = judge(softmax_that(lambda x: True, refuse), "ALL-1", "softmax", "float32")

    assert (result.status, result.examples, result.reason) == ("unsupported", 0, "not on Tuesdays")


@pytest.mark.catalogue("attention")
@pytest.mark.parametrize(
    ("name", "dtype", "number"),
    [
        ("attention-plain", "bfloat16", 1),
        ("attention-probabilities-rounded", "bfloat16", 2),
        ("attention-probabilities-rounded", "float16", 2),
        ("attention-plain", "float32", 1),
    ],
)
def test_the_precision_class_that_was_met(name, dtype, number):
    result = judge(find(name).adapter(), "ALL-1", "attention", dtype)

    assert (result.status, result.precision_class) == ("pass", number)


def test_a_declaration_that_was_needed_is_named():
    result = judge(find("layer-norm-one-pass-declared").adapter(), "ALL-1", "layer_norm", "float32")

    assert (result.status, result.precision_class) == ("pass", 3)
    assert "variance = one-pass" in result.reason


def test_without_the_declaration_it_fails():
    undeclared = find("layer-norm-one-pass-declared").adapter()
    undeclared.numerics = {}

    assert judge(undeclared, "ALL-1", "layer_norm", "float32").status == "fail"


def test_the_same_seed_gives_the_same_failure():
    wrong = find("scale-by-d-plus-1").adapter()
    one, other = (judge(wrong, "ALL-1", "attention", "float32") for _ in range(2))

    assert one.failure == other.failure


def test_a_component_without_gradients_is_not_asked_for_them_again_and_again():
    """No call at all: another case would be refused for the same reason."""
    calls = []
    silent = softmax_that(lambda x: calls.append(x.shape), lambda x: x)
    for clause in ("GRAD-1", "SM-5"):
        result = judge(silent, clause, "softmax", "float64")
        assert (result.status, result.reason) == ("unsupported", "no gradient of softmax is offered")
    assert calls == []


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("softmax-gradient-sum-missing", "GRAD-1"),
        ("layer-norm-gradient-gain-float32", "GRAD-2"),
        ("relu-gradient-one-at-zero", "FFN-7"),
        ("embedding-gradient-overwritten", "EMB-7"),
    ],
)
def test_a_wrong_gradient_fails_its_clause(name, clause):
    variant = find(name)
    result = judge(variant.adapter(), clause, variant.component, variant.dtypes[0])

    assert result.status == "fail"
    assert "gradient" in result.failure.message


@pytest.mark.parametrize("clause", ["GRAD-1", "GRAD-2", "GRAD-4", "EMB-7"])
@pytest.mark.parametrize("name", ["tokens", "nothing"])
def test_a_gradient_of_what_has_none_is_a_violation(name, clause):
    """A program in another language may answer with a tensor of any name."""

    class Generous(Adapter):
        def __init__(self, adapter):
            self.adapter, self.offer = adapter, adapter.offer

        def sequence(self, calls):
            more = {name: np.zeros(calls[0].arrays["tokens"].shape)}
            replies = self.adapter.sequence(calls)
            return [replace(each, gradients={**each.gradients, **more}) if each.gradients else each for each in replies]

    adapter = Generous(open_object(find("embedding-gradient-plain").adapter(), "mine"))
    result = judge_clause(adapter, CLAUSES[clause], "embedding", "float64", QUICK, seed=0)

    assert result.failure.message.startswith(f"there is a gradient of '{name}', which is no real argument")


@pytest.mark.parametrize(
    ("name", "clause"),
    [("attention-plain", "SDPA-25"), ("attention-gradient-plain", "SDPA-26")],
)
def test_an_option_that_a_function_lacks_is_asked_for_once(name, clause, monkeypatch):
    calls, sequence = [], InProcessAdapter.sequence
    monkeypatch.setattr(InProcessAdapter, "sequence", lambda self, given: calls.extend(given) or sequence(self, given))
    result = judge(find(name).adapter(), clause, "attention", "float64")

    assert (result.status, result.reason) == ("unsupported", "attention takes no softcap")
    assert len(calls) == 1


def test_gradients_are_not_asked_for_an_option_that_they_lack():
    forward, backward = find("attention-softcap-plain"), find("attention-gradient-plain")
    both = SimpleNamespace(dtypes=("float64",), attention=forward.function, attention_vjp=backward.vjp)

    assert judge(both, "SDPA-26", "attention", "float64").status == "unsupported"


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("mask-transposed", "SDPA-15"),
        ("attention-gradient-not-transposed", "SDPA-21"),
        ("attention-gradient-not-transposed", "SDPA-23"),
        ("weights-transposed", "FFN-4"),
        ("weights-transposed", "FFN-5"),
        ("encoder-layer-cut-to-longest", "ALL-9"),
        ("adam-decay-gates-update", "ADAM-1"),
        ("cross-entropy-ignore-index-unread", "CE-15"),
        ("cross-entropy-ignore-index-unread", "CE-16"),
        ("softmax-large-tile-of-infinities", "ALL-1"),
        ("softmax-infinity-as-65504", "ALL-1"),
        ("softmax-gradient-at-infinity", "GRAD-1"),
        ("log-softmax-infinity-as-padding", "ALL-1"),
        ("cross-entropy-zero-infinity", "ALL-1"),
    ],
)
def test_what_a_clause_has_a_probe_for_does_not_depend_on_the_seed(name, clause):
    component = find(name).component

    for seed in range(4):
        assert violated(component, seed, {name: [(clause, "float32")]})[name]


def test_a_failing_case_keeps_its_option():
    failure = judge(find("softcap-ignored").adapter(), "SDPA-25", "attention", "float64").failure

    assert "softcap" in parse_case(failure.case)


@pytest.mark.parametrize(("name", "due"), [("softmax-temperature", False), ("softmax-lane-of-infinities", True)])
def test_a_failing_case_keeps_what_it_may_lack_only_where_that_is_needed(name, due):
    failure = judge(find(name).adapter(), "ALL-1", "softmax", "float32").failure

    assert ("hidden" in parse_case(failure.case)) == due
