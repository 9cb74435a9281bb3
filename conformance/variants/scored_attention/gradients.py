"""Gradients of additive and bilinear attention: what both share, and what is right.

P = softmax(S), dS = P (g V^T - sum P (g V^T)), dV = P^T g; then, for additive attention with t = tanh(a),
da = dS v (1 - t^2), dv = sum dS t, and for bilinear attention dq = dS k W^T, dk = dS^T q W, dW = q^T dS k.
"""

import numpy as np

from ..arithmetic import FLOAT64, Array, rounded, widened
from ..attention.gradients_maximum import of_cast_exponentials
from ..gradients import Gradients, gradients_in, gradients_of, wide_gradients
from .additive_attention import additive_plain, energies
from .additive_attention import weights as softmax
from .bilinear_attention import bilinear_plain, scores

additive_gradient = gradients_of("additive_attention", additive_plain)
bilinear_gradient = gradients_of("bilinear_attention", bilinear_plain)


def transposed(array: Array) -> Array:
    """Transpose the last two axes."""
    return array.swapaxes(-1, -2)


def over_items(a: Array, b: Array) -> Array:
    """a^T b, summed over the batch."""
    return np.asarray((transposed(a) @ b).sum(0))


def through_softmax(p: Array, dp: Array) -> Array:
    """dS from P and dP."""
    return np.asarray(p * (dp - (p * dp).sum(-1, keepdims=True)))


def of_additive(ds: Array, t: Array, slope: Array, arrays: tuple[Array, ...], dv: Array) -> Gradients:
    """Go back from dS: tanh, its slope, (query, key, value, w_query, w_key, v), and what the values get."""
    query, key, _, w_query, w_key, v = arrays
    da = ds[..., None] * v * slope
    dq, dk = da.sum(2), da.sum(1)
    of_v = np.asarray((ds[..., None] * t).sum((0, 1, 2)))
    return dq @ w_query.T, dk @ w_key.T, dv, over_items(query, dq), over_items(key, dk), of_v


def additive_backward(g: Array, *arrays: Array) -> Gradients:
    """Compute the gradients through softmax, v and tanh back to the projections."""
    query, key, value, w_query, w_key, v = arrays
    t = np.tanh(energies(query, key, w_query, w_key))
    p = softmax(t @ v)
    return of_additive(through_softmax(p, g @ transposed(value)), t, 1 - t**2, arrays, transposed(p) @ g)


def of_bilinear(ds: Array, query: Array, key: Array, w: Array, dv: Array) -> Gradients:
    """Go back from dS, to the projections first."""
    return ds @ (key @ w.T), transposed(ds) @ (query @ w), dv, over_items(query, ds @ key)


