"""Functions that are right one by one, and wrong together: what the clauses about two functions alone can see."""

from collections.abc import Sequence
from typing import ClassVar

from .arithmetic import Array, wide
from .byte_pairs.tokenization import Merges, merged
from .catalogue import variant
from .embedding.right import embed
from .layers.right import Weights, contract, layers
from .layers.stacks import Stacks
from .output_logits.right import logits

# Embedding and logits: tied by a copy, where one reference is due.

_tied: dict[object, Array] = {}


@wide
def _logits_of_the_copy(hidden: Array, weight: Array) -> Array:
    return logits(hidden, _tied.get((weight.shape, weight.dtype), weight))


@variant(
    "embedding-tied-by-copy",
    "embedding",
    "The logits read a copy of the matrix, made when the embedding first saw it.",
    needs="embedding and logits of one matrix, before and after an update",
    beside={"output_logits": _logits_of_the_copy},
)
@wide
def embedding_tied_by_copy(tokens: Array, weight: Array) -> Array:
    _tied.setdefault((weight.shape, weight.dtype), weight.copy())
    return embed(tokens, weight)


# Encoder and decoder: one count of positions for both.


class _Counting(Stacks):
    """The module of the positions is shared; the encoder leaves it where the source ended."""

    start: ClassVar[list[int]] = [0]

    def encoder(self, tokens: Array, w: Weights, *, mask: Array | None = None) -> Array:
        """Turn symbols into vectors."""
        self.start[0] = 0
        result = super().encoder(tokens, w, mask=mask)
        self.start[0] = tokens.shape[1]
        return result

    def decoder(self, tokens: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
        """Turn symbols and a memory into logits."""
        result = super().decoder(tokens, memory, w, **masks)
        self.start[0] = 0
        return result

    def positions(self, length: int, d_model: int) -> Array:
        """Count the positions on from where the last call ended."""
        return super().positions(self.start[0] + length, d_model)[self.start[0] :]


layers(
    "decoder-positions-after-source",
    "decoder",
    "The first decoder pass after an encoder's counts its positions on from the end of the source.",
    needs="an encoder and a decoder that share the count",
    beside={"encoder": contract(_Counting, "encoder")},
)(_Counting)


# Tokenizing and detokenizing: the text is kept for its tokens.

_last: list[tuple[list[str], str]] = []


def _tokenize_and_keep(text: str, merges: Merges) -> list[str]:
    tokens = merged(text, merges)
    _last[:] = [(tokens, text.strip())]
    return tokens


@variant(
    "detokenize-text-kept",
    "detokenize",
    "The text of the last tokens is kept by `tokenize`, without the white space at its edges.",
    needs="tokens that `tokenize` has just given",
    beside={"tokenize": _tokenize_and_keep},
)
def detokenize_text_kept(tokens: Sequence[str], merges: Merges) -> str:
    kept, text = _last.pop() if _last else ([], "")
    return text if kept == list(tokens) else "".join(tokens)
