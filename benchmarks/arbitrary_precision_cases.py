"""The inputs of the certificate: for each function of the oracle, regimes and how a case of one is drawn.

Sizes are small and drawn, 1 among them; options are drawn as well. What a regime does to an array is in `draw`; it is
the one of the data, and where that would hide what is asked (see `_OF_WEIGHTS`), of the weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import arbitrary_precision as basic
import arbitrary_precision_attention as attending
import arbitrary_precision_layers as layers
import arbitrary_precision_training as training
import numpy as np

Generator = np.random.Generator
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a function is certified."""

    reference: Callable[..., Any]
    make: Callable[[Generator, str], Call]
    regimes: tuple[str, ...]
    cases: int = 120
    """Of each regime."""
    gradient_cases: int = 24
    """Likewise, of its gradient; a gradient takes as many evaluations as there are numbers in the arguments."""


_FACTORS: Final = {"large": 30.0, "saturated": 1000.0, "tiny": 1e-60, "subnormal": 2.0**-1060, "limit": 1e150}
_OF_WEIGHTS: Final = ("cancelling", "spread", "constant", "zeros")


def draw(rng: Generator, regime: str, *shape: int, along: int = -1, sign: float = -1.0) -> Array:
    """Normal numbers, changed as the regime says.

    cancelling: the second half along an axis is the first, nearly, times `sign`; a sum of products of two such arrays,
    one with each sign, loses 9 digits.
    """
    x = rng.standard_normal(shape)
    match regime:
        case "cancelling":
            x = np.moveaxis(x, along, -1)
            half = x.shape[-1] // 2
            x[..., half : 2 * half] = sign * x[..., :half] * (1 + 1e-9 * x[..., half : 2 * half])
            return np.moveaxis(x, -1, along)
        case "offset":
            return 1e6 + x
        case "spread":
            return x * 10.0 ** rng.uniform(-8, 8, shape)
        case "constant":
            return np.full(shape, 1 / 3)
        case "zeros":
            return x * rng.integers(0, 2, shape)
    return _FACTORS.get(regime, 1.0) * x


def weight(rng: Generator, regime: str, *shape: int, along: int = -1) -> Array:
    """A matrix or vector of weights: normal where the regime is one of the data."""
    return draw(rng, regime if regime in _OF_WEIGHTS else "normal", *shape, along=along, sign=1.0)


def _sizes(rng: Generator, count: int, largest: int = 5) -> list[int]:
    return [int(n) for n in rng.integers(1, largest + 1, count)]


def _one_of(rng: Generator, *choices: Any) -> Any:
    return choices[rng.integers(len(choices))]


def _softmax(rng: Generator, regime: str) -> Call:
    x = draw(rng, regime, *_sizes(rng, 2, 8))
    if regime == "masked":
        x[..., 1:][rng.random(x[..., 1:].shape) < 0.4] = -np.inf
    return Call((x,))


def _cross_entropy(rng: Generator, regime: str) -> Call:
    rows, classes = int(rng.integers(1, 5)), int(rng.integers(2, 8))
    logits, targets = draw(rng, regime, rows, classes), rng.integers(0, classes, rows)
    options: dict[str, Any] = {"label_smoothing": _one_of(rng, 0.0, 0.1, float(rng.random()))}
    options["smoothing_over"] = _one_of(rng, "all", "others")
    options["reduction"] = _one_of(rng, "mean", "none")
    if regime == "ignored":
        options["ignore_index"] = _one_of(rng, -100, int(targets[0]))
        targets[rng.random(rows) < 0.4] = options["ignore_index"]
    return Call((logits, targets), options)


def _layer_norm(rng: Generator, regime: str) -> Call:
    rows, d = _sizes(rng, 2, 8)
    # A row without variance needs an epsilon.
    epsilons = (1e-5, 1e-12, 1e-3) if regime in ("constant", "zeros", "subnormal", "tiny") or d == 1 else (1e-5, 0.0)
    arguments = draw(rng, regime, rows, d), weight(rng, "normal", d), weight(rng, "normal", d)
    return Call(arguments, {"epsilon": _one_of(rng, *epsilons)})


