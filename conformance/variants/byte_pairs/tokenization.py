"""Byte-pair encoding: tokenizing, the text of tokens, and learning merges. No floats, so no dtypes."""

import heapq
import itertools
import re
from collections import defaultdict
from collections.abc import Sequence

from ..catalogue import variant

Merges = Sequence[Sequence[str]]
Pair = tuple[str, str]


def ranks(merges: Merges) -> dict[Pair, int]:
    """Map each pair to its place, the first if there are several."""
    return {(a, b): place for place, (a, b) in reversed(list(enumerate(merges)))}


def joined(tokens: Sequence[str], pair: Pair, most: int | None = None) -> list[str]:
    """Join every occurrence of a pair into one token, from left to right; at most so many."""
    result: list[str] = []
    place, done = 0, 0
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == pair and (most is None or done < most):
            result.append(pair[0] + pair[1])
            place, done = place + 2, done + 1
        else:
            result.append(tokens[place])
            place += 1
    return result


def merged(tokens: Sequence[str], merges: Merges) -> list[str]:
    """Merge tokens that need not be characters."""
    rank, tokens = ranks(merges), list(tokens)
    while known := [pair for pair in itertools.pairwise(tokens) if pair in rank]:
        tokens = joined(tokens, min(known, key=rank.__getitem__))
    return tokens


# Right: tokenize


@variant("bpe-plain", "tokenize", "The pair of the lowest rank, everywhere, again and again.", wrong=False)
def bpe_plain(text: str, merges: Merges) -> list[str]:
    return merged(text, merges)


@variant("bpe-linked-list", "tokenize", "A linked list, and where each pair stands in it.", wrong=False)
def bpe_linked_list(text: str, merges: Merges) -> list[str]:
    rank = ranks(merges)
    token: list[str] = list(text)
    after, before = list(range(1, len(token) + 1)), list(range(-1, len(token) - 1))
    alive = [True] * len(token)
    places: dict[Pair, set[int]] = defaultdict(set)

    def note(place: int) -> None:
        if place >= 0 and after[place] < len(token):
            pair = (token[place], token[after[place]])
            if pair in rank:
                places[pair].add(place)

    def stands(pair: Pair, place: int) -> bool:
        return alive[place] and after[place] < len(token) and (token[place], token[after[place]]) == pair

    for place in range(len(token)):
        note(place)
    while places:
        pair = min(places, key=rank.__getitem__)
        made = []
        for place in sorted(places.pop(pair)):
            if stands(pair, place):
                gone = after[place]
                alive[gone], token[place], after[place] = False, token[place] + token[gone], after[gone]
                if after[place] < len(token):
                    before[after[place]] = place
                made.append(place)
        for place in made:
            note(before[place])
            note(place)
    return [each for each, still in zip(token, alive, strict=True) if still]


@variant(
    "bpe-substitution", "tokenize", "Regular expressions on numbered tokens, as in Sennrich's program.", wrong=False
)
def bpe_substitution(text: str, merges: Merges) -> list[str]:
    names: dict[str, str] = {}
    for token in (*text, *(part for a, b in merges for part in (a, b, a + b))):
        names.setdefault(token, str(len(names)))
    line, rank = " ".join(names[each] for each in text), ranks(merges)
    while True:
        ids = line.split(" ") if line else []
        present = set(itertools.pairwise(ids))
        known = [pair for pair in rank if (names[pair[0]], names[pair[1]]) in present]
        if not known:
            return [{name: token for token, name in names.items()}[each] for each in ids]
        a, b = min(known, key=rank.__getitem__)
        line = re.sub(rf"(?<!\S){names[a]} {names[b]}(?!\S)", names[a + b], line)


# Wrong: the order of merges


@variant(
    "bpe-left-to-right",
    "tokenize",
    "The first pair from the left that is in the list is merged, whatever its rank.",
    needs="competing merges",
    seen_in=("ztxz16/fastllm#715", "huggingface/course#608"),
)
def bpe_left_to_right(text: str, merges: Merges) -> list[str]:
    tokens, rank = list(text), ranks(merges)
    while known := [pair for pair in itertools.pairwise(tokens) if pair in rank]:
        tokens = joined(tokens, known[0], 1)
    return tokens


