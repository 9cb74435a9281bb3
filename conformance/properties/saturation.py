"""Softmax's saturation against d_k, and the size of its gradient, with and without 1/sqrt(d_k): paper, section 3.2.1.

For p = softmax(s), s = q . k of normal q and k, with the scale or without it: the largest weight, and the size of the
derivative of the weights in the scores,

    J = diag(p) - p p^T,   |J|^2 = sum_i p_i^2 ((1 - p_i)^2 + sum_(j != i) p_j^2)      in the Frobenius norm
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ...oracle.softmax import softmax
from ..terms.generator import Generator
from ..terms.rounding import Array
from .kinds import Colour, Plot, Series, Shown, Style, Table, Topic, figure, found

SIZES: Final = (1, 4, 16, 64, 256, 1024)
KEYS: Final = 64
_QUERIES: Final = 200
_LINES: Final[tuple[tuple[str, bool, Colour], ...]] = (("with 1/sqrt(d_k)", True, "blue"), ("without", False, "red"))


def weights(d_k: int, seed: int, *, scaled: bool) -> Array:
    """Give the weights of 64 keys for each of 200 queries."""
    generator = Generator("properties", "saturation", d_k, seed)
    rows = []
    for _ in range(_QUERIES):
        q, k = generator.standard_normal(d_k), generator.standard_normal((KEYS, d_k))
        rows.append(k @ q / (np.sqrt(d_k) if scaled else 1.0))
    return np.asarray(softmax(np.array(rows)))


def gradient_norms(p: Array) -> Array:
    """Compute |J| of each row of weights; 1 - p of the largest is the sum of the others, so that nothing cancels."""
    largest = np.arange(p.shape[-1]) == p.argmax(-1)[:, None]
    others = np.where(largest, 0, p)
    rest = np.where(largest, others.sum(-1, keepdims=True), 1 - p)
    of_others = np.square(others).sum(-1, keepdims=True) - np.square(others)
    squares = of_others + np.where(largest, 0, np.square(p.max(-1, keepdims=True)))
    return np.asarray(np.sqrt(np.sum(np.square(p) * (np.square(rest) + squares), -1)))


def measure(seed: int) -> Shown:
    """Measure it for every d_k."""
    both = {scaled: [weights(d_k, seed, scaled=scaled) for d_k in SIZES] for scaled in (True, False)}
    largest = {scaled: [float(np.mean(p.max(-1))) for p in each] for scaled, each in both.items()}
    norms = {scaled: [float(np.median(gradient_norms(p))) for p in each] for scaled, each in both.items()}
    means = {scaled: [float(np.mean(gradient_norms(p))) for p in each] for scaled, each in both.items()}
    at, last = SIZES.index(64), len(SIZES) - 1
    crossing = next(d_k for place, d_k in enumerate(SIZES) if norms[False][place] < norms[True][place])
    sentences = [
        (
            f"Without the scale the largest of {KEYS} weights grows, on average, from {figure(largest[False][0])} at "
            f"d_k = {SIZES[0]} to {figure(largest[False][last])} at {SIZES[last]}; with 1/sqrt(d_k) it stays between "
            f"{figure(min(largest[True]))} and {figure(max(largest[True]))}."
        ),
        (
            f"The gradient of the weights has the median {figure(norms[True][at])} with the scale at d_k = 64 and "
            f"{figure(norms[False][at])} without; at {SIZES[last]} it is {figure(norms[True][last])} and "
            f"{figure(norms[False][last])}. It is smaller without the scale from d_k = {crossing} on, of those "
            "measured."
        ),
        f"Normal queries and keys, {_QUERIES} queries, {KEYS} keys, float64.",
    ]
    heads = ("d_k", "largest, scaled", "unscaled", "gradient, scaled", "unscaled")
    columns = (largest[True], largest[False], norms[True], norms[False])
    rows = [[str(d_k), *(figure(each[place]) for each in columns)] for place, d_k in enumerate(SIZES)]
    return found(
        sentences, [Table("mean of the largest weight; median of |J|", heads, rows)], _plots(largest, norms, means)
    )


def _plots(
    largest: dict[bool, list[float]], norms: dict[bool, list[float]], means: dict[bool, list[float]]
) -> Sequence[Plot]:
    def series(values: dict[bool, list[float]], of: str, style: Style) -> list[Series]:
        return [Series(f"{of}{word}", SIZES, values[scaled], colour, style) for word, scaled, colour in _LINES]

    return [
        Plot(
            "saturation-weights",
            f"The largest of {KEYS} softmax weights",
            f"Without the scale it rises towards 1 with d_k; with it, it stays near {figure(largest[True][-1])}.",
            "d_k",
            "mean over queries",
            series(largest, "", "line"),
            x_log=True,
        ),
        Plot(
            "saturation-gradient",
            "The size of the softmax's gradient",
            "Without the scale the median falls by orders of magnitude beyond d_k = 64, the mean by less.",
            "d_k",
            "|diag(p) - p p^T|",
            [*series(norms, "median, ", "line"), *series(means, "mean, ", "dashed")],
            x_log=True,
            y_log=True,
        ),
    ]


TOPIC: Final = Topic("softmax", "Softmax's saturation, and the scale 1/sqrt(d_k)", "paper, section 3.2.1", measure)
