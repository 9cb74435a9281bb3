"""Learning byte-pair merges: Sennrich, Haddow and Birch 2016, algorithm 1.

    s = the characters of the text
    repeat count times, as long as there are two tokens:
        (a, b) = a most frequent pair of neighbours in s
        s = s with every a, b replaced by ab, from left to right
        the next merge is (a, b)

Where the source is silent, or its program decides:

1.  The text is one word without a mark at its end: nothing is split beforehand.
2.  Pairs are counted where they stand, overlapping ones too, as `get_stats` counts them: `aaa` holds (a, a) twice,
    although only one of them can be merged.
3.  Of equally frequent pairs any may be merged. Here it is the one that stands first in the text, as in that program.
"""

from collections import Counter

from .options import check_whole
from .tokenize import Pair, merged, neighbours, text_of


def learn_merges(text: str, count: int) -> list[Pair]:
    """Give the merges, at most `count`; SpecError if the text is none, or count is no whole number of at least 0."""
    tokens = list(text_of("learn_merges", text))
    check_whole("learn_merges", "count", count, 0)
    merges: list[Pair] = []
    while len(merges) < count and len(tokens) > 1:
        # Counters keep the order in which they were filled, and `most_common` that of equal counts.
        [(pair, _)] = Counter(neighbours(tokens)).most_common(1)
        merges.append(pair)
        tokens = merged(tokens, pair)
    return merges