def bilinear_backward(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
    """Compute the gradients through softmax back to q W k^T."""
    p = softmax(scores(query, key, w))
    return of_bilinear(through_softmax(p, g @ transposed(value)), query, key, w, transposed(p) @ g)


# Additive


@additive_gradient("additive-gradient-plain", "The formula, a step at a time.", wrong=False)
@wide_gradients
def additive_gradient_plain(*arrays: Array) -> Gradients:
    return additive_backward(*arrays)


@additive_gradient(
    "additive-gradient-unfused", "Every tensor between two steps is stored in the input's format.", wrong=False
)
def additive_gradient_unfused(*given: Array) -> Gradients:
    dtype = given[0].dtype

    def stored(array: Array) -> Array:
        return rounded(array, dtype)

    g, *arrays = map(widened, given)
    query, key, value, w_query, w_key, v = arrays
    with np.errstate(all="ignore"):
        t = stored(np.tanh(stored(stored(query @ w_query)[:, :, None] + stored(key @ w_key)[:, None])))
        p = stored(softmax(stored(t @ v)))
        ds = stored(through_softmax(p, stored(g @ transposed(value))))
        da = stored(stored(ds[..., None] * v) * stored(1 - t**2))
        dq, dk = stored(da.sum(2)), stored(da.sum(1))
        found = (
            *(dq @ w_query.T, dk @ w_key.T, transposed(p) @ g),
            *(over_items(query, dq), over_items(key, dk), (ds[..., None] * t).sum((0, 1, 2))),
        )
        return tuple(each.astype(dtype) for each in found)


@additive_gradient("additive-gradient-by-query", "The queries add theirs one by one, the last first.", wrong=False)
@wide_gradients
def additive_gradient_by_query(g: Array, query: Array, *others: Array) -> Gradients:
    of_query, totals = np.zeros_like(query), [np.zeros_like(each) for each in others]
    for i in reversed(range(query.shape[1])):
        row = (slice(None), slice(i, i + 1))
        of_query[row], *more = additive_backward(g[row], query[row], *others)
        totals = [total + each for total, each in zip(totals, more, strict=True)]
    return of_query, *totals


@additive_gradient("additive-gradient-two-factors", "The slope of tanh is (1 - t) (1 + t).", wrong=False)
@wide_gradients
def additive_gradient_two_factors(g: Array, *arrays: Array) -> Gradients:
    query, key, value, w_query, w_key, v = arrays
    t = np.tanh(energies(query, key, w_query, w_key))
    p = softmax(t @ v)
    ds = through_softmax(p, g @ transposed(value))
    return of_additive(ds, t, (1 - t) * (1 + t), arrays, transposed(p) @ g)


@additive_gradient("additive-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def additive_gradient_float64_inside(*arrays: Array) -> Gradients:
    return additive_backward(*arrays)


@additive_gradient(
    "additive-gradient-through-maximum",
    "The exponentials are cast before they are normalised; the gradient goes through the maximum to the largest score.",
    wrong=False,
)
def additive_gradient_through_maximum(*given: Array) -> Gradients:
    g, *arrays = map(widened, given)
    query, key, value, w_query, w_key, v = arrays
    with np.errstate(all="ignore"):
        t = np.tanh(energies(query, key, w_query, w_key))
        ds, dv = of_cast_exponentials(t @ v, value, g, given[0].dtype)
        return tuple(each.astype(given[0].dtype) for each in of_additive(ds, t, 1 - t**2, tuple(arrays), dv))


# Bilinear


@bilinear_gradient(
    "bilinear-gradient-through-maximum",
    "The exponentials are cast before they are normalised; the gradient goes through the maximum to the largest score.",
    wrong=False,
)
def bilinear_gradient_through_maximum(*given: Array) -> Gradients:
    g, query, key, value, w = map(widened, given)
    with np.errstate(all="ignore"):
        ds, dv = of_cast_exponentials(scores(query, key, w), value, g, given[0].dtype)
        return tuple(each.astype(given[0].dtype) for each in of_bilinear(ds, query, key, w, dv))


@bilinear_gradient("bilinear-gradient-plain", "The formula, keys and queries projected first.", wrong=False)
@wide_gradients
def bilinear_gradient_plain(*arrays: Array) -> Gradients:
    return bilinear_backward(*arrays)


@bilinear_gradient("bilinear-gradient-key-first", "What comes back is projected at the end.", wrong=False)
@wide_gradients
def bilinear_gradient_key_first(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
    p = softmax(query @ transposed(key @ w.T))
    ds = through_softmax(p, g @ transposed(value))
    of_queries = transposed(ds) @ query
    return ds @ key @ w.T, of_queries @ w, transposed(p) @ g, over_items(of_queries, key)


@bilinear_gradient("bilinear-gradient-one-sum", "Each gradient is one sum of products of three.", wrong=False)
@wide_gradients
def bilinear_gradient_one_sum(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
    p = softmax(np.einsum("bid,de,bje->bij", query, w, key))
    ds = through_softmax(p, g @ transposed(value))
    dq, dk = np.einsum("bij,bje,de->bid", ds, key, w), np.einsum("bij,bid,de->bje", ds, query, w)
    return dq, dk, transposed(p) @ g, np.einsum("bij,bid,bje->de", ds, query, key)


@bilinear_gradient(
    "bilinear-gradient-unfused", "Every tensor between two steps is stored in the input's format.", wrong=False
)
def bilinear_gradient_unfused(*given: Array) -> Gradients:
    dtype = given[0].dtype

    def stored(array: Array) -> Array:
        return rounded(array, dtype)

    g, query, key, value, w = map(widened, given)
    with np.errstate(all="ignore"):
        projected = stored(query @ w)
        p = stored(softmax(stored(projected @ transposed(key))))
        ds = stored(through_softmax(p, stored(g @ transposed(value))))
        dq = stored(ds @ key)
        found = (dq @ w.T, transposed(ds) @ projected, transposed(p) @ g, over_items(query, dq))
        return tuple(each.astype(dtype) for each in found)


@bilinear_gradient("bilinear-gradient-by-item", "The batch items add theirs one by one.", wrong=False)
@wide_gradients
def bilinear_gradient_by_item(g: Array, query: Array, key: Array, value: Array, w: Array) -> Gradients:
    found, total = [np.zeros_like(each) for each in (query, key, value)], np.zeros_like(w)
    for b in range(len(query)):
        one = slice(b, b + 1)
        *each, more = bilinear_backward(g[one], query[one], key[one], value[one], w)
        for array, part in zip(found, each, strict=True):
            array[one] = part
        total = total + more
    return *found, total


@bilinear_gradient("bilinear-gradient-float64-inside", "Everything in float64.", wrong=False)
@gradients_in(FLOAT64)
def bilinear_gradient_float64_inside(*arrays: Array) -> Gradients:
    return bilinear_backward(*arrays)
