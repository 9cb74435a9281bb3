"""Hugging Face tokenizers: its model BPE alone, without normaliser, pre-tokenizer or special tokens, and BpeTrainer.

A model knows no token that is not in its vocabulary, so each call makes one of the characters and what merges make.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

framework = "numpy"
package = "tokenizers"
extra = "tokenizers"
requires = ("tokenizers",)


def tokenize(text: str, merges: Sequence[Sequence[str]]) -> list[str]:
    """Tokenizer.encode(text).tokens."""
    tokens: list[str] = _tokenizer(text, merges).encode(text).tokens
    return tokens


def detokenize(tokens: Sequence[str], merges: Sequence[Sequence[str]]) -> str:
    """Tokenizer.decode; without a decoder it would put spaces between the tokens, so it has Fuse."""
    from tokenizers import decoders

    tokenizer = _tokenizer(tokens, merges)
    tokenizer.decoder = decoders.Fuse()
    vocabulary = tokenizer.get_vocab()
    text: str = tokenizer.decode([vocabulary[token] for token in tokens], skip_special_tokens=False)
    return text


def learn_merges(text: str, count: int) -> list[tuple[str, str]]:
    """BpeTrainer on one text; it takes the size of the vocabulary, in which the characters count."""
    import json

    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=len(set(text)) + count, min_frequency=0, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    return [(a, b) for a, b in json.loads(tokenizer.to_str())["model"]["merges"]]


def _tokenizer(tokens: Iterable[str], merges: Sequence[Sequence[str]]) -> "Tokenizer":
    from tokenizers import Tokenizer, models

    every = [*tokens, *(part for a, b in merges for part in (a, b, a + b))]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(every))}
    return Tokenizer(models.BPE(vocab=vocabulary, merges=[(a, b) for a, b in merges]))
