"""The clauses of tokenization. Tokens are compared with the reference, since any segmentation survives a round trip."""

from typing import Final

from ....oracle.tokenize import neighbours, tokenize, vocabulary_size
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .tokenize import FOUNDED, given, normalised, require_no_memory, shown, some_characters, text_of, tokens_of

_SOURCE = "Sennrich et al. 2016, section 3.2"
_CONTRACT = "the contract: a text starts as its characters, with no splitting before and no end-of-word mark"

_WHITE: Final = " \t\n\r\u00a0\u0085\u2028\u2029\u3000\u200b"


def _required(trial: Trial, inputs: Inputs | None = None) -> float:
    """Require the tokens of the reference."""
    inputs = inputs or trial.inputs
    tokens, due = tokens_of(trial.data(inputs)), tokenize(**inputs.options)
    if tokens != due:
        raise Violation(f"{given(inputs)}: the tokens are {shown(tokens)}, but should be {shown(due)}")
    return 0.0


def _required_of(trial: Trial, text: str, *merges: tuple[str, str]) -> float:
    return _required(trial, Inputs({}, {"text": text, "merges": [list(pair) for pair in merges]}))


@clause(
    "BPE-1",
    "tokenize",
    "Of the neighbours that are in `merges`, the pair that is listed first is merged, wherever it stands.",
    formula="(a, b) = the first in merges of all (s_i, s_i+1); s = s with a, b replaced by ab, from left to right",
    role="decides",
    why="It compares the tokens with the reference's on every kind of text; BPE-4 to 12 say what is wrong.",
    source=_SOURCE,
    covering=True,
    prepare=lambda case: case if case["merges"] in FOUNDED else None,
)
def in_order_of_rank(trial: Trial) -> float:
    """Take lists as they are learnt: parts before what they make."""
    return _required(trial)


@clause(
    "BPE-2",
    "tokenize",
    "All occurrences of a pair are merged before any pair that they make is looked at, in any list of merges.",
    formula="for merges (ab, a), (a, b): abab -> ab ab, and not aba b",
    source=f"{_SOURCE}, whose program replaces every occurrence at once",
    covering=True,
    prepare=lambda case: case if case["merges"] in ("shuffled", "twice") else None,
)
def everywhere_at_once(trial: Trial) -> float:
    """List merges before those of their parts, and make tokens by two merges."""
    a, b, c = some_characters(trial, 3)
    _required_of(trial, a + b + c, (a + b, c), (a, b))  # there only later, and merged all the same
    _required_of(trial, a + b + a + b, (a + b, a), (a, b))
    return _required(trial)


@clause(
    "BPE-3",
    "tokenize",
    "A pair that is listed more than once has the place of its first entry.",
    formula="rank(a, b) = min {i : merges_i = (a, b)}",
    source="the contract: the one that comes first in `merges`",
    covering=True,
    prepare=lambda case: case if case["merges"] == "repeated" else None,
)
def first_entry_counts(trial: Trial) -> float:
    """Repeat merges in the same order, at random and in reverse."""
    a, b, c = some_characters(trial, 3)
    _required_of(trial, a + b + c, (a, b), (b, c), (a, b))
    return _required(trial)


@clause(
    "BPE-4",
    "tokenize",
    "The tokens joined are the text, character for character.",
    formula="t_1 t_2 ... t_n = text",
    role="decides",
    why="It needs no reference, and names the normalisation that has changed the text.",
    source=_CONTRACT,
    covering=True,
)
def nothing_lost(trial: Trial) -> float:
    """Join the tokens; if they are the text after some normalisation, name it."""
    text, joined = trial.inputs.options["text"], "".join(tokens_of(trial.data()))
    if joined != text:
        name = next((name for name, form in normalised(text).items() if form == joined), None)
        raise Violation(
            f"the text {shown(text)} has tokens that join to {shown(joined)}"
            + (f", the text in {name}" if name else "")
        )
    return 0.0


@clause(
    "BPE-5",
    "tokenize",
    "Every token is a character or what a merge makes, so the vocabulary's size bounds how many there are.",
    formula="t_i in characters + {ab : (a, b) in merges}",
    role="decides",
    why="It needs no reference: a mark, or a pair put together in reverse, is no token of the vocabulary.",
    source=f"{_SOURCE}; the vocabulary's size is the first dimension of the embedding's matrix",
    covering=True,
)
def of_the_vocabulary(trial: Trial) -> float:
    """Look at each token, without the reference."""
    text, merges = trial.inputs.options["text"], trial.inputs.options["merges"]
    tokens = tokens_of(trial.data())
    made = {a + b for a, b in merges}
    for token in tokens:
        if token not in made and len(token) != 1:
            raise Violation(
                f"{given(trial.inputs)}: the token {shown(token)} is neither a character nor made by a merge"
            )
    return len(set(tokens)) / max(vocabulary_size(merges, text), 1)


@clause(
    "BPE-6",
    "tokenize",
    "Nothing is left to merge.",
    formula="no (t_i, t_i+1) is in merges",
    role="decides",
    why="It needs no reference: one pass too few, or a text cut into pieces, leaves pairs to merge.",
    source=_SOURCE,
    covering=True,
)
def nothing_left(trial: Trial) -> float:
    """Look for a pair that is left, without the reference."""
    tokens, merges = tokens_of(trial.data()), {tuple(pair) for pair in trial.inputs.options["merges"]}
    for pair in neighbours(tokens):
        if pair in merges:
            raise Violation(f"{given(trial.inputs)}: {shown(pair)} still stand side by side in {shown(tokens)}")
    return 0.0