def _feed_forward(rng: Generator, regime: str) -> Call:
    batch, length, d_model, d_ff = _sizes(rng, 4, 4)
    x = draw(rng, regime, batch, length, 2 * d_model)
    w_1, w_2 = weight(rng, regime, 2 * d_model, d_ff, along=0), weight(rng, regime, d_ff, 2 * d_model, along=0)
    b_1, b_2 = (weight(rng, "zeros" if regime in ("zeros", "cancelling") else "normal", n) for n in (d_ff, 2 * d_model))
    return Call((x, w_1, b_1, w_2, b_2))


def _embedding(rng: Generator, regime: str) -> Call:
    batch, length, vocabulary, d_model = _sizes(rng, 4)
    return Call((rng.integers(0, vocabulary, (batch, length)), draw(rng, regime, vocabulary, d_model)))


def _output_logits(rng: Generator, regime: str) -> Call:
    batch, length, vocabulary, d_model = _sizes(rng, 4)
    return Call((draw(rng, regime, batch, length, 2 * d_model), weight(rng, regime, vocabulary, 2 * d_model)))


def _scores_and_value(rng: Generator, regime: str) -> Call:
    queries, keys, d_v = _sizes(rng, 3)
    visible = rng.random((queries, keys)) < 0.6 if regime == "masked" else None
    options = {"visible": visible, "masked_row": _one_of(rng, "zero", "nan", "mean")}
    return Call((draw(rng, regime, queries, keys), _values(rng, regime, keys, d_v)), options)


def _values(rng: Generator, regime: str, *shape: int) -> Array:
    """Large scores are a matter of queries and keys."""
    return draw(rng, regime if regime in ("tiny", "spread", "constant", "limit", "subnormal") else "normal", *shape)


def _queries_and_keys(rng: Generator, regime: str, query: tuple[int, ...], key: tuple[int, ...]) -> tuple[Array, Array]:
    """Only values go to the limits of the format; the regime is that of the query, and of the key if it cancels."""
    regime = "normal" if regime in ("limit", "subnormal") else regime
    return draw(rng, regime, *query), weight(rng, regime, *key)


def _attention(rng: Generator, regime: str) -> Call:
    batch, groups, per_group, queries, keys, d_k, d_v = (int(rng.integers(1, n)) for n in (3, 3, 3, 5, 6, 4, 4))
    heads = groups * per_group
    query, key = _queries_and_keys(rng, regime, (batch, heads, queries, 2 * d_k), (batch, groups, keys, 2 * d_k))
    options: dict[str, Any] = {"scale": _one_of(rng, None, None, 0.3, -1.0), "causal": regime == "causal"}
    options["causal_alignment"] = _one_of(rng, "top-left", "bottom-right")
    options["masked_row"] = _one_of(rng, "zero", "nan", "mean")
    if regime == "masked" or (regime != "causal" and rng.random() < 0.3):
        shape = (_one_of(rng, 1, batch), _one_of(rng, 1, heads), _one_of(rng, 1, queries), keys)
        options["mask"] = rng.random(shape) < 0.6
    return Call((query, key, _values(rng, regime, batch, groups, keys, d_v)), options)


def _additive_attention(rng: Generator, regime: str) -> Call:
    batch, queries, keys, d_q, d_k, d_v, d_a = _sizes(rng, 7, 3)
    query, key = _queries_and_keys(rng, regime, (batch, queries, 2 * d_q), (batch, keys, 2 * d_k))
    matrices = weight(rng, regime, 2 * d_q, d_a, along=0), weight(rng, regime, 2 * d_k, d_a, along=0)
    v = draw(rng, "saturated" if regime == "saturated" else "normal", d_a)
    return Call((query, key, _values(rng, regime, batch, keys, d_v), *matrices, v))


def _bilinear_attention(rng: Generator, regime: str) -> Call:
    batch, queries, keys, d_q, d_k, d_v = _sizes(rng, 6, 3)
    query, key = _queries_and_keys(rng, regime, (batch, queries, 2 * d_q), (batch, keys, d_k))
    value, w = _values(rng, regime, batch, keys, d_v), weight(rng, regime, 2 * d_q, d_k, along=0)
    return Call((query, key, value, w))


