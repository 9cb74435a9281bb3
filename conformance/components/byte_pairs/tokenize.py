"""Tokenization: its cases, and what is read off a result. Its clauses are in `tokenize_clauses.py`.

Texts and merges are made from a few characters each, so that pairs compete, overlap and build on one another.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ....oracle.learn_merges import learn_merges
from ....oracle.tokenize import Pair
from ...cases.values import generator_of
from ...terms.case import Case
from ...terms.component import Component, Inputs, factor, register
from ...terms.generator import Generator
from ...terms.trial import Trial
from ...terms.verdict import Violation

ALPHABETS: Final = {
    "letters": "abc",
    "runs": "ab",
    "words": "the  n.",
    "white": "a \t\n\u00a0\u3000\u2028\u0085\u200b\r",
    "marks": "e\u0301a\u00e9\u0308\u212b\ufb01\u1100\u1161",
    "astral": "\U0001f600\U0001f469\u200d\U0001f3fd\U0001d4b3\ufe0f",
    "case": "aAiI\u0130\u0131\u00df\u03a3",
    "markers": "\u2581\u0120@#</w>\u010a",
    "control": "a\x00\x7f\ufeff\x1b\ufffd",
}
"""Kinds of text: the characters of each, the plainest kind first."""

FOUNDED: Final = ("random", "learnt", "unused", "none")
"""Lists of merges in which every merge comes after those of its parts, and no two make the same token."""

_TABLES: Final = (*FOUNDED, "repeated", "shuffled", "twice")
_LENGTHS: Final = (4, 1, 2, 3, 8, 20, 60, 0)
_COUNTS: Final = (2, 1, 3, 5, 12, 40)

TEXTS: Final = {
    "text": factor("text", *ALPHABETS),
    "length": factor("L", *_LENGTHS),
}
"""The factors of a text."""

MERGES: Final = {
    "merges": factor("merges", *_TABLES),
    "count": factor("count", *_COUNTS),
}
"""The factors of a list of merges."""


def text_of(case: Case, purpose: str = "text", length: int | None = None) -> str:
    """Make a text of the case's kind."""
    generator = generator_of(case, purpose)
    size = case["L"] if length is None else length
    # By number: an array of texts would lose a final U+0000.
    alphabet = ALPHABETS[case["text"]]
    characters = [alphabet[int(k)] for k in generator.integers(0, len(alphabet), size)]
    if case["text"] == "runs":
        # A run ends with a probability of 0.3, so that its length is geometric.
        first = np.maximum.accumulate(np.where(generator.random(size) < 0.3, np.arange(size), 0))
        characters = [characters[int(k)] for k in first]
    return "".join(characters)


def some_characters(trial: Trial, count: int) -> list[str]:
    """Choose so many different ones of the case's kind."""
    characters = list(dict.fromkeys(ALPHABETS[trial.case["text"]] + "wxyz"))
    return [characters[int(k)] for k in trial.generator("characters").permutation(len(characters))[:count]]


def merges_of(case: Case) -> list[list[str]]:
    """Make a list of merges of the case's kind, as lists, as they come out of JSON."""
    generator, kind, count = generator_of(case, "merges"), case["merges"], case["count"]
    if kind == "none":
        return []
    if kind == "learnt":
        pairs = _founded(learn_merges(text_of(case, "training text", 200), count))
    else:
        pairs = _random(case, count, generator, anew=kind != "twice")
    if kind == "unused":
        # Characters that no text has, and tokens that nothing makes.
        strange = [("q", "z"), ("qz", pairs[0][0] if pairs else "q"), (pairs[0][0] if pairs else "z", "q")]
        pairs = [*strange, *pairs]
    if kind == "repeated":
        again = [pairs[int(k)] for k in generator.integers(0, len(pairs), len(pairs))]
        pairs = [*pairs, *again, *pairs[::-1]]
    if kind in ("shuffled", "twice"):
        pairs = [pairs[int(k)] for k in generator.permutation(len(pairs))]
    return [list(pair) for pair in pairs]


def _random(case: Case, count: int, generator: Generator, *, anew: bool) -> list[Pair]:
    """Draw pairs of tokens that there are by then; `anew`: what they make is a new token."""
    tokens = list(dict.fromkeys(ALPHABETS[case["text"]]))
    pairs: dict[Pair, None] = {}
    for _ in range(10 * count):
        # Short tokens twice as often: long ones are rare in a text.
        place = np.minimum(generator.integers(0, len(tokens), 2), generator.integers(0, len(tokens), 2))
        pair = (tokens[int(place[0])], tokens[int(place[1])])
        if pair in pairs or (anew and "".join(pair) in tokens) or len("".join(pair)) > 8:
            continue
        pairs[pair] = None
        if "".join(pair) not in tokens:
            tokens.append("".join(pair))
        if len(pairs) == count:
            break
    return list(pairs)


def _founded(pairs: list[Pair]) -> list[Pair]:
    """Keep those of the pairs that make a new token."""
    made: dict[str, Pair] = {}
    for pair in pairs:
        made.setdefault("".join(pair), pair)
    return list(made.values())


def _make(case: Case) -> Inputs:
    return Inputs({}, {"text": text_of(case), "merges": merges_of(case)})


LONG_TEXTS: Final = (
    {"text": "runs", "L": 300, "count": 12},
    {"text": "letters", "L": 1000, "count": 40},
    {"text": "runs", "L": 100_000, "count": 3},
)
"""Texts that are longer than pieces, caches and counters are made for, with fewer merges where each takes long."""


def _probes(dtype: str) -> list[Case]:
    return [TOKENIZE.plainest(dtype, seed).but(merges="learnt", **each) for seed, each in enumerate(LONG_TEXTS)]


TOKENIZE: Component = register(
    Component(
        name="tokenize",
        formula="the characters of the text; of the neighbours in `merges`, the first listed pair is joined until none "
        "is",
        source="Sennrich et al. 2016, section 3.2; paper, section 5.1",
        factors={**TEXTS, **MERGES},
        inputs=_make,
        probes=_probes,
    )
)


def tokens_of(data: Any, what: str = "the result") -> list[str]:
    """Read a list of texts; `Violation` in words if it is none."""
    if not isinstance(data, list):
        raise Violation(f"{what} is {shown(data)}, but should be a list of texts")
    for place, each in enumerate(data):
        if not isinstance(each, str):
            raise Violation(f"{what}[{place}] is {shown(each)}, but should be a text")
    return data


def shown(value: Any) -> str:
    """Write a value in a sentence, cut where it is long; escapes are ASCII, so that what is invisible shows."""
    text = ascii(value) if isinstance(value, str | list | tuple) else repr(value)
    return text if len(text) <= 160 else f"{text[:150]} ... ({len(value)} long)"


def given(inputs: Inputs) -> str:
    """Write the arguments of a call in a sentence."""
    return ", ".join(f"{name} {shown(value)}" for name, value in inputs.options.items())


def require_no_memory(trial: Trial, require: Callable[[Trial, Inputs], float], *before: Inputs) -> float:
    """Require after other calls that the result is as it should be, and the same a second time."""
    for each in before:
        trial.data(each)
    ratio, first = require(trial, trial.inputs), trial.data()
    if (again := trial.data()) != first:
        raise Violation(f"{given(trial.inputs)}: first {shown(first)}, then {shown(again)}")
    return ratio


def normalised(text: str) -> dict[str, str]:
    """Do what is often done to a text beforehand: name -> the text after it."""
    forms = {form: unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    return {"lower case": text.lower(), "white space stripped": text.strip(), **forms}
