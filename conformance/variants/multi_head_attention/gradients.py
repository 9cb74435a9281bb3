"""Gradients of multi-head attention, right and wrong.

do = g W^O^T    dW^O = Concat(heads)^T g    (dq, dk, dv) those of attention
dQ = dq W^Q^T   dW^Q = Q^T dq               and likewise for K and V
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import Array, widened
from ..attention.gradients import backward as of_attention
from ..attention.gradients import of_value, of_weights, through_softmax, transposed, weights
from ..attention.right import Call, attend, scores, softmax, visible
from ..gradients import Gradients, gradients_of
from .right import Cast, Heads, merged, multi_head_plain, narrowed, projected, split

gradient = gradients_of("multi_head_attention", multi_head_plain)


def heads_gradient(function: Callable[[Heads, Array], Gradients]) -> Callable[..., Gradients]:
    """Make the contract's function: operands are widened, and each gradient is rounded once."""

    def multi_head_attention_vjp(
        cotangent: Array, *arrays: Array, heads: int, mask: Array | None = None, causal: bool = False
    ) -> Gradients:
        call = Heads.of(map(widened, arrays), heads, mask, causal, cotangent.dtype)
        with np.errstate(all="ignore"):
            return tuple(each.astype(call.dtype) for each in function(call, widened(cotangent)))

    multi_head_attention_vjp.__name__ = function.__name__
    return multi_head_attention_vjp


def summed(x: Array, d: Array) -> Array:
    """x^T d, over all items and positions."""
    return np.asarray(np.tensordot(x, d, ((0, 1), (0, 1))))


def from_heads(call: Heads, g: Array, o: Array, of_q: Array, of_k: Array, of_v: Array) -> Gradients:
    """Go back through the projections; `o` are the heads, and the rest is merged."""
    pairs = ((call.query, of_q), (call.key, of_k), (call.value, of_v), (o, g))
    back = (d @ w.T for d, w in zip((of_q, of_k, of_v), call.matrices[:3], strict=True))
    return *back, *(summed(x, d) for x, d in pairs)


def backward(call: Heads, g: Array) -> Gradients:
    """Compute the gradients by the chain rule, from the output back to the projections."""
    heads = projected(call)
    of_q, of_k, of_v = map(merged, of_attention(heads, split(g @ call.w_output.T, call.heads)))
    return from_heads(call, g, merged(attend(heads)), of_q, of_k, of_v)


@gradient("multi-head-gradient-plain", "The formula, a step at a time.", wrong=False)
@heads_gradient
def multi_head_gradient_plain(call: Heads, g: Array) -> Gradients:
    return backward(call, g)


def backward_kept(call: Heads, g: Array, kept: Cast) -> Gradients:
    """Compute the same gradients, and keep every step in a narrow format."""
    heads = projected(call, kept)
    p = kept(softmax(kept(kept(scores(replace(heads, scale=1.0))) * heads.factor), visible(heads)))
    o, of_o = kept(p @ heads.value), split(kept(g @ call.w_output.T), call.heads)
    ds = kept(kept(through_softmax(p, kept(of_o @ transposed(heads.value)))) * heads.factor)
    of_q, of_k, of_v = kept(ds @ heads.key), kept(transposed(ds) @ heads.query), kept(transposed(p) @ of_o)
    return from_heads(call, g, merged(o), *map(merged, (of_q, of_k, of_v)))


@gradient(
    "multi-head-gradient-steps-rounded",
    "What passes between two steps is stored in the input's format, on the way there and back.",
    wrong=False,
)
@heads_gradient
def multi_head_gradient_steps_rounded(call: Heads, g: Array) -> Gradients:
    return backward_kept(call, g, narrowed(call.dtype))


