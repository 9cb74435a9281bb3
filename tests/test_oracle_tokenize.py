"""Byte-pair encoding: against a second program, any Unicode text; the text of tokens; the vocabulary's size."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.conformance.variants import variants
from assay.oracle.detokenize import detokenize
from assay.oracle.spec_error import SpecError
from assay.oracle.tokenize import tokenize, vocabulary_size

RIGHT = variants("tokenize", wrong=False)

# No surrogates: they are no characters.
TEXTS = st.one_of(
    st.text(st.sampled_from("ab"), max_size=20),
    st.text(st.sampled_from("abc \n\u00a0\u2028"), max_size=20),
    st.text(st.sampled_from("e\u0301\u00e9\u200d\U0001f469\U0001f3fd"), max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def texts_and_merges(draw):
    """Pairs of pieces of the text, in any order, some twice."""
    text = draw(TEXTS)
    pieces = [text[i:j] for i in range(len(text)) for j in range(i + 1, min(i + 4, len(text)) + 1)]
    if not pieces:
        return text, []
    piece = st.sampled_from(pieces)
    return text, draw(st.lists(st.tuples(piece, piece), max_size=12))


def by_cuts(text, merges):
    """Another program: a text and the places where it is cut; a merge takes cuts away."""
    cuts = list(range(len(text) + 1))
    while True:
        for a, b in merges:
            place, merged = 0, False
            while place + 2 < len(cuts):
                first, middle, last = cuts[place : place + 3]
                if (text[first:middle], text[middle:last]) == (a, b):
                    del cuts[place + 1]
                    merged = True
                place += 1
            if merged:
                break
        else:
            return [text[i:j] for i, j in itertools.pairwise(cuts)]


@given(texts_and_merges())
@settings(max_examples=400, database=None, deadline=None)
def test_the_tokens_are_those_of_another_program(case):
    text, merges = case
    tokens = tokenize(text, merges)

    assert tokens == by_cuts(text, merges)
    assert "".join(tokens) == text == detokenize(tokens, merges)
    assert len(set(tokens)) <= vocabulary_size(merges, text)
    assert {token for token in tokens if len(token) > 1} <= {a + b for a, b in merges}


@pytest.mark.parametrize("variant", RIGHT, ids=lambda each: each.name)
@given(case=texts_and_merges())
@settings(max_examples=100, database=None, deadline=None)
def test_a_right_variant_gives_the_same_tokens(variant, case):
    assert variant.function(*case) == tokenize(*case)


@pytest.mark.parametrize(
    ("text", "merges", "due"),
    [
        ("aaaaa", [("a", "a")], ["aa", "aa", "a"]),
        ("aaaaa", [("a", "a"), ("aa", "a")], ["aa", "aaa"]),
        ("abc", [("b", "c"), ("a", "b")], ["a", "bc"]),
        ("abcd", [("a", "b"), ("b", "c"), ("bc", "d")], ["ab", "c", "d"]),
        ("bcd", [("c", "d"), ("b", "c"), ("bc", "d")], ["b", "cd"]),
        ("abab", [("ab", "a"), ("a", "b")], ["ab", "ab"]),
        ("abc", [("ab", "c"), ("a", "b")], ["abc"]),
        ("czx", [("c", "z"), ("z", "x"), ("c", "z")], ["cz", "x"]),
        (" a\u00a0b ", [(" ", "a"), ("\u00a0", "b")], [" a", "\u00a0b", " "]),
        ("e\u0301\u00e9", [("e", "\u0301")], ["e\u0301", "\u00e9"]),
        ("\U0001f469\u200d", [], ["\U0001f469", "\u200d"]),
        ("", [("a", "b")], []),
    ],
)
def test_texts_by_hand(text, merges, due):
    assert tokenize(text, merges) == due
    assert tokenize(text, [list(pair) for pair in merges]) == due


def test_the_size_of_a_vocabulary_counts_each_token_once():
    """The characters, and what merges make; a token that two merges make is one."""
    assert vocabulary_size([("a", "b"), ("ab", "c"), ("a", "bc")], "abc") == 5
    assert vocabulary_size([], "banana") == 3
    assert vocabulary_size([], "") == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tokenize(b"ab", []), "tokenize: text is a bytes, but should be a str"),
        (lambda: tokenize("ab", [("a",)]), r"tokenize: merges\[0\] is \('a',\), but should be a pair of texts"),
        (lambda: tokenize("ab", ["ab"]), r"tokenize: merges\[0\] is 'ab', but should be a pair of texts"),
        (lambda: tokenize("ab", [("a", "b"), ("", "b")]), r"tokenize: merges\[1\] is \('', 'b'\)"),
        (lambda: detokenize(["a", 1], []), r"detokenize: tokens\[1\] is a int, but should be a str"),
        (lambda: detokenize(["a"], [1]), r"detokenize: merges\[0\] is 1, but should be a pair of texts"),
    ],
)
def test_bad_arguments_are_refused(call, says):
    with pytest.raises(SpecError, match=says):
        call()
