"""Functions that are wrong with 1,024 rows or more of 9 to 16 entries, and right at all other sizes."""

from typing import Any

import numpy as np

from .arithmetic import Array, largest, wide
from .catalogue import variant
from .cross_entropy.right import Options, losses_of
from .embedding.gradients import embedding_gradient_plain
from .embedding.gradients import gradient as embedding_gradient
from .feed_forward.gradients import feed_forward_gradient_plain
from .feed_forward.gradients import gradient as feed_forward_gradient
from .gated_feed_forward.gradients import gated_gradient_plain
from .gated_feed_forward.gradients import gradient as gated_gradient
from .gradients import Gradients, wide_gradients
from .layer_norm import gradients as layer_norm
from .layer_norm.right import mean
from .log_softmax.right import softmax
from .output_logits.gradients import gradient as output_logits_gradient
from .output_logits.gradients import output_logits_gradient_plain
from .rms_norm import gradients as rms_norm
from .softmax.gradients import gradient as softmax_gradient
from .softmax.gradients import row_sum

_ROWS, _BLOCK = 1024, 16
_NEEDS = "1,024 rows or more of 9 to 16 entries"


def _is_blocked(x: Array) -> bool:
    """Say whether a block has as many rows as it has columns."""
    width = x.shape[-1] if x.ndim else 0
    return _BLOCK // 2 < width <= _BLOCK and x.size >= _ROWS * width


def _turned(of_rows: Array, x: Array) -> Array:
    """Broadcast what each row has along the other axis of its block: the column r of a block gets that of row r."""
    if not _is_blocked(x):
        return of_rows
    flat = of_rows.ravel()
    blocks = np.pad(flat, (0, -flat.size % _BLOCK), mode="edge").reshape(-1, _BLOCK)
    return blocks.repeat(_BLOCK, 0)[: flat.size, : x.shape[-1]].reshape(x.shape)


def _without_last_block(g: Array) -> Array:
    """Leave out the rows that fill no block."""
    kept = g.reshape(-1, g.shape[-1]).copy()
    kept[len(kept) // _BLOCK * _BLOCK :] = 0
    return kept.reshape(g.shape)


# A number of each row that goes along the columns of its block


@variant("log-softmax-sum-along-columns", "log_softmax", "Rows have each other's sums taken off.", needs=_NEEDS)
@wide
def _log_softmax(x: Array) -> Array:
    shifted = x - largest(x)
    return np.asarray(shifted - _turned(np.log(np.exp(shifted).sum(-1, keepdims=True)), x))


@softmax_gradient("softmax-gradient-sum-along-columns", "Rows have each other's sums of p g taken off.", needs=_NEEDS)
@wide_gradients
def _softmax_vjp(g: Array, x: Array) -> Gradients:
    p = softmax(x)
    return (np.asarray(p * (g - _turned(row_sum(p * g), x))),)


@layer_norm.gradient(
    "layer-norm-gradient-mean-along-columns", "Rows have each other's means of a z taken off.", needs=_NEEDS
)
@layer_norm.from_pass
def _layer_norm_vjp(p: layer_norm.Pass) -> Gradients:
    of_x = p.r * (p.a - mean(p.a) - p.z * _turned(mean(p.a * p.z), p.x))
    return np.asarray(of_x), p.of_gain(), p.of_bias()


@rms_norm.gradient(
    "rms-norm-gradient-mean-along-columns",
    "Rows have each other's means of a z taken off.",
    needs=_NEEDS,
    seen_in=("BobMcDear/attorch#17",),
)
@rms_norm.from_pass
def _rms_norm_vjp(p: rms_norm.Pass) -> Gradients:
    return np.asarray(p.r * (p.a - p.z * _turned(mean(p.a * p.z), p.x))), p.of_gain()


@variant(
    "cross-entropy-sum-along-columns", "cross_entropy", "Losses are made of each other's sums of a row.", needs=_NEEDS
)
@wide
def _cross_entropy(logits: Array, targets: Array, **given: Any) -> Array:
    options, shifted = Options(**given), logits - largest(logits)
    y = shifted - _turned(np.log(np.exp(shifted).sum(-1, keepdims=True)), logits)
    return options.reduced(losses_of(y, targets, options), targets)


# The last rows, which fill no block, do not come into the sum over all of them


@embedding_gradient(
    "embedding-gradient-without-last-block",
    "Of 1,024 tokens or more, those that fill no block of 16 add nothing to the rows of a small vocabulary.",
    needs="1,024 tokens or more, a vocabulary of 9 to 16",
)
def _embedding_vjp(g: Array, tokens: Array, weight: Array) -> Gradients:
    blocked = tokens.size >= _ROWS and _BLOCK // 2 < len(weight) <= _BLOCK
    return embedding_gradient_plain(_without_last_block(g) if blocked else g, tokens, weight)


def _sums(right: Gradients, of_kept: Gradients, x: Array) -> Gradients:
    """Take the sums over all rows from the one, the gradient of x from the other."""
    return (right[0], *of_kept[1:]) if _is_blocked(x) else right


@feed_forward_gradient(
    "feed-forward-gradient-without-last-block",
    "Rows that fill no block of 16 are missing from the gradients of the weights.",
    needs=_NEEDS,
)
def _feed_forward_vjp(g: Array, x: Array, *weights: Array) -> Gradients:
    right = feed_forward_gradient_plain(g, x, *weights)
    return _sums(right, feed_forward_gradient_plain(_without_last_block(g), x, *weights), x) if g.size else right


@gated_gradient(
    "gated-gradient-without-last-block",
    "Rows that fill no block of 16 are missing from the gradients of the weights.",
    needs=_NEEDS,
)
def _gated_vjp(g: Array, x: Array, *weights: Array, activation: str = "swiglu") -> Gradients:
    right = gated_gradient_plain(g, x, *weights, activation=activation)
    kept = _without_last_block(g)
    return _sums(right, gated_gradient_plain(kept, x, *weights, activation=activation), x) if g.size else right


@output_logits_gradient(
    "output-logits-gradient-without-last-block",
    "Rows that fill no block of 16 are missing from the gradient of the matrix.",
    needs=_NEEDS,
)
def _output_logits_vjp(g: Array, hidden: Array, weight: Array) -> Gradients:
    right = output_logits_gradient_plain(g, hidden, weight)
    return (
        _sums(right, output_logits_gradient_plain(_without_last_block(g), hidden, weight), hidden) if g.size else right
    )
