"""Layers of encoder and decoder that are wrong in the sum and its norm: one method of `right.py` at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arithmetic import Array, rounded
from ..catalogue import NARROW
from ..layer_norm.right import mean, norm, one_pass
from .right import EPSILON, Kind, Layers, Weights, layers, part

Sublayer = Callable[[Array], Array]


def wrong(name: str, sentence: str, needs: str, *seen_in: str, **fields: Any) -> Callable[[Kind], Kind]:
    """Put a class into the catalogue, as the component with which the name begins."""
    component = "_".join(name.split("-")[:2])
    return layers(name, component, sentence, needs=needs, seen_in=seen_in, **fields)


def normed(sentence: str, name: str, needs: str, function: Callable[..., Array], *seen_in: str, **fields: Any) -> None:
    """Put a layer with another norm into the catalogue."""

    class Normed(Layers):
        def norm(self, x: Array, w: Weights) -> Array:
            return np.asarray(function(x, w["gain"], w["bias"]))

    wrong(name, sentence, needs, *seen_in, **fields)(Normed)


def summed(sentence: str, name: str, needs: str, change: Callable[..., Array], *seen_in: str) -> None:
    """Put a layer with other residual sums into the catalogue: change(norm, x, sublayer, number), 0 for attention."""

    class Summed(Layers):
        def around(self, x: Array, sublayer: Sublayer, w: Weights, name: str) -> Array:
            of = part(w, f"{name}_norm")
            order = ("self_attention", "cross_attention", "feed_forward").index(name)
            return np.asarray(change(lambda y: self.norm(y, of), x, sublayer, order))

    wrong(name, sentence, needs, *seen_in)(Summed)


# The sum and its norm

_ANY = "any input"

for _of in ("encoder-layer", "decoder-layer"):
    summed(
        "Each sublayer reads the norm of its input, and nothing normalises the sum: pre-norm.",
        f"{_of}-pre-norm",
        _ANY,
        lambda norm, x, sublayer, _: x + sublayer(norm(x)),
        "jadore801120/attention-is-all-you-need-pytorch#150",
    )
    summed(
        "The norm comes before the sum: x + LayerNorm(Sublayer(x)).",
        f"{_of}-norm-before-sum",
        _ANY,
        lambda norm, x, sublayer, _: x + norm(sublayer(x)),
    )
    summed("There is no residual.", f"{_of}-residuals-missing", _ANY, lambda norm, x, sublayer, _: norm(sublayer(x)))

summed(
    "Attention has no residual.",
    "encoder-layer-residual-of-attention-missing",
    _ANY,
    lambda norm, x, sublayer, n: norm(sublayer(x) if n == 0 else x + sublayer(x)),
)
summed(
    "The network has no residual.",
    "encoder-layer-residual-of-network-missing",
    _ANY,
    lambda norm, x, sublayer, n: norm(sublayer(x) if n == 2 else x + sublayer(x)),
)
summed(
    "Attention over the memory has no residual.",
    "decoder-layer-residual-of-memory-missing",
    _ANY,
    lambda norm, x, sublayer, n: norm(sublayer(x) if n == 1 else x + sublayer(x)),
)
summed(
    "There is no norm after attention.",
    "encoder-layer-first-norm-missing",
    _ANY,
    lambda norm, x, sublayer, n: x + sublayer(x) if n == 0 else norm(x + sublayer(x)),
)
summed(
    "There is no norm at the end.",
    "encoder-layer-last-norm-missing",
    _ANY,
    lambda norm, x, sublayer, n: x + sublayer(x) if n == 2 else norm(x + sublayer(x)),
)
summed(
    "There is no norm after attention over the memory.",
    "decoder-layer-second-norm-missing",
    _ANY,
    lambda norm, x, sublayer, n: x + sublayer(x) if n == 1 else norm(x + sublayer(x)),
)
summed(
    "The network's residual is added after the norm.",
    "encoder-layer-residual-after-norm",
    _ANY,
    lambda norm, x, sublayer, n: x + norm(sublayer(x)) if n == 2 else norm(x + sublayer(x)),
)
summed(
    "The residual counts twice.",
    "encoder-layer-residual-twice",
    _ANY,
    lambda norm, x, sublayer, n: norm(2 * x + sublayer(x)),
)
summed(
    "The norm of the sum is normalised again.",
    "encoder-layer-norm-twice",
    "gains unlike 1",
    lambda norm, x, sublayer, n: norm(norm(x + sublayer(x))),
)
summed(
    "The residual is the norm of the input.",
    "decoder-layer-residual-of-norm",
    _ANY,
    lambda norm, x, sublayer, n: norm(norm(x) + sublayer(x)),
)


@wrong("encoder-layer-residual-of-input", "The network's residual is the input of the layer.", _ANY)
class _FromInput(Layers):
    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        a = self.attended(x, w, mask)
        return self.norm(x + self.network(a, part(w, "feed_forward")), part(w, "feed_forward_norm"))


@wrong("encoder-layer-parallel", "Attention and network read the same input, and are summed.", _ANY)
class _Parallel(Layers):
    def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
        a = self.attended(x, w, mask)
        return self.norm(a + self.network(x, part(w, "feed_forward")), part(w, "feed_forward_norm"))


def exchanged(w: Weights, one: str, other: str) -> dict[str, Any]:
    """Exchange two groups of weights."""
    first, second = f"{one}.", f"{other}."
    swap = {first: second, second: first}
    return {
        next((swap[each] + name.removeprefix(each) for each in swap if name.startswith(each)), name): array
        for name, array in w.items()
    }


def replaced(w: Weights, group: str, by: str) -> dict[str, Any]:
    """Put one group of weights in the place of another as well."""
    return {**w, **{f"{group}.{name}": each for name, each in part(w, by).items()}}


def reweighted(name: str, sentence: str, needs: str, change: Callable[[Weights], Weights], *seen_in: str) -> None:
    """Put a layer with other weights into the catalogue."""

    class Reweighted(Layers):
        def encoder_layer(self, x: Array, w: Weights, *, mask: Array | None = None) -> Array:
            return super().encoder_layer(x, change(w), mask=mask)

        def decoder_layer(self, x: Array, memory: Array, w: Weights, **masks: Array | None) -> Array:
            return super().decoder_layer(x, memory, change(w), **masks)

    wrong(name, sentence, needs, *seen_in)(Reweighted)


_TWO_NORMS = "norms whose gains are unlike"
reweighted(
    "encoder-layer-norms-exchanged",
    "Each norm has the other's gain and bias.",
    _TWO_NORMS,
    lambda w: exchanged(w, "self_attention_norm", "feed_forward_norm"),
)
reweighted(
    "encoder-layer-norm-shared",
    "One norm serves for both.",
    _TWO_NORMS,
    lambda w: replaced(w, "feed_forward_norm", "self_attention_norm"),
    "dreamquark-ai/tabnet#76",
    "lucidrains/mmdit#4",
)
reweighted(
    "decoder-layer-norm-reused",
    "The first norm is used again after attention over the memory.",
    _TWO_NORMS,
    lambda w: replaced(w, "cross_attention_norm", "self_attention_norm"),
    "ml-explore/mlx#1636",
)
reweighted(
    "decoder-layer-attentions-exchanged",
    "Self-attention has the weights of the other attention, and that its.",
    _ANY,
    lambda w: exchanged(w, "self_attention", "cross_attention"),
)
reweighted(
    "decoder-layer-attention-shared",
    "One set of weights serves for both attentions.",
    _ANY,
    lambda w: replaced(w, "cross_attention", "self_attention"),
)
reweighted(
    "encoder-layer-b-1-missing",
    "b_1 is missing.",
    "b_1 unlike 0",
    lambda w: {**w, "feed_forward.b_1": 0 * w["feed_forward.b_1"]},
)
reweighted(
    "decoder-layer-b-2-missing",
    "b_2 is missing.",
    "b_2 unlike 0",
    lambda w: {**w, "feed_forward.b_2": 0 * w["feed_forward.b_2"]},
)
reweighted(
    "encoder-layer-gain-missing",
    "The last norm has no gain.",
    "gains unlike 1",
    lambda w: {**w, "feed_forward_norm.gain": 0 * w["feed_forward_norm.gain"] + 1},
)

# The norm itself

_SMALL = "rows of small variance"
normed(
    "Epsilon is 1e-6.",
    "encoder-layer-epsilon-1e-6",
    _SMALL,
    lambda x, gain, bias: norm(x, gain, bias, 1e-6),
    "keras-team/keras-hub#642",
)
normed("Epsilon is 1e-12.", "encoder-layer-epsilon-1e-12", _SMALL, lambda x, gain, bias: norm(x, gain, bias, 1e-12))
normed("Epsilon is 1e-3.", "decoder-layer-epsilon-1e-3", _SMALL, lambda x, gain, bias: norm(x, gain, bias, 1e-3))
normed(
    "Epsilon is outside the root.",
    "encoder-layer-epsilon-outside",
    _SMALL,
    lambda x, gain, bias: gain * (x - mean(x)) / (np.sqrt(mean((x - mean(x)) ** 2)) + EPSILON) + bias,
    "pyg-team/pytorch_geometric#2917",
)
normed(
    "The variance is that of a sample: over d - 1.",
    "encoder-layer-variance-unbiased",
    "any input; d_model of 2 or more",
    lambda x, gain, bias: gain * (x - mean(x)) / np.sqrt(unbiased(x) + EPSILON) + bias,
)
normed(
    "The mean is not taken off.",
    "decoder-layer-root-mean-square",
    "rows whose mean is not 0",
    lambda x, gain, bias: gain * x / np.sqrt(mean(x**2) + EPSILON) + bias,
)
normed(
    "The norm runs over the positions.",
    "encoder-layer-norm-over-positions",
    _ANY,
    lambda x, gain, bias: norm(x, gain, bias, EPSILON, 1),
)
normed(
    "The variance is mean(x^2) - mean(x)^2, and nothing declares it.",
    "encoder-layer-one-pass",
    "rows whose mean is large beside their spread",
    lambda x, gain, bias: one_pass(x, gain, bias, EPSILON),
    "pytorch/pytorch#51102",
)


def unbiased(x: Array) -> Array:
    """Normalise with a variance over d - 1."""
    return np.asarray(((x - mean(x)) ** 2).sum(-1, keepdims=True) / max(x.shape[-1] - 1, 1))


@wrong(
    "encoder-layer-statistics-narrow",
    "mean(x^2) and mean(x)^2 are kept in 16 bits, and so is their difference.",
    "rows whose mean is large beside their spread",
    dtypes=NARROW,
)
class _NarrowStatistics(Layers):
    def norm(self, x: Array, w: Weights) -> Array:
        first, second = (rounded(mean(each), self.dtype) for each in (x, rounded(x**2, self.dtype)))
        variance = np.maximum(rounded(second - rounded(first**2, self.dtype), self.dtype), 0)
        return np.asarray(w["gain"] * (x - first) / np.sqrt(variance + EPSILON) + w["bias"])
