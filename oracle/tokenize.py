"""Tokenization by byte-pair encoding: Sennrich, Haddow and Birch 2016, section 3.2; the paper, section 5.1, uses it.

    s = the characters of the text
    while a pair of neighbours (s_i, s_i+1) is in merges:
        (a, b) = the one that comes first in merges
        s = s with every a, b replaced by ab, from left to right

    text: Unicode, its characters are code points   merges: ordered pairs of texts

Where the source is silent:

1.  Nothing is split beforehand and no mark ends a word: the contract.
2.  A pair that is listed twice has the place of its first entry.
3.  All occurrences of a pair are merged before any pair that they make is looked at, as in Sennrich's program; for a
    list that was learnt, whose merges come after those of their parts, one occurrence at a time gives the same.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from .spec_error import SpecError

Pair = tuple[str, str]


def tokenize(text: str, merges: Sequence[Sequence[str]]) -> list[str]:
    """Give the tokens of a text; SpecError if the text is none or the merges are no pairs of texts."""
    text_of("tokenize", text)
    rank: dict[Pair, int] = {}
    for place, pair in enumerate(pairs_of("tokenize", merges)):
        rank.setdefault(pair, place)
    tokens = list(text)
    while known := [pair for pair in neighbours(tokens) if pair in rank]:
        tokens = merged(tokens, min(known, key=rank.__getitem__))
    return tokens


def vocabulary_size(merges: Sequence[Sequence[str]], alphabet: Iterable[str]) -> int:
    """Give the number of distinct tokens, characters and what merges make: the first dimension of the embedding."""
    made = {a + b for a, b in pairs_of("vocabulary_size", merges)}
    return len(made | set(alphabet))


def neighbours(tokens: Sequence[str]) -> list[Pair]:
    """Give each token with the next."""
    return list(itertools.pairwise(tokens))


def merged(tokens: Sequence[str], pair: Pair) -> list[str]:
    """Give the tokens after every occurrence of a pair, from left to right, has become one token."""
    result: list[str] = []
    place = 0
    while place < len(tokens):
        found = tuple(tokens[place : place + 2]) == pair
        result.append("".join(pair) if found else tokens[place])
        place += 2 if found else 1
    return result


def pairs_of(function: str, merges: Any) -> list[Pair]:
    """Give the merges as pairs; SpecError if they are anything else, or a part is empty."""
    pairs: list[Pair] = []
    for place, each in enumerate(merges):
        pair = tuple(each) if isinstance(each, list | tuple) else ()
        if len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            raise SpecError(f"{function}: merges[{place}] is {each!r}, but should be a pair of texts, neither empty")
        pairs.append((pair[0], pair[1]))
    return pairs


def text_of(function: str, text: Any) -> str:
    """Give the text itself; SpecError if it is none."""
    if not isinstance(text, str):
        raise SpecError(f"{function}: text is a {type(text).__name__}, but should be a str")
    return text
