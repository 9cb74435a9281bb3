"""Multi-head attention and its gradients, wrong in heads, scale and projections: one step of `right.py` at a time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import Array
from ..attention.right import Call, attend, divided, scores, visible
from ..catalogue import DTYPES, variant
from .right import Heads, heads_kernel, merged, multi_head, projected, split


def wrong(
    name: str,
    sentence: str,
    needs: str,
    function: Callable[[Heads], Array],
    *seen_in: str,
    dtypes: tuple[str, ...] = DTYPES,
) -> None:
    """Put a function into the catalogue."""
    register = variant(name, "multi_head_attention", sentence, needs=needs, seen_in=seen_in, dtypes=dtypes)
    register(heads_kernel(function))


def by_call(change: Callable[[Heads], Heads]) -> Callable[[Heads], Array]:
    """Make a function of another call."""
    return lambda call: multi_head(change(call))


def by_heads(change: Callable[[Heads, Call], Call]) -> Callable[[Heads], Array]:
    """Make a function with other heads."""
    return lambda call: merged(attend(change(call, projected(call)))) @ call.w_output


# Heads


def of_merging(merge: Callable[[Array], Array]) -> Callable[[Heads], Array]:
    """Make a function that puts the heads together otherwise."""
    return lambda call: merge(attend(projected(call))) @ call.w_output


def of_splitting(parted: Callable[[Array, int], Array]) -> Callable[[Heads], Array]:
    """Make a function that takes the heads apart otherwise."""
    return lambda call: merged(attend(projected(call, parted=parted))) @ call.w_output


def viewed(o: Array) -> Array:
    """(B, h, L, d) as (B, L, h d), in the order of memory."""
    batch, heads, length, d = o.shape
    return np.ascontiguousarray(o).reshape(batch, length, heads * d)


def channels_first(o: Array) -> Array:
    """(B, h, L, d) as (B, L, d h)."""
    return np.moveaxis(o, 1, 3).reshape(o.shape[0], o.shape[2], o.shape[1] * o.shape[3])


def depth_first(x: Array, heads: int) -> Array:
    """Give head i the columns i, i + h, ..."""
    return np.moveaxis(x.reshape(*x.shape[:2], x.shape[2] // heads, heads), 3, 1)


def mixing_positions(x: Array, heads: int) -> Array:
    """(B, L, h d) as (B, h, L, d), in the order of memory."""
    return x.reshape(x.shape[0], heads, x.shape[1], x.shape[2] // heads)


def mixing_items(x: Array, heads: int) -> Array:
    """(B, h) in the order (h, B)."""
    batch, length, width = x.shape
    return np.ascontiguousarray(split(x, heads)).reshape(heads, batch, length, width // heads).swapaxes(0, 1)


wrong(
    "multi-head-merged-without-transpose",
    "The heads are put together in the order of memory, (h, L) as it is, not (L, h).",
    "two heads and two queries",
    of_merging(viewed),
    "649453932/Chinese-Text-Classification-Pytorch#10",
)
wrong(
    "multi-head-merged-by-channel", "Channels run before heads in W^O.", "h and d_v above 1", of_merging(channels_first)
)
wrong("multi-head-split-by-channel", "A head has every h-th column.", "h and d_k above 1", of_splitting(depth_first))
wrong(
    "multi-head-split-without-transpose",
    "The projections are read as (B, h, L, d), so that heads mix positions.",
    "two heads and two positions",
    of_splitting(mixing_positions),
    "reczoo/FuxiCTR#30",
)
wrong(
    "multi-head-items-for-heads",
    "The axes of batch and heads are taken for each other before the heads are put together.",
    "two heads and two items, unlike each other",
    lambda call: merged(mixing_items(merged(attend(projected(call))), call.heads)) @ call.w_output,
    "gazelle93/Transformer-Various-Positional-Encoding#1",
)


def over_items(call: Heads) -> Array:
    """(B, L) taken for (L, B), where all lengths agree."""
    if call.query.shape != call.key.shape or call.mask is not None:
        return multi_head(call)
    q, k, v = (each.swapaxes(0, 1) for each in (call.query, call.key, call.value))
    return multi_head(replace(call, query=q, key=k, value=v)).swapaxes(0, 1)


def values_apart(call: Heads, heads: Call) -> Call:
    """Begin head i of the values at column i d_k."""
    d_k, d_v = heads.query.shape[-1], heads.value.shape[-1]
    columns = (np.arange(call.heads)[:, None] * d_k + np.arange(d_v)) % (call.heads * d_v)
    return replace(heads, value=np.moveaxis(merged(heads.value)[..., columns], 2, 1))


def first_only(array: Array) -> Array:
    """Repeat the first head for each."""
    return np.repeat(array[:, :1], array.shape[1], 1)


def last_dropped(heads: Array) -> Array:
    """Let the last head give nothing."""
    return np.concatenate([heads[:, :-1], 0 * heads[:, -1:]], 1)


wrong(
    "multi-head-over-items",
    "Batch and positions are taken for each other: items attend to items.",
    "two items or positions",
    over_items,
    "IBM/TabFormer#14",
)
wrong(
    "multi-head-values-d-k-apart",
    "The heads of the values lie d_k columns apart.",
    "d_v unlike d_k",
    by_heads(values_apart),
)
wrong("multi-head-last-dropped", "The last head is lost.", "any input", of_merging(lambda o: merged(last_dropped(o))))
wrong(
    "multi-head-one-result",
    "What the first head gives is repeated for all.",
    "two heads",
    of_merging(lambda o: merged(first_only(o))),
)
wrong(
    "multi-head-keys-of-first",
    "All heads read the keys of the first.",
    "two heads, two keys",
    by_heads(lambda call, heads: replace(heads, key=first_only(heads.key))),
)
wrong("multi-head-reversed", "The last head comes first in W^O.", "two heads", of_merging(lambda o: merged(o[:, ::-1])))
wrong(
    "multi-head-averaged",
    "W^O gets the mean of the heads in place of each.",
    "two heads",
    of_merging(lambda o: merged(np.broadcast_to(o.mean(1, keepdims=True), o.shape))),
)
wrong(
    "multi-head-softmax-over-heads",
    "The softmax runs over the heads.",
    "two heads, or two keys",
    lambda call: merged(over_heads(projected(call))) @ call.w_output,
)


def over_heads(heads: Call) -> Array:
    """Compute weights that sum to one over the heads."""
    e = np.where(visible(heads), np.exp(scores(heads) - scores(heads).max(1, keepdims=True)), 0)
    return divided(e, e.sum(1, keepdims=True)) @ heads.value


# Scale


def of_scale(scale: Callable[[Heads, Call], float]) -> Callable[[Heads], Array]:
    """Make a function with another scale."""
    return by_heads(lambda call, heads: replace(heads, scale=scale(call, heads)))


wrong(
    "multi-head-scale-of-model",
    "The scale is 1/sqrt(d_model).",
    "two keys, d_k unlike d_model",
    of_scale(lambda call, heads: float(call.query.shape[-1] ** -0.5)),
)
wrong(
    "multi-head-scale-of-all-heads",
    "The scale is 1/sqrt(h d_k).",
    "two keys, two heads",
    of_scale(lambda call, heads: float(call.w_query.shape[-1] ** -0.5)),
)
wrong(
    "multi-head-scale-of-values",
    "The scale is 1/sqrt(d_v).",
    "two keys, d_v unlike d_k",
    of_scale(lambda call, heads: float(heads.value.shape[-1] ** -0.5)),
)
wrong("multi-head-scale-missing", "There is no scale.", "two keys, d_k above 1", of_scale(lambda call, heads: 1.0))
wrong(
    "multi-head-scale-twice",
    "It is scaled twice.",
    "two keys, d_k above 1",
    of_scale(lambda call, heads: heads.factor**2),
)

# Projections


def alike(one: Array, other: Array) -> Array:
    """Return the one, where it can take the place of the other."""
    return one if one.shape == other.shape else other


def squared(call: Heads, change: Callable[[Array], Array]) -> Heads:
    """W^O changed where it is square."""
    rows, columns = call.w_output.shape
    return replace(call, w_output=change(call.w_output) if rows == columns else call.w_output)


wrong(
    "multi-head-value-by-key-matrix",
    "The values go through W^K.",
    "d_k = d_v",
    by_call(lambda call: replace(call, w_value=alike(call.w_key, call.w_value))),
)
wrong(
    "multi-head-key-by-query-matrix",
    "The keys go through W^Q.",
    "two keys",
    by_call(lambda call: replace(call, w_key=call.w_query)),
)
wrong(
    "multi-head-keys-for-values",
    "The keys stand for the values.",
    "values unlike keys",
    by_call(lambda c: replace(c, value=c.key)),
)
wrong(
    "multi-head-queries-for-values",
    "The queries stand for the values.",
    "queries unlike values, L_q = L_k",
    by_call(lambda call: replace(call, value=alike(call.query, call.value))),
)
wrong(
    "multi-head-memory-ignored",
    "The queries stand for keys and values.",
    "queries unlike keys, L_q = L_k",
    by_call(lambda call: replace(call, key=alike(call.query, call.key), value=alike(call.query, call.value))),
)
wrong(
    "multi-head-output-matrix-missing",
    "W^O is left out.",
    "h d_v = d_model",
    by_call(lambda call: squared(call, lambda w: np.eye(len(w), dtype=w.dtype))),
)
wrong(
    "multi-head-output-matrix-transposed",
    "W^O is transposed.",
    "h d_v = d_model",
    by_call(lambda c: squared(c, np.transpose)),
)
wrong(
    "multi-head-residual-inside",
    "The query is added to the result, and would be again by the layer.",
    "any input",
    lambda call: call.query + multi_head(call),
)
