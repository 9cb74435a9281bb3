"""The notes' claims on positional encoding (N11, N12, N13), each with what measures it."""

from functools import cache, partial
from typing import Final

import numpy as np

from ...oracle.positional_encoding import positional_encoding, positional_encoding_at
from ..terms.rounding import Array
from .kinds import Claim, Measurement, random

_WIDTH: Final = 512
_LENGTH: Final = 512
_FARTHEST: Final = 10**6


@cache
def _table(length: int = _LENGTH) -> Array:
    """Encode the first positions in 512 channels."""
    return positional_encoding(length, _WIDTH)


def _sine_and_cosine(i: int) -> float:
    """Compute the mean over positions of |PE_2i - PE_2i+1|."""
    return float(np.mean(np.abs(_table()[:, 2 * i] - _table()[:, 2 * i + 1])))


def _nearest_pair() -> float:
    """Find the smallest of these means over i."""
    return float(np.min(np.mean(np.abs(_table()[:, 0::2] - _table()[:, 1::2]), 0)))


def _two_sines(i: int) -> float:
    """Compute the mean over positions of |PE_2i - PE_2i+2|."""
    return float(np.mean(np.abs(_table()[:, 2 * i] - _table()[:, 2 * i + 2])))


def _alike_from(length: int) -> float:
    """Find the i from which on two neighbouring sines differ by less than 0.1 on average."""
    sines = _table(length)[:, 0::2]
    return float(np.max(np.flatnonzero(np.mean(np.abs(np.diff(sines, axis=1)), 0) >= 0.1)) + 1)


def _spread_of_last(channel: int) -> float:
    """Compute the standard deviation over positions of a channel."""
    return float(np.std(_table()[:, channel]))


_ROTATION: Final = 6.0
"""Sines and cosines are off by 1 unit in the last place, 2^-53 at most: through the products, 2^-53 (|sin| + |cos| +
|sin_k| + |cos_k|) <= 2.83 2^-53. Two products and their sum round by 2^-54 each; the other side is off by 2^-53."""


def _rotation() -> float:
    """Compute the largest |PE(pos + k) - R_k PE(pos)|, in 2^-53, for 300 random pos and k up to 10^6.

    R_k turns each pair (sin a, cos a) by the angle of position k, of which PE(k) has sine and cosine.
    """
    pos, k = random(120).integers(0, _FARTHEST, (2, 300))
    there, by, sum_of_both = (positional_encoding_at(each, _WIDTH) for each in (pos, k, pos + k))
    sine, cosine = there[:, 0::2], there[:, 1::2]
    sine_k, cosine_k = by[:, 0::2], by[:, 1::2]
    turned = np.stack([sine * cosine_k + cosine * sine_k, cosine * cosine_k - sine * sine_k], -1)
    return float(np.max(np.abs(turned.reshape(sum_of_both.shape) - sum_of_both)) * 2.0**53)


def _largest() -> float:
    """Find the largest |PE| at 300 positions up to 10^12."""
    return float(np.max(np.abs(positional_encoding_at(random(121).integers(0, 10**12, 300), _WIDTH))))


@cache
def nearest_codes(d_model: int, farthest: int = _FARTHEST) -> tuple[int, float]:
    """Find the distance k of two positions, up to the farthest, whose codes are nearest, and how near these are.

        |PE(a) - PE(b)|^2 = sum over i of 4 sin^2(w_i (a - b) / 2)      for an even d_model

    depends on a - b alone, so one scan finds it. A k is given up as soon as a part of its sum, the fast channels first,
    exceeds what k = 1 has as a whole. The distance itself comes from the oracle.
    """
    frequencies = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
    limit = np.sum(4 * np.sin(frequencies / 2) ** 2)
    k, squares = np.arange(1, farthest + 1), np.zeros(farthest)
    for w in frequencies:
        squares = squares + 4 * np.sin(w * k / 2) ** 2
        near = squares <= limit * (1 + 1e-9)
        k, squares = k[near], squares[near]
    nearest = int(k[np.argmin(squares)])
    first, other = positional_encoding_at(np.array([0, nearest]), d_model)
    return nearest, float(np.linalg.norm(other - first))


def _of_nearest(d_model: int, least: float, most: float) -> tuple[Measurement, ...]:
    return (
        Measurement(
            f"smallest distance of two codes, positions to 10^6, d_model = {d_model}",
            lambda: nearest_codes(d_model)[1],
            least,
            most,
        ),
        Measurement("their positions are apart by", lambda: nearest_codes(d_model)[0], 1, _FARTHEST),
    )


_TRAINED: Final = 512
_BEYOND: Final = 4096
"""Trained on positions below the one, used below the other."""


def _linear_beyond(*, relative: bool) -> float:
    """Divide the largest code of the longer sequence by the largest that was seen; a code is pos, or pos / length."""
    trained, beyond = ((each - 1) / (each if relative else 1) for each in (_TRAINED, _BEYOND))
    return beyond / trained