@gradient(
    "multi-head-gradient-items-one-by-one",
    "The batch items go one by one, the last first; the matrices take in one after another.",
    wrong=False,
)
@heads_gradient
def multi_head_gradient_items_one_by_one(call: Heads, g: Array) -> Gradients:
    if not len(g):
        return backward(call, g)
    found: list[Gradients] = []
    for b in reversed(range(len(g))):
        item = slice(b, b + 1)
        mask = call.mask[item] if call.mask is not None and call.mask.ndim == 4 and len(call.mask) > 1 else call.mask
        one = replace(call, query=call.query[item], key=call.key[item], value=call.value[item], mask=mask)
        found.append(backward(one, g[item]))
    columns = list(zip(*found, strict=True))
    return *(np.concatenate(each[::-1]) for each in columns[:3]), *(np.asarray(sum(each)) for each in columns[3:])


# Wrong


def wrong(name: str, sentence: str, needs: str, function: Callable[[Heads, Array], Gradients], *seen_in: str) -> None:
    """Put gradients into the catalogue."""
    gradient(name, sentence, needs=needs, seen_in=seen_in)(heads_gradient(function))


def by_gradients(change: Callable[[Heads, Array, Gradients], dict[int, Array]]) -> Callable[[Heads, Array], Gradients]:
    """Make a backward pass with some of the seven gradients, by their numbers, given otherwise."""

    def changed(call: Heads, g: Array) -> Gradients:
        found = backward(call, g)
        other = change(call, g, found)
        return tuple(other.get(number, each) for number, each in enumerate(found))

    return changed


def by_heads(change: Callable[[Call, Array, Gradients], Gradients]) -> Callable[[Heads, Array], Gradients]:
    """Make a backward pass with other gradients of the heads; `change` gets heads, cotangent and what is right."""

    def changed(call: Heads, g: Array) -> Gradients:
        heads, of_o = projected(call), split(g @ call.w_output.T, call.heads)
        of_q, of_k, of_v = map(merged, change(heads, of_o, of_attention(heads, of_o)))
        return from_heads(call, g, merged(attend(heads)), of_q, of_k, of_v)

    return changed


def first_item(number: int, x: Callable[[Heads, Array], tuple[Array, Array]]) -> Callable[[Heads, Array], Gradients]:
    """Take the gradient of a matrix from the first item alone."""
    return by_gradients(lambda call, g, found: {number: summed(*(each[:1] for each in x(call, g)))})


def of_query_projected(call: Heads, g: Array) -> tuple[Array, Array]:
    """Q, and the gradient of Q W^Q."""
    heads = projected(call)
    return call.query, merged(of_attention(heads, split(g @ call.w_output.T, call.heads))[0])


def merged_heads(call: Heads) -> Array:
    """Concat(heads)."""
    return merged(attend(projected(call)))


def not_masked(heads: Call, g: Array, found: Gradients) -> Gradients:
    """Compute the gradients of keys and values as if every query saw all of them."""
    return found[0], *of_attention(replace(heads, mask=None, causal=False), g)[1:]


def not_centred(heads: Call, g: Array, found: Gradients) -> Gradients:
    """dS = P dP."""
    return of_attention_of(heads, weights(heads) * of_weights(heads, g), found)


def of_first_item(heads: Call, g: Array, found: Gradients) -> Gradients:
    """P is the first item's, for each."""
    p = np.repeat(weights(heads)[:1], len(g), 0)
    return of_attention_of(heads, through_softmax(p, of_weights(heads, g)), (*found[:2], of_value(p, g)))


def of_attention_of(heads: Call, ds: Array, found: Gradients) -> Gradients:
    """dQ and dK of other scores."""
    return ds @ heads.key * heads.factor, transposed(ds) @ heads.query * heads.factor, found[2]


def first_repeated(array: Array) -> Array:
    """Repeat the first head for each."""
    return np.repeat(array[:, :1], array.shape[1], 1)


def as_in_memory(o: Array) -> Array:
    """(B, h, L, d) as (B, L, h d), in the order of memory."""
    batch, heads, length, d = o.shape
    return np.ascontiguousarray(o).reshape(batch, length, heads * d)


def only_square(w: Array, change: Callable[[Array], Array]) -> Array:
    """Change the matrix where it is square."""
    return change(w) if w.shape[0] == w.shape[1] else w


