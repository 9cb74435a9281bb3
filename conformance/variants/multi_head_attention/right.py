"""Multi-head attention: Concat(head_1, ..., head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V).

The right ones, and the steps that `heads.py` and `masks.py` replace one at a time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, widened
from ..attention.gradients import evenly, transposed, weights
from ..attention.right import Call, attend, scores, softmax, visible
from ..catalogue import variant

Cast = Callable[[Array], Array]


@dataclass(frozen=True)
class Heads:
    """One call, its arrays in the format of the arithmetic."""

    query: Array  # (B, L_q, d_model)
    key: Array  # (B, L_k, d_model)
    value: Array  # (B, L_k, d_model)
    w_query: Array  # (d_model, h d_k)
    w_key: Array  # (d_model, h d_k)
    w_value: Array  # (d_model, h d_v)
    w_output: Array  # (h d_v, d_model)
    heads: int
    mask: Array | None  # broadcastable to (B, h, L_q, L_k)
    causal: bool
    dtype: np.dtype[Any]
    """The format in which the arrays came."""

    @classmethod
    def of(cls, arrays: Iterable[Array], heads: int, mask: Array | None, causal: bool, dtype: np.dtype[Any]) -> "Heads":
        """Copy the call with the seven arrays in order."""
        query, key, value, w_query, w_key, w_value, w_output = arrays
        return cls(query, key, value, w_query, w_key, w_value, w_output, heads, mask, causal, dtype)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The seven, in order."""
        return (self.query, self.key, self.value, *self.matrices)

    @property
    def matrices(self) -> tuple[Array, Array, Array, Array]:
        """Those of the projections, and the last one."""
        return self.w_query, self.w_key, self.w_value, self.w_output


def heads_kernel(function: Callable[[Heads], Array]) -> Callable[..., Array]:
    """Make the contract's function: operands are widened, and the result is rounded once."""

    def multi_head_attention(*arrays: Array, heads: int, mask: Array | None = None, causal: bool = False) -> Array:
        call = Heads.of(map(widened, arrays), heads, mask, causal, arrays[0].dtype)
        with np.errstate(all="ignore"):
            return function(call).astype(call.dtype)

    multi_head_attention.__name__ = function.__name__
    return multi_head_attention


def as_it_is(array: Array) -> Array:
    """Keep all of the array between two steps."""
    return array


def split(x: Array, heads: int) -> Array:
    """(B, L, h d) as (B, h, L, d)."""
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).swapaxes(1, 2)


def merged(x: Array) -> Array:
    """(B, h, L, d) as (B, L, h d)."""
    batch, heads, length, d = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, heads * d)


def projected(call: Heads, kept: Cast = as_it_is, parted: Callable[[Array, int], Array] = split) -> Call:
    """Attention's arguments: the heads of Q W^Q, K W^K and V W^V."""
    pairs = zip((call.query, call.key, call.value), call.matrices[:3], strict=True)
    q, k, v = (parted(kept(x @ w), call.heads) for x, w in pairs)
    return Call(q, k, v, call.mask, call.causal, None, call.dtype)


def mixed(heads: Call, kept: Cast = as_it_is) -> Array:
    """Attention of each head, every step of it kept: (B, h, L_q, d_v)."""
    score = kept(kept(scores(replace(heads, scale=1.0))) * heads.factor)
    return kept(kept(softmax(score, visible(heads))) @ heads.value)


def multi_head(call: Heads, kept: Cast = as_it_is) -> Array:
    """Compute Concat(heads) W^O: (B, L_q, d_model)."""
    return merged(mixed(projected(call, kept), kept)) @ call.w_output


def narrowed(dtype: np.dtype[Any]) -> Cast:
    """Make a cast that keeps between two steps as much as the format of the arguments holds."""
    return lambda array: rounded(array, dtype)


@variant("multi-head-plain", "multi_head_attention", "The formula, a step at a time.", wrong=False)
@heads_kernel
def multi_head_plain(call: Heads) -> Array:
    return multi_head(call)


