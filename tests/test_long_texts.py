"""Texts of 300, 1,000 and 100,000 characters: they are drawn with every seed, and show what short ones hide."""

import itertools
from collections import Counter

import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis import diagnosis, naming
from assay.conformance.judging.judging import judge_case
from assay.conformance.variants import find

OF_EACH = {"tokenize": "BPE-1", "learn_merges": "BPE-17"}


@pytest.mark.parametrize("name", OF_EACH)
def test_long_texts_come_first_with_every_seed(name):
    for profile, seed in itertools.product(PROFILES.values(), (0, 5)):
        first = itertools.islice(cases_of(CLAUSES[OF_EACH[name]], COMPONENTS[name], "", profile, seed), 3)
        assert [case["L"] for case in first] == [300, 1000, 100_000]


def test_a_pair_of_the_longest_text_leaves_sixteen_bits():
    component = COMPONENTS["learn_merges"]
    text = component.make(component.probes("")[-1]).options["text"]

    assert max(Counter(itertools.pairwise(text)).values()) >= 2**15


def test_tokens_of_the_longest_text_come_back_whole_and_what_is_lost_is_told():
    case = COMPONENTS["tokenize"].probes("")[-1]
    for name, passes in (("bpe-plain", True), ("bpe-places-of-16-bits", False)):
        outcome = judge_case(open_object(find(name).adapter(), name), CLAUSES["BPE-1"], case)
        assert outcome.passed == passes
        assert passes or len(outcome.reason) < 1000


def test_no_known_bug_is_tried_on_what_takes_a_quadratic_time(monkeypatch):
    """Of 100,000 letters, a tokenizer that goes over its tokens for every merge takes a quarter of an hour."""
    monkeypatch.setattr(naming.Asked, "distance_of", lambda *_, **__: pytest.fail("a known bug is tried"))
    adapter = open_object(find("bpe-places-of-16-bits").adapter(), "mine")
    cases = [case for case in COMPONENTS["tokenize"].probes("") if case["L"] == 100_000]

    assert diagnosis.diagnose(adapter, CLAUSES["BPE-1"], COMPONENTS["tokenize"], cases).variant is None
