"""The rules of other projects: on numbers by hand, on their own inputs, and in the tables that we publish."""

import json
from pathlib import Path

import criteria
import detect
import detection_page
import first_failure
import numpy as np
import pytest
from criteria import CRITERIA, References
from criteria_inputs import Asked, attention_inputs
from detect import EAGER, answers

from assay.adapters import open_adapter
from assay.conformance.components import COMPONENTS
from assay.conformance.terms.component import Inputs
from assay.conformance.terms.rounding import rounded
from assay.conformance.variants import variants
from assay.oracle import attention

BY_NAME = {each.name: each for each in CRITERIA}
DETECTION = Path(__file__).parent.parent / "docs" / "detection"


def references(dtype, **answers_in):
    """Make references, given by format, for a value of any shape."""
    asked = Asked(Inputs({}, {}), np.zeros(0))
    kept = {name: {"": np.asarray(array, float)} for name, array in answers_in.items()}
    return References(asked, dtype, lambda format_: kept[format_], dict(kept))


def accepted(name, actual, refs):
    return BY_NAME[name].accepts({"": np.asarray(actual, float)}, refs)


R = np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize(
    ("name", "dtype", "answers_in", "limit"),
    [
        # The peer is off by 2^-8 in one element: twice that, and 1e-5.
        ("FlashAttention 2", "bfloat16", {"float32": R, "bfloat16": np.add(R, [0, 2**-8, 0])}, 2 * 2**-8 + 1e-5),
        ("PyTorch SDPA, CUDA", "bfloat16", {"float32": R, "bfloat16": np.add(R, [0, 2**-8, 0])}, 4 * 2**-8),
        ("PyTorch SDPA, ROCm", "float32", {"float64": R, "float32": np.add(R, [0, 2**-20, 0])}, 1e-5),
        ("xformers", "float16", {"float32": R, "float16": R}, 4e-3 + 4e-4 * 2),
        ("TransformerEngine", "float16", {"float16": R}, 1e-3 + 1e-3 * 2),
        ("KernelBench", "float32", {"float32": R}, 1e-4 / (1 - 1e-4) * 3),  # relative to the candidate, which is larger
        ("KernelBench, first version", "float32", {"float32": R}, 1e-2 / (1 - 1e-2) * 3),
        ("BackendBench", "float64", {"float64": R}, 1e-2 + 1e-2 * 2),
        ("ONNX node tests", "float32", {"float32": R}, 1e-7 + 1e-3 * 2),
        ("assert_close", "bfloat16", {"bfloat16": R}, 1e-5 + 1.6e-2 * 2),
        ("assert_close", "float64", {"float64": R}, 1e-7 + 1e-7 * 2),
    ],
)
def test_a_rule_accepts_just_within_its_limit_and_not_just_beyond(name, dtype, answers_in, limit):
    refs = references(dtype, **answers_in)

    assert accepted(name, np.add(R, [0, -limit * (1 - 1e-9), 0]), refs)
    assert not accepted(name, np.add(R, [0, -limit * (1 + 1e-9), 0]), refs)


def test_flash_attention_3_adds_what_a_sum_with_0_3_loses():
    refs = references("float16", float32=R, float16=R)
    shaken = np.abs(rounded(rounded(R + 0.3, "float16") - 0.3, "float16") - R).max()

    assert shaken > 0
    assert accepted("FlashAttention 3", np.add(R, [0, 2 * shaken * 0.999, 0]), refs)
    assert not accepted("FlashAttention 3", np.add(R, [0, 2 * shaken * 1.001, 0]), refs)


def test_flex_attention_judges_means():
    refs = references("bfloat16", float64=np.zeros(100), bfloat16=np.full(100, 2.0**-9))
    one = np.zeros(100)
    one[7] = 100 * 2.0**-9  # the mean is that of the peer: the largest does not matter

    assert accepted("FlexAttention", one, refs)
    assert not accepted("FlexAttention", 1.11 * one, refs)


def test_transformers_lets_one_sequence_in_five_be_wrong():
    refs = references("float32", float32=np.ones((5, 3)))
    wrong = np.ones((5, 3))
    wrong[0] = 7

    assert accepted("transformers eager-sdpa", wrong, refs)
    wrong[1] = 7
    assert not accepted("transformers eager-sdpa", wrong, refs)


def test_nan_is_close_to_nan_for_backend_bench_alone():
    one = np.array([np.nan, 1.0])
    refs = references("float32", float32=one, float64=one)
    names = [name for name in BY_NAME if "float32" in BY_NAME[name].dtypes and accepted(name, one, refs)]

    assert names == ["BackendBench"]


def test_gradients_of_queries_may_be_off_by_180_times_the_peer():
    asked = Asked(Inputs({}, {}), np.zeros(0))
    kept = {"float32": {"query": R}, "bfloat16": {"query": R + 2.0**-8}}
    refs = References(asked, "bfloat16", lambda format_: kept[format_])

    assert BY_NAME["PyTorch SDPA, CUDA"].accepts({"query": R + 179 * 2.0**-8}, refs)
    assert not BY_NAME["PyTorch SDPA, CUDA"].accepts({"query": R + 181 * 2.0**-8}, refs)


# On their own inputs


def own(name, dtype):
    """Ask the questions on attention of a criterion, with what the eager formula answers."""
    component, eager = COMPONENTS["attention"], open_adapter(EAGER, in_process=True)
    for asked in BY_NAME[name].inputs(component, dtype):

        def answer(format_, asked=asked):
            return answers(eager, "attention", asked, format_, {}, backward=False)[1]

        yield asked, References(asked, dtype, answer)