@variant(
    "multi-head-steps-rounded",
    "multi_head_attention",
    "Projections, scores, probabilities and heads are stored in the input's format, as without fused kernels.",
    wrong=False,
)
@heads_kernel
def multi_head_steps_rounded(call: Heads) -> Array:
    return multi_head(call, narrowed(call.dtype))


@variant(
    "multi-head-fused-projection",
    "multi_head_attention",
    "Query, key and value go through one product with all three matrices, of which each takes its part.",
    wrong=False,
)
@heads_kernel
def multi_head_fused_projection(call: Heads) -> Array:
    every = np.concatenate(call.matrices[:3], 1)
    ends = np.cumsum([0, *(w.shape[1] for w in call.matrices[:3])])
    parts = [x @ every for x in (call.query, call.key, call.value)]
    q, k, v = (split(x[..., ends[n] : ends[n + 1]], call.heads) for n, x in enumerate(parts))
    return merged(attend(Call(q, k, v, call.mask, call.causal, None, call.dtype))) @ call.w_output


def per_head_mask(call: Heads, head: int) -> Array | None:
    """Select what one head may attend to."""
    if call.mask is None or call.mask.ndim < 3 or call.mask.shape[-3] == 1:
        return call.mask
    return call.mask[..., head : head + 1, :, :]


@variant(
    "multi-head-one-by-one",
    "multi_head_attention",
    "The heads go one by one, and what they give to the result by their rows of W^O is summed.",
    wrong=False,
)
@heads_kernel
def multi_head_one_by_one(call: Heads) -> Array:
    total = np.zeros_like(call.query)
    columns = zip(*(np.split(w, call.heads, 1) for w in call.matrices[:3]), strict=True)
    for head, (w_query, w_key, w_value) in enumerate(columns):
        rows = np.split(call.w_output, call.heads)[head]
        one = replace(call, w_query=w_query, w_key=w_key, w_value=w_value, w_output=rows, heads=1)
        total = total + multi_head(replace(one, mask=per_head_mask(call, head)))
    return total


@variant("multi-head-float64-inside", "multi_head_attention", "Everything in float64.", wrong=False)
@heads_kernel
def multi_head_float64_inside(call: Heads) -> Array:
    widest = (each.astype(FLOAT64) for each in call.arrays)
    return multi_head(Heads.of(widest, call.heads, call.mask, call.causal, FLOAT64))


@variant(
    "multi-head-matrices-joined",
    "multi_head_attention",
    "The matrices of the values and W^O are one for each head, as are those of queries and keys.",
    wrong=False,
)
@heads_kernel
def multi_head_matrices_joined(call: Heads) -> Array:
    """Q (W^Q W^K^T) K^T, and P (V (W^V W^O)): other orders of the same products."""
    w_query, w_key, w_value = (np.stack(np.split(w, call.heads, 1)) for w in call.matrices[:3])
    w_output = np.stack(np.split(call.w_output, call.heads))
    of_scores, of_values = w_query @ transposed(w_key), w_value @ w_output
    query, key, value = (each[:, None] for each in (call.query, call.key, call.value))
    factor = float(w_query.shape[-1] ** -0.5)
    return np.asarray(
        attend(
            Call(
                query @ of_scores,
                np.repeat(key, call.heads, 1),
                value @ of_values,
                call.mask,
                call.causal,
                factor,
                call.dtype,
            )
        ).sum(1)
    )


@variant(
    "multi-head-masked-row-mean",
    "multi_head_attention",
    "A row that sees no key holds the mean of the values before W^O, as declared.",
    wrong=False,
    conventions={"masked_row": "mean"},
)
@heads_kernel
def multi_head_masked_row_mean(call: Heads) -> Array:
    heads = projected(call)
    return merged(evenly(heads, weights(heads)) @ heads.value) @ call.w_output