@clause(
    "BPE-7",
    "tokenize",
    "Without merges the tokens are the characters, and an empty text has none.",
    formula="merges = () -> t_i = text_i",
    role="decides",
    why="It has no merges to blame: only how a text is cut into characters is left to be wrong.",
    source=_CONTRACT,
)
def characters(trial: Trial) -> float:
    """Require code points: neither bytes, nor surrogates, nor graphemes."""
    text = trial.inputs.options["text"]
    for each in (text, "", "e\u0301\U0001f469\u200d\U0001f680"):
        _required_of(trial, each)
    _required(trial, trial.inputs.but(text=""))
    return 0.0


@clause(
    "BPE-8",
    "tokenize",
    "In a run of one character, overlapping pairs are merged from left to right.",
    formula="for merges (a, a): aaaaa -> aa aa a",
    role="decides",
    why="It names runs of one character, where pairs overlap and the direction decides.",
    source=f"{_SOURCE}, whose program substitutes from left to right",
)
def runs(trial: Trial) -> float:
    """Take runs of up to 9, under one, two and three merges."""
    a, b = some_characters(trial, 2)
    tables = ([(a, a)], [(a, a), (a + a, a + a)], [(a, a), (a + a, a)], [(a, b), (a, a), (a + a, a + b)])
    for length in range(10):
        for table in tables:
            _required_of(trial, a * length, *table)
            _required_of(trial, a * length + b, *table)
    return 0.0


@clause(
    "BPE-9",
    "tokenize",
    "The order of the list decides, not the order of the text, nor the length of a token.",
    formula="for merges (b, c), (a, b): abc -> a bc; for (a, b), (b, c), (bc, d): abcd -> ab c d",
    role="decides",
    why="It has seven texts by hand, each of which tells the order of the list from another rule.",
    source=_SOURCE,
)
def order_of_the_list(trial: Trial) -> float:
    """Take what scanning from either end, longest match and looking up joined texts get wrong."""
    a, b, c, d = some_characters(trial, 4)
    for text, merges in (
        (a + b + c, [(b, c), (a, b)]),  # not from the left
        (a + b + c, [(a, b), (b, c)]),  # not from the right
        (a + b + c + d, [(a, b), (b, c), (b + c, d)]),  # not the longest: bcd is a token
        (a + b + c, [(a, b), (a, b + c)]),  # abc is a token, but not of ab and c
        (b + c + d, [(c, d), (b, c), (b + c, d)]),  # likewise: (b, cd) is no merge
        (a + b + a + b, [(b, a), (a, b)]),  # the middle first
        (a + b + c + d, [(b, c), (a, b), (c, d), (b + c, d), (a, b + c + d)]),  # all levels
    ):
        _required_of(trial, text, *merges)
    return 0.0


@clause(
    "BPE-10",
    "tokenize",
    "The text is one piece: white space and punctuation are characters like any others, at its edges too.",
    formula="for merges (a, _), (a_, b): a_b -> a_b",
    role="decides",
    why="It puts each kind of white space at each place of a text, where splitting into words would show.",
    source=_CONTRACT,
)
def one_piece(trial: Trial) -> float:
    """Put each kind of white space inside, at either end, and doubled."""
    a, b = some_characters(trial, 2)
    for w in (*_WHITE, ".", "'", "-"):
        if w in (a, b):
            continue
        _required_of(trial, a + w + b, (a, w), (a + w, b))
        _required_of(trial, w + a + w + w, (w, a), (w, w))
        _required_of(trial, w * 3)
    return 0.0


@clause(
    "BPE-11",
    "tokenize",
    "A call does not depend on the calls before it.",
    formula="f(x) after f(x') = f(x)",
    role="decides",
    why="It calls with other merges and with another text first: a cache by the text alone is reported as such.",
    source="a formula has no memory",
    prepare=lambda case: case.but(L=max(case["L"], 8), merges="random", seed=case["seed"] + 2**20),
)
def no_memory(trial: Trial) -> float:
    """Call before it with the same text and other merges, and the same merges and another text."""
    merges, another = trial.inputs.options["merges"], text_of(trial.case, "another text")
    others = [trial.inputs.but(merges=[]), trial.inputs.but(merges=merges[::-1]), trial.inputs.but(text=another)]
    return require_no_memory(trial, _required, *others)


def _extended(case: Case) -> Case:
    return case.but(L=max(case["L"], 8), merges="random")


@clause(
    "BPE-12",
    "tokenize",
    "A character that no merge has separates: what stands on either side of it is tokenized by itself.",
    formula="f(x | y) = f(x), |, f(y)   for a character | that is in no merge",
    role="decides",
    why="It compares three calls: what stands beyond a character that no merge has must not matter.",
    source=_SOURCE,
    prepare=_extended,
)
def separated(trial: Trial) -> float:
    """Take two texts of one kind."""
    merges, separator = trial.inputs.options["merges"], "\u2042"
    left, right = trial.inputs.options["text"], text_of(trial.case, "another text")
    one, other, both = (
        tokens_of(trial.data(Inputs({}, {"text": text, "merges": merges})))
        for text in (left, right, left + separator + right)
    )
    if both != [*one, separator, *other]:
        raise Violation(
            f"{shown(left)} has the tokens {shown(one)}, {shown(right)} has {shown(other)}, but with {separator!a} "
            f"between them there are {shown(both)}"
        )
    return 0.0
