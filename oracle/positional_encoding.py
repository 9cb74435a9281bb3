"""Sinusoidal positional encoding: "Attention Is All You Need", section 3.5.

    PE(pos, 2i)     = sin(pos / 10000^(2i/d_model))
    PE(pos, 2i + 1) = cos(pos / 10000^(2i/d_model))

    result (length, d_model), pos = 0 ... length - 1

Choices where the paper is silent:

    1   An odd d_model has one sine more than cosines: the last channel is a sine.
    2   `positional_layout`: `interleaved` as above, or `concatenated`: all sines, then all cosines.

The result is within 1 unit in the last place up to position 10^7, and within that and 2^-126 up to 2^63: see
`exact_angle`.
"""

import numpy as np
from numpy.typing import ArrayLike

from .exact_angle import sines_and_cosines
from .options import check_conventions, check_whole
from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish
from .rounding.numerics import Numerics
from .shapes import Array, check_axes, whole
from .spec_error import SpecError


def positional_encoding(length: int, d_model: int, *, positional_layout: str = "interleaved") -> Array:
    """Give sines and cosines of positions 0 ... length - 1: (length, d_model).

    SpecError if length is negative, d_model is not at least 1, or the layout is unknown.
    """
    return positional_encoding_at(_positions(length), d_model, positional_layout=positional_layout)


def positional_encoding_bound(
    length: int, d_model: int, *, positional_layout: str = "interleaved", numerics: Numerics
) -> Bound:
    """Say how far from `positional_encoding` a right implementation may be: see `positional_encoding_bound_at`."""
    return positional_encoding_bound_at(
        _positions(length), d_model, positional_layout=positional_layout, numerics=numerics
    )


def positional_encoding_at(positions: ArrayLike, d_model: int, *, positional_layout: str = "interleaved") -> Array:
    """Give sines and cosines of the given positions, whole numbers from 0 to 2^63 - 1: (L,) gives (L, d_model)."""
    positions = _arguments(positions, d_model, positional_layout)
    sines, cosines = sines_and_cosines(positions, d_model)  # (L, pairs) each
    return _in_channels(sines, cosines, d_model, positional_layout)  # (L, d_model)


def positional_encoding_bound_at(
    positions: ArrayLike, d_model: int, *, positional_layout: str = "interleaved", numerics: Numerics
) -> Bound:
    """Say how far from `positional_encoding_at` a right implementation may be, whose angles are in `accumulate`.

        E_theta = pos w (e^(U (2 + c_e + 3 |ln w| + [pos])) - 1)     w = 10000^(-2i/d_model)
        E       = min(|cos theta| E_theta + E_theta^2/2, 1 + |y|) + c_e U     of the sine; of the cosine: |sin theta|

    w is an exponential (c_e) of an exponent with three roundings: ln 10000, 2i/d_model, their product; 2 more are its
    reciprocal and the product with the position; [pos] is 1 where the position is too large to be exact, else 0. The
    error of w is common to a column, and so all of it is coherent, and no two rows are independent.
    """
    positions = _arguments(positions, d_model, positional_layout)
    sines, cosines = sines_and_cosines(positions, d_model)
    unit, c_e = numerics.unit, numerics.exp_error
    pos = positions[:, None].astype(np.float64)
    ln_w = -np.log(10000) * np.arange(0, d_model, 2) / d_model
    e_theta = pos * np.exp(ln_w) * np.expm1(unit * (2 + c_e + 3 * np.abs(ln_w) + (pos * unit > 1)))
    e_sines = np.minimum(np.abs(cosines) * e_theta + e_theta**2 / 2, 1 + np.abs(sines))
    e_cosines = np.minimum(np.abs(sines) * e_theta + e_theta**2 / 2, 1 + np.abs(cosines))
    y = _in_channels(sines, cosines, d_model, positional_layout)
    common = _in_channels(e_sines, e_cosines, d_model, positional_layout)
    errors = Errors(common + c_e * unit, np.full(y.shape, VARIANCE_OF_ROUNDING * (c_e * unit) ** 2), common)
    return finish(y, errors, numerics, rows_independent=False)


def _positions(length: int) -> Array:
    """Give 0 ... length - 1."""
    check_whole("positional_encoding", "length", length, 0)
    return np.arange(length)


def _arguments(positions: ArrayLike, d_model: int, positional_layout: str) -> Array:
    """Check all arguments, and give the positions as int64."""
    pos = whole("positional_encoding", "positions", positions)
    check_axes("positional_encoding", {"positions": (pos, "L")})
    if pos.size and pos.min() < 0:
        raise SpecError(f"positional_encoding: positions holds {pos.min()}, but should hold numbers of at least 0")
    check_whole("positional_encoding", "d_model", d_model, 1)
    check_conventions("positional_encoding", positional_layout=positional_layout)
    return pos


def _in_channels(sines: Array, cosines: Array, d_model: int, positional_layout: str) -> Array:
    """Give (L, pairs) of either in their channels: (L, d_model)."""
    cosines = cosines[:, : d_model // 2]
    if positional_layout == "concatenated":
        return np.concatenate([sines, cosines], 1)
    table = np.empty((sines.shape[0], d_model))
    table[:, 0::2] = sines
    table[:, 1::2] = cosines
    return table
