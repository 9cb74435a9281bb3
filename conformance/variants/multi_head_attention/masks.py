"""Multi-head attention, wrong in what a query may see, or in its numbers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import Array, largest, matmul, rounded
from ..attention.right import Call, allowed, attend, scores, softmax, visible
from ..catalogue import NARROW
from .heads import alike, by_call, wrong
from .right import Heads, merged, multi_head, projected, split


def by_sight(change: Callable[[Call], Array]) -> Callable[[Heads], Array]:
    """Make a function in which other keys are seen."""

    def changed(call: Heads) -> Array:
        heads = projected(call)
        return merged(attend(heads, sees=change(heads))) @ call.w_output

    return changed


def triangle(heads: Call, offset: int = 0) -> Array:
    """Show keys up to i + offset."""
    return np.tri(*heads.shape[2:], offset, dtype=np.bool)


def item_for_head(heads: Call) -> Array:
    """Give row number n, of B h rows, the mask of item n % B."""
    batch, count, queries, keys = heads.shape
    tiled = np.tile(allowed(replace(heads, causal=False))[:, 0], (count, 1, 1))
    sees = tiled.reshape(batch, count, queries, keys)
    return sees & triangle(heads) if heads.causal else sees


def of_queries(heads: Call) -> Array:
    """Hide, with each key, the query of that number, where there are as many."""
    sees = allowed(heads)
    turned = alike(sees.swapaxes(-1, -2), sees)
    return turned & triangle(heads) if heads.causal else turned


def anew_each_64(heads: Call) -> Array:
    """Begin the triangle of each 64 queries at the first key."""
    queries, keys = heads.shape[2:]
    triangles = np.arange(keys) <= np.arange(queries)[:, None] % 64
    return allowed(heads) & triangles if heads.causal else allowed(heads)


def of_first_64(heads: Call) -> Array:
    """Hide keys from 64 on as those before."""
    sees = allowed(heads)[..., np.arange(heads.shape[-1]) % 64]
    return sees & triangle(heads) if heads.causal else sees


wrong(
    "multi-head-causal-anew-each-64",
    "Queries come in chunks of 64, and the triangle of each begins at the first key.",
    "causal, L_q above 64",
    by_sight(anew_each_64),
)
wrong(
    "multi-head-mask-of-first-64",
    "Keys come in tiles of 64, and each takes the mask of the first.",
    "a mask, L_k above 64",
    by_sight(of_first_64),
)
wrong("multi-head-mask-ignored", "The mask is ignored.", "a mask", by_call(lambda call: replace(call, mask=None)))
wrong(
    "multi-head-mask-inverted",
    "True hides a key.",
    "a mask",
    by_call(lambda call: replace(call, mask=None if call.mask is None else ~call.mask)),
    "pytorch/pytorch#90534",
)
wrong(
    "multi-head-mask-of-another-item",
    "The mask is repeated, not interleaved, over the B h rows, so items get each other's.",
    "two heads and two items with masks unlike each other",
    by_sight(item_for_head),
)
wrong(
    "multi-head-mask-of-first-head",
    "All heads take the mask of the first.",
    "a mask for each head",
    by_call(
        lambda call: replace(
            call, mask=call.mask if call.mask is None or call.mask.ndim < 3 else call.mask[..., :1, :, :]
        )
    ),
)
wrong(
    "multi-head-mask-of-first-query",
    "All queries take the mask of the first.",
    "a mask for each query",
    by_call(lambda call: replace(call, mask=None if call.mask is None else call.mask[..., :1, :])),
    "google-research/tabfm#40",
    "NVIDIA/TensorRT-LLM#3585",
)
wrong(
    "multi-head-mask-transposed",
    "The mask hides queries, not keys, where it can.",
    "a mask, L_q = L_k",
    by_sight(of_queries),
    "hyunwoongko/transformer#40",
)
wrong(
    "multi-head-masked-score-zero",
    "A masked score is multiplied by zero, and still has a weight.",
    "a mask",
    lambda call: masked_scores(call, 0.0),
    "openxla/xla#11444",
)
wrong(
    "multi-head-mask-after-softmax",
    "The mask comes after the softmax, and the rest is not normalised again.",
    "a mask",
    lambda call: after_softmax(projected(call), call),
)
wrong(
    "multi-head-mask-too-small",
    "A masked score has 10 taken off, and still has a weight.",
    "a mask and small scores",
    lambda call: masked_scores(call, 1.0),
)


def masked_scores(call: Heads, factor: float) -> Array:
    """Put scores where nothing should be: multiplied, or made a little smaller."""
    heads = projected(call)
    score = scores(heads)
    score = np.where(visible(heads), score, score * factor - 10 * factor).astype(score.dtype)
    return merged(attend(heads, score=score, sees=np.ones(heads.shape, bool))) @ call.w_output


def after_softmax(heads: Call, call: Heads) -> Array:
    """Compute weights of all keys, and then set some of them to zero."""
    p = softmax(scores(heads), np.ones(heads.shape, bool)) * visible(heads)
    return merged(p @ heads.value) @ call.w_output


wrong(
    "multi-head-causal-ignored", "There is no causal mask.", "causal", by_call(lambda call: replace(call, causal=False))
)
wrong(
    "multi-head-causal-strict",
    "A query does not see its own position.",
    "causal",
    by_sight(lambda heads: allowed(heads) & triangle(heads, -1) if heads.causal else allowed(heads)),
)
wrong(
    "multi-head-causal-one-ahead",
    "A query sees the next position as well.",
    "causal, two positions",
    by_sight(lambda heads: allowed(heads) & triangle(heads, 1) if heads.causal else allowed(heads)),
)
wrong(
    "multi-head-causal-replaces-mask",
    "The causal mask takes the place of the given one.",
    "causal beside a mask",
    by_call(lambda call: replace(call, mask=None if call.causal else call.mask)),
    "AI-Hypercomputer/maxtext#878",
    "pytorch/pytorch#178588",
)
wrong(
    "multi-head-mask-replaces-causal",
    "The given mask takes the place of the causal one.",
    "causal beside a mask",
    by_call(lambda call: replace(call, causal=call.causal and call.mask is None)),
    "keras-team/keras#23040",
)
wrong(
    "multi-head-causal-only-beside-mask",
    "The causal mask is joined to a given one, and forgotten where there is none.",
    "causal without a mask",
    by_call(lambda call: replace(call, causal=call.causal and call.mask is not None)),
    "facebookresearch/xformers#103",
)
wrong(
    "multi-head-causal-at-the-end",
    "The causal mask is aligned at the last key, and nothing declares it.",
    "causal, L_q unlike L_k",
    by_sight(lambda heads: visible(heads, heads.shape[3] - heads.shape[2])),
    "ml-explore/mlx#2835",
)
wrong(
    "multi-head-blind-row-nan",
    "A row that sees no key is NaN, and nothing declares it.",
    "a row that sees no key",
    lambda call: merged(undefined(projected(call))) @ call.w_output,
    "Xilinx/brevitas#1591",
)


def undefined(heads: Call) -> Array:
    """0/0 where no key is seen."""
    e = np.where(visible(heads), np.exp(scores(heads) - largest(scores(heads))), 0)
    return np.asarray(e / e.sum(-1, keepdims=True) @ heads.value)


# Numbers


def stored(call: Heads) -> Array:
    """Store scores, their exponentials and their sums in the format of the arguments."""
    heads = projected(call)
    score = np.where(visible(heads), rounded(scores(heads), call.dtype), -np.inf)
    peak = largest(score)
    e = rounded(np.exp(rounded(score - np.where(np.isneginf(peak), 0, peak), call.dtype)), call.dtype)
    total = matmul(e, np.ones((heads.shape[3], 1), e.dtype), call.dtype)
    p = rounded(e / np.where(total == 0, 1, total), call.dtype)
    return merged(matmul(p.astype(e.dtype), heads.value, call.dtype)) @ call.w_output


def accumulated(call: Heads) -> Array:
    """Project with an accumulator of the arguments' format."""
    pairs = zip((call.query, call.key, call.value), call.matrices[:3], strict=True)
    q, k, v = (split(matmul(x, w, call.dtype), call.heads) for x, w in pairs)
    heads = Call(q, k, v, call.mask, call.causal, None, call.dtype)
    return matmul(merged(attend(heads)), call.w_output, call.dtype)


