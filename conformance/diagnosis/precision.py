"""The precision under which a failure would be none: fields of the numerics with plain values, tried, not guessed.

A proposal must keep the failing clause, the values, and the gradients where these are in question, in the failing cases
and in further ones; the errors of a large case may not be systematic beyond it; and it may let no cheap answer pass.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ...oracle.rounding.numerics import SIXTEEN_BITS
from ..cases.drawing import evenly_spaced
from ..components import CLAUSES
from ..terms.aggregates import noise, noisiest
from ..terms.case import Case
from ..terms.rounding import Array
from ..terms.subject import Subject, completed
from ..terms.trial import Trial
from ..terms.verdict import Unsupported, Violation
from .attempts import Attempts, Declared
from .cheap_passes import what_passes

_FURTHER: Final = 8
"""Cases beside the failing ones that a proposal must keep, and as many again of the regime of these."""
_CHUNKS: Final = 64
"""Parts of a gradient's sum that are rounded each: few enough that what is left out of a sum shows."""
_FEWEST: Final = 16
"""Elements without which nothing is said of their noise."""
_LARGEST: Final = 2**17
"""Elements of the arguments of a failing case beyond which nothing is tried: each bound would take seconds."""
_TWICE: Final = 2
"""How many times the deviation of a right error one must be to be told from it."""


def fitting_precision(attempts: Attempts, dtype: str, further: Sequence[Case], *, named: bool) -> Declared:
    """Find one field of the numerics, or two, under which everything is kept; `further` are cases of every kind.

    What shows in none of these is that of a sum, which grows with the size, or none if a known bug is `named`; what
    shows in few of them does not come from 16 bits in a wide format. A rounded shift of logits does show rarely.
    """
    first = attempts.failing[0]
    if not dtype or sum(array.size for array in attempts.component.make(first).arrays.values()) > _LARGEST:
        return {}
    narrow, wide = _of_one_term(dtype, backward=attempts.backward), _of_all_terms(dtype)
    fitting = [each for each in narrow if attempts.keep(each, attempts.clauses, attempts.failing)]
    sums = {"gradient_chunks": _CHUNKS}
    pairs = [{**each, **sums} for each in fitting if attempts.backward and each != sums]
    kin = [case for case in further if case.get("regime") == first.get("regime")]
    chosen = dict.fromkeys([*evenly_spaced(list(further), _FURTHER), *evenly_spaced(kin, _FURTHER)])
    cases = [*attempts.failing, *(case for case in chosen if _gives_numbers(attempts, case))]
    shown = [not attempts.keep({}, attempts.clauses, [case]) for case in cases[len(attempts.failing) :]]
    few = 2 * sum(shown) < len(shown)
    for group in (fitting, pairs, wide):
        noises = {}
        for place, each in enumerate(group):
            coarse = dtype not in SIXTEEN_BITS and not {*each.values()}.isdisjoint(SIXTEEN_BITS)
            of_small = any(shown) or (each.keys() <= _SUMS and not named)
            shows = each == _SHIFT or (of_small and not (few and coarse))
            if shows and attempts.keep(each, attempts.clauses, cases) and _is_used(attempts, each, cases):
                noises[place] = _noise(attempts, dtype, each, cases)
        # The more of what would be declared is there, the better it is explained.
        for place in sorted(noises, key=lambda place: -noises[place]):
            fits = noises[place] >= 0 and not _systematic(attempts, dtype, group[place])
            if fits and not _too_wide(attempts, dtype, group[place]):
                return group[place]
    return {}


def _gives_numbers(attempts: Attempts, case: Case) -> bool:
    """Say whether what fails in a case is a number: what is none is another bug."""
    return all(attempts.outcome(*each, {}).ratio < float("inf") for each in attempts.prepared(attempts.clauses, [case]))


def _noise(attempts: Attempts, dtype: str, declared: Declared, cases: Sequence[Case]) -> float:
    """Give the noise of the errors beside what would be declared, of the case that has most, in powers of two.

    It is negative where it is more than that, or where a bound would be infinite that is not. The dtype's own format
    overflows where its rounding does; another one that does explains nothing.
    """
    formats = {each for each in declared.values() if each in FORMATS}
    most = 0.0
    for case in cases:
        now, then = (
            Trial(Subject(attempts.answers.declaring(each)), attempts.component, case) for each in ({}, declared)
        )
        for (actual, known), (_, allowed) in zip(_judged(attempts, now), _judged(attempts, then), strict=True):
            finite = np.isfinite(allowed.worst)
            if formats != {dtype} and (np.isfinite(known.worst) & ~finite).any():
                return -1.0
            outside = np.isfinite(actual) & ~(_distance(actual, known) <= known.worst)
            if case == attempts.failing[0] and (outside & np.isinf(allowed.worst)).any():
                return -1.0  # what allows anything explains nothing
            judged = finite & np.isfinite(actual) & (allowed.deviation > 0)
            if attempts.component.generic(case) and judged.sum() >= _FEWEST:
                error = np.abs(actual[judged] - allowed.expected[judged])
                found = noise(error, _of(allowed.coherent, judged), _of(allowed.deviation, judged), error.size)
                if found > noisiest(error.size):
                    return -1.0
                most = max(most, found)
    return 2.0 ** np.floor(np.log2(most)) if most else 0.0


