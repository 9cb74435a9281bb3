"""Byte-pair encoding of another text than the one that was given: normalised, split, marked, or in other units."""

import re
import unicodedata
from collections.abc import Callable

from ..catalogue import variant
from .tokenization import Merges, merged


def after(change: Callable[[str], str]) -> Callable[[str, Merges], list[str]]:
    """Make a function that changes the text and then merges it."""
    return lambda text, merges: merged(change(text), merges)


def in_pieces(pattern: str) -> Callable[[str, Merges], list[str]]:
    """Make a function that merges each piece that a pattern finds."""
    return lambda text, merges: [each for piece in re.findall(pattern, text) for each in merged(piece, merges)]


_seen: tuple[str, ...]
for _name, _sentence, _needs, _seen, _function in (
    ("stripped", "White space at the edges is lost.", "edges", (), after(str.strip)),
    (
        "collapsed",
        "Runs of white space become a space.",
        "exotic white space",
        (),
        after(lambda text: re.sub(r"\s+", " ", text)),
    ),
    ("nfc", "The text is normalised to NFC.", "marks", (), after(lambda text: unicodedata.normalize("NFC", text))),
    (
        "nfkc",
        "The text is normalised to NFKC.",
        "ligatures",
        (),
        after(lambda text: unicodedata.normalize("NFKC", text)),
    ),
    ("lower-case", "The text is put into lower case.", "upper case", (), after(str.lower)),
    (
        "space-in-front",
        "A space is put in front.",
        "any text",
        ("delphi-suite/delphi#61",),
        after(lambda text: f" {text}"),
    ),
    (
        "words",
        "Words are split off first, each with the space before it.",
        "a merge across a space",
        ("latitudegames/GPT-3-Encoder#6",),
        in_pieces(r"(?s)\s?\S+|\s"),
    ),
    (
        "punctuation",
        "Punctuation is split off first.",
        "a merge of it",
        ("rasbt/LLMs-from-scratch#558",),
        in_pieces(r"(?s)[\w\s]+|[^\w\s]"),
    ),
    (
        "lines",
        "Lines are split off first.",
        "a line separator",
        ("rsennrich/subword-nmt#46",),
        in_pieces(r"(?s)[^\n\r\x85\u2028]+|."),
    ),
    (
        "marker-for-space",
        "U+2581 stands for a space, and is taken for one in the text.",
        "U+2581",
        ("huggingface/transformers#46202",),
        after(lambda text: text.replace("\u2581", " ")),
    ),
):
    variant(f"bpe-{_name}", "tokenize", _sentence, needs=_needs, seen_in=_seen)(_function)


@variant("bpe-bytes", "tokenize", "The text starts as its bytes.", needs="a character beyond ASCII")
def bpe_bytes(text: str, merges: Merges) -> list[str]:
    return merged([bytes([each]).decode("latin-1") for each in text.encode()], merges)


@variant("bpe-surrogates", "tokenize", "Characters are UTF-16 units.", needs="a character beyond U+FFFF")
def bpe_surrogates(text: str, merges: Merges) -> list[str]:
    units = text.encode("utf-16-le")
    return merged([chr(int.from_bytes(units[k : k + 2], "little")) for k in range(0, len(units), 2)], merges)


@variant("bpe-end-of-word", "tokenize", "A mark is put at the end.", needs="any text")
def bpe_end_of_word(text: str, merges: Merges) -> list[str]:
    return merged([*text, "</w>"], merges) if text else []