wrong(
    "multi-head-softmax-narrow",
    "Exponentials, their sum, and the mix of the values are kept in 16 bits.",
    "16 keys or more",
    stored,
    dtypes=NARROW,
)
wrong(
    "multi-head-products-narrow",
    "The products with the matrices are accumulated in 16 bits.",
    "d_model of 15 or more",
    accumulated,
    dtypes=NARROW,
)


def cross_raises(call: Heads) -> Array:
    """Project keys and values in a branch that only some calls reach."""
    if not np.array_equal(call.query, call.key):
        raise UnboundLocalError("cannot access local variable 'projected_key' where it is not associated with a value")
    return multi_head(call)


wrong(
    "multi-head-cross-raises",
    "Keys and values are projected in a branch for biases: without them, attention to another sequence raises.",
    "keys unlike the queries",
    cross_raises,
    "mlverse/torch#1474",
)


def both_raise(call: Heads) -> Array:
    """Make a mask for each key one for each pair, beside which a flag is refused further down."""
    if call.mask is not None and call.causal:
        raise RuntimeError("explicit attention mask should not be set when is_causal is set")
    return multi_head(call)


wrong(
    "multi-head-mask-beside-causal-raises",
    "A mask beside causal is accepted, and raises further down.",
    "causal beside a mask",
    both_raise,
    "pytorch/pytorch#100709",
)
