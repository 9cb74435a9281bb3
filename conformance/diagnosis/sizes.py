"""In which formats and at which sizes a failing case is right: tiles, up to a size, or from one on. It is tried."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from ...adapters import Adapter
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.generator import SEEDS
from ..terms.subject import Subject
from ..terms.trial import Trial

_SIZES: Final = (2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64, 72, 96)
"""What each size of the case is made, in turn: multiples of every tile, their neighbours, and what is about its own."""
_TILES: Final = (2, 4, 8, 16, 32, 64)
_TWO: Final = 2
"""Sizes at which it must be right, and at which it must be wrong, for a rule."""
_OTHERS: Final = 3
"""Further values with which the largest sizes that are right must be so."""


def right_in_dtypes(adapter: Adapter, clause: Clause, component: Component, case: Case) -> str:
    """Say in which other formats the case is right, with its own values and others; nothing where in none."""
    right = []
    for dtype in (each for each in adapter.offer.dtypes if component.has_dtype and each != case["dtype"]):
        same = [clause.prepare(case.but(dtype=dtype, seed=(case["seed"] + k) % SEEDS)) for k in range(_TWO)]
        trials = (Trial(Subject(adapter), component, each) for each in same if each is not None)
        if all(check(clause, trial).passed for trial in trials) and None not in same:
            right.append(dtype)
    return f"it is right in {' and '.join(right)}" if right else ""


def right_at_sizes(adapter: Adapter, clause: Clause, component: Component, case: Case) -> str:
    """Say at which sizes of one axis the case is right, if a rule tells; nothing where none does.

    What is compiled anew for each shape is not asked for others.
    """
    if adapter.offer.sizes == "few":
        return ""
    every = (*component.row.arrays.values(), *component.row.results.values())
    axes = {name for words in every for name in words.split()}
    plainest = {name: size for options in component.factors.values() for name, size in options[0].items()}

    def tried(name: str, sizes: Iterable[int], of: Case = case) -> Iterator[tuple[int, bool]]:
        for size in sizes:
            candidate = clause.prepare(of.but(**{name: size}))
            if candidate == of.but(**{name: size}) and component.admissible(candidate):
                outcome = check(clause, Trial(Subject(adapter), component, candidate))
                if outcome.passed or outcome.failed:
                    yield size, outcome.passed

    for name in (name for name in case if name in axes and case[name] > (plainest.get(name) == 1)):
        below = 2 ** (case[name].bit_length() - 1)
        about = {size + off for size in (below, 2 * below) for off in (-1, 0, 1)} if below > _SIZES[-1] // 2 else set()
        right = dict(tried(name, sorted({*_SIZES, *about})))
        if (rule := _rule(right)).endswith(("or less", "or more")):
            right |= _border(right, partial(tried, name))
            rule = _rule(dict(sorted(right.items())))
        if rule:
            # The other way round: one that fails from some call on was asked for small sizes first.
            again = [max(size for size, passes in right.items() if passes == which) for which in (False, True)]
            if dict(tried(name, again)) != {size: right[size] for size in again}:
                continue
            # What is right by the luck of its values is no rule.
            largest = sorted(size for size, passes in right.items() if passes)[-_TWO:]
            others = [case.but(seed=(case["seed"] + k) % SEEDS) for k in range(1, _OTHERS + 1)]
            if all(passes for other in others for _, passes in tried(name, largest, other)):
                return f"it is right where {name} is {rule}"
    return ""


def _border(right: Mapping[int, bool], tried: Callable[[Iterable[int]], Iterator[tuple[int, bool]]]) -> dict[int, bool]:
    """Find by bisection where the sizes that are right end, or begin."""
    last, after = next(pair for pair in itertools.pairwise(sorted(right)) if right[pair[0]] != right[pair[1]])
    found: dict[int, bool] = {}
    while after - last > 1:
        middle = (last + after) // 2
        known = dict(tried([middle]))
        if not known:
            break
        found |= known
        last, after = (middle, after) if known[middle] == right[min(right)] else (last, middle)
    return found


def _rule(right: dict[int, bool]) -> str:
    """Find the rule by which sizes are right."""
    if sum(right.values()) < _TWO or len(right) - sum(right.values()) < _TWO:
        return ""
    rules = {f"a multiple of {tile}": {size for size in right if size % tile == 0} for tile in _TILES}
    rules |= {
        f"a multiple of {tile}, or below {tile}": {size for size in right if size % tile == 0 or size < tile}
        for tile in _TILES[1:]
    }
    rules |= {f"no multiple of {tile}": {size for size in right if size % tile} for tile in _TILES[1:]}
    rules["a power of two"] = {size for size in right if size & (size - 1) == 0}
    for size in list(right)[1:-1]:
        rules[f"{size} or less"] = {each for each in right if each <= size}
        rules[f"{size} or more"] = {each for each in right if each >= size}
    found = {size for size, passes in right.items() if passes}
    return next((rule for rule, sizes in rules.items() if sizes == found), "")