def _multi_head_attention(rng: Generator, regime: str) -> Call:
    batch, heads, d_k, d_v = (int(rng.integers(1, 3)) for _ in range(4))
    queries, keys = _sizes(rng, 2, 3)
    d_model = 2 * int(rng.integers(1, 3))
    query, key = _queries_and_keys(rng, regime, (batch, queries, d_model), (batch, keys, d_model))
    shapes = (d_model, heads * d_k), (d_model, heads * d_k), (d_model, heads * d_v), (heads * d_v, d_model)
    options: dict[str, Any] = {"heads": heads, "causal": regime == "causal"}
    if regime == "masked":
        options["mask"] = rng.random((batch, _one_of(rng, 1, heads), queries, keys)) < 0.6
    weights = [weight(rng, regime, *shape, along=0) for shape in shapes]
    return Call((query, key, _values(rng, regime, batch, keys, d_model), *weights), options)


def _weights(rng: Generator, heads: int, d_model: int, attentions: tuple[str, ...]) -> dict[str, Array]:
    """Those of one layer."""
    d_k, d_v, d_ff = (int(rng.integers(1, 3)) for _ in range(3))
    weights = {}
    for name in attentions:
        shapes = (d_model, heads * d_k), (d_model, heads * d_k), (d_model, heads * d_v), (heads * d_v, d_model)
        each = zip(("w_query", "w_key", "w_value", "w_output"), shapes, strict=True)
        weights |= {f"{name}.{matrix}": rng.standard_normal(shape) for matrix, shape in each}
    shapes_of_network = {"w_1": (d_model, d_ff), "b_1": (d_ff,), "w_2": (d_ff, d_model), "b_2": (d_model,)}
    weights |= {f"feed_forward.{name}": rng.standard_normal(shape) for name, shape in shapes_of_network.items()}
    for name in (*attentions, "feed_forward"):
        weights |= {f"{name}_norm.{part}": rng.standard_normal(d_model) for part in ("gain", "bias")}
    return weights


def _layer(rng: Generator, regime: str, *, memory: bool, stack: bool) -> Call:
    """A layer of encoder or decoder, or a stack of them."""
    batch, heads = (int(rng.integers(1, 3)) for _ in range(2))
    length, other = _sizes(rng, 2, 3)
    d_model = 4
    attentions = ("self_attention", "cross_attention") if memory else ("self_attention",)
    if stack:
        vocabulary = int(rng.integers(2, 6))
        x: Any = rng.integers(0, vocabulary, (batch, length))
        weights = {"embedding": draw(rng, regime, vocabulary, d_model)}
        for n in range(int(rng.integers(1, 3))):
            weights |= {f"layers.{n}.{name}": each for name, each in _weights(rng, heads, d_model, attentions).items()}
    else:
        x = draw(rng, regime, batch, length, d_model)
        weights = _weights(rng, heads, d_model, attentions)
    options: dict[str, Any] = {"heads": heads}
    if regime == "masked":
        options["mask"] = rng.random((batch, _one_of(rng, 1, heads), length, length)) < 0.6
        if memory:
            options["memory_mask"] = rng.random((batch, 1, _one_of(rng, 1, length), other)) < 0.6
    arguments = (x, rng.standard_normal((batch, other, d_model))) if memory else (x,)
    return Call((*arguments, weights), options)


def _adam(rng: Generator, regime: str) -> Call:
    n, steps = _sizes(rng, 2, 4)
    steps *= 3
    options: dict[str, Any] = {"weight_decay": _one_of(rng, 0.0, 0.01), "adam_epsilon": _one_of(rng, "outside", "hat")}
    options |= {"learning_rate": float(10 ** rng.uniform(-5, 0)), "epsilon": _one_of(rng, 1e-8, 1e-9, 1e-3)}
    options |= {"beta_1": _one_of(rng, 0.9, 0.0, 0.99), "beta_2": _one_of(rng, 0.999, 0.98, 0.5)}
    return Call((rng.standard_normal(n), draw(rng, regime, steps, n)), options)


def _dropout(rng: Generator, regime: str) -> Call:
    options = {"rate": _one_of(rng, 0.1, 0.0, float(rng.random())), "training": bool(rng.random() < 0.8)}
    return Call((draw(rng, regime, *_sizes(rng, 2, 8)),), {**options, "seed": int(rng.integers(100))})


