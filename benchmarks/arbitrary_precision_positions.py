"""Positional encoding at positions that are hard: large ones, and those whose angle is nearly a multiple of pi/2.

There sine or cosine is nearly zero, and every error of the angle shows. They are found by continued fractions: where
q is the denominator of a convergent of w / (pi/2), no smaller position has the angle q w nearer to a multiple of pi/2.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import mpmath
import numpy as np
from arbitrary_precision_measures import BITS, HELD_TO, Row, generator
from arbitrary_precision_training import frequency, sine_and_cosine

from assay import oracle
from assay.oracle.positional_encoding import positional_encoding_bound_at

FUNCTION: Final = "positional_encoding_at"
LARGEST: Final = 10**7
"""Up to here the oracle claims 1 unit in the last place; beyond, that and `BEYOND`."""
BEYOND: Final = 2.0**-126

_WIDTHS: Final = (512, 1, 2, 3, 7, 8, 64, 513, 1024)

Sample = tuple[int, Any, list[list[int]]]
"""d_model, positions, and for each of these the pairs of channels."""

_AT_A_TIME: Final = 64
"""Pairs of channels whose positions are computed in one call."""


def _random(regime: str, index: int, largest: int) -> Iterator[Sample]:
    """Draw forty positions in all channels; every other case has 512 of these."""
    d_model = 512 if index % 2 == 0 else _WIDTHS[index // 2 % len(_WIDTHS)]
    positions = generator(FUNCTION, regime, index).integers(0, largest, 40, endpoint=True)
    yield d_model, positions, [list(range((d_model + 1) // 2))] * len(positions)


def _hard(index: int, largest: int) -> Iterator[Sample]:
    """Choose for each pair of channels its own positions."""
    d_model = _WIDTHS[index % len(_WIDTHS)]
    pairs = range((d_model + 1) // 2)
    for first in pairs[::_AT_A_TIME]:
        each = [
            (at, [pair]) for pair in pairs[first : first + _AT_A_TIME] for at in near_multiples(pair, d_model, largest)
        ]
        yield d_model, np.array([at for at, _ in each]), [pair for _, pair in each]


def near_multiples(pair: int, d_model: int, largest: int) -> list[int]:
    """Compute the denominators of the convergents, and up to three times them."""
    with mpmath.workprec(BITS):
        rest = frequency(pair, d_model, BITS) / (mpmath.pi / 2)
        before, q, found = 1, 0, {1}
        for _ in range(80):
            whole = int(mpmath.floor(rest))
            before, q = q, whole * q + before
            if q > largest or rest == whole:
                break
            found |= {times * q for times in (1, 2, 3)}
            rest = 1 / (rest - whole)
    return sorted(position for position in found if 0 < position <= largest)


SAMPLES: Final[Mapping[str, tuple[Callable[[int], Iterator[Sample]], int]]] = {
    "to 1000": (lambda index: _random("to 1000", index, 1000), 6),
    "to 10^7": (lambda index: _random("to 10^7", index, LARGEST), 36),
    "hard, to 10^7": (lambda index: _hard(index, LARGEST), len(_WIDTHS)),
    "to 2^63": (lambda index: _random("to 2^63", index, 2**63 - 1), 10),
    "hard, to 2^63": (lambda index: _hard(index, 2**63 - 1), len(_WIDTHS)),
}
"""Regime -> how a case is drawn, and how many there are."""


def position_row(regime: str, indices: range) -> Row:
    """Measure both channels of every pair; beyond 10^7, what exceeds `BEYOND`."""
    row = Row(FUNCTION, regime)
    allowed = BEYOND if "2^63" in regime else 0.0
    for index in indices:
        for d_model, positions, pairs in SAMPLES[regime][0](index):
            actual = oracle.positional_encoding_at(positions, d_model)
            worst = positional_encoding_bound_at(positions, d_model, numerics=HELD_TO).worst
            with mpmath.workprec(BITS):
                for at, pair in ((at, pair) for at, there in enumerate(pairs) for pair in there):
                    both = sine_and_cosine(int(positions[at]), pair, d_model)
                    for channel, exactly in zip((2 * pair, 2 * pair + 1), both, strict=True):
                        if channel < d_model:
                            row.add(actual[at, channel], exactly, worst[at, channel], allowed=allowed)
        row.cases += 1
    return row