wrong(
    "multi-head-gradient-query-matrix-of-first-item",
    "W^Q takes in the first batch item alone.",
    "two items",
    first_item(3, of_query_projected),
)
wrong(
    "multi-head-gradient-output-matrix-of-first-item",
    "W^O takes in the first batch item alone.",
    "two items",
    first_item(6, lambda call, g: (merged_heads(call), g)),
)
wrong(
    "multi-head-gradient-query-matrix-mean",
    "W^Q gets the mean over the batch, not the sum.",
    "two items",
    by_gradients(lambda call, g, found: {3: found[3] / max(len(g), 1)}),
)
wrong(
    "multi-head-gradient-scale-missing",
    "The scale is left out on the way back.",
    "two keys, d_k above 1",
    by_heads(lambda heads, g, found: (found[0] / heads.factor, found[1] / heads.factor, found[2])),
)
wrong(
    "multi-head-gradient-key-scale-missing",
    "The scale is left out on the way back to the keys.",
    "two keys, d_k above 1",
    by_heads(lambda heads, g, found: (found[0], found[1] / heads.factor, found[2])),
)
wrong(
    "multi-head-gradient-keys-of-first-head",
    "All heads get the gradient of the first head's keys.",
    "two heads, two keys",
    by_heads(lambda heads, g, found: (found[0], first_repeated(found[1]), found[2])),
)
wrong("multi-head-gradient-masked-keys", "Masked keys get a gradient.", "a mask", by_heads(not_masked))
wrong(
    "multi-head-gradient-weights-of-first-item",
    "All items go back by the attention weights of the first.",
    "two items",
    by_heads(of_first_item),
    "NVIDIA/TransformerEngine#3216",
)
wrong("multi-head-gradient-not-centred", "The softmax goes back as dS = P dP.", "two keys", by_heads(not_centred))
wrong(
    "multi-head-gradient-heads-in-memory-order",
    "W^O meets the heads in the order of memory, (h, L).",
    "two heads and two queries",
    by_gradients(lambda call, g, found: {6: summed(as_in_memory(attend(projected(call))), g)}),
)
wrong(
    "multi-head-gradient-output-matrix-of-projected-values",
    "W^O meets the values, not what was mixed of them.",
    "two keys, L_q = L_k",
    by_gradients(
        lambda call, g, found: {6: summed(call.value @ call.w_value, g)} if call.query.shape == call.value.shape else {}
    ),
)
wrong(
    "multi-head-gradient-output-matrix-not-transposed",
    "The heads get g W^O, not g W^O^T, where W^O is square.",
    "h d_v = d_model",
    lambda call, g: (
        *backward(replace(call, w_output=only_square(call.w_output, np.transpose)), g)[:6],
        backward(call, g)[6],
    ),
)
wrong(
    "multi-head-gradient-query-matrix-not-transposed",
    "The queries get dq W^Q, not dq W^Q^T, where W^Q is square.",
    "h d_k = d_model",
    by_gradients(
        lambda call, g, found: {0: of_query_projected(call, g)[1] @ only_square(call.w_query, np.transpose).T}
    ),
)
wrong(
    "multi-head-gradient-keys-and-values-exchanged",
    "W^K and W^V get each other's gradient.",
    "h d_k = h d_v",
    by_gradients(lambda call, g, found: {4: found[5], 5: found[4]} if found[4].shape == found[5].shape else {}),
)
wrong(
    "multi-head-gradient-not-by-head",
    "W^V goes back with the weights averaged over the heads.",
    "two heads, two keys",
    by_heads(
        lambda heads, g, found: (
            *found[:2],
            of_value(np.broadcast_to(weights(heads).mean(1, keepdims=True), heads.shape), g),
        )
    ),
)
wrong(
    "multi-head-gradient-value-gets-none",
    "The values get none.",
    "any keys",
    by_gradients(lambda call, g, found: {2: 0 * found[2]}),
)