def _beam_score(rng: Generator, regime: str) -> Call:
    vocabulary, length = _sizes(rng, 2, 8)
    tokens = rng.integers(0, vocabulary, length).tolist()
    return Call(
        (-np.abs(draw(rng, regime, vocabulary, vocabulary)), tokens), {"length_penalty": _one_of(rng, 0.6, 0.0, 2.0)}
    )


def _positional_encoding(rng: Generator, regime: str) -> Call:
    return Call((int(rng.integers(0, 100)), int(rng.integers(1, 20))), {"positional_layout": regime})


def _learning_rate(rng: Generator, regime: str) -> Call:
    largest = {"first steps": 100, "to 10^7": 10**7, "far": 2**40}[regime]
    options = {"d_model": _one_of(rng, 1, 512, 1024, int(rng.integers(1, 5000)))}
    options["warmup"] = _one_of(rng, 1, 4000, int(rng.integers(1, largest)))
    near = [max(options["warmup"] + k, 1) for k in (-1, 0, 1)]
    return Call((np.concatenate([near, rng.integers(1, largest, 17)]),), options)


_ROWS: Final = ("normal", "large", "saturated", "spread", "tiny", "subnormal", "limit", "constant", "masked")
_PRODUCTS: Final = ("normal", "cancelling", "spread", "tiny", "subnormal", "limit", "constant", "zeros")
_ATTENTION: Final = ("normal", "large", "saturated", "cancelling", "spread", "tiny", "subnormal", "limit", "constant")
_STACK: Final = ("normal", "large", "spread", "tiny", "masked")


def _stack(*, memory: bool, stack: bool) -> Callable[[Generator, str], Call]:
    return lambda rng, regime: _layer(rng, regime, memory=memory, stack=stack)


PLANS: Final[Mapping[str, Plan]] = {
    "softmax": Plan(basic.softmax, _softmax, _ROWS),
    "log_softmax": Plan(basic.log_softmax, _softmax, _ROWS),
    "cross_entropy": Plan(basic.cross_entropy, _cross_entropy, (*_ROWS[:-1], "ignored")),
    "general_attention": Plan(attending.general_attention, _scores_and_value, (*_ATTENTION, "masked")),
    "attention": Plan(attending.attention, _attention, (*_ATTENTION, "masked", "causal")),
    "additive_attention": Plan(attending.additive_attention, _additive_attention, _ATTENTION),
    "bilinear_attention": Plan(attending.bilinear_attention, _bilinear_attention, _ATTENTION),
    "multi_head_attention": Plan(
        attending.multi_head_attention, _multi_head_attention, (*_ATTENTION, "masked", "causal"), 80, 12
    ),
    "feed_forward": Plan(basic.feed_forward, _feed_forward, _PRODUCTS),
    "feed_forward_as_convolutions": Plan(basic.feed_forward, _feed_forward, _PRODUCTS),
    "layer_norm": Plan(basic.layer_norm, _layer_norm, ("normal", "offset", *_PRODUCTS[2:])),
    "embedding": Plan(basic.embedding, _embedding, ("normal", "spread", "tiny", "subnormal", "limit")),
    "output_logits": Plan(basic.output_logits, _output_logits, _PRODUCTS),
    "encoder_layer": Plan(layers.encoder_layer, _stack(memory=False, stack=False), _STACK, 20, 4),
    "decoder_layer": Plan(layers.decoder_layer, _stack(memory=True, stack=False), _STACK, 20, 4),
    "encoder": Plan(layers.encoder, _stack(memory=False, stack=True), _STACK, 20, 4),
    "decoder": Plan(layers.decoder, _stack(memory=True, stack=True), _STACK, 20, 4),
    "dropout": Plan(training.dropout, _dropout, ("normal", "tiny", "subnormal", "limit")),
    "beam_score": Plan(training.beam_score, _beam_score, ("normal", "large", "spread", "tiny", "constant")),
    "positional_encoding": Plan(
        training.positional_encoding, _positional_encoding, ("interleaved", "concatenated"), 20
    ),
    "learning_rate": Plan(training.learning_rate, _learning_rate, ("first steps", "to 10^7", "far"), 200),
    "adam": Plan(training.adam, _adam, ("normal", "large", "spread", "tiny", "subnormal", "zeros", "constant")),
}
