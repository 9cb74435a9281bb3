"""Elements that are in the wrong places: turned round, shifted, exchanged, or those of another index."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from ..terms.rounding import Array

_FEWEST: Final = 3
"""Elements that tell of a move, and indices that follow each other in one: two are so by chance."""
_SAMPLE: Final = 64
"""Elements from which is guessed where those of an index belong, and indices that are tried: some 10^5 distances."""
_SHOWN: Final = 2
"""Indices with elements of others that are named: an exchange is two."""


def plural(word: str) -> str:
    """Name several."""
    for ending, several in (("index", "indices"), ("y", "ies")):
        if word.endswith(ending):
            return word.removesuffix(ending) + several
    return f"{word}s"


def explains(explained: Array, actual: Array, allowance: Array) -> bool:
    """Say whether all actual elements are within the allowance of others."""
    return bool(np.all(np.abs(actual - explained) <= allowance))


def moved(actual: Array, expected: Array, allowance: Array, words: Sequence[str]) -> Iterator[str]:
    """Describe elements that are in the wrong places."""
    moves: list[tuple[str, Callable[[Array], Array]]] = []
    for axis, (word, size) in enumerate(zip(words, actual.shape, strict=True)):
        if size > 1:
            moves.append((f"the {plural(word)} are in reverse order", partial(np.flip, axis=axis)))
            moves += [(_of_a_neighbour(word, -step), partial(np.roll, shift=step, axis=axis)) for step in (1, -1)]
    for one in range(actual.ndim):
        for two in range(one + 1, actual.ndim):
            if actual.shape[one] == actual.shape[two] > 1:
                name = f"{words[one]} and {words[two]} are exchanged"
                moves.append((name, partial(np.swapaxes, axis1=one, axis2=two)))
    for sentence, move in moves:
        if explains(move(expected), actual, np.maximum(allowance, move(allowance))):
            yield sentence
    for of_the_first_axis in (_taken, _shifted):
        for axis, word in enumerate(words):
            turned = (np.moveaxis(each, axis, 0) for each in (actual, expected, allowance))
            yield from of_the_first_axis(*turned, word=word)


def _of_a_neighbour(word: str, step: int) -> str:
    """Say that each index holds what is due so many further on."""
    return f"every {word} holds what is due in the one {'after' if step > 0 else 'before'} it"


def _taken(actual: Array, expected: Array, allowance: Array, *, word: str) -> Iterator[str]:
    """`head 0 holds what is due in head 1`: every index of the first axis holds what is due in some index.

    In which, is guessed from a few elements of each, and then tried on all.
    """
    size = len(actual)
    if not 1 < size <= _SAMPLE or actual[0].size < _FEWEST:
        return
    few, due, allowed = (each.reshape(size, -1)[:, :_SAMPLE] for each in (actual, expected, allowance))
    nearest = np.abs(few[:, None] - due).max(-1).argmin(-1)
    source = np.where((np.abs(few - due) <= allowed).all(-1), np.arange(size), nearest)
    moved = np.flatnonzero(source != np.arange(size))
    # If all hold the same, that is said in other words.
    if len(set(source)) > 1 and explains(expected[source], actual, np.maximum(allowance, allowance[source])):
        shown = ", ".join(f"{word} {to} holds what is due in {word} {source[to]}" for to in moved[:_SHOWN])
        yield f"{shown}{', and so on' if len(moved) > _SHOWN else ''}"


def _shifted(actual: Array, expected: Array, allowance: Array, *, word: str) -> Iterator[str]:
    """Describe indices of the first axis, one behind the other, that hold what is due in the next or the one before."""
    wrong = np.abs(actual - expected) > allowance
    there = np.flatnonzero(wrong.reshape(len(wrong), -1).any(-1))
    if len(there) <= _FEWEST or there[-1] - there[0] >= len(there):
        return
    first, last = int(there[0]), int(there[-1])
    for step in (1, -1):
        holds = np.array([k for k in range(first, last + 1) if 0 <= k + step < len(actual)])
        # The element at the end has no neighbour, and the one at the border may be overwritten.
        inner = holds[1:] if step < 0 else holds[: len(holds) - (last < len(actual) - 1)]
        reach = np.maximum(allowance[inner], allowance[inner + step])
        if len(inner) >= _FEWEST and explains(expected[inner + step], actual[inner], reach):
            where = f"from {word} {first} on" if last == len(actual) - 1 else f"in {plural(word)} {first} to {last}"
            yield f"{where}, {_of_a_neighbour(word, step)}"