def _step_of_relative() -> float:
    """Compute the change of the code of position 100, as a part of it, when the sequence grows: pos / length."""
    return abs(100 / _BEYOND - 100 / _TRAINED) / (100 / _TRAINED)


def _channels_beyond() -> float:
    """Count the channels of the 512 whose values leave their range in training by more than 0.01."""
    table = _table(_BEYOND)
    low, high = table[:_TRAINED].min(0), table[:_TRAINED].max(0)
    return float(np.sum(np.any((table < low - 0.01) | (table > high + 0.01), 0)))


def _made_by_bias(code: Array) -> float:
    """Compute, of the steps from each position to the next, the part of their mean square that one constant makes."""
    steps = np.diff(code, axis=0)
    return float(1 - np.sum((steps - steps.mean(0)) ** 2) / np.sum(steps**2))


def _linear_made_by_bias() -> float:
    """Compute the same of the code pos u, where u is a random vector of whole numbers."""
    return _made_by_bias(np.arange(_LENGTH)[:, None] * random(130).integers(-9, 10, _WIDTH).astype(np.float64))


def _sines_made_by_bias() -> float:
    return _made_by_bias(_table())


_SAME_KIND: Final = ((0, 0.4, 2), (64, 0.4, 2), (128, 0, 0.1), (254, 0, 0.01))

CLAIMS: Final = (
    Claim(
        "N11",
        "Every dimension has an encoding of its own, and neighbouring dimensions differ much.",
        "notes",
        "half true",
        "Every pair of channels has a frequency of its own. Sine and cosine of a pair differ much everywhere, but two "
        "neighbouring sines in the fast channels only: over 512 positions, those from i = 112 on, more than half of "
        "the 512 channels, are nearly alike, and the last ones hardly change at all.",
        (
            *(
                Measurement(f"mean difference of PE_2i and PE_2i+1, i = {i}", partial(_sine_and_cosine, i), 0.4, 2)
                for i in (0, 128, 255)
            ),
            Measurement("the smallest of these, over i", _nearest_pair, 0.4, 2),
            *(
                Measurement(f"mean difference of PE_2i and PE_2i+2, i = {i}", partial(_two_sines, i), least, most)
                for i, least, most in _SAME_KIND
            ),
            Measurement("i from which on this is below 0.1, over 512 positions", partial(_alike_from, 512), 0, 128),
            Measurement("the same over 5000 positions", partial(_alike_from, 5000), 128, 255),
            Measurement("standard deviation over positions of PE_510", partial(_spread_of_last, 510), 0, 0.05),
            Measurement("standard deviation over positions of PE_511", partial(_spread_of_last, 511), 0, 0.001),
        ),
    ),
    Claim(
        "N12",
        "Sine and cosine repeat, so that every input length works, even one longer than any in training.",
        "paper, section 3.5",
        "half true",
        "The encoding is defined and bounded at every position, and PE(pos + k) is the same rotation of PE(pos) for "
        "every pos, to the last place. That codes are distinct does not follow from repeating; it comes from having "
        "many frequencies. With few channels some codes are nearly the same; with 64 or 512, among a million positions "
        "none are nearer than neighbours. Whether a network does well on longer inputs is another question.",
        (
            Measurement("largest size of an element, positions to 10^12", _largest, 0, 1),
            Measurement(
                "PE(pos + k) and R_k PE(pos), pos and k to 10^6: largest difference, in 2^-53",
                _rotation,
                0,
                _ROTATION,
                of_rounding=True,
            ),
            *_of_nearest(2, 0, 1e-5),
            *_of_nearest(4, 0, 1e-3),
            *_of_nearest(8, 0, 1e-2),
            *_of_nearest(16, 0.1, 1),
            *_of_nearest(64, 1, 2),
            *_of_nearest(512, 3, 4),
        ),
    ),
    Claim(
        "N13",
        "An encoding by a linear or other plain function could be confused with what the network itself fits, or leave "
        "the range that it was trained in.",
        "notes",
        "half true",
        "A code pos u leaves the trained range, and pos / length changes the code of a position with the length. One "
        "bias moves a linear code on by a position, everywhere, so that position is confused with a constant; no bias "
        "does so with sines. But sines stay within 1, not within what was seen: slow channels take new values, too.",
        (
            Measurement(
                "code pos: largest at length 4096 over largest at 512", partial(_linear_beyond, relative=False), 8, 8.1
            ),
            Measurement("code pos / length: the same", partial(_linear_beyond, relative=True), 1, 1.01),
            Measurement(
                "code pos / length: relative change of position 100 from length 512 to 4096",
                _step_of_relative,
                0.875,
                0.875,
            ),
            Measurement("sines: channels, of 512, that take new values from 512 to 4095", _channels_beyond, 1, 256),
            Measurement("part of the steps pos -> pos + 1 that one bias makes, code pos u", _linear_made_by_bias, 1, 1),
            Measurement("the same, sines", _sines_made_by_bias, 0, 0.01),
        ),
    ),
)
