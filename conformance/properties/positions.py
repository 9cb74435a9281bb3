"""Positional codes: the codes, how far they are from each other, and PE(pos + k) as a rotation of PE(pos).

(PE(pos + k)_2i, PE(pos + k)_2i+1) = R(k w_i) (PE(pos)_2i, PE(pos)_2i+1)      w_i = 10000^(-2i/d_model)
"""

from typing import Final

import numpy as np

from ...oracle.positional_encoding import positional_encoding, positional_encoding_at
from ..terms.generator import Generator
from ..terms.rounding import Array
from .kinds import Colour, Plot, Series, Shown, Table, Topic, figure, found

WIDTH: Final = 512
_DRAWN: Final = 128
_FARTHEST: Final = 2048
_K: Final = 5
"""The distance whose rotation is shown."""
_PAIRS: Final[tuple[tuple[int, Colour], ...]] = ((0, "red"), (16, "orange"), (32, "green"), (64, "blue"))
_STARTS: Final = (0, 777, 100_000)
"""Positions from which distances are taken."""


def distances(start: int, farthest: int = _FARTHEST) -> Array:
    """Give |PE(start + k) - PE(start)| for k = 0 ... farthest."""
    codes = positional_encoding_at(np.arange(start, start + farthest + 1), WIDTH)
    return np.asarray(np.linalg.norm(codes - codes[0], axis=1))


def angles(k: int, length: int = _DRAWN) -> Array:
    """Give the angle by which each pair of PE(pos + k) is turned from that of PE(pos): (length, pairs)."""
    here = positional_encoding(length, WIDTH)
    there = positional_encoding_at(np.arange(length) + k, WIDTH)
    turned = np.arctan2(there[:, 0::2], there[:, 1::2]) - np.arctan2(here[:, 0::2], here[:, 1::2])
    return np.mod(turned + 1e-9, 2 * np.pi) - 1e-9  # a turn of zero is none, and not a whole one


def residual(seed: int, farthest: int = 10**6) -> float:
    """Compute the largest |PE(pos + k) - R_k PE(pos)| over 300 random positions and k; R_k is made of PE(k)."""
    generator = Generator("properties", "positions", seed)
    pos, k = (generator.integers(0, farthest, 300) for _ in range(2))
    here, by, there = (positional_encoding_at(each, WIDTH) for each in (pos, k, pos + k))
    # sin a and cos a, as one complex number: cos a + i sin a.
    turned = (here[:, 1::2] + 1j * here[:, 0::2]) * (by[:, 1::2] + 1j * by[:, 0::2])
    return float(np.max(np.abs(turned - (there[:, 1::2] + 1j * there[:, 0::2]))))


def measure(seed: int) -> Shown:
    """Measure the codes of 512 channels."""
    from_each = {start: distances(start) for start in _STARTS}
    first = from_each[_STARTS[0]]
    spread = max(float(np.max(np.abs(each - first))) for each in from_each.values())
    turned = angles(_K)
    steady = float(np.max(np.ptp(turned, axis=0)))
    mean = np.sqrt(WIDTH)
    sentences = [
        (
            f"Two codes of {WIDTH} channels whose positions are k apart have the same distance wherever they are: "
            f"from positions {', '.join(map(str, _STARTS))} it differs by {figure(spread)} at most. It is "
            f"{figure(first[1])} for k = 1, {figure(first[10])} for 10, {figure(first[100])} for 100 and "
            f"{figure(first[_FARTHEST])} for {_FARTHEST}; codes at a right angle to each other would be "
            f"{figure(float(mean))} apart."
        ),
        (
            "PE(pos + k) is PE(pos) with each pair of channels turned by an angle that depends on k alone: for k = "
            f"{_K} the angle of no pair differs by more than {figure(steady)} over {_DRAWN} positions. For 300 random "
            f"pos and k up to 10^6 the turned code is off by {figure(residual(seed))} at most. Codes and angles are "
            "in float64."
        ),
    ]
    rows = [[str(k), *(figure(float(each[k])) for each in from_each.values())] for k in (1, 2, 5, 10, 100, 1000, 2048)]
    table = Table("|PE(pos + k) - PE(pos)|", ("k", *(f"pos = {start}" for start in _STARTS)), rows)
    return found(sentences, [table], [_codes(), _distances(from_each), _angles(turned)])


def _codes() -> Plot:
    return Plot(
        "positions-codes",
        f"Codes of the first {_DRAWN} positions, d_model = {_DRAWN}",
        "The first channels turn fast, the last hardly at all; sines and cosines alternate.",
        "channel",
        "position",
        matrix=positional_encoding(_DRAWN, _DRAWN),
    )


def _distances(from_each: dict[int, Array]) -> Plot:
    first, last = (from_each[start] for start in (_STARTS[0], _STARTS[-1]))
    many, few = (np.unique(np.geomspace(1, _FARTHEST, count).astype(int)) for count in (300, 24))
    return Plot(
        "positions-distances",
        "How far the codes of two positions are from each other",
        f"The distance grows with k from {figure(first[1])}, with waves, and is the same from every position.",
        "k",
        "|PE(pos + k) - PE(pos)|",
        [
            Series(f"pos = {_STARTS[0]}", list(many), list(first[many]), "blue"),
            Series(f"pos = {_STARTS[-1]}", list(few), list(last[few]), "orange", "dots"),
        ],
        x_log=True,
    )


def _angles(turned: Array) -> Plot:
    positions = list(range(len(turned)))
    series = [
        Series(f"channels {2 * i} and {2 * i + 1}", positions, list(turned[:, i]), colour) for i, colour in _PAIRS
    ]
    return Plot(
        "positions-rotation",
        f"The angle that turns PE(pos) into PE(pos + {_K})",
        "One flat line for each pair of channels: the angle is the same at every position.",
        "pos",
        "radians",
        series,
    )


TOPIC: Final = Topic("positions", "Positional codes, and their rotation", "paper, section 3.5", measure)
