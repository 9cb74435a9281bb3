"""Which known bug a failure looks like: named by what it does, told apart from others, and not named without need."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters import Opening, Reply
from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis.diagnosis import diagnose
from assay.conformance.interface.explaining import facts, sentence
from assay.conformance.judging.causes import Cause
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import find

DTYPES = ("float64", "float32")


def failure(clause, dtype="float32", **adapter):
    """Judge one clause on an adapter that offers one function; the result is None if it passes."""
    target = SimpleNamespace(dtypes=DTYPES, **adapter)
    (component,) = adapter.keys() & {"attention", "softmax", "layer_norm", "feed_forward", "tokenize"}
    opened = open_object(target, "mine")
    return judge_clause(opened, CLAUSES[clause], component, dtype, PROFILES["quick"], seed=0)


def attention_key_by_key(offset=0, default_scale=lambda d: d**-0.5):
    """Written otherwise than the catalogue's: one key after another, with a running maximum."""

    def attention(query, key, value, *, mask=None, causal=False, scale=None):
        (batch, heads, queries, d), keys = query.shape, key.shape[2]
        k, v = (np.repeat(each, heads // each.shape[1], axis=1) for each in (key, value))
        seen = np.broadcast_to(np.True_ if mask is None else mask, (batch, heads, queries, keys))
        seen = seen & np.tri(queries, keys, offset, dtype=bool) if causal else seen
        factor = np.asarray(default_scale(d) if scale is None else scale, query.dtype)
        peak = np.full((batch, heads, queries), -np.inf, query.dtype)
        total, result = np.zeros_like(peak), np.zeros((*peak.shape, v.shape[-1]), query.dtype)
        with np.errstate(all="ignore"):
            for j in range(keys):
                score = np.where(seen[..., j], np.einsum("bhqd,bhd->bhq", query, k[:, :, j]) * factor, -np.inf)
                higher = np.maximum(peak, score)
                shift = np.where(np.isneginf(higher), 0, higher)
                kept, e = np.exp(peak - shift), np.exp(score - shift)
                total, result = total * kept + e, result * kept[..., None] + e[..., None] * v[:, :, j, None]
                peak = higher
        return (result / np.where(total == 0, 1, total)[..., None]).astype(query.dtype)

    return attention


@pytest.mark.catalogue("attention")
def test_a_right_implementation_written_otherwise_passes():
    assert failure("ALL-1", attention=attention_key_by_key()).status == "pass"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("causal-off-by-one", {"offset": 1}),
        ("causal-strict", {"offset": -1}),
        ("scale-missing", {"default_scale": lambda d: 1.0}),
        ("scale-unrooted", {"default_scale": lambda d: 1 / d}),
    ],
)
@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.catalogue("attention")), "float32"])
def test_a_known_bug_in_another_algorithm_is_named(name, changes, dtype):
    assert failure("ALL-1", dtype, attention=attention_key_by_key(**changes)).failure.looks_like == name


def test_bugs_with_the_same_answer_on_the_smallest_case_are_told_apart():
    # On one row of one column, each of them gives 1.
    first_axis, sum_missing = find("softmax-gradient-first-axis"), find("softmax-gradient-sum-missing")
    named = []
    for each in (first_axis, sum_missing):
        result = judge_clause(
            open_object(each.adapter(), "mine"), CLAUSES["GRAD-1"], "softmax", "float32", PROFILES["quick"], seed=0
        )
        named.append(result.failure.looks_like)

    assert named == [first_axis.name, sum_missing.name]


@pytest.mark.parametrize("name", ["dropout-rate-in-percent", "dropout-tail-beyond-64-kept"])
def test_random_results_are_told_apart_by_further_seeds(name):
    # At a rate of 0.999 dropping rows or elements of 4 bits drops all of them, too; a tail begins at 64 or at 8.
    opened = open_object(find(name).adapter(), "mine")
    result = judge_clause(opened, CLAUSES["DROP-3"], "dropout", "float32", PROFILES["quick"], seed=0)

    assert result.failure.looks_like == name


def test_an_unknown_bug_has_no_name():
    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        p = e / e.sum(-1, keepdims=True)
        return np.where(np.arange(x.shape[-1]) == 2, p * p.dtype.type(1.01), p)

    result = failure("ALL-1", softmax=softmax)

    assert result.status == "fail"
    assert result.failure.looks_like is None


def test_another_bug_elsewhere_leaves_no_name():
    """It must answer alike everywhere, not only where it failed."""
    wrong = find("scale-missing").function

    def attention(query, key, value, **options):
        result = wrong(query, key, value, **options)
        return -result if query.shape[1] == 2 else result

    assert failure("ALL-1", attention=wrong).failure.looks_like == "scale-missing"
    assert failure("ALL-1", attention=attention).failure.looks_like is None


def test_what_was_tried_and_found_is_the_sentence_of_a_cause():
    """Of a number, it is what says most; an exception says itself what it is."""
    right = find("softmax-plain").function

    def softmax(x):
        if x.shape[0] == 3:
            raise ValueError("three rows")
        return right(x)[..., ::-1] if x.shape[-1] > 16 else right(x)

    result = failure("ALL-1", softmax=softmax)
    several = {each.how: sentence(Cause("", (result, each))) for each in (result.failure, *result.others)}

    assert several == {"value": "the columns are in reverse order", "exception": "it raised ValueError: three rows"}


def test_what_a_right_implementation_does_as_well_is_no_known_bug():
    # A NaN under the causal mask reaches the sum as 0 * NaN, here as in every kernel that multiplies by zero weights.
    result = failure("ALL-11", attention=find("attention-plain").function)

    assert result.status == "fail"
    assert result.failure.looks_like is None


