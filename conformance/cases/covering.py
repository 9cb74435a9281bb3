"""Covering sets: few combinations in which every pair of options of every two factors occurs.

Most defects need two things at once (a mask and a length, a layout and a head count); all pairs need a few hundred
cases where all combinations would need billions. The construction is greedy, one row at a time, as in AETG (Cohen,
Dalal, Fredman and Patton 1997). It breaks ties with random numbers of one fixed key: the set is the same everywhere.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from ..terms.generator import Generator

Row = tuple[int, ...]

_ATTEMPTS: Final = 40
"""How many completions of a pair are tried before it is given up as inadmissible."""


def covering_set(sizes: Sequence[int], admissible: Callable[[Row], bool]) -> list[Row]:
    """Find rows of option numbers, one for each factor, that cover every pair that an admissible row can hold.

    `sizes` are the numbers of options; each option of a single factor has a row. The first rows are unlike each other,
    so that few of them say much.
    """
    if len(sizes) == 1:
        return [(option,) for option in range(sizes[0])]
    factors = range(len(sizes))
    start = np.concatenate([[0], np.cumsum(sizes)])
    # open_[x, y]: the pair of options x and y, numbered over all factors, still waits for a row.
    open_ = np.ones((start[-1], start[-1]), bool)
    for f in factors:
        open_[start[f] : start[f + 1], start[f] : start[f + 1]] = False
    generator = Generator("covering set")
    rows: list[Row] = []
    while open_.any():
        x, y = divmod(int(open_.argmax()), open_.shape[1])
        pair = {int(np.searchsorted(start, each, "right")) - 1: each for each in (x, y)}
        for attempt in range(_ATTEMPTS):
            row = _completed(pair, open_, start, generator, greedy=attempt < _ATTEMPTS // 2)
            if admissible(row):
                rows.append(row)
                chosen = np.array([start[f] + row[f] for f in factors])
                open_[np.ix_(chosen, chosen)] = False
                break
        else:
            open_[x, y] = open_[y, x] = False
    return _varied(rows, start)


def _varied(rows: list[Row], start: Any) -> list[Row]:
    """Put first the row with most options; after it the one with most that are still missing, and begin anew."""
    has = np.zeros((len(rows), start[-1]), bool)
    for number, row in enumerate(rows):
        has[number, start[:-1] + row] = True
    varied: list[Row] = []
    missing: Any = has.any(0)
    left = np.ones(len(rows), bool)
    while left.any():
        gain = np.where(left, has[:, missing].sum(1), 0)
        best = int(gain.argmax())
        if not gain[best]:
            missing = has[left].any(0)
            continue
        varied.append(rows[best])
        left[best], missing[has[best]] = False, False
    return varied


def _completed(pair: dict[int, int], open_: Any, start: Any, generator: Generator, *, greedy: bool) -> Row:
    """Complete a row around a pair: each further factor takes the option that covers most, or any at all."""
    chosen = dict(pair)
    count = len(start) - 1
    for f in map(int, generator.permutation(count)):
        if f in chosen:
            continue
        options = np.arange(start[f], start[f + 1])
        if greedy:
            gain = open_[np.ix_(options, np.array(list(chosen.values())))].sum(1)
            options = options[gain == gain.max()]
        chosen[f] = int(generator.choice(options))
    return tuple(chosen[f] - int(start[f]) for f in range(count))
