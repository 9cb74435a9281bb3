"""Gradients of attention as plain automatic differentiation has them: through the maximum of each row, too.

o = sum e_j v_j / sum e, with e = exp(s - m), m = max s. What comes back to m is zero, but for rounding: a sum over the
row, which is put on the largest score.
"""

import numpy as np

from ..arithmetic import Array, largest, rounded, through_maximum
from ..gradients import Gradients
from .gradients import attention_gradient, backward, gradient, row_sum, transposed
from .right import Call, per_head, scores, visible


def of_cast_exponentials(
    s: Array, value: Array, g: Array, dtype: np.dtype[np.generic], *, shared: bool = False
) -> tuple[Array, Array]:
    """Give dS and dV where exponentials are cast before they meet the values, and their sum is of those not cast."""
    sees = s > -np.inf
    blind = ~sees.any(-1, keepdims=True)
    e = np.where(sees, np.exp(s - np.where(blind, 0, largest(s))), 0)
    cast, total = rounded(e, dtype), np.where(blind, 1, row_sum(e))
    of_numerator, of_total = g / total, -row_sum(g * (cast @ value)) / (total * total)
    ds = e * (rounded(of_numerator @ transposed(value), dtype) + of_total)
    return np.where(sees, through_maximum(s, ds, shared=shared), 0), transposed(cast) @ of_numerator


def through_rows(call: Call, g: Array, *, shared: bool = False) -> Gradients:
    """Follow the formula, with dS and dV as above."""
    s = np.where(visible(call), scores(call), -np.inf)
    ds, dv = of_cast_exponentials(s, per_head(call.value, call.shape[1]), g, call.dtype, shared=shared)
    return backward(call, g, ds=ds, dv=dv)


@gradient(
    "attention-gradient-through-maximum",
    "The exponentials are cast before they are normalised; the gradient goes through the maximum to the largest score.",
    wrong=False,
)
@attention_gradient
def attention_gradient_through_maximum(call: Call, g: Array) -> Gradients:
    return through_rows(call, g)


@gradient(
    "attention-gradient-through-maximum-shared",
    "The same, and scores that are equally large share what comes back to the maximum.",
    wrong=False,
)
@attention_gradient
def attention_gradient_through_maximum_shared(call: Call, g: Array) -> Gradients:
    return through_rows(call, g, shared=True)
