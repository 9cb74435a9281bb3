"""The clauses that only dropout has: they switch training on.

A mask is random, so numbers are put to exact tests, each at a probability so small that a right implementation fails
none of them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ....oracle.dropout import kept_probability, kept_range
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Array, Component
from ...terms.requirements import require_within, skip_unless
from ...terms.trial import Trial
from ...terms.verdict import Violation

_SOURCE = "Srivastava et al. 2014, section 4; paper, section 5.4"

_ERROR: Final = 1e-13
"""The probability at which a test fails a right mask; a quick run has fewer than 10^5 of them, so 1e-8 in all."""

_MASKS: Final = 8
"""How many masks are looked at together, of seeds that follow each other."""


@clause(
    "DROP-1",
    "dropout",
    "In training every element is dropped, exactly 0, or scaled by 1/(1 - rate).",
    formula="y = m x / (1 - rate), m in {0, 1}",
    source=_SOURCE,
    covering=True,
)
def dropped_or_scaled(trial: Trial) -> float:
    """Compare what is not 0 with the scaled element, within its bound."""
    training = trial.inputs.but(training=True)
    actual, expected = trial.call(training), trial.bound(training).expected
    kept = trial.judge(np.where(actual == 0, expected, actual), training)
    return require_within(kept, "an element is neither 0 nor x/(1 - rate)")


@clause(
    "DROP-2",
    "dropout",
    "With rate 0 nothing is dropped and nothing scaled, in training either.",
    formula="y = x",
    role="decides",
    why="It wants the argument back bit for bit, where 1/(1 - rate) is 1 and leaves no reason to round.",
    source=_SOURCE,
    prepare=lambda case: case.but(rate=0.0),
)
def rate_0(trial: Trial) -> float:
    """Compare bit for bit."""
    actual = trial.call(trial.inputs.but(training=True))
    return trial.require_bits(actual, trial.inputs.arrays["x"], "training with rate 0 changes its argument")


_Sizes = tuple[float, int, int, int]
_MANY: Final = ((0.1, 4, 16, 64), (0.5, 4, 15, 61), (0.3, 1, 2, 2048), (0.9, 5, 12, 68))
"""Rate, B, L and d: sizes that vectors and tiles divide, that nothing divides, of wide rows, and of vectors alone."""


_RARE: Final = ((0.999, 4, 32, 512), (0.01, 8, 32, 512))
"""Likewise, at rates that 8 bits and percents do not have, with elements enough to tell."""


def _of_many(component: Component, dtype: str, seed: int, each: Sequence[_Sizes] = _MANY) -> Iterator[Case]:
    """Take sizes of every path that a kernel may have, so that one which draws otherwise shows."""
    plain = component.plainest(dtype, seed)
    for k, (rate, items, positions, width) in enumerate(each):
        yield plain.but(B=items, L=positions, d=width, rate=rate, seed=seed * 100 + 10 * k)


def _in_training(trial: Trial, x: Array) -> Iterator[Array]:
    """Yield the results for several seeds."""
    for k in range(_MASKS):
        yield trial.call(trial.inputs.but(x=x, training=True, seed=trial.case["seed"] + k))


def _masks(trial: Trial) -> Array:
    """Find which elements of ones are kept: (seed, B, L, d)."""
    return np.array([each != 0 for each in _in_training(trial, np.ones_like(trial.inputs.arrays["x"]))])


def _probable(kept: Array, rate: float, what: str) -> float:
    """Test whether so many may be kept by chance, of elements that are each kept with probability 1 - rate."""
    count, of = int(kept.sum()), kept.size
    probability = kept_probability(count, of, rate)
    if probability < _ERROR:
        raise Violation(
            f"{what}: {count} of {of}, where {of * (1 - rate):.6g} are due; by chance one is as far off "
            f"with probability {probability:.1g}"
        )
    # How far out the probability is, on a scale that is 1 at the limit.
    return float(np.log(min(probability, 1.0)) / np.log(_ERROR))


def _independent(one: Array, other: Array, rate: float, pairs: str) -> float:
    """Count the pairs of which both are kept, and of which both are dropped."""
    kept = _probable(one & other, 1 - (1 - rate) ** 2, f"of {pairs}, the number of which both are kept is")
    dropped = _probable(~one & ~other, 1 - rate**2, f"of {pairs}, the number of which both are dropped is")
    return max(kept, dropped)


def _distances(size: int) -> list[int]:
    """List the powers of two that lie between two of so many indices."""
    return [1 << k for k in range((size - 1).bit_length())]


def _pairs(masks: Array, axis: int, distance: int) -> tuple[Array, Array]:
    """Take what is so far apart along an axis, a power of two; each element is in one pair at most."""
    first = np.array([k for k in range(masks.shape[axis] - distance) if not k & distance])
    return masks.take(first, axis), masks.take(first + distance, axis)


def _shares(case: Case) -> Case | None:
    return case if case["rate"] > 0 and case["B"] * case["L"] * case["d"] else None


@clause(
    "DROP-3",
    "dropout",
    "Each element is kept with probability 1 - rate.",
    formula="the number kept is binomial(n, 1 - rate)",
    source=f"{_SOURCE}; exact two-sided test, pooled over seeds",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed, (*_MANY, *_RARE))),
    prepare=_shares,
)
def share_kept(trial: Trial) -> float:
    """Count all elements of all masks."""
    return _probable(_masks(trial), trial.case["rate"], "in training, the number of elements kept is")


@clause(
    "DROP-4",
    "dropout",
    "No position is special: each index along each axis is kept as often as any other.",
    formula="the number kept at an index is binomial",
    role="decides",
    why="It tests every index of every axis, where DROP-3 takes them together.",
    source=f"{_SOURCE}; exact two-sided tests, pooled over seeds",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def positions_alike(trial: Trial) -> float:
    """Test every index of every axis."""
    masks, rate, ratio = _masks(trial), trial.case["rate"], 0.0
    for axis, name in enumerate("BLd", start=1):
        of_each = np.moveaxis(masks, axis, 0).reshape(masks.shape[axis], -1)
        for index in {int(of_each.sum(1).argmin()), int(of_each.sum(1).argmax())}:  # no other is further out
            what = f"at index {index} along axis {axis - 1} ({name}), the number of elements kept is"
            ratio = max(ratio, _probable(of_each[index], rate, what))
    return ratio


@clause(
    "DROP-5",
    "dropout",
    "Each element is dropped by itself: neighbours share no draw, nor do elements a power of two apart.",
    formula="P(m_i = 1, m_i+k = 1) = (1 - rate)^2, P(m_i = 0, m_i+k = 0) = rate^2, k = 1, 2, 4 ...",
    source=f"{_SOURCE}; exact two-sided tests on pairs that share no element, pooled over seeds",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def neighbours_independent(trial: Trial) -> float:
    """Take pairs along each axis and in row-major order: a vector, a tile or a block may have the draws of another."""
    masks, rate, ratio = _masks(trial), trial.case["rate"], 0.0
    along = {f"axis {axis - 1} ({name})": (masks, axis) for axis, name in enumerate("BLd", start=1)}
    along["row-major order"] = (masks.reshape(_MASKS, -1), 1)
    for name, (of, axis) in along.items():
        for distance in _distances(of.shape[axis]):
            pairs = f"pairs of {'neighbours' if distance == 1 else f'elements {distance} apart'} along {name}"
            ratio = max(ratio, _independent(*_pairs(of, axis, distance), rate, pairs))
    return ratio


@clause(
    "DROP-6",
    "dropout",
    "Another seed gives another mask, independent of the first.",
    formula="P(m_i = 1 under both seeds) = (1 - rate)^2",
    source=f"{_SOURCE}; exact two-sided tests, pooled over pairs of seeds",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def seeds_differ(trial: Trial) -> float:
    """Take seeds that follow each other, as those of training steps do; blocks of one may be those of the next."""
    masks, rate, ratio = _masks(trial), trial.case["rate"], 0.0
    for distance in _distances(_MASKS):
        one, other = _pairs(masks, 0, distance)
        if (one == other).all() and 0 < one.sum() < one.size:
            raise Violation(f"seeds {trial.case['seed']} and {trial.case['seed'] + distance} give the same mask")
        ratio = max(ratio, _independent(one, other, rate, f"elements under seeds {distance} apart"))
    one, other = (each.reshape(len(each), -1) for each in _pairs(masks, 0, 1))
    for distance in _distances(one.shape[1]):
        pairs = f"elements under a seed, and those {distance} before under the next"
        ratio = max(ratio, _independent(one[:, distance:], other[:, :-distance], rate, pairs))
    return ratio


@clause(
    "DROP-7",
    "dropout",
    "The mean is kept: what is dropped, the scaling makes up for.",
    formula="E[y] = x: of ones, sum y (1 - rate) is binomial(n, 1 - rate), but for rounding",
    role="decides",
    why="It states what the scaling is for, that the mean is kept; DROP-1 has the factor of each element.",
    source=f"{_SOURCE}; section 10 of the former for the scaling in training",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def mean_kept(trial: Trial) -> float:
    """Compare the sum over several seeds with the exact range of the number kept."""
    rate, ones = trial.case["rate"], np.ones_like(trial.inputs.arrays["x"])
    total = sum(float(each.sum()) for each in _in_training(trial, ones))
    of = _MASKS * ones.size
    least, most = kept_range(of, rate, _ERROR)
    off = float(trial.bound(trial.inputs.but(x=ones, training=True)).worst.flat[0]) * of
    low, high = least / (1 - rate) - off, most / (1 - rate) + off
    if not low <= total <= high:
        raise Violation(
            f"the mean of ones becomes {total / of:.6g}; by chance it is {low / of:.6g} ... {high / of:.6g}"
        )
    return float(abs(total - of) / (high - of if total > of else of - low))


@clause(
    "DROP-8",
    "dropout",
    "What is dropped does not depend on the values.",
    formula="m and x are independent",
    role="decides",
    why="It tests shares by sign and by size: a mask that looks at the values is reported as such.",
    source=f"{_SOURCE}; exact two-sided tests on signs and magnitudes, pooled over seeds",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def values_do_not_matter(trial: Trial) -> float:
    """Count the positive, the negative, the small and the large."""
    x, rate = trial.inputs.arrays["x"], trial.case["rate"]
    skip_unless(np.all(x != 0))
    masks, middle = np.array([each != 0 for each in _in_training(trial, x)]), np.median(np.abs(x))
    groups = {"positive": x > 0, "negative": x < 0, "smaller": np.abs(x) < middle, "larger": np.abs(x) >= middle}
    return max(
        _probable(masks[:, group], rate, f"of the {name} elements, the number kept is")
        for name, group in groups.items()
        if group.any()
    )


@clause(
    "DROP-9",
    "dropout",
    "Evaluation after training drops nothing.",
    formula="y = x",
    role="decides",
    why="It evaluates after training: a mode that is not switched back is reported as such.",
    source="a formula has no memory",
)
def evaluation_after_training(trial: Trial) -> float:
    """Compare bit for bit, on the same arrays."""
    after = trial.sequence([trial.inputs.but(training=True), trial.inputs])[-1]
    return trial.require_bits(after, trial.inputs.arrays["x"], "after a call in training, evaluation changes x")


@clause(
    "DROP-10",
    "dropout",
    "In training the gradient goes where the value goes: it is dropped, exactly 0, or scaled by 1/(1 - rate).",
    formula="dx = m g / (1 - rate), with the m of the value, also where x is 0",
    source=f"{_SOURCE}, differentiated; exact two-sided tests",
    cases=lambda component, dtype, seed: list(_of_many(component, dtype, seed)),
    prepare=_shares,
)
def gradient_in_training(trial: Trial) -> float:
    """Make half of x zero, where neither y/x nor y tells the mask; a seed that settles the mask does so for both."""
    x, rate = trial.inputs.arrays["x"], trial.case["rate"]
    zero = trial.generator("zeros").chance(0.5, trial.cotangent.shape)
    training = trial.inputs.but(x=np.where(zero, 0.0, x), training=True)
    along = np.where(trial.cotangent == 0, 1.0, trial.cotangent)
    actual, bound = trial.gradients(training, along)["x"], trial.gradient_bounds(training, along)["x"]
    scaled, kept = np.where(actual == 0, bound.expected, actual), actual != 0
    claim = "a gradient is neither 0 nor that of the result/(1 - rate)"
    ratio = trial.require_same(scaled, bound.expected, bound.worst, claim)
    for where, group in {"0": zero, "not 0": ~zero}.items():
        what = f"where x is {where}, the number of elements whose gradient is kept is"
        ratio = max(ratio, _probable(kept[group], rate, what))
    ones = training.but(x=np.ones_like(x))
    one, other = (trial.call(ones) != 0 for _ in range(2))
    if (one == other).all() and (one != kept).any():
        raise Violation(
            f"the gradient has another mask than the value of the same seed: {int((one != kept).sum())} of "
            f"{kept.size} elements differ"
        )
    return ratio
