"""Embedding: "Attention Is All You Need", section 3.4.

    y[b, l] = W[tokens[b, l]] sqrt(d_model)

    tokens (B, L), whole numbers in 0 ... V - 1   W (V, d_model)

The paper: "In the embedding layers, we multiply those weights by sqrt(d_model)."
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from .rounding.bound import VARIANCE_OF_ROUNDING, Bound, Errors, finish, sum_variance
from .rounding.computed import Computed, scaled, stored_in
from .rounding.numerics import Numerics
from .rounding.tape import Tape
from .shapes import Array, checked_arrays, checked_cotangent
from .spec_error import SpecError


def embedding(tokens: ArrayLike, weight: ArrayLike) -> Array:
    """Give the row of each token, times sqrt(d_model): (B, L, d_model).

    SpecError if a token is not in the vocabulary, or an argument has the wrong shape or kind of numbers.
    """
    tokens, weight = _arguments(tokens, weight)
    rows = weight[tokens]  # (B, L, d_model)
    return np.asarray(rows * math.sqrt(weight.shape[1]))  # (B, L, d_model)


def embedding_vjp(cotangent: ArrayLike, tokens: ArrayLike, weight: ArrayLike) -> Array:
    """Give dW[t] = sqrt(d_model) times the sum of g over all places where the token is t: (V, d_model).

    SpecError as of `embedding`, or where the cotangent g has not the shape of the result.
    """
    tokens, weight = _arguments(tokens, weight)
    g = checked_cotangent("embedding_vjp", cotangent, (*tokens.shape, weight.shape[1]))
    return np.asarray(scattered(g, tokens, weight.shape) * math.sqrt(weight.shape[1]))  # (V, d_model)


def embedding_bound(tokens: ArrayLike, weight: ArrayLike, *, numerics: Numerics) -> Bound:
    """Say how far from `embedding` a right implementation may be.

    E = ((1 + U)^2 - 1) |y| + eta       sqrt(d_model) is rounded, and so is the product;
        + |y|  where |W| < eta          a weight that small may count as zero, as results that small may
    V = (U^2/3) y^2,   coherent U |y|   the error of sqrt(d_model) is common to all elements
    """
    y = embedding(tokens, weight)
    unit, size = numerics.unit, np.abs(y)
    flushed = size < numerics.underflow * math.sqrt(np.shape(weight)[1])
    errors = Errors(
        (2 * unit + unit**2) * size + np.where(y != 0, numerics.underflow, 0) + np.where(flushed, size, 0),
        VARIANCE_OF_ROUNDING * (unit * y) ** 2,
        unit * size,
    )
    # A token that comes twice has the same errors twice.
    distinct = np.unique(tokens).size == np.size(tokens)
    return finish(y, errors, numerics, rows_independent=distinct)


def embedding_vjp_bound(
    cotangent: ArrayLike, tokens: ArrayLike, weight: ArrayLike, *, numerics: Numerics
) -> dict[str, Bound]:
    """Say how far from `embedding_vjp` a right implementation may be.

    Each row is a sum of as many terms as its token comes, times a rounded sqrt(d_model), before or afterwards.
    """
    tokens, weight = _arguments(tokens, weight)
    of, tape = {"weight": Computed(weight)}, Tape(numerics)
    with np.errstate(all="ignore"):
        y = embed(tape, tokens, of["weight"])
        return tape.bounds(y, checked_cotangent("embedding_vjp_bound", cotangent, y.value.shape), of)


def scattered(rows: Array, tokens: Array, shape: tuple[int, ...]) -> Array:
    """Give the sum of the rows of each token: (V, d_model)."""
    result = np.zeros(shape)
    np.add.at(result, tokens, rows)
    return result


def _arguments(tokens: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Check shapes and tokens, and give tokens as int64 and the matrix in float64."""
    tokens, weight = checked_arrays("embedding", tokens, weight)
    check_tokens("embedding", tokens, len(weight))
    return tokens, weight


def check_tokens(function: str, tokens: Array, vocabulary: int) -> None:
    """Raise SpecError if a token is not in the vocabulary."""
    strange = tokens[(tokens < 0) | (tokens >= vocabulary)]
    if strange.size:
        raise SpecError(f"{function}: tokens holds {strange[0]}, but should hold numbers in 0 ... {vocabulary - 1}")


def embed(tape: Tape, tokens: Array, weight: Computed) -> Computed:
    """Record sqrt(d_model) times the row of each token; back, the sum over the places of a token."""
    numerics, unit = tape.numerics, tape.numerics.unit
    factor = math.sqrt(weight.value.shape[1])
    y = scaled(Computed(weight.value[tokens]), factor, numerics)
    count = np.bincount(tokens.ravel(), minlength=len(weight.value))[:, None]

    def backward(g: Computed) -> tuple[Computed]:
        each = tape.read(scaled(g, factor, numerics))
        y, e, v, c, size, squares = (
            scattered(np.broadcast_to(array, g.value.shape), tokens, weight.value.shape)
            for array in (each.value, *each.errors, np.abs(each.value), np.square(each.value))
        )
        chunks = np.minimum(numerics.gradient_chunks, np.maximum(count, 1))
        n = np.maximum(count - 1, 0)
        error = e + n * unit * (size + e) + (count > 0) * numerics.underflow
        variance = v + sum_variance(n, y, squares, unit)
        kept = stored_in(Computed(size), numerics.output).error
        variance = variance + VARIANCE_OF_ROUNDING * (chunks - 1) * kept**2
        return (Computed(y, error + (chunks - 1) * kept, variance, c),)

    return tape.record(y, (weight,), backward)