@variant(
    "bpe-longest-match",
    "tokenize",
    "From the left, the longest token of the vocabulary is taken.",
    needs="competing merges",
    seen_in=("paiml/aprender#3726",),
)
def bpe_longest_match(text: str, merges: Merges) -> list[str]:
    vocabulary = {*text, *(a + b for a, b in merges)}
    tokens: list[str] = []
    while text:
        size = max(size for size in range(1, len(text) + 1) if text[:size] in vocabulary)
        tokens.append(text[:size])
        text = text[size:]
    return tokens


@variant(
    "bpe-one-pass",
    "tokenize",
    "The list is gone through once.",
    needs="a merge that is listed before those of its parts",
)
def bpe_one_pass(text: str, merges: Merges) -> list[str]:
    tokens = list(text)
    for a, b in merges:
        tokens = joined(tokens, (a, b))
    return tokens


@variant("bpe-characters-only", "tokenize", "What a merge makes is not merged again.", needs="a merge of a product")
def bpe_characters_only(text: str, merges: Merges) -> list[str]:
    return bpe_one_pass(text, [(a, b) for a, b in merges if len(a + b) == 2])


@variant(
    "bpe-one-occurrence",
    "tokenize",
    "One occurrence at a time is merged, and then all ranks are looked at again.",
    needs="a product that is listed before its parts, and overlaps the next occurrence",
)
def bpe_one_occurrence(text: str, merges: Merges) -> list[str]:
    tokens, rank = list(text), ranks(merges)
    while True:
        queue = [(rank[pair], at) for at, pair in enumerate(itertools.pairwise(tokens)) if pair in rank]
        if not queue:
            return tokens
        heapq.heapify(queue)
        at = queue[0][1]
        tokens[at : at + 2] = [tokens[at] + tokens[at + 1]]


@variant("bpe-from-the-right", "tokenize", "Overlapping pairs are merged from the right.", needs="a run of odd length")
def bpe_from_the_right(text: str, merges: Merges) -> list[str]:
    flipped = merged([each[::-1] for each in reversed(text)], [(b[::-1], a[::-1]) for a, b in merges])
    return [each[::-1] for each in reversed(flipped)]


@variant(
    "bpe-rank-of-joined",
    "tokenize",
    "Two neighbours merge if their joined text is a token, whichever pair made it.",
    needs="a token that other neighbours make",
    seen_in=("openai/tiktoken#60",),
)
def bpe_rank_of_joined(text: str, merges: Merges) -> list[str]:
    rank = {a + b: place for place, (a, b) in reversed(list(enumerate(merges)))}
    tokens = list(text)
    while known := [pair for pair in itertools.pairwise(tokens) if "".join(pair) in rank]:
        tokens = joined(tokens, min(known, key=lambda pair: rank["".join(pair)]))
    return tokens


@variant("bpe-last-entry", "tokenize", "A repeated pair has the rank of its last entry.", needs="a repeated pair")
def bpe_last_entry(text: str, merges: Merges) -> list[str]:
    return merged(
        text, [(a, b) for (a, b), _ in sorted({tuple(p): k for k, p in enumerate(merges)}.items(), key=_last)]
    )


def _last(entry: tuple[tuple[str, ...], int]) -> int:
    return entry[1]


@variant("bpe-reversed-ranks", "tokenize", "The pair that is listed last is merged first.", needs="competing merges")
def bpe_reversed_ranks(text: str, merges: Merges) -> list[str]:
    return merged(text, merges[::-1])


@variant(
    "bpe-first-only", "tokenize", "Each merge is made where its pair stands first, and no more.", needs="two of it"
)
def bpe_first_only(text: str, merges: Merges) -> list[str]:
    tokens = list(text)
    for pair in ranks(merges):
        tokens = joined(tokens, pair, 1)
    return tokens


@variant("bpe-pairs-swapped", "tokenize", "(b, a) merges as well as (a, b).", needs="both orders in a text")
def bpe_pairs_swapped(text: str, merges: Merges) -> list[str]:
    return merged(text, [pair for a, b in merges for pair in ((a, b), (b, a))])


_KNOWN: dict[str, list[str]] = {}


@variant("bpe-cached-by-text", "tokenize", "Tokens are kept by text, and other merges get them.", needs="other merges")
def bpe_cached_by_text(text: str, merges: Merges) -> list[str]:
    return _KNOWN.setdefault(text, merged(text, merges))
