"""Sizes of models: what is drawn there, what is looked at, and that the size is named from which on it is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters import Reply
from assay.adapters.in_process import open_object
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import at_sizes_of_models, drawn_for
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.failing import Failing
from assay.conformance.judging.judging import judge_clause
from assay.conformance.terms import at_size
from assay.conformance.terms.case import split_id
from assay.conformance.terms.checking import check
from assay.conformance.terms.generator import Generator
from assay.conformance.terms.subject import Subject, completed
from assay.conformance.terms.trial import Trial
from assay.conformance.variants import find
from assay.oracle import attention
from assay.oracle.rounding.numerics import precision_classes

SIZED = {name: component for name, component in COMPONENTS.items() if component.at_size}
CONVENTIONS = completed({})


def cases(name, profile="quick", clause="ALL-12", seed=0):
    component = drawn_for(CLAUSES[clause], COMPONENTS[name])
    return list(cases_of(CLAUSES[clause], component, "float32", PROFILES[profile], seed))


def sizes_of(case):
    return {name: case[name] for name in COMPONENTS[case.component].at_size.sizes}


@pytest.mark.parametrize("name", SIZED)
def test_each_size_is_drawn_in_every_profile_whatever_the_seed(name):
    shapes = [dict(shape) for shape in COMPONENTS[name].at_size.shapes]

    for profile in PROFILES:
        for seed in (0, 3):
            drawn = [sizes_of(case) for case in cases(name, profile, seed=seed)]
            assert all(shape in drawn for shape in shapes), (profile, seed)
    assert [case.but(seed=0) for case in cases(name, seed=1)] == [case.but(seed=0) for case in cases(name, seed=2)]


def test_a_sequence_that_attends_to_itself_is_as_long_as_itself():
    drawn = [each for seed in range(20) for each in cases("multi_head_attention", "standard", seed=seed)]

    assert {each["source"] for each in drawn} == {"separate", "memory", "self"}
    assert all(each["L_q"] == each["L_k"] for each in drawn if each["source"] == "self")


@pytest.mark.parametrize("name", SIZED)
def test_a_line_at_size_is_read_as_any_other(name):
    for case in cases(name, "standard"):
        component, texts = split_id(case.id)
        assert COMPONENTS[component].parse(texts) == case


@pytest.mark.parametrize("name", [name for name in SIZED if COMPONENTS[name].at_size.sizes != ("n", "T")])
def test_sizes_between_the_small_and_the_large_are_drawn(name):
    """A bug at 257 to 512 channels or classes hides from all cases that have at most 130, or at least 1,000."""
    assert any(256 < size <= 1000 for case in cases(name) for size in sizes_of(case).values())


@pytest.mark.parametrize(
    "name", sorted({*SIZED} - {"multi_head_attention", "positional_encoding", "encoder_layer", "decoder_layer"})
)
def test_one_case_has_more_than_65536_rows_or_items(name):
    """A layer of so many takes its bound a second, step by step; each of its parts but the heads has such a case."""
    drawn = [case for case in cases(name) if case.get("L_k", 0) < 2**12]
    shapes = [next(iter(COMPONENTS[name].make(case).arrays.values())).shape for case in drawn]

    assert any(np.prod(shape[:-1]) > 2**16 or shape[0] > 2**16 for shape in shapes)


@pytest.mark.parametrize("length", [1, 5, 40, 513, 131_072])
def test_the_first_and_the_last_are_chosen_and_those_at_powers_of_two(length):
    found = at_size.chosen(length, 32, Generator("test"))

    assert len(found) == min(length, 32)
    assert list(found) == sorted(set(found))
    assert {0, length - 1} <= set(found)
    if length > 512:
        assert {511, 512} <= set(at_size.chosen(513, 32, Generator("test")))


def test_a_part_of_attention_is_what_the_whole_has_there():
    component = COMPONENTS["attention"]
    for mask in ("none", "causal", "random", "padding-uneven"):
        case = component.plainest("float64").but(B=3, H=4, H_kv=2, L_q=300, L_k=70, d_k=8, d_v=3, mask=mask)
        inputs = component.make(case)
        part = component.at_size.part(case, inputs, CONVENTIONS)
        whole = attention(**inputs.keywords)

        assert part.of(whole).size < whole.size
        np.testing.assert_allclose(part.of(whole), attention(**part.inputs.keywords), rtol=1e-13, atol=1e-15)
        where = (1, 2, 3, 1)
        assert whole[part.place(where)] == part.of(whole)[where]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_mean_stays_within_its_limits_and_twice_the_room_does_not(dtype):
    component = COMPONENTS["attention"]
    case = component.plainest(dtype).but(B=2, H=2, H_kv=1, L_q=33, L_k=200, d_k=8, d_v=4, regime="dominant")
    inputs = component.make(case)
    numerics = precision_classes(dtype)[-1][1]
    low, high = component.at_size.limits(inputs, numerics, CONVENTIONS)
    value = inputs.arrays["value"].repeat(2, axis=1)
    exact = attention(**inputs.keywords)
    room = high - value.max(2, keepdims=True)

    assert np.all((low <= exact) & (exact <= high))
    assert np.all(room > 0)
    assert np.all(room < 0.1 * np.abs(value).max())  # a limit that holds more than a tenth of the values says little
    assert np.any(value.max(2, keepdims=True) + 2 * room > high)


def test_rows_that_see_no_key_have_no_limits():
    component = COMPONENTS["attention"]
    case = component.plainest("float32").but(L_q=5, L_k=3, mask="causal")
    numerics = precision_classes("float32")[-1][1]
    bottom_right = CONVENTIONS | {"causal_alignment": "bottom-right"}

    low, _ = component.at_size.limits(component.make(case), numerics, bottom_right)
    assert np.isnan(low[0, 0, :, 0]).tolist() == [True, True, False, False, False]
    assert not np.isnan(component.at_size.limits(component.make(case), numerics, CONVENTIONS)[0]).any()


def judged(name, clause="ALL-12", dtype="float32"):
    variant = find(name)
    adapter = open_object(variant.adapter(), variant.name)
    return judge_clause(adapter, CLAUSES[clause], variant.component, dtype, PROFILES["quick"], 0)


def test_the_size_from_which_on_it_fails_is_found_and_all_else_is_small():
    failure = judged("softmax-entries-beyond-1024").failure

    assert "with n = 1024 it is right" in failure.message
    assert "rows=1&n=1025&regime=normal&layout=contiguous" in failure.case


def test_heads_become_few_with_the_groups_of_them():
    variant, clause = find("attention-keys-beyond-512"), CLAUSES["ALL-12"]
    component = drawn_for(clause, COMPONENTS["attention"])
    plain = component.plainest("float32")
    case = plain.but(H=33, H_kv=11, L_q=1, L_k=1025, d_k=64, d_v=64, mask="padding-uneven", layout="mixed")
    subject = Subject(open_object(variant.adapter(), variant.name))
    found = Failing(clause, component, subject, case, check(clause, Trial(subject, component, case))).smallest()

    assert found.case == plain.but(L_q=1, L_k=513)
    assert found.outcome.reason.endswith("with L_k = 512 it is right")


def test_no_size_is_named_where_small_ones_fail_as_well():
    failure = judged("softmax-temperature").failure

    assert "it is right" not in failure.message
    assert "rows=1&n=3&" in failure.case


def test_the_row_that_is_wrong_is_named_by_its_place():
    failure = judged("softmax-rows-beyond-65535").failure

    assert "with rows = 65535 it is right" in failure.message
    assert "the value is wrong: result[65535, " in failure.message


@pytest.mark.parametrize("sizes", ["all", "few"])
def test_few_sizes_are_some_of_all(sizes):
    for component in SIZED.values():
        shapes = at_sizes_of_models(component, sizes).factors["sizes"]
        assert list(shapes) == list(component.at_size.shapes)[: len(shapes)]
        assert (len(shapes) == len(component.at_size.shapes)) == (sizes == "all")


def test_lengths_of_a_batch_differ_much():
    component = COMPONENTS["attention"]
    inputs = component.make(component.plainest("float32").but(B=3, L_k=700, mask="padding-uneven"))

    assert sorted(inputs.arrays["mask"].sum(-1).ravel()) == [43, 175, 700]


def test_what_has_no_room_or_no_time_at_size_is_not_judged_and_the_rest_is():
    def softmax(x):
        if x.size > 10_000:
            raise MemoryError("Unable to allocate 64.0 GiB")
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return e / e.sum(-1, keepdims=True)

    result = judge_clause(
        open_object(SimpleNamespace(name="small", softmax=softmax), "small"),
        CLAUSES["ALL-12"],
        "softmax",
        "float32",
        PROFILES["quick"],
        0,
    )

    assert result.status == "pass"
    assert "a case at the sizes of models does not fit: " in result.reason
    assert "Unable to allocate 64.0 GiB" in result.reason


def test_no_larger_sizes_are_tried_once_some_have_run_out_of_time():
    asked = []

    class Slow:
        right = open_object(find("softmax-plain").adapter(), "slow")
        offer, peak = right.offer, None

        def sequence(self, calls):
            large = [call for call in calls if call.arrays["x"].shape[-1] > 5000]
            asked.extend(call.arrays["x"].shape for call in large)
            return [Reply("timeout", message="no answer") for _ in large] or self.right.sequence(calls)

    result = judge_clause(Slow(), CLAUSES["ALL-12"], "softmax", "float32", PROFILES["quick"], 0)

    assert result.status == "pass"
    assert asked == [(1, 32_000)]
    assert [each["n"] for each in result.unfit] == [32_000, 131_072, 262_144]


def test_sizes_of_models_grow():
    sizes = [case["rows"] * case["n"] for case in cases("softmax")]

    assert sizes == sorted(sizes)
