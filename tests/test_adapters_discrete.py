"""Beam search by torch.topk, Hugging Face tokenizers and torch's dropout, judged; and results of a wrong form."""

from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters.in_process import InProcessAdapter, open_object
from assay.adapters.loading import load
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of, parse_case
from assay.conformance.judging.judging import judge_clause

QUICK = PROFILES["quick"]
BEAM = (
    "beam_search?dtype=float32&V=4&beam_size=2&max_length=3&length_penalty=0.6&ends=apart&regime=normal"
    "&layout=contiguous&seed=1"
)


def judged(adapter, name, dtypes=("",)):
    """Every clause of a component."""
    return [
        judge_clause(adapter, clause, name, dtype, QUICK, seed=0)
        for dtype in dtypes
        for clause in clauses_of(COMPONENTS[name])
    ]


def failures(results):
    return {each.clause: each.failure.message for each in results if each.failure}


def built_in(name):
    return InProcessAdapter(load(name))


@pytest.mark.parametrize(
    "dtypes",
    [("float32", "bfloat16"), pytest.param(("float64", "float16"), marks=pytest.mark.catalogue("beam_search"))],
    ids="-".join,
)
def test_beam_search_by_topk_conforms(dtypes):
    """In 16 bits its sums are rounded at every step: class 2."""
    results = judged(built_in("torch-beam-search"), "beam_search", dtypes)

    assert failures(results) == {}
    assert {each.status for each in results} == {"pass"}
    assert {each.precision_class for each in results if each.clause == "BEAM-2"} == {1, 2}


@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.catalogue("dropout"))])
def test_the_dropout_of_torch_conforms(dtype):
    results = judged(built_in("torch"), "dropout", (dtype,))

    assert failures(results) == {}
    assert {each.status for each in results} == {"pass"}


def test_hugging_face_tokenizers_differ_in_two_ways():
    """Both concern lists of merges that no trainer writes; for those that one does, the tokens are right."""
    adapter = built_in("tokenizers")
    found = failures(judged(adapter, "tokenize"))

    assert set(found) == {"BPE-2", "BPE-3"}
    assert failures(judged(adapter, "detokenize")) == {}
    learnt = judged(adapter, "learn_merges")
    assert failures(learnt) == {}
    assert all(each.status == "pass" and each.examples >= 10 for each in learnt)


def first_failure(name, function, clause):
    adapter = open_object(SimpleNamespace(dtypes=("float32",), **{name: function}), "mine")
    dtype = "float32" if COMPONENTS[name].has_dtype else ""
    return judge_clause(adapter, CLAUSES[clause], name, dtype, QUICK, seed=0).failure.message


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (3, "the result is 3, but should be a list of (tokens, score)"),
        ([3], "the result[0] is 3, but should be (tokens, score)"),
        ([([3, 0], -1.0, 2)], "the result[0] is [[3, 0], -1.0, 2], but should be (tokens, score)"),
        ([("30", -1.0)], "the result[0] is ['30', -1.0], but should be (tokens, score)"),
        ([([3.5], -1.0)], "the tokens of result[0] are [3.5], but should be whole numbers"),
        ([([3, 0], "-1")], "the score of result[0] is '-1', but should be a number"),
        ([([3, 9, 1, 1], -1.0)], "holds 9, which is no token of a vocabulary of"),
    ],
)
def test_a_list_of_hypotheses_of_another_form_is_refused_in_words(result, says):
    assert says in first_failure("beam_search", lambda log_probabilities, **_: result, "BEAM-1")


def test_an_array_is_no_list_of_hypotheses():
    message = first_failure("beam_search", lambda log_probabilities, **_: np.zeros(3), "BEAM-1")
    assert (
        message
        == "beam_search returned something that cannot be judged: ndarray cannot travel in the header of a message"
    )


@pytest.mark.parametrize(
    ("name", "result", "clause", "says"),
    [
        ("tokenize", "abc", "BPE-1", "the result is 'abc', but should be a list of texts"),
        ("tokenize", [1], "BPE-1", "the result[0] is 1, but should be a text"),
        ("detokenize", ["a"], "BPE-13", "the result is ['a'], but should be a text"),
        ("learn_merges", {"a": 1}, "BPE-17", "the result is {'a': 1}, but should be a list of pairs of texts"),
        ("learn_merges", ["ab"], "BPE-17", "the result[0] is 'ab', but should be a pair of texts"),
    ],
)
def test_texts_of_another_form_are_refused_in_words(name, result, clause, says):
    assert first_failure(name, lambda *_: result, clause) == says


def test_a_score_that_is_not_a_number_fails():
    message = first_failure("beam_search", lambda log_probabilities, start, **_: [([start], float("nan"))], "BEAM-2")
    assert "has the score nan, but should have" in message


def test_a_text_that_does_not_come_back_fails():
    """Each of the two is right about what the other ought to do."""
    lossy = SimpleNamespace(
        tokenize=lambda text, merges: text.split(" "), detokenize=lambda tokens, merges: "".join(tokens)
    )
    results = judged(open_object(lossy, "lossy"), "detokenize")
    assert set(failures(results)) == {"BPE-15"}


def test_a_case_of_texts_holds_every_character_of_its_kind():
    """U+0000 among them, which arrays of texts lose at their ends."""
    make = COMPONENTS["tokenize"].make
    text = make(parse_case("tokenize?text=control&L=60&merges=random&count=12&seed=3")).options["text"]
    assert len(text) == 60
    assert set(text) == set("a\x00\x7f\ufeff\x1b\ufffd")


def test_a_case_of_beam_search_is_exact_in_its_dtype():
    given = COMPONENTS["beam_search"].make(parse_case(BEAM))
    table = given.arrays["log_probabilities"]
    assert np.array_equal(table.astype(np.float32), table)
    assert np.exp(table).sum(1) == pytest.approx(1, abs=1e-6)
