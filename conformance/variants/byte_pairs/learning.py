"""Byte-pair encoding, the other way: the text of tokens, and merges from a text."""

import heapq
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from ..catalogue import variant
from .tokenization import Merges, Pair, joined

# Right: detokenize


@variant("detokenize-plain", "detokenize", "The tokens are joined.", wrong=False)
def detokenize_plain(tokens: Sequence[str], merges: Merges) -> str:
    return "".join(tokens)


@variant("detokenize-split", "detokenize", "Merges are undone, last first, and the characters joined.", wrong=False)
def detokenize_split(tokens: Sequence[str], merges: Merges) -> str:
    parts = {a + b: (a, b) for a, b in merges}
    waiting, text = list(reversed(tokens)), []
    while waiting:
        token = waiting.pop()
        waiting += reversed(parts[token]) if token in parts else []
        text += [] if token in parts else [token]
    return "".join(text)


# Wrong: detokenize

_LAST: list[str] = []


@variant("detokenize-state-kept", "detokenize", "The last token of a call is put before the next.", needs="two calls")
def detokenize_state_kept(tokens: Sequence[str], merges: Merges) -> str:
    before, _LAST[:] = "".join(_LAST), tokens[-1:]
    return before + "".join(tokens)


_seen: tuple[str, ...]
for _name, _sentence, _seen, _function in (
    ("spaces", "Spaces stand between the tokens.", (), lambda tokens: " ".join(tokens)),
    (
        "stripped",
        "White space at the edges of the text is lost.",
        ("huggingface/transformers#47473",),
        lambda tokens: "".join(tokens).strip(),
    ),
    (
        "tokens-stripped",
        "White space in front of a token is lost.",
        ("PaddlePaddle/PaddleNLP#9010",),
        lambda tokens: "".join(token.lstrip(" ") for token in tokens),
    ),
    ("tidied", "The space before punctuation is lost.", (), lambda tokens: re.sub(r" ([.,])", r"\1", "".join(tokens))),
    (
        "split-and-joined",
        "Empty pieces of a split are lost.",
        ("google/sentencepiece#185",),
        lambda tokens: "".join(" ".join(tokens).split()),
    ),
    ("markers", "U+0120 becomes a space.", (), lambda tokens: "".join(tokens).replace("\u0120", " ")),
    ("bytes", "What is no ASCII is lost.", (), lambda tokens: "".join(tokens).encode("ascii", "ignore").decode()),
    ("once", "A token that comes twice in a row is taken once.", (), lambda tokens: "".join(_unlike(tokens))),
    ("reversed", "The last token comes first.", (), lambda tokens: "".join(reversed(tokens))),
):
    variant(f"detokenize-{_name}", "detokenize", _sentence, needs="any text that shows it", seen_in=_seen)(
        lambda tokens, merges, _function=_function: _function(tokens)
    )


def _unlike(tokens: Sequence[str]) -> Iterable[str]:
    return (token for k, token in enumerate(tokens) if not k or token != tokens[k - 1])


# Right: learn_merges


def learnt(
    text: str,
    count: int,
    choose: Callable[[Counter[Pair]], Pair | None],
    counted: Callable[[Sequence[str]], Iterable[Pair]] = itertools.pairwise,
) -> list[Pair]:
    """Learn merges with a choice and a counting of pairs that are left open."""
    tokens = list(text)
    merges: list[Pair] = []
    while len(merges) < count and len(tokens) > 1 and (pair := choose(Counter(counted(tokens)))):
        merges.append(pair)
        tokens = joined(tokens, pair)
    return merges


def first_of_most(counts: Counter[Pair]) -> Pair | None:
    """Choose the most frequent pair, the first in the text of several."""
    return max(counts, key=counts.__getitem__, default=None)


@variant("learn-first", "learn_merges", "Of equals, the pair that stands first, as in Sennrich's program.", wrong=False)
def learn_first(text: str, count: int) -> list[Pair]:
    return learnt(text, count, first_of_most)


@variant("learn-largest", "learn_merges", "Of equals, the largest pair, as in subword-nmt.", wrong=False)
def learn_largest(text: str, count: int) -> list[Pair]:
    return learnt(text, count, lambda counts: max(counts, key=lambda pair: (counts[pair], pair)))


@variant("learn-smallest", "learn_merges", "Of equals, the smallest pair, from a queue.", wrong=False)
def learn_smallest(text: str, count: int) -> list[Pair]:
    return learnt(text, count, lambda counts: heapq.nsmallest(1, ((-n, pair) for pair, n in counts.items()))[0][1])


