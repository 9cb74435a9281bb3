"""Output logits: "Attention Is All You Need", section 3.4.

    logits = hidden W^T

    hidden (B, L, d_model)   W (V, d_model)

W is the matrix of the embedding ("we share the same weight matrix between the two embedding layers and the
pre-softmax linear transformation"); the factor sqrt(d_model) belongs to the embedding alone, and there is no bias.
"""

import numpy as np
from numpy.typing import ArrayLike

from .rounding.bound import Bound, finish, matrix_product
from .rounding.computed import exact_arguments
from .rounding.numerics import Numerics
from .rounding.tape import Tape, matmul, rearrange
from .shapes import Array, checked_arrays, checked_cotangent


def output_logits(hidden: ArrayLike, weight: ArrayLike) -> Array:
    """Give the product hidden W^T: (B, L, V).

    SpecError if the shapes do not fit each other, or where an argument holds no real numbers.
    """
    hidden, weight = checked_arrays("output_logits", hidden, weight)
    return np.asarray(hidden @ weight.T)  # (B, L, V)


def output_logits_vjp(cotangent: ArrayLike, hidden: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Give dhidden = g W and dW = g^T hidden, summed over B and L: in the shapes of hidden and W.

    SpecError as of `output_logits`, or where the cotangent g has not the shape of the result.
    """
    hidden, weight = checked_arrays("output_logits", hidden, weight)
    g = checked_cotangent("output_logits_vjp", cotangent, (*hidden.shape[:2], len(weight)))
    return g @ weight, np.einsum("blv,bld->vd", g, hidden)


def output_logits_bound(hidden: ArrayLike, weight: ArrayLike, *, numerics: Numerics) -> Bound:
    """Say how far from `output_logits` a right implementation may be: the error of one matrix product."""
    hidden, weight = checked_arrays("output_logits", hidden, weight)
    y, errors = matrix_product(hidden, weight.T, numerics)
    return finish(y, errors, numerics)


def output_logits_vjp_bound(
    cotangent: ArrayLike, hidden: ArrayLike, weight: ArrayLike, *, numerics: Numerics
) -> dict[str, Bound]:
    """Say how far from `output_logits_vjp` a right implementation may be: two matrix products of exact factors."""
    of = exact_arguments("output_logits_vjp_bound", hidden, weight)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        y = matmul(tape, of["hidden"], rearrange(tape, of["weight"], np.transpose, np.transpose))
        return tape.bounds(y, checked_cotangent("output_logits_vjp_bound", cotangent, y.value.shape), of)