def test_texts_are_compared_as_they_are():
    result = failure("BPE-1", dtype="", tokenize=find("bpe-left-to-right").function)

    assert result.failure.looks_like == "bpe-left-to-right"


def test_the_report_says_what_it_is_and_where_it_was_seen():
    result = failure("ALL-1", attention=find("causal-bottom-right").function)
    said = facts(Opening("mine.py"), result)["like"]

    assert said.startswith("it behaves like `causal-bottom-right`: The causal mask ends in the last key")
    assert "(seen in ml-explore/mlx#2835" in said


def test_an_implementation_that_does_not_answer_is_not_asked_again():
    class Hangs:
        offer = open_object(SimpleNamespace(softmax=lambda x: x), "mine").offer
        calls = 0

        def sequence(self, calls):
            self.calls += len(calls)
            return [Reply("timeout", message="no answer") for _ in calls]

    adapter = Hangs()
    result = judge_clause(adapter, CLAUSES["ALL-1"], "softmax", "float32", PROFILES["quick"], seed=0)

    assert result.failure.looks_like is None
    assert adapter.calls == 1


def test_where_no_known_bug_is_like_it_the_structure_is_told():
    right = find("attention-plain").function

    def attention(query, key, value, **options):
        result = right(query, key, value, **options)
        result[:, 3:] *= result.dtype.type(1.01)
        return result

    result = failure("ALL-1", attention=attention)

    assert result.failure.looks_like is None
    assert "; it is wrong only in " in result.failure.message
    assert result.failure.message.count("in the last head") == 1


def test_the_structure_of_a_gradient_is_told():
    def softmax_vjp(cotangent, x):
        (gradient,) = find("softmax-gradient-plain").vjp(cotangent, x)
        return (gradient * gradient.dtype.type(1.375),)

    result = failure("GRAD-1", softmax=find("softmax-plain").function, softmax_vjp=softmax_vjp)

    assert result.failure.looks_like is None
    assert "of the gradient of x, every element is 1.375 times what it should be" in result.failure.message


def test_the_places_of_a_gradient_are_told_by_the_names_of_its_axes():
    def attention_vjp(cotangent, *arrays, **options):
        dq, dk, dv = find("attention-gradient-plain").vjp(cotangent, *arrays, **options)
        dv[:, -1:] *= np.where(dv.shape[1] > 2, 1.5, 1).astype(dv.dtype)
        return dq, dk, dv

    result = failure("GRAD-1", attention=find("attention-plain").function, attention_vjp=attention_vjp)

    assert "of the gradient of value, it is wrong only in the last KV head" in result.failure.message


def test_a_table_that_cannot_be_made_is_still_diagnosed():
    """What has no dtype of its own takes that of its result, of which there is none here."""
    adapter = open_object(find("odd-width-raises").adapter(), "mine")
    result = judge_clause(adapter, CLAUSES["ALL-1"], "positional_encoding", "", PROFILES["quick"], seed=0)

    assert result.failure.looks_like == "odd-width-raises"


def test_a_name_holds_whatever_a_single_channel_gives():
    """A variance over n - 1 is 0/0 there in the catalogue; here it is 0."""

    def layer_norm(x, gain, bias, *, epsilon=1e-5):
        with np.errstate(all="ignore"):
            wide, of_one = np.asarray(x, np.float64), x.dtype.type(epsilon)
            deviation = wide - wide.mean(-1, keepdims=True)
            variance = (deviation**2).sum(-1, keepdims=True) / max(x.shape[-1] - 1, 1)
            return (gain * deviation / np.sqrt(variance + of_one) + bias).astype(x.dtype)

    assert failure("ALL-1", layer_norm=layer_norm).failure.looks_like == "layer-norm-unbiased"


def test_each_of_two_defects_is_named_on_its_own_cases():
    def attention(query, key, value, *, mask=None, causal=False, scale=None):
        function = find("causal-off-by-one" if causal else "mask-of-first-item").function
        return function(query, key, value, mask=mask, causal=causal, scale=scale)

    adapter = open_object(SimpleNamespace(dtypes=("float32",), attention=attention), "mine")
    component = COMPONENTS["attention"]
    plain = component.plainest("float32", seed=3).but(B=2, L_q=5, L_k=5)
    named = [
        diagnose(adapter, CLAUSES["ALL-1"], component, [plain.but(mask=mask)]).variant
        for mask in ("causal", "padding-right")
    ]

    assert [each.name for each in named] == ["causal-off-by-one", "mask-of-first-item"]


def test_a_bug_that_explains_some_cases_of_a_kind_is_told_as_that():
    wrong = find("scale-missing").function

    def attention(query, key, value, **options):
        result = wrong(query, key, value, **options)
        return -result if query.shape[1] == 2 else result

    result = failure("ALL-1", attention=attention)

    assert result.failure.looks_like is None
    assert re.search(
        r"on this case it behaves like `scale-missing` \(\d+ of \d+ further cases alike\)", result.failure.message
    )


def test_a_kernel_that_loses_its_only_key_is_not_one_that_returns_zeros():
    """It refuses masks and grouped heads, as most do, so that few cases tell them apart; the plainest does."""

    def attention(query, key, value, *, mask=None, causal=False, scale=None):
        if mask is not None or query.shape[1] != key.shape[1]:
            raise NotImplementedError("plain attention only")
        late = key.shape[2] - query.shape[2] - (query.shape[2] != key.shape[2])
        result = attention_key_by_key(offset=late)(query, key, value, causal=causal, scale=scale)
        return np.nan_to_num(result)

    result = failure("ALL-1", attention=attention, conventions={"causal_alignment": "bottom-right"})

    assert result.failure.trigger["mask"] == "causal"
    assert result.failure.looks_like is None