@variant("learn-in-place", "learn_merges", "Counts are kept, and corrected around each merge.", wrong=False)
def learn_in_place(text: str, count: int) -> list[Pair]:
    tokens = list(text)
    merges: list[Pair] = []
    counts: defaultdict[Pair, int] = defaultdict(int)

    def add(of: Sequence[str], sign: int) -> None:
        for pair in itertools.pairwise(of):
            counts[pair] += sign

    add(tokens, 1)
    while len(merges) < count and len(tokens) > 1:
        pair = max(counts, key=counts.__getitem__)
        merges.append(pair)
        place = 0
        while place < len(tokens) - 1:
            if (tokens[place], tokens[place + 1]) == pair:
                add(tokens[max(place - 1, 0) : place + 3], -1)
                tokens[place : place + 2] = ["".join(pair)]
                add(tokens[max(place - 1, 0) : place + 2], 1)
            place += 1
    return merges


# Wrong: learn_merges


@variant("learn-counted-once", "learn_merges", "The counts of the text as it was are kept.", needs="two merges")
def learn_counted_once(text: str, count: int) -> list[Pair]:
    return [pair for pair, _ in Counter(itertools.pairwise(text)).most_common(count)]


@variant("learn-least-frequent", "learn_merges", "A least frequent pair is merged.", needs="unequal counts")
def learn_least_frequent(text: str, count: int) -> list[Pair]:
    return learnt(text, count, lambda counts: min(counts, key=counts.__getitem__))


@variant(
    "learn-without-overlaps",
    "learn_merges",
    "Of overlapping pairs, those are counted that could be merged.",
    needs="a run",
    seen_in=("google/sentencepiece#318",),
)
def learn_without_overlaps(text: str, count: int) -> list[Pair]:
    def counted(tokens: Sequence[str]) -> Iterable[Pair]:
        last: dict[Pair, int] = {}
        for place, pair in enumerate(itertools.pairwise(tokens)):
            if last.get(pair) != place - 1:
                last[pair] = place
                yield pair

    return learnt(text, count, first_of_most, counted)


@variant(
    "learn-runs-uncounted",
    "learn_merges",
    "A pair of equal tokens in a row of three is not counted.",
    needs="a run",
    seen_in=("google/sentencepiece#318",),
)
def learn_runs_uncounted(text: str, count: int) -> list[Pair]:
    def counted(tokens: Sequence[str]) -> Iterable[Pair]:
        pairs = list(itertools.pairwise(tokens))
        return (pair for k, pair in enumerate(pairs) if pair not in pairs[max(k - 1, 0) : k] + pairs[k + 1 : k + 2])

    return learnt(text, count, first_of_most, counted)


@variant(
    "learn-distinct-words",
    "learn_merges",
    "Of spellings that have become equal, one is counted.",
    needs="repeated words",
    seen_in=("rohitg00/ai-engineering-from-scratch#47",),
)
def learn_distinct_words(text: str, count: int) -> list[Pair]:
    def counted(tokens: Sequence[str]) -> Iterable[Pair]:
        return {pair + tuple(tokens[k + 2 : k + 3]): pair for k, pair in enumerate(itertools.pairwise(tokens))}.values()

    return learnt(text, count, first_of_most, counted)


@variant(
    "learn-at-least-twice", "learn_merges", "Pairs that stand once are not merged.", needs="a pair that stands once"
)
def learn_at_least_twice(text: str, count: int) -> list[Pair]:
    def choose(counts: Counter[Pair]) -> Pair | None:
        pair = first_of_most(counts)
        return pair if pair and counts[pair] > 1 else None

    return learnt(text, count, choose)


@variant("learn-one-too-many", "learn_merges", "There is one merge more than was asked for.", needs="a count below all")
def learn_one_too_many(text: str, count: int) -> list[Pair]:
    return learn_first(text, count + 1)


@variant("learn-count-of-tokens", "learn_merges", "The count is that of the vocabulary.", needs="any text")
def learn_count_of_tokens(text: str, count: int) -> list[Pair]:
    return learn_first(text, max(count - len(set(text)), 0))


@variant(
    "learn-within-words", "learn_merges", "Nothing is merged across a space.", needs="a frequent pair with a space"
)
def learn_within_words(text: str, count: int) -> list[Pair]:
    def counted(tokens: Sequence[str]) -> Iterable[Pair]:
        return (pair for pair in itertools.pairwise(tokens) if not re.search(r"\s", "".join(pair)))

    return learnt(text, count, first_of_most, counted)


@variant("learn-lower-case", "learn_merges", "The text is put into lower case first.", needs="upper case")
def learn_lower_case(text: str, count: int) -> list[Pair]:
    return learn_first(text.lower(), count)


@variant("learn-joined", "learn_merges", "What is listed are the tokens that merges make.", needs="any merge")
def learn_joined(text: str, count: int) -> list[str]:
    return [a + b for a, b in learn_first(text, count)]


_BEFORE: Counter[Pair] = Counter()


@variant("learn-counts-kept", "learn_merges", "The counts of earlier texts are kept.", needs="a second text")
def learn_counts_kept(text: str, count: int) -> list[Pair]:
    _BEFORE.update(itertools.pairwise(text))

    def choose(counts: Counter[Pair]) -> Pair | None:
        return max(counts, key=lambda pair: counts[pair] + _BEFORE[pair], default=None)

    return learnt(text, count, choose)
