"""Detokenization: its cases, and the clauses that only it has."""

from ....oracle.tokenize import tokenize
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, register
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .tokenize import ALPHABETS, MERGES, TEXTS, given, merges_of, require_no_memory, shown, text_of

_SOURCE = "Sennrich et al. 2016, section 3.2: a merge joins its parts"


def _make(case: Case) -> Inputs:
    merges = merges_of(case)
    return Inputs({}, {"tokens": tokenize(text_of(case), merges), "merges": merges})


DETOKENIZE: Component = register(
    Component(
        name="detokenize",
        formula="t_1 t_2 ... t_n",
        source="Sennrich et al. 2016, section 3.2",
        factors={**TEXTS, **MERGES},
        inputs=_make,
    )
)


def _required(trial: Trial, inputs: Inputs) -> float:
    text, due = trial.data(inputs), "".join(inputs.options["tokens"])
    if not isinstance(text, str):
        raise Violation(f"the result is {shown(text)}, but should be a text")
    if text != due:
        raise Violation(f"{given(inputs)}: the text is {shown(text)}, but should be {shown(due)}")
    return 0.0


@clause(
    "BPE-13",
    "detokenize",
    "The text is the tokens joined, with nothing between them and nothing tidied.",
    formula="text = t_1 t_2 ... t_n",
    role="decides",
    why="It joins what texts have for tokens, on every kind of text; BPE-14 has tokens that none has.",
    source=_SOURCE,
    covering=True,
)
def joined(trial: Trial) -> float:
    """Take the tokens of a text under the merges."""
    return _required(trial, trial.inputs)


@clause(
    "BPE-14",
    "detokenize",
    "Tokens that no tokenizer would give are joined as well: a model may write any.",
    formula="text = t_1 t_2 ... t_n",
    role="decides",
    why="It joins tokens that no text has: every product of a merge, white space alone, none at all.",
    source=_SOURCE,
)
def any_tokens(trial: Trial) -> float:
    """Take the characters of the alphabet, each twice; every product; none at all; white space alone."""
    merges, characters = trial.inputs.options["merges"], list(ALPHABETS[trial.case["text"]])
    for tokens in (2 * characters, [a + b for a, b in merges], [], [" "], ["\n", "\u00a0"]):
        _required(trial, trial.inputs.but(tokens=tokens))
    return 0.0


@clause(
    "BPE-15",
    "detokenize",
    "Detokenizing the tokens of any text gives that text.",
    formula="detokenize(tokenize(text)) = text",
    source="the contract: no splitting before, so nothing is lost",
    covering=True,
)
def round_trip(trial: Trial) -> float:
    """Call both of the implementation, in this order, in one process."""
    text, merges = text_of(trial.case), trial.inputs.options["merges"]
    tokens = trial.other("tokenize", Inputs({}, {"text": text, "merges": merges}))
    back = trial.data(Inputs({}, {"tokens": tokens, "merges": merges}))
    if back != text:
        raise Violation(f"the text {shown(text)} has the tokens {shown(tokens)}, and these the text {shown(back)}")
    return 0.0


@clause(
    "BPE-16",
    "detokenize",
    "A call does not depend on the calls before it.",
    formula="f(x) after f(x') = f(x)",
    role="decides",
    why="It calls with fewer tokens first and with none: what is left over from these is reported as such.",
    source="a formula has no memory",
)
def no_memory(trial: Trial) -> float:
    """Call before it with fewer tokens, and with none."""
    tokens = trial.inputs.options["tokens"]
    return require_no_memory(trial, _required, trial.inputs.but(tokens=tokens[:-1]), trial.inputs.but(tokens=[]))