def _is_used(attempts: Attempts, declared: Declared, cases: Sequence[Case]) -> bool:
    """Say whether errors are larger in most cases in which this would make most of them larger: some few may by chance.

    What makes the deviation of an error twice as large makes one of that size in those of a right implementation.
    """
    if declared.keys().isdisjoint(_OF_ALL):
        return True
    larger: list[bool] = []
    for case in filter(attempts.component.generic, cases):
        now, then = (
            Trial(Subject(attempts.answers.declaring(each)), attempts.component, case) for each in ({}, declared)
        )
        for (actual, known), (_, allowed) in zip(_judged(attempts, now), _judged(attempts, then), strict=True):
            own, other = (np.broadcast_to(each.deviation, actual.shape) for each in (known, allowed))
            judged = np.isfinite(actual) & np.isfinite(other) & (own > 0)
            if judged.sum() >= _FEWEST and np.median(other[judged] / own[judged]) >= _TWICE:
                errors = _distance(actual, known)[judged] / own[judged]
                larger.append(bool(np.sqrt(np.mean(np.square(errors))) > 1))
    return 2 * sum(larger) >= len(larger)


def _distance(actual: Array, bound: Bound) -> Array:
    with np.errstate(invalid="ignore"):  # of infinities
        return np.asarray(np.abs(actual - bound.expected))


def _of(figure: Array, chosen: Array) -> Array:
    return np.asarray(np.broadcast_to(figure, chosen.shape)[chosen])


def _judged(attempts: Attempts, trial: Trial) -> Iterator[tuple[Array, Bound]]:
    """Give each result with its bound, and each gradient where these are in question; nothing if it is refused."""
    with contextlib.suppress(Unsupported, Violation):
        for name, actual in trial.results().items():
            yield actual, trial.bounds()[name]
        if attempts.backward and attempts.component.differentiated(trial.case):
            for name, actual in trial.gradients().items():
                yield actual, trial.gradient_bounds()[name]


def _systematic(attempts: Attempts, dtype: str, declared: Declared) -> bool:
    """Say whether the errors of large cases are systematic beyond what would be declared, as ALL-2 says it."""
    clause = CLAUSES["ALL-2"]
    if attempts.backward or clause.cases is None or not clause.concerns(attempts.component):
        return False
    cases = clause.cases(attempts.component, dtype, attempts.failing[0]["seed"])[:1]
    return any(attempts.outcome(clause, case, declared).failed for case in cases)


def _too_wide(attempts: Attempts, dtype: str, declared: Declared) -> bool:
    """Say whether an adapter that declares this would be refused."""
    offer, judged = attempts.answers.declaring(declared).offer, attempts.component
    judged = judged if judged.name in offer.gradients else replace(judged, gradient=None)
    return what_passes(judged, dtype, offer.numerics[dtype], completed(offer.conventions)) is not None


_SUMS: Final = {"accumulate", "gradient_chunks"}
"""Fields of which the effect grows with the size."""
_OF_ALL: Final = {"statistics", "scores", "probabilities", "hidden", "operands"}
"""Fields that make every element less precise, whatever the size."""
_SHIFT: Final[Declared] = {"shift": "rounded"}
_FORMATS: Final = {
    "float64": ("float32", "float16", "bfloat16"),
    "float32": ("float16", "bfloat16"),
    "float16": ("float16", "bfloat16"),
    "bfloat16": ("bfloat16",),
}
"""What parts of a computation in a dtype are likely to be rounded to."""


def _of_one_term(dtype: str, *, backward: bool) -> list[Declared]:
    """List the fields of the numerics that widen one term of a bound, with plain values, the likeliest first."""
    kept = ("statistics", "scores", *(() if dtype in SIXTEEN_BITS else ("probabilities", "hidden")))
    operands = ("tensorfloat32", *_FORMATS[dtype]) if dtype == "float32" else _FORMATS[dtype]
    return [
        *({"gradient_chunks": _CHUNKS} for _ in range(backward)),
        _SHIFT,
        *({name: each} for name in kept for each in _FORMATS[dtype]),
        *({"operands": each} for each in operands if each != dtype),
        {"variance": "one-pass"},
        # Next to a rounding to 16 bits, that of the exponential is nothing.
        *({"exp_error": error} for error in (16, 64, 256, 1024, 4096) if dtype not in SIXTEEN_BITS),
        {"rounding": "toward-zero"},
    ]


def _of_all_terms(dtype: str) -> list[Declared]:
    """List those that widen most terms: what is nearest to the dtype, as anything is within more than that."""
    return [{"accumulate": dtype if dtype in SIXTEEN_BITS else "float32"}] if dtype != "float32" else []