@pytest.mark.catalogue("attention")
@pytest.mark.parametrize("name", list(BY_NAME))
def test_the_eager_formula_in_float64_is_that_of_the_oracle(name):
    dtype = BY_NAME[name].dtypes[-1]
    for asked, refs in own(name, dtype):
        expected = attention(**asked.inputs.arrays, **asked.inputs.options)

        # As many weights, and sums of no more products, in another order.
        np.testing.assert_allclose(
            refs.of("float64")[""], expected, rtol=0, atol=2.0**-52 * 256 * np.abs(expected).max()
        )


@pytest.mark.catalogue("attention")
@pytest.mark.parametrize("name", list(BY_NAME))
def test_the_reference_itself_is_accepted(name):
    for dtype in BY_NAME[name].dtypes:
        for _, refs in own(name, dtype):
            # xformers' inputs are hard for the eager formula in 16 bits, and its reference is in float32.
            right = rounded(refs.of("float32")[""], dtype) if name == "xformers" else refs.of(dtype)[""]
            assert BY_NAME[name].accepts({"": right}, refs)


@pytest.mark.parametrize(
    ("kind", "low", "high", "deviation"),
    [("flash", -6, 6, 1.0), ("xformers", -18, 18, 3.0), ("engine", -0.6, 0.6, 0.1), ("uniform", 0, 1, 12**-0.5)],
)
def test_inputs_have_the_distribution_that_is_stated(kind, low, high, deviation):
    values = np.concatenate(
        [asked.inputs.arrays["key"].ravel() for asked in attention_inputs(kind, COMPONENTS["attention"], "float32")]
    )

    assert low <= values.min() < values.max() <= high
    assert abs(values.std() / deviation - 1) < 5 / np.sqrt(values.size)  # five deviations of a deviation


def test_the_statistical_bound_is_for_values_around_zero():
    kinds = ("flash", "sdpa", "engine", "uniform", "normal")
    asked = {kind: attention_inputs(kind, COMPONENTS["attention"], "bfloat16") for kind in kinds}
    generic = {kind: {(each.generic, each.generic_cotangent) for each in of} for kind, of in asked.items()}

    assert generic == {
        "flash": {(True, True)},
        "sdpa": {(False, False)},
        "engine": {(True, False)},
        "uniform": {(False, False)},
        "normal": {(True, True)},
    }


def test_inputs_are_the_same_every_time():
    one, other = (attention_inputs("xformers", COMPONENTS["attention"], "bfloat16") for _ in range(2))

    for a, b in zip(one, other, strict=True):
        assert {name: array.tobytes() for name, array in a.inputs.arrays.items()} == {
            name: array.tobytes() for name, array in b.inputs.arrays.items()
        }


def test_transformer_engine_accepts_zeros_in_bfloat16_where_nothing_is_masked():
    _, (asked, refs), _ = own("TransformerEngine", "bfloat16")
    zeros = np.zeros_like(refs.of("bfloat16")[""])

    assert BY_NAME["TransformerEngine"].accepts({"": zeros}, refs)
    assert (asked.inputs.options["causal"], zeros.shape[2]) == (False, 2048)


def test_kernel_bench_accepts_attention_that_ignores_its_queries_in_bfloat16():
    for asked, refs in own("KernelBench", "bfloat16"):
        value = asked.inputs.arrays["value"]
        mean = np.broadcast_to(value.mean(-2, keepdims=True), refs.of("bfloat16")[""].shape)

        assert BY_NAME["KernelBench"].accepts({"": rounded(mean, "bfloat16")}, refs)


# What is published


def test_the_plot_shows_every_share():
    text = detection_page.PLOT.read_text(encoding="utf-8")

    for each in CRITERIA:
        caught = detection_page.Measured().share("theirs", each, detection_page.domain(each, wrong=True))
        assert each.name in text
        assert f">{caught.percent:.0f} %<" in text


def test_the_measurements_are_of_this_catalogue():
    found = detect.read()
    known = {each.name for each in variants()}

    assert list(found) == [" ".join(each) for each in detect.jobs()]
    for by_kind in found.values():
        assert set(by_kind) == {"theirs", "ours", "assay"}
        for by_criterion in by_kind.values():
            assert set(by_criterion) <= set(BY_NAME)
            assert set().union(*by_criterion.values()) <= known
    assert set(json.loads((DETECTION / "first_failure.json").read_text(encoding="utf-8"))) == set(first_failure.due())
    assert len(first_failure.due()) > 950


def test_right_variants_are_spared_where_rounding_is_no_excuse_and_by_assay_everywhere():
    right = {each.name for each in variants(wrong=False)}
    for key, kinds in detect.read().items():
        if key.endswith("float64"):
            # Every tolerance is far above the rounding of float64: a failure would be another convention, or a NaN.
            assert not right & set().union(*kinds["theirs"].values())
        assert not right & set().union(*kinds["assay"].values())


def test_no_right_variant_failed():
    spared = json.loads((DETECTION / "spared.json").read_text(encoding="utf-8"))

    assert [each["failures"] for each in spared.values() if each["failures"]] == []
    assert sum(each["examples"] for each in spared.values()) > 1e5


def test_every_criterion_has_its_source_and_its_dtypes():
    assert all("/" in each.source or "torch.testing" in each.source for each in CRITERIA)
    assert {each.name for each in CRITERIA if "float64" in each.dtypes} == {
        "BackendBench",
        "ONNX node tests",
        "assert_close",
    }
    assert criteria.CUDA["query"] == 180
