"""The values of queries, keys and values, by regime."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from ...cases.values import draw, generator_of
from ...terms.case import Case
from ...terms.generator import Generator
from ...terms.rounding import Array, rounded

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Those of query, key and value, in this order."""

Regime: TypeAlias = Callable[[Case, Shapes], dict[str, Array]]

ONE_HOT: Final = 2.0**14
"""A score of -2^14 times a scale of 0.08 or more is below -1000, whose exponential is zero in every format."""

# Products of two of these, summed over 128 channels, stay finite in the accumulator.
_LIMIT: Final = {"float64": 2.0**500, "float32": 2.0**56, "bfloat16": 2.0**56, "float16": 2.0**15}


def values_of(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Make queries, keys and values of the case's regime."""
    return REGIMES[case["regime"]](case, shapes)


def _drawn(*kinds: str) -> Regime:
    """Give the regime of one kind for all three, or of a kind for each."""

    def regime(case: Case, shapes: Shapes) -> dict[str, Array]:
        of_each = zip(shapes, kinds * 3 if len(kinds) == 1 else kinds, strict=True)
        return {name: draw(case, name, shapes[name], kind, case["dtype"]) for name, kind in of_each}

    return regime


_normal: Final = _drawn("normal")


def _logits(deviation: float) -> Regime:
    """Give the regime in which scores have this deviation."""

    def regime(case: Case, shapes: Shapes) -> dict[str, Array]:
        arrays = _normal(case, shapes)
        scale = 1 / np.sqrt(case["d_k"]) if case["scale"] == "none" else case["scale"]
        # s = scale q.k has the deviation scale sqrt(d_k) a^2 where q and k have the deviation a.
        a = np.sqrt(deviation / (scale * np.sqrt(case["d_k"])))
        return arrays | {name: rounded(a * arrays[name], case["dtype"]) for name in ("query", "key")}

    return regime


def _one_hot(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Make scores of 0 for one key of each query, and below -1000 for every other.

    Query i looks at one channel c; the key that has 0 there is its own, all others have -1. The score is 0, so that
    its exponential is 1 in every way of forming it; and powers of two as values survive any of the ways to divide.
    """
    d_k, keys, generator = case["d_k"], case["L_k"], _generator(case)
    key = np.full(shapes["key"], -1.0)
    places = generator.permutation(keys)[:d_k]
    key[:, :, places, np.arange(len(places))] = 0.0
    channel = generator.integers(0, max(len(places), 1), shapes["query"][:3])
    query = ONE_HOT * (np.arange(d_k) == channel[..., None])
    value = np.ldexp(generator.choice([-1.0, 1.0], shapes["value"]), generator.integers(-6, 7, shapes["value"]))
    return {"query": query, "key": key, "value": value}


def _equal_rows(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Make all keys alike."""
    arrays = _normal(case, shapes)
    arrays["key"][...] = arrays["key"][:, :, :1]
    return arrays


def _dominant(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Make one key of each item that every query prefers."""
    arrays, generator = _normal(case, shapes), _generator(case)
    if case["L_k"]:
        direction = rounded(generator.choice([-1.0, 1.0], case["d_k"]), case["dtype"])
        arrays["query"] = rounded(direction + 0.25 * arrays["query"], case["dtype"])
        arrays["key"][:, :, generator.integers(case["L_k"])] = 8 * direction
    return arrays


def _offset(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Add a vector to all keys, which shifts every score of a query by the same; the values are far from zero."""
    arrays = _drawn("normal", "normal", "offset")(case, shapes)
    return arrays | {"key": rounded(arrays["key"] + 4, case["dtype"])}


def _limit(case: Case, shapes: Shapes) -> dict[str, Array]:
    """Make scores as large as the accumulator holds."""
    generator, largest = _generator(case), _LIMIT[case["dtype"]]
    ends = {name: generator.choice([-1.0, 0.0, 0.5, 1.0], shapes[name]) * largest for name in ("query", "key")}
    return _normal(case, shapes) | ends


def _generator(case: Case) -> Generator:
    return generator_of(case, "regime", case["regime"])


REGIMES: Final[Mapping[str, Regime]] = {
    "normal": _normal,
    "uniform": _drawn("uniform"),
    "integers": _drawn("integers"),
    "sharp": _logits(8.0),
    "one-hot": _one_hot,
    "even": _drawn("zero", "normal", "integers"),
    "zero": _drawn("zero"),
    "ties": _drawn("ties"),
    "equal-rows": _equal_rows,
    "dominant": _dominant,
    "offset": _offset,
    "cancelling": _drawn("cancelling"),
    "logits-1e2": _logits(1e2),
    "logits-1e4": _logits(1e4),
    "limit": _limit,
    "tiny": _drawn("tiny"),
    "subnormal": _drawn("normal", "normal", "subnormal"),
}
"""The plainest first."""
