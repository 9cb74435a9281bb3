"""Byte-pair encoding that is right up to a length of the text, and wrong beyond it."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

from ..catalogue import variant
from .learning import first_of_most, learnt
from .tokenization import Merges, Pair, joined, merged


def _tokenizing(name: str, sentence: str, limit: int, beyond: Callable[[str, Merges], list[str]]) -> None:
    """Put a tokenizer into the catalogue that is another one for texts beyond a limit."""

    def tokenize(text: str, merges: Merges) -> list[str]:
        return merged(text, merges) if len(text) <= limit else beyond(text, merges)

    variant(name, "tokenize", sentence, needs=f"more than {limit} characters")(tokenize)


def _pieces(size: int) -> Callable[[str, Merges], list[str]]:
    def tokenize(text: str, merges: Merges) -> list[str]:
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        return [token for piece in pieces for token in merged(piece, merges)]

    return tokenize


def _stale(text: str, merges: Merges) -> list[str]:
    """Merge the pairs that the characters have, in order of rank, and never those that merges make."""
    tokens: list[str] = list(text)
    for pair in dict.fromkeys((a, b) for a, b in merges if len(a) == len(b) == 1):
        tokens = joined(tokens, pair)
    return tokens


_tokenizing("bpe-pieces-beyond-100", "A text of more than 100 characters is cut into pieces of 100.", 100, _pieces(100))
_tokenizing("bpe-pieces-beyond-512", "A text of more than 512 characters is cut into pieces of 512.", 512, _pieces(512))
_tokenizing(
    "bpe-characters-beyond-256",
    "What stands beyond 256 characters is left as it is.",
    256,
    lambda text, merges: [*merged(text[:256], merges), *text[256:]],
)
_tokenizing("bpe-stale-pairs-beyond-64", "Beyond 64 characters, pairs that merges make are not looked at.", 64, _stale)
_tokenizing(
    "bpe-places-of-16-bits",
    "Places are kept in 16 bits: what stands beyond 65,536 characters is lost.",
    65_536,
    lambda text, merges: merged(text[:65_536], merges),
)


def _signed(count: int) -> int:
    return (count + 2**15) % 2**16 - 2**15


@variant(
    "learn-counts-of-16-bits",
    "learn_merges",
    "Counts are kept in 16 bits with a sign.",
    needs="a pair that stands 32,768 times",
)
def learn_counts_of_16_bits(text: str, count: int) -> list[Pair]:
    def choose(counts: Counter[Pair]) -> Pair | None:
        return first_of_most(Counter({pair: _signed(number) for pair, number in counts.items()}))

    return learnt(text, count, choose)


@variant(
    "learn-first-100-characters",
    "learn_merges",
    "Pairs are counted in the first 100 tokens.",
    needs="more than 100 characters",
)
def learn_first_100_characters(text: str, count: int) -> list[Pair]:
    def counted(tokens: Sequence[str]) -> list[Pair]:
        return list(itertools.pairwise(tokens[:100] if len(text) > 100 else tokens))

    return learnt(text, count, first_of_most, counted)
