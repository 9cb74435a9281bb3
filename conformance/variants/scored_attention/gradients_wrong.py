"""Gradients of additive and bilinear attention that are wrong, a step at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, Array, rounded
from ..catalogue import WIDE, WIDEST
from ..gradients import Gradients, first_row, gradients_in, never_cleared, wide_gradients
from .additive_attention import energies
from .additive_attention import weights as softmax
from .bilinear_attention import scores
from .gradients import (
    additive_backward,
    additive_gradient,
    additive_gradient_plain,
    bilinear_backward,
    bilinear_gradient,
    bilinear_gradient_plain,
    of_additive,
    of_bilinear,
    over_items,
    through_softmax,
    transposed,
)

# Additive: between the scores and the rest


@dataclass(frozen=True)
class Steps:
    """What the way back through additive attention starts from."""

    g: Array
    arrays: tuple[Array, ...]
    a: Array
    t: Array
    p: Array
    dp: Array
    ds: Array
    right: Gradients


def by_steps(function: Callable[[Steps], Gradients]) -> Callable[..., Gradients]:
    """Make the contract's function of one that continues from the steps of the backward pass."""

    @wide_gradients
    def additive_attention_vjp(
        g: Array, query: Array, key: Array, value: Array, w_query: Array, w_key: Array, v: Array
    ) -> Gradients:
        arrays = (query, key, value, w_query, w_key, v)
        a = energies(query, key, w_query, w_key)
        t = np.tanh(a)
        p, dp = softmax(t @ v), g @ transposed(value)
        return function(Steps(g, arrays, a, t, p, dp, through_softmax(p, dp), additive_backward(g, *arrays)))

    return additive_attention_vjp


def onward(s: Steps, *, ds: Array | None = None, slope: Array | None = None) -> Gradients:
    """Continue with another dS, or another slope of tanh."""
    slope = 1 - s.t**2 if slope is None else slope
    return of_additive(s.ds if ds is None else ds, s.t, slope, s.arrays, transposed(s.p) @ s.g)


def with_v(s: Steps, of_v: Array) -> Gradients:
    """Give v another gradient."""
    return *s.right[:5], np.asarray(of_v)


def of_weights_from(s: Steps, item: slice) -> Gradients:
    """Compute the gradients of both matrices and v from some of the batch."""
    query, key, value, *weights = s.arrays
    return *s.right[:3], *additive_backward(s.g[item], query[item], key[item], value[item], *weights)[3:]


def from_last_key(s: Steps) -> Gradients:
    """Give queries what comes back from the last key alone."""
    query, _, _, w_query, _, v = s.arrays
    dq = (s.ds[..., None] * v * (1 - s.t**2))[:, :, -1:].sum(2)
    return dq @ w_query.T, *s.right[1:3], over_items(query, dq), *s.right[4:]


def queries_and_keys_exchanged(s: Steps) -> Gradients:
    """Exchange the gradients of queries and keys where their shapes agree."""
    q, k, *others = s.right
    return (k, q, *others) if q.shape == k.shape else s.right


for _name, _sentence, _needs, _function in (
    (
        "additive-gradient-tanh-of-energy",
        "The slope of tanh is 1 - a^2, a its argument.",
        "energies",
        lambda s: onward(s, slope=1 - s.a**2),
    ),
    (
        "additive-gradient-tanh-missing",
        "The slope of tanh is 1.",
        "energies",
        lambda s: onward(s, slope=np.ones_like(s.t)),
    ),
    (
        "additive-gradient-tanh-linear",
        "The slope of tanh is 1 - t.",
        "energies",
        lambda s: onward(s, slope=1 - s.t),
    ),
    (
        "additive-gradient-tanh-by-cosh",
        "The slope of tanh is 1 / cosh^2, from (e^2a - 1) / (e^2a + 1), which overflows.",
        "energies above 44, in float64 above 354",
        lambda s: onward(s, slope=1 - ((np.exp(2 * s.a) - 1) / (np.exp(2 * s.a) + 1)) ** 2),
    ),
    (
        "additive-gradient-delta-dropped",
        "dS = P dP.",
        "two keys or more",
        lambda s: onward(s, ds=s.p * s.dp),
    ),
    (
        "additive-gradient-weights-missing",
        "dS = dP - sum P dP.",
        "two keys or more",
        lambda s: onward(s, ds=s.dp - (s.p * s.dp).sum(-1, keepdims=True)),
    ),
    (
        "additive-gradient-v-from-energies",
        "v gets sum dS a, without tanh.",
        "energies of 1",
        lambda s: with_v(s, (s.ds[..., None] * s.a).sum((0, 1, 2))),
    ),
    (
        "additive-gradient-v-of-first-query",
        "v gets that of the first query.",
        "two queries or more",
        lambda s: with_v(s, (s.ds[..., None] * s.t)[:, :1].sum((0, 1, 2))),
    ),
    (
        "additive-gradient-v-mean",
        "v gets the mean over the batch.",
        "B above 1",
        lambda s: with_v(s, s.right[5] / max(len(s.g), 1)),
    ),
    (
        "additive-gradient-weights-of-first-item",
        "Both matrices and v get that of the first batch item.",
        "B above 1",
        lambda s: of_weights_from(s, slice(1)),
    ),
    (
        "additive-gradient-from-last-key",
        "Queries get what comes back from the last key.",
        "two keys or more",
        from_last_key,
    ),
    (
        "additive-gradient-exchanged",
        "Those of query and key are exchanged.",
        "query and key of one shape",
        queries_and_keys_exchanged,
    ),
    (
        "additive-gradient-values-evenly",
        "The values get the mean of g, not P^T g.",
        "weights that differ",
        lambda s: (*s.right[:2], transposed(np.ones_like(s.p) / max(s.p.shape[-1], 1)) @ s.g, *s.right[3:]),
    ),
):
    additive_gradient(_name, _sentence, needs=_needs)(by_steps(_function))


