"""Where a result is wrong, and how: what the errors of one case have in common, in words.

It speaks where no known bug explains a failure. Each statement is checked against the bound on every element it is
about; what holds for most elements only is not said. An element without a finite bound cannot be judged: it is neither
right nor wrong, and no place is called right, or the only one that is wrong, for its sake.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np

from ...oracle.rounding.formats import FORMATS
from ..terms.rounding import Array, rounded
from .moves import explains, moved, plural
from .pieces import pieces
from .simple_numbers import simple_number

_FEWEST: Final = 3
"""Numbers that a law needs: two are always in proportion, and always a constant apart."""
_MOST: Final = 0.5
"""What share of the elements must be wrong: of all for a law, of a place for that to be named."""
_MANY: Final = 12
"""Wrong elements that make a law telling, however many are right."""
_ROUNDINGS: Final = 8
"""A factor that is nearer to 1 than so many roundings may be one by chance."""
_TELLING: Final = 3
"""Indices of which one that is the first or the last is hardly so by chance."""
_TILE: Final = 8
"""A tail that begins at a multiple of it is one that tiles leave."""
_ALIKE: Final = 2.0
"""Errors are of one size if the largest is at most so many times the smallest: each is within a rounding of that."""


Confirmed: TypeAlias = Callable[[int, Sequence[int], int], bool]
"""Whether indices along an axis of so many are wrong in other cases, too."""


def structure(
    actual: Array,
    expected: Array,
    allowance: Array,
    axes: Sequence[str],
    dtype: str,
    confirmed: Confirmed = lambda axis, there, size: True,
    *,
    few: bool = False,
) -> tuple[str, list[str]]:
    """Give the law that all elements follow, and the places where they are wrong; nothing where there is none.

    Shapes are equal; `axes` has a word for each axis, after `...` for the last ones alone, or none for any. A place
    that may be one by chance must be `confirmed`. Of `few` elements, nothing but a factor or a shift is no chance.
    """
    with np.errstate(all="ignore"):
        judged = _judged(expected, allowance)
        wrong = _wrong(actual, expected, allowance)
        if not wrong.any():
            return "", []
        words = _words(axes, actual.ndim)
        strange = ~np.isfinite(actual) & np.isfinite(expected) & judged
        if strange.any():
            kinds = " and ".join(
                name for name, of in (("NaN", np.isnan), ("infinite", np.isinf)) if of(actual[strange]).any()
            )
            if strange[judged].all() and not np.isfinite(actual).any():
                return f"all of it is {kinds}", []
            return "", [f"{kinds} {place}" for place in _places(strange, judged, words, confirmed)]
        # Where few elements are wrong, a law that gives all of them is one by chance.
        telling = judged.mean() >= _MOST and (wrong[judged].mean() >= _MOST or wrong.sum() >= _MANY)
        law = next((_scaled if few else _laws)(actual, expected, allowance, words, dtype), "") if telling else ""
        places = [] if few else [f"it is wrong {place}" for place in _places(wrong, judged, words, confirmed)]
        return law, [*places, *([] if few or law or not telling else _sized(actual, expected, allowance))]


def _words(axes: Sequence[str], count: int) -> list[str]:
    """Give a word for an index along each of so many axes: `row`, where one axis is before those that are named."""
    named = list(axes)
    if named[:1] == ["..."]:
        others = count - len(named) + 1
        named = [*(f"axis-{k} index" if others > 1 or not named[1:] else "row" for k in range(others)), *named[1:]]
    return named if len(named) == count else [f"axis-{k} index" for k in range(count)]


def _judged(expected: Array, allowance: Array) -> Array:
    """Mark the elements that can be right or wrong: a number without a finite bound cannot."""
    return np.asarray(~np.isfinite(expected) | np.isfinite(allowance))


def _wrong(actual: Array, expected: Array, allowance: Array) -> Array:
    """Mark the elements that are outside their bounds; where NaN or an infinity is due, any number is."""
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    near = np.isfinite(expected) & (np.abs(actual - expected) <= allowance)
    return np.asarray(_judged(expected, allowance) & ~(same | near))


# Where


def wrong_indices(actual: Array, expected: Array, allowance: Array) -> dict[int, tuple[list[int], int]]:
    """Give, for each axis, the indices that hold wrong elements, and how many there are in all."""
    with np.errstate(all="ignore"):
        wrong = _wrong(actual, expected, allowance)
    others = [tuple(k for k in range(wrong.ndim) if k != axis) for axis in range(wrong.ndim)]
    return {axis: (np.flatnonzero(wrong.any(of)).tolist(), wrong.shape[axis]) for axis, of in enumerate(others)}


def _by_chance(there: Sequence[int], size: int) -> bool:
    """Say whether indices are any: neither the first, the last or a tail behind whole tiles, nor at equal distances."""
    last, steps = there[-1] == size - 1, {after - before for before, after in itertools.pairwise(there)}
    if len(there) == 1:
        return size < _TELLING or not (last or there[0] == 0)
    tail = last and there[0] % _TILE == 0
    return (steps == {1} and not tail) or len(steps) > 1 or len(there) < _FEWEST


def _places(wrong: Array, judged: Array, words: Sequence[str], confirmed: Confirmed) -> Iterator[str]:
    """Name, for each axis along which only some indices hold wrong elements, these; the others must be right."""
    across = [tuple(k for k in range(wrong.ndim) if k != axis) for axis in range(wrong.ndim)]
    there = [np.flatnonzero(wrong.any(others)) for others in across]
    met = np.ix_(*there)
    if wrong.sum() == 1 or wrong[met].sum() < _MOST * judged[met].sum():
        return  # the message has named it; or where the indices meet is not where it is wrong
    for axis, word in enumerate(words):
        size = wrong.shape[axis]
        right = np.delete(judged.sum(across[axis]), there[axis])
        places = [int(k) for k in there[axis]]
        chance = _by_chance(places, size)
        if right.all() and right.sum() >= _FEWEST and (not chance or confirmed(axis, places, size)):
            named = wrong.size // size >= _FEWEST
            yield from _indices(places, size, word, named=named)


def _indices(there: Sequence[int], size: int, word: str, *, named: bool) -> Iterator[str]:
    """`only in head 1 of 4`, `only from query 64 on`, ...; `named`: any others may be listed as well."""
    first, last = there[0], there[-1]
    steps = {after - before for before, after in itertools.pairwise(there)}
    if len(there) == 1:
        if named:
            yield f"only in the last {word}" if first == size - 1 and size > 2 else f"only in {word} {first} of {size}"
    elif steps == {1}:
        inside = f"in {plural(word)} {first} to {last} of {size}"
        yield f"only from {word} {first} on" if last == size - 1 else f"only {inside}"
    elif len(steps) == 1 and first <= min(steps) and last + min(steps) >= size and len(there) >= _FEWEST:
        step = min(steps)
        yield f"only in every {'second' if step == 2 else f'{step}th'} {word}, from {first} on"
    elif named and len(there) == size - 1:
        (other,) = set(range(size)) - set(there)
        yield f"only in {plural(word)} other than {other}"
    elif named:
        shown = ", ".join(map(str, there[:6]))
        yield f"only in {plural(word)} {shown}{' and others' if len(there) > 6 else ''} of {size}"


# How


def _laws(actual: Array, expected: Array, allowance: Array, words: Sequence[str], dtype: str) -> Iterator[str]:
    """Describe the laws by which all actual elements follow from the expected ones."""
    known = np.isfinite(expected) & np.isfinite(actual)
    if not known.all() or actual.size < _FEWEST:
        return
    if np.ptp(actual) == 0 and np.ptp(expected) > 0:
        yield f"every element is {actual.flat[0]:.6g}"
    if explains(-expected, actual, allowance):
        yield "every element has the other sign"
    yield from moved(actual, expected, allowance, words)
    yield from _scaled(actual, expected, allowance, words, dtype)
    yield from pieces(actual, expected, allowance, list(map(plural, words)))
    yield from (
        f"it is the same for every {word}"
        for axis, word in enumerate(words)
        if actual.shape[axis] > 1 and np.all(np.ptp(actual, axis) == 0) and np.any(np.ptp(expected, axis) > 0)
    )
    yield from _coarse(actual, expected, dtype)


def _multiplied(factor: Array, actual: Array, expected: Array, allowance: Array, dtype: str) -> bool:
    """Say whether the factor, or that of each row, explains the elements, and it takes a factor to explain them."""
    slack = (1 + np.abs(factor)) * allowance  # it makes the errors larger, and its product is rounded once more
    telling = np.max(np.abs(factor - 1)) > _ROUNDINGS * FORMATS[dtype].unit_roundoff
    return bool(telling) and explains(factor * expected, actual, slack) and not explains(expected, actual, slack)


def _scaled(actual: Array, expected: Array, allowance: Array, words: Sequence[str], dtype: str) -> Iterator[str]:
    """Find a factor or a shift, common to all or to each row, from the element that is known best."""
    factor = _factors(actual.ravel(), expected.ravel(), allowance.ravel())
    if _multiplied(factor, actual, expected, allowance, dtype):
        simple = simple_number(factor.item(), _ROUNDINGS * FORMATS[dtype].unit_roundoff)
        times = f"{factor.item():.6g} times what it should be{simple and f', which is {simple}'}"
        yield f"every element is {times if factor.item() else 0}"
    shift = _at(np.argmin(allowance.ravel()), (actual - expected).ravel())
    if explains(expected + shift, actual, allowance):
        yield f"every element is {abs(shift.item()):.6g} too {'large' if shift > 0 else 'small'}"
    if actual.ndim < 2 or actual.shape[-1] < _FEWEST:
        return
    row = f"of each row of {plural(words[-1])}"
    factors = _factors(actual, expected, allowance)
    if _multiplied(factors, actual, expected, allowance, dtype):
        between = f"between {factors.min() + 0.0:.6g} and {factors.max() + 0.0:.6g}"  # -0 is 0
        yield f"the elements {row} are what they should be times a number, {between}"
    shifts = _at(np.argmin(allowance, -1), actual - expected)
    if explains(expected + shifts, actual, allowance):
        yield f"the elements {row} are off by one number, between {shifts.min():.6g} and {shifts.max():.6g}"


def _factors(actual: Array, expected: Array, allowance: Array) -> Array:
    """Divide, in each row, the element that is largest beside its allowance; a row of zeros gives 1."""
    known = np.argmax(np.where(expected == 0, -1.0, np.abs(expected) / allowance), -1)
    due = _at(known, expected)
    return np.where(due == 0, 1.0, _at(known, actual) / due)


def _at(places: Array | np.intp, array: Array) -> Array:
    """Take the element of each row at its place."""
    return np.take_along_axis(array, np.asarray(places)[..., None], -1)


def _coarse(actual: Array, expected: Array, dtype: str) -> Iterator[str]:
    """Describe numbers of a format with fewer digits, where those of the expected result have more."""
    own = FORMATS[dtype].precision
    for name in sorted(
        (name for name in FORMATS if name in ("float32", "float16", "bfloat16")),
        key=lambda name: FORMATS[name].precision,
    ):
        if FORMATS[name].precision < own and np.array_equal(rounded(actual, name), actual):
            due = rounded(expected, dtype)
            if not np.array_equal(rounded(due, name), due):
                yield f"every element is a {name} number"
            return


def _sized(actual: Array, expected: Array, allowance: Array) -> Iterator[str]:
    """Describe how the errors go with the values, where they are of one size."""
    wrong = _wrong(actual, expected, allowance)
    error, size = np.abs(actual - expected)[wrong], np.abs(expected)[wrong]
    if len(error) < _FEWEST or not size.all():
        return
    relative = error / size
    if relative.max() <= _ALIKE * relative.min():
        yield f"each error is about {np.median(relative):.2g} of its value"
    elif error.max() <= _ALIKE * error.min() and size.max() > _ALIKE**2 * size.min():
        yield f"each error is about {np.median(error):.2g}, whatever its value"
