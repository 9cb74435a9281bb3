"""What is judged of a set of study notes on the paper: each row of theirs, its oracle, its clauses, and on whom.

The notes hold eighteen items, N1 to N18: formulas, definitions and claims. A claim has a verdict, too: `claims` of this
folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...adapters import Listed
from ..components import COMPONENTS, clauses_of
from . import claims


@dataclass(frozen=True)
class Note:
    """One item of the notes, and what it is about."""

    number: str
    says: str
    components: tuple[str, ...]
    clauses: tuple[str, ...] = ()
    """Those of the components' own clauses that are about it; empty: all of them."""
    further: tuple[str, ...] = ()
    """Oracle functions beside those of the components."""
    verdict: str = ""
    """Of a claim that clauses refute, not figures."""


@dataclass(frozen=True)
class Covered:
    """One line of the table."""

    number: str
    says: str
    functions: tuple[str, ...]
    clauses: tuple[str, ...]
    verdict: str
    """Of a claim; empty where there is none."""
    adapters: tuple[str, ...]


NOTES: Final = (
    Note(
        "N1",
        "The decoder turns symbols into continuous features, the encoder continuous ones into symbols",
        ("encoder", "decoder"),
        ("ENC-1", "DEC-1", "DEC-4"),
        verdict="false: the reverse",
    ),
    Note(
        "N2",
        "Attention in general: output = sum of weight times value, the weights by any method",
        ("additive_attention", "bilinear_attention", "attention"),
        further=("general_attention",),
    ),
    Note("N3", "The weights come from the input: another linear map for another input", ("attention",), ("SDPA-9",)),
    Note("N4", "Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V", ("attention", "softmax")),
    Note("N5", "d_v need not be d_k", ("multi_head_attention", "attention"), ("MHA-1", "MHA-2", "SDPA-10")),
    Note("N6", "1/sqrt(d_k) keeps the softmax out of regions of tiny gradient", ("attention",), ("SDPA-10", "SDPA-13")),
    Note("N7", "FFN(x) = max(0, x W_1 + b_1) W_2 + b_2", ("feed_forward",)),
    Note(
        "N8",
        "The FFN is two convolutions with kernel size 1",
        ("feed_forward",),
        ("FFN-1", "FFN-2"),
        ("feed_forward_as_convolutions",),
    ),
    Note(
        "N9",
        "Embedding times sqrt(d_model), and one matrix shared with the linear map before the softmax",
        ("embedding", "output_logits", "decoder"),
    ),
    Note("N10", "PE: sines and cosines of pos / 10000^(2i/d_model)", ("positional_encoding",)),
    Note("N11", "Every dimension has its own encoding", ("positional_encoding",)),
    Note("N12", "Every length works: PE(pos + k) is a rotation of PE(pos)", ("positional_encoding",)),
    Note("N13", "A plain function of the position would be confused or leave its range", ("positional_encoding",)),
    Note("N14", "Token: the basic unit of text", ("tokenize", "detokenize")),
    Note("N15", "Tokenization: byte-pair encoding", ("tokenize", "detokenize", "learn_merges")),
    Note("N16", "Vocabulary size: the number of distinct tokens", ("tokenize",), ("BPE-5",), ("vocabulary_size",)),
    Note("N17", "Adam, and the learning rate with warm-up", ("adam", "learning_rate")),
    Note("N18", "Beam search with a length penalty", ("beam_search",)),
    Note("around", "Multi-head attention", ("multi_head_attention",)),
    Note(
        "around",
        "Residual sums, normalisation after each sub-layer, layers",
        ("layer_norm", "encoder_layer", "decoder_layer"),
    ),
    Note("since", "Normalisation by the root mean square, without a mean", ("rms_norm",)),
    Note("since", "The feed-forward network with a gate", ("gated_feed_forward",)),
    Note("around", "Dropout", ("dropout",)),
    Note("around", "Label smoothing and the loss", ("cross_entropy", "log_softmax")),
)


def covered(adapters: Sequence[Listed]) -> list[Covered]:
    """Make the table for those adapters, of which only installed ones count."""
    return [_of(note, adapters) for note in NOTES]


def _of(note: Note, adapters: Sequence[Listed]) -> Covered:
    ids = note.clauses or tuple(
        clause.id
        for name in note.components
        for clause in clauses_of(COMPONENTS[name])
        if clause.component == name or clause.id in ("ALL-1", "GRAD-1")
    )
    judged = tuple(each.name for each in adapters if each.installed and set(note.components) & set(each.functions))
    claim = claims.get(note.number)
    functions = (*note.components, *note.further)
    return Covered(
        note.number, note.says, functions, tuple(dict.fromkeys(ids)), claim.verdict if claim else note.verdict, judged
    )


def ranges(ids: Sequence[str]) -> Iterator[str]:
    """`SM-1 to SM-5` for five ids in a row; what is no id of ours stays as it is."""
    k = 0
    while k < len(ids):
        last = k
        while last + 1 < len(ids) and ids[last + 1] == _next(ids[last]):
            last += 1
        yield ids[k] if last == k else f"{ids[k]} to {ids[last]}"
        k = last + 1


def _next(name: str) -> str | None:
    """Give the id that follows one; of what is no id, none."""
    prefix, _, number = name.rpartition("-")
    return f"{prefix}-{int(number) + 1}" if number.isdecimal() and len(number) < 10 else None
