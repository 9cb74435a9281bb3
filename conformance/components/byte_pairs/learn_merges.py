"""Learning merges: its cases, and the clauses that only it has.

Which of equally frequent pairs is merged, the algorithm leaves open: a list of merges is judged step by step, each
under the merges before it.
"""

from collections import Counter
from collections.abc import Iterator

from ....oracle.tokenize import Pair, merged, neighbours
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .tokenize import LONG_TEXTS, TEXTS, given, require_no_memory, shown, some_characters, text_of

_SOURCE = "Sennrich et al. 2016, algorithm 1"


def _make(case: Case) -> Inputs:
    return Inputs({}, {"text": text_of(case), "count": case["count"]})


def _probes(dtype: str) -> list[Case]:
    return [LEARN_MERGES.plainest(dtype, seed).but(**each) for seed, each in enumerate(LONG_TEXTS)]


LEARN_MERGES: Component = register(
    Component(
        name="learn_merges",
        formula="count times: a most frequent pair of neighbours becomes one token everywhere",
        source=_SOURCE,
        factors={**TEXTS, "count": factor("count", 1, 2, 3, 5, 12, 40, 0)},
        inputs=_make,
        probes=_probes,
    )
)


def _pairs(trial: Trial, inputs: Inputs | None = None) -> list[Pair]:
    """Read the merges; `Violation` in words if they are no pairs of texts."""
    data = trial.data(inputs)
    if not isinstance(data, list):
        raise Violation(f"the result is {shown(data)}, but should be a list of pairs of texts")
    for place, pair in enumerate(data):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise Violation(f"the result[{place}] is {shown(pair)}, but should be a pair of texts")
    return [(pair[0], pair[1]) for pair in data]


def _steps(text: str, pairs: list[Pair]) -> Iterator[tuple[Pair, Counter[Pair]]]:
    """Yield each merge, and how often every pair stands in the text by then."""
    tokens = list(text)
    for pair in pairs:
        yield pair, Counter(neighbours(tokens))
        tokens = merged(tokens, pair)


def _required(trial: Trial, inputs: Inputs) -> float:
    """Require that each pair is one of the most frequent."""
    pairs = _pairs(trial, inputs)
    for step, (pair, counts) in enumerate(_steps(inputs.options["text"], pairs)):
        most = max(counts.values(), default=0)
        if counts[pair] < most or not most:
            better = [each for each, count in counts.items() if count == most]
            said = f"{shown(better[0])} stands there {most} times" if better else "no pair is left"
            raise Violation(
                f"{given(inputs)}: merge {step} is {shown(pair)}, which stands {counts[pair]} times in the text as it "
                f"is by then, but {said}"
            )
    return 0.0


@clause(
    "BPE-17",
    "learn_merges",
    "Each merge is a most frequent pair of neighbours, counted in the text as the merges before it leave it.",
    formula="count(a, b) = max over all pairs",
    source=_SOURCE,
    covering=True,
)
def most_frequent(trial: Trial) -> float:
    """Accept any of equally frequent ones."""
    return _required(trial, trial.inputs)


@clause(
    "BPE-18",
    "learn_merges",
    "There are as many merges as were asked for, or fewer only if one token is left.",
    formula="|merges| = min(count, merges until the text is one token)",
    source=f"{_SOURCE}: for i in range(num_merges)",
    covering=True,
)
def as_many(trial: Trial) -> float:
    """Count the merges: pairs that occur once are merged, too."""
    pairs, text, count = _pairs(trial), trial.inputs.options["text"], trial.inputs.options["count"]
    if len(pairs) > count:
        raise Violation(f"{given(trial.inputs)}: there are {len(pairs)} merges")
    tokens = list(text)
    for pair in pairs:
        tokens = merged(tokens, pair)
    if len(pairs) < count and len(tokens) > 1:
        raise Violation(f"{given(trial.inputs)}: there are {len(pairs)} merges only, but {shown(tokens)} are left")
    return 0.0


@clause(
    "BPE-19",
    "learn_merges",
    "Overlapping pairs are counted where they stand.",
    formula="count(a, a) in aaaaa = 4",
    role="decides",
    why="It has texts by hand in which counting without overlaps prefers another pair.",
    source=f"{_SOURCE}, get_stats: for i in range(len(symbols) - 1)",
)
def overlaps(trial: Trial) -> float:
    """Give another pair a count between the number of those that could be merged and that of all."""
    a, b, c = some_characters(trial, 3)
    for run in range(5, 10):
        for text in (a * run + (b + c) * (run - 2), (b + c) * (run - 2) + a * run):
            _required(trial, Inputs({}, {"text": text, "count": 3}))
    return 0.0


@clause(
    "BPE-20",
    "learn_merges",
    "A longer list of merges begins with the shorter one.",
    formula="merges(count)_i = merges(count + k)_i",
    role="decides",
    why="It compares two lists: a choice among equals that depends on how many are wanted cannot be relied on.",
    source=_SOURCE,
    prepare=lambda case: case.but(L=max(case["L"], 8)),
)
def longer_list(trial: Trial) -> float:
    """Ask for more: the choice among equals is the implementation's, but it makes the same one."""
    few = _pairs(trial)
    many = _pairs(trial, trial.inputs.but(count=trial.case["count"] + 4))
    if many[: len(few)] != few:
        raise Violation(f"{given(trial.inputs)}: {shown(few)}; with count {trial.case['count'] + 4}: {shown(many)}")
    return 0.0


@clause(
    "BPE-21",
    "learn_merges",
    "A call does not depend on the calls before it.",
    formula="f(x) after f(x') = f(x)",
    role="decides",
    why="It learns from another text of the same characters first: counts that are kept are reported as such.",
    source="a formula has no memory",
)
def no_memory(trial: Trial) -> float:
    """Call before it with another text of the same characters."""
    return require_no_memory(trial, _required, trial.inputs.but(text=text_of(trial.case, "another text", 40)))
