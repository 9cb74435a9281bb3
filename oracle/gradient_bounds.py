"""How far from the gradients of each component a right implementation may be.

`NAME_vjp_bound(cotangent, arguments..., numerics=...)` has the arguments of `NAME_vjp`, and gives a `Bound` for each
real argument, by its name. Every one records the component's formula on a tape, and goes back: the derivations are in
`computed.py`, `tape.py`, `tape_attention.py` and `tape_layer_norm.py`. What an implementation may have kept from the
forward pass is the result as it was rounded, and what `numerics` says.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .attention import arguments, seen_by
from .bound import VARIANCE_OF_ROUNDING, Bound, sum_variance
from .computed import Computed, bounded, product, rounded, scaled, stored_in, times, total
from .embedding import scattered
from .general_attention import general_attention_vjp
from .general_attention_bound import of_steps
from .numerics import Numerics
from .shapes import real, whole
from .softmax import softmax_bound
from .tape import Tape, affine, matmul, rearrange, relu
from .tape_attention import attend, dot_products, softmax_backward
from .tape_layer_norm import layer_norm_step

Array = np.ndarray[Any, np.dtype[Any]]


def softmax_vjp_bound(cotangent: Any, x: Any, *, numerics: Numerics) -> dict[str, Bound]:
    """p (g - sum p g), from the result as it was rounded: `softmax_backward`."""
    g = _exact("softmax_vjp_bound", cotangent=cotangent)["cotangent"]
    with np.errstate(all="ignore"):
        of_p = softmax_bound(x, numerics=numerics)
        return {"x": bounded(softmax_backward(rounded(of_p), g, numerics), numerics)}


def attention_vjp_bound(
    cotangent: Any,
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
    causal_alignment: str = "top-left",
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """Scores, softmax, values; what is between the products stays in the accumulator. What `hidden` may store is the
    gradient of each query head, before those of a group are summed.

    A row that sees no key and holds NaN (`masked_row`) has a gradient of its query that nothing limits; nor are those
    of the keys and values of its head limited, unless the cotangent is zero in that row.
    """
    call = arguments(query, key, value, mask, causal, scale, causal_alignment, masked_row, None)
    groups, heads = np.shape(key)[1], call.query.shape[1]
    seen = seen_by((*call.query.shape[:3], call.key.shape[2]), mask, causal, causal_alignment)
    tape = Tape(replace(numerics, hidden=None))
    of = _exact("attention_vjp_bound", query=query, key=key, value=value)
    with np.errstate(all="ignore"):
        k, v = (_for_each_head(tape, of[name], groups, heads, numerics.hidden) for name in ("key", "value"))
        s = dot_products(tape, of["query"], k, call.scale)
        o = attend(tape, s, v, seen, masked_row, kept_in=numerics.output, scale=call.scale)
        g = real("attention_vjp_bound", "cotangent", cotangent)
        bounds = tape.bounds(o, g, of)
    if masked_row == "nan":
        blind = np.full(o.value.shape[:3], call.key.shape[2] == 0) if seen is None else ~np.asarray(seen.any(-1))
        loud = np.asarray((blind & g.any(-1)).any(-1))  # (B, H)
        loud = np.asarray(loud.reshape(len(loud), groups, heads // groups).any(-1))  # (B, H_kv)
        for name, open_ in (("query", blind), ("key", loud), ("value", loud)):
            for array in (bounds[name].worst, bounds[name].statistical):
                array[open_] = np.inf
    return bounds


def _for_each_head(tape: Tape, a: Computed, groups: int, heads: int, kept_in: str | None) -> Computed:
    """Key or value heads, repeated for the query heads that they serve; back, the sum over these."""
    if groups == heads:
        return a
    size = heads // groups
    repeated = a.mapped(lambda array: np.repeat(array, size, axis=1))

    def backward(g: Computed) -> tuple[Computed]:
        split = stored_in(g, kept_in).mapped(
            lambda array: array.reshape(array.shape[0], groups, size, *array.shape[2:])
        )
        summed = total(split, 2, tape.numerics, tape.numerics.gradient_chunks)
        return (summed.mapped(lambda array: array[:, :, 0]),)

    return tape.record(repeated, (a,), backward)


def additive_attention_vjp_bound(
    cotangent: Any,
    query: Any,
    key: Any,
    value: Any,
    w_query: Any,
    w_key: Any,
    v: Any,
    *,
    masked_row: str = "zero",
    numerics: Numerics,
) -> dict[str, Bound]:
    """With E_t of `additive_attention_bound`: d(tanh a) = g v (1 - t^2), whose errors are 2 |t| E_t + E_t^2 + 3 U."""
    given = {"query": query, "key": key, "value": value, "w_query": w_query, "w_key": w_key, "v": v}
    of = _exact("additive_attention_vjp_bound", **given)
    numerics = of_steps(numerics)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        q, k = matmul(tape, of["query"], of["w_query"]), matmul(tape, of["key"], of["w_key"])
        s = _additive_scores(tape, q, k, of["v"])
        o = attend(tape, s, of["value"], None, masked_row, kept_in=numerics.output)
        return tape.bounds(o, real("additive_attention_vjp_bound", "cotangent", cotangent), of)


def _additive_scores(tape: Tape, query: Computed, key: Computed, v: Computed) -> Computed:
    """v . tanh(q_i + k_j), and back."""
    numerics, unit, c_e = tape.numerics, tape.numerics.unit, tape.numerics.exp_ulp
    q, k = tape.read(query), tape.read(key)
    (e_q, v_q, _), (e_k, v_k, _) = q.errors, k.errors
    shape_q, shape_k = q.value.shape, k.value.shape
    e_q, v_q = (np.broadcast_to(each, shape_q)[:, :, None] for each in (e_q, v_q))
    e_k, v_k = (np.broadcast_to(each, shape_k)[:, None] for each in (e_k, v_k))
    a = q.value[:, :, None] + k.value[:, None]  # (B, L_q, L_k, d_a)
    e_a = e_q + e_k + unit * np.abs(a)
    kept = stored_in(Computed(a, e_a, v_q + v_k + VARIANCE_OF_ROUNDING * np.square(unit * a)), numerics.hidden)
    t = np.tanh(a)
    steepest = 1 - np.tanh(np.maximum(np.abs(a) - kept.error, 0)) ** 2
    e_t = np.minimum(steepest * kept.error, 2) + c_e * unit
    v_t = np.minimum(steepest**2 * kept.variance + VARIANCE_OF_ROUNDING * (c_e * unit) ** 2, e_t**2)
    tanh = stored_in(Computed(t, e_t, v_t), numerics.hidden)
    column = Computed(v.value[:, None])
    s = product(tanh, column, numerics).mapped(lambda array: array[..., 0])

    def backward(g: Computed) -> tuple[Computed, Computed, Computed]:
        chunks = numerics.gradient_chunks
        ds = g.mapped(lambda array: array[..., None])  # (B, L_q, L_k, 1)
        slope = 1 - np.square(t)
        e_slope = tanh.error * (2 * np.abs(t) + tanh.error) + 3 * unit
        v_slope = 4 * np.square(t) * tanh.variance + 2 * VARIANCE_OF_ROUNDING * unit**2
        outer = tape.read(times(ds, Computed(np.broadcast_to(v.value, t.shape)), numerics))
        da = tape.read(times(outer, stored_in(Computed(slope, e_slope, v_slope), numerics.hidden), numerics))
        rows = tanh.mapped(lambda array: array.reshape(-1, array.shape[-1]).swapaxes(0, 1))
        dv = product(rows, ds.mapped(lambda array: array.reshape(-1, 1)), numerics, chunks)
        return (
            total(da, 2, numerics, chunks).mapped(lambda array: array[:, :, 0]),
            total(da, 1, numerics, chunks).mapped(lambda array: array[:, 0]),
            dv.mapped(lambda array: array[:, 0]),
        )

    return tape.record(s, (query, key, v), backward)


def bilinear_attention_vjp_bound(
    cotangent: Any, query: Any, key: Any, value: Any, w: Any, *, masked_row: str = "zero", numerics: Numerics
) -> dict[str, Bound]:
    """q (W k) and (q W) k are both right, and so are their ways back: the larger error counts.

    dW may also be one sum over all pairs of a query and a key, n of them: n U sum |q| |dS| |k| more.
    """
    of = _exact("bilinear_attention_vjp_bound", query=query, key=key, value=value, w=w)
    numerics = of_steps(numerics)
    g = real("bilinear_attention_vjp_bound", "cotangent", cotangent)
    found = []
    with np.errstate(all="ignore"):
        for query_first in (True, False):
            tape = Tape(numerics)
            if query_first:
                s = dot_products(tape, matmul(tape, of["query"], of["w"]), of["key"], 1.0, numerics.hidden)
            else:
                turned = rearrange(tape, of["w"], np.transpose, np.transpose)
                s = dot_products(tape, of["query"], matmul(tape, of["key"], turned), 1.0, numerics.hidden)
            o = attend(tape, s, of["value"], None, masked_row, kept_in=numerics.output)
            found.append(tape.gradients(o, g, of))
        either = {}
        for name, one in found[0].items():
            (e, v, c), (e_2, v_2, c_2) = one.errors, found[1][name].errors
            either[name] = Computed(one.value, np.maximum(e, e_2), np.maximum(v, v_2), np.maximum(c, c_2))
        ds, _ = general_attention_vjp(g, s.value, of["value"].value, masked_row=masked_row)
        n, unit, dw = numerics.roundings(ds.size), numerics.unit, either["w"]
        magnitude, squares = (
            np.einsum("bid,bij,bje->de", *(function_of(each) for each in (of["query"].value, ds, of["key"].value)))
            for function_of in (np.abs, np.square)
        )
        error = (1 + n * unit) * dw.error + n * unit * magnitude + n * numerics.underflow
        variance = dw.variance + sum_variance(n, dw.value, squares, unit)
        either["w"] = Computed(dw.value, error, variance, dw.coherent)
        return {name: bounded(each, numerics, rows_independent=False) for name, each in either.items()}


def feed_forward_vjp_bound(
    cotangent: Any, x: Any, w_1: Any, b_1: Any, w_2: Any, b_2: Any, *, numerics: Numerics
) -> dict[str, Bound]:
    """Where a hidden unit may lie on either side of zero, so may the gradient that goes through it."""
    of = _exact("feed_forward_vjp_bound", x=x, w_1=w_1, b_1=b_1, w_2=w_2, b_2=b_2)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        a = relu(tape, affine(tape, of["x"], of["w_1"], of["b_1"]))
        y = affine(tape, a, of["w_2"], of["b_2"])
        return tape.bounds(y, real("feed_forward_vjp_bound", "cotangent", cotangent), of)


def layer_norm_vjp_bound(
    cotangent: Any, x: Any, gain: Any, bias: Any, *, epsilon: float = 1e-5, numerics: Numerics
) -> dict[str, Bound]:
    """From the statistics, or from those made again: `tape_layer_norm.py`."""
    of = _exact("layer_norm_vjp_bound", x=x, gain=gain, bias=bias)
    tape = Tape(replace(numerics, hidden=None))
    with np.errstate(all="ignore"):
        y = layer_norm_step(tape, of["x"], of["gain"], of["bias"], epsilon)
        return tape.bounds(y, real("layer_norm_vjp_bound", "cotangent", cotangent), of)


def embedding_vjp_bound(cotangent: Any, tokens: Any, weight: Any, *, numerics: Numerics) -> dict[str, Bound]:
    """Each row is a sum of as many terms as its token comes, times a rounded sqrt(d_model), before or afterwards."""
    of = _exact("embedding_vjp_bound", weight=weight)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        y = embed(tape, whole("embedding_vjp_bound", "tokens", tokens), of["weight"])
        return tape.bounds(y, real("embedding_vjp_bound", "cotangent", cotangent), of)


def embed(tape: Tape, tokens: Array, weight: Computed) -> Computed:
    """sqrt(d_model) times the row of each token; back, the sum over the places of a token."""
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


def output_logits_vjp_bound(cotangent: Any, hidden: Any, weight: Any, *, numerics: Numerics) -> dict[str, Bound]:
    """Two matrix products of exact factors."""
    of = _exact("output_logits_vjp_bound", hidden=hidden, weight=weight)
    tape = Tape(numerics)
    with np.errstate(all="ignore"):
        y = matmul(tape, of["hidden"], rearrange(tape, of["weight"], np.transpose, np.transpose))
        return tape.bounds(y, real("output_logits_vjp_bound", "cotangent", cotangent), of)


def _exact(function: str, **arrays: Any) -> dict[str, Computed]:
    """The real arguments of a call, by name: exact in the formats in which they come."""
    return {name: Computed(real(function, name, each)) for name, each in arrays.items()}