@additive_gradient("additive-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls")
@never_cleared
def additive_gradient_never_cleared(*arrays: Array) -> Gradients:
    return additive_gradient_plain(*arrays)


@additive_gradient(
    "additive-gradient-saved-bfloat16",
    "tanh is kept in bfloat16 though the input is wide, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@by_steps
def additive_gradient_saved_bfloat16(s: Steps) -> Gradients:
    t = rounded(s.t, BFLOAT16)
    return of_additive(s.ds, t, 1 - t**2, s.arrays, s.right[2])


# Bilinear


def bilinear(
    name: str, sentence: str, needs: str, function: Callable[[Gradients, Array, Array, Array, Array, Array], Gradients]
) -> None:
    """Put gradients into the catalogue, of a function of (the right ones, P, dP, query, key, w)."""

    @bilinear_gradient(name, sentence, needs=needs)
    @wide_gradients
    def bilinear_attention_vjp(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
        p = softmax(scores(query, key, w))
        return function(bilinear_backward(g, query, key, value, w), p, g @ transposed(value), query, key, w)


def square(w: Array) -> bool:
    """Say whether the matrix could be transposed unnoticed."""
    return bool(w.shape[0] == w.shape[1])


for _which in (
    (
        "bilinear-gradient-transposed",
        "That of a square w is transposed.",
        "d_q = d_k above 1",
        lambda right, p, dp, q, k, w: (*right[:3], right[3].T if square(w) else right[3]),
    ),
    (
        "bilinear-gradient-query-by-w",
        "dq = dS k w, where w is square, for dS k w^T.",
        "d_q = d_k above 1",
        lambda right, p, dp, q, k, w: (through_softmax(p, dp) @ k @ (w if square(w) else w.T), *right[1:]),
    ),
    (
        "bilinear-gradient-key-by-transposed",
        "dk = dS^T q w^T, where w is square, for dS^T q w.",
        "d_q = d_k above 1",
        lambda right, p, dp, q, k, w: (
            right[0],
            transposed(through_softmax(p, dp)) @ q @ (w.T if square(w) else w),
            *right[2:],
        ),
    ),
    (
        "bilinear-gradient-delta-dropped",
        "dS = P dP.",
        "two keys or more",
        lambda right, p, dp, q, k, w: of_bilinear(p * dp, q, k, w, right[2]),
    ),
    (
        "bilinear-gradient-weights-missing",
        "dS = dP - sum P dP.",
        "two keys or more",
        lambda right, p, dp, q, k, w: of_bilinear(dp - (p * dp).sum(-1, keepdims=True), q, k, w, right[2]),
    ),
    (
        "bilinear-gradient-scaled",
        "dS is divided by sqrt(d_k).",
        "d_k above 1",
        lambda right, p, dp, q, k, w: of_bilinear(through_softmax(p, dp) * k.shape[-1] ** -0.5, q, k, w, right[2]),
    ),
    (
        "bilinear-gradient-w-of-first-item",
        "w gets that of the first batch item.",
        "B above 1",
        lambda right, p, dp, q, k, w: (*right[:3], over_items(q[:1], (through_softmax(p, dp) @ k)[:1])),
    ),
    (
        "bilinear-gradient-w-mean",
        "w gets the mean over the batch.",
        "B above 1",
        lambda right, p, dp, q, k, w: (*right[:3], right[3] / max(len(q), 1)),
    ),
    (
        "bilinear-gradient-exchanged",
        "Those of query and key are exchanged.",
        "query and key of one shape",
        lambda right, p, dp, q, k, w: (right[1], right[0], *right[2:]) if right[0].shape == right[1].shape else right,
    ),
):
    bilinear(*_which)


@bilinear_gradient("bilinear-gradient-of-first-row", "Every row has the cotangent of the first.", needs="two rows")
def bilinear_gradient_of_first_row(g: Array, *arrays: Array) -> Gradients:
    return bilinear_gradient_plain(first_row(g), *arrays)


@bilinear_gradient(
    "bilinear-gradient-saved-bfloat16",
    "P is kept in bfloat16 though the input is wide, undeclared.",
    needs="two keys or more",
    dtypes=WIDE,
)
@wide_gradients
def bilinear_gradient_saved_bfloat16(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
    p = rounded(softmax(scores(query, key, w)), BFLOAT16)
    return of_bilinear(through_softmax(p, g @ transposed(value)), query, key, w, transposed(p) @ g)


@bilinear_gradient("bilinear-gradient-by-float32", "float64 is computed in float32.", needs="any", dtypes=WIDEST)
@gradients_in(FLOAT32)
def bilinear_gradient_by_float32(*arrays: Array) -> Gradients:
    return bilinear_backward(*arrays)
