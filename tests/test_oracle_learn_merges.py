"""Learning merges: against the program that is printed in the source, and against counts from scratch."""

import itertools
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.oracle.learn_merges import learn_merges
from assay.oracle.spec_error import SpecError
from assay.oracle.tokenize import tokenize


def get_stats(vocab):
    """Sennrich et al. 2016, algorithm 1, as printed."""
    pairs = defaultdict(int)
    for word, freq in vocab.items():
        symbols = word.split()
        for i in range(len(symbols) - 1):
            pairs[symbols[i], symbols[i + 1]] += freq
    return pairs


def merge_vocab(pair, v_in):
    """Likewise."""
    v_out = {}
    bigram = re.escape(" ".join(pair))
    p = re.compile(r"(?<!\S)" + bigram + r"(?!\S)")
    for word in v_in:
        w_out = p.sub("".join(pair), word)
        v_out[w_out] = v_in[word]
    return v_out


def as_printed(text, count):
    """Its main loop, on one word; it would fail where no pair is left."""
    vocab, merges = {" ".join(text): 1}, []
    for _ in range(count):
        if not (pairs := get_stats(vocab)):
            break
        best = max(pairs, key=pairs.get)
        merges.append(best)
        vocab = merge_vocab(best, vocab)
    return merges


@given(text=st.text(st.sampled_from("abc"), max_size=40), count=st.integers(0, 12))
@settings(max_examples=300, database=None, deadline=None)
def test_the_merges_are_those_of_the_printed_program(text, count):
    """Ties included: both take the pair that stands first."""
    assert learn_merges(text, count) == as_printed(text, count)


@given(text=st.text(st.sampled_from("ab \u00a0\U0001f469\u0301"), max_size=30))
@settings(max_examples=100, database=None, deadline=None)
def test_all_merges_make_one_token_of_the_text(text):
    """And each is a most frequent pair of what the ones before it leave, counted from scratch."""
    merges = learn_merges(text, 1000)
    tokens = list(text)
    for a, b in merges:
        counts = Counter(itertools.pairwise(tokens))
        assert counts[a, b] == max(counts.values()) > 0
        joined, k = [], 0
        while k < len(tokens):
            found = tokens[k : k + 2] == [a, b]
            joined.append(a + b if found else tokens[k])
            k += 2 if found else 1
        tokens = joined
    assert tokens == ([text] if text else [])
    assert tokenize(text, []) == list(text)


def test_overlapping_pairs_are_counted_where_they_stand():
    """(a, a) stands in a run of five four times, although two can be merged; (b, c) stands there three times."""
    assert learn_merges("aaaaabcbcbc", 2) == [("a", "a"), ("b", "c")]


@pytest.mark.parametrize(
    ("text", "count", "says"),
    [
        (["a"], 1, "learn_merges: text is a list, but should be a str"),
        ("a", -1, "learn_merges: count is -1, but should be a whole number of at least 0"),
        ("a", 1.5, "learn_merges: count is 1.5, but should be a whole number"),
    ],
)
def test_bad_arguments_are_refused(text, count, says):
    with pytest.raises(SpecError, match=says):
        learn_merges(text, count)
