"""The inputs of the certificate: for each function of the oracle, regimes and how a case of one is drawn.

Sizes are small and drawn, 1 among them; options are drawn as well. What a regime does to an array is in `draw`; it is
the one of the data, and where that would hide what is asked (see `_OF_WEIGHTS`), of the weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import arbitrary_precision as basic
import arbitrary_precision_attention as attending
import arbitrary_precision_cases_attention as of_attention
import arbitrary_precision_layers as layers
import arbitrary_precision_training as training
import numpy as np
from arbitrary_precision_draws import Call, Generator, draw, one_of, sizes, weight


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


def _softmax(rng: Generator, regime: str) -> Call:
    x = draw(rng, regime, *sizes(rng, 2, 8))
    if regime == "masked":
        x[..., 1:][rng.random(x[..., 1:].shape) < 0.4] = -np.inf
    return Call((x,))


def _cross_entropy(rng: Generator, regime: str) -> Call:
    rows, classes = int(rng.integers(1, 5)), int(rng.integers(2, 8))
    logits, targets = draw(rng, regime, rows, classes), rng.integers(0, classes, rows)
    options: dict[str, Any] = {"label_smoothing": one_of(rng, 0.0, 0.1, float(rng.random()))}
    options["smoothing_over"] = one_of(rng, "all", "others")
    options["reduction"] = one_of(rng, "mean", "none")
    if regime == "ignored":
        options["ignore_index"] = one_of(rng, -100, int(targets[0]))
        targets[rng.random(rows) < 0.4] = options["ignore_index"]
    return Call((logits, targets), options)


def _layer_norm(rng: Generator, regime: str) -> Call:
    rows, d = sizes(rng, 2, 8)
    # A row without variance needs an epsilon.
    epsilons = (1e-5, 1e-12, 1e-3) if regime in ("constant", "zeros", "subnormal", "tiny") or d == 1 else (1e-5, 0.0)
    arguments = draw(rng, regime, rows, d), weight(rng, "normal", d), weight(rng, "normal", d)
    return Call(arguments, {"epsilon": one_of(rng, *epsilons)})


def _rms_norm(rng: Generator, regime: str) -> Call:
    call = _layer_norm(rng, regime)
    return Call(call.arguments[:2], {**call.options, "rms_gain": one_of(rng, "w", "one_plus_w")})


def _feed_forward(rng: Generator, regime: str) -> Call:
    batch, length, d_model, d_ff = sizes(rng, 4, 4)
    x = draw(rng, regime, batch, length, 2 * d_model)
    w_1, w_2 = weight(rng, regime, 2 * d_model, d_ff, along=0), weight(rng, regime, d_ff, 2 * d_model, along=0)
    b_1, b_2 = (weight(rng, "zeros" if regime in ("zeros", "cancelling") else "normal", n) for n in (d_ff, 2 * d_model))
    return Call((x, w_1, b_1, w_2, b_2))


def _gated_feed_forward(rng: Generator, regime: str) -> Call:
    batch, length, d_model, d_ff = sizes(rng, 4, 4)
    x = draw(rng, regime, batch, length, 2 * d_model)
    matrices = [weight(rng, regime, 2 * d_model, d_ff, along=0) for _ in ("gate", "up")]
    options = {"activation": one_of(rng, "swiglu", "geglu", "reglu"), "gelu_form": one_of(rng, "erf", "tanh")}
    return Call((x, *matrices, weight(rng, regime, d_ff, 2 * d_model, along=0)), options)


def _embedding(rng: Generator, regime: str) -> Call:
    batch, length, vocabulary, d_model = sizes(rng, 4)
    return Call((rng.integers(0, vocabulary, (batch, length)), draw(rng, regime, vocabulary, d_model)))


def _output_logits(rng: Generator, regime: str) -> Call:
    batch, length, vocabulary, d_model = sizes(rng, 4)
    return Call((draw(rng, regime, batch, length, 2 * d_model), weight(rng, regime, vocabulary, 2 * d_model)))


def _adam(rng: Generator, regime: str) -> Call:
    n, steps = sizes(rng, 2, 4)
    steps *= 3
    options: dict[str, Any] = {"weight_decay": one_of(rng, 0.0, 0.01), "adam_epsilon": one_of(rng, "outside", "hat")}
    options |= {"learning_rate": float(10 ** rng.uniform(-5, 0)), "epsilon": one_of(rng, 1e-8, 1e-9, 1e-3)}
    options |= {"beta_1": one_of(rng, 0.9, 0.0, 0.99), "beta_2": one_of(rng, 0.999, 0.98, 0.5)}
    return Call((rng.standard_normal(n), draw(rng, regime, steps, n)), options)


def _dropout(rng: Generator, regime: str) -> Call:
    options = {"rate": one_of(rng, 0.1, 0.0, float(rng.random())), "training": bool(rng.random() < 0.8)}
    return Call((draw(rng, regime, *sizes(rng, 2, 8)),), {**options, "seed": int(rng.integers(100))})


def _beam_score(rng: Generator, regime: str) -> Call:
    vocabulary, length = sizes(rng, 2, 8)
    tokens = rng.integers(0, vocabulary, length).tolist()
    return Call(
        (-np.abs(draw(rng, regime, vocabulary, vocabulary)), tokens), {"length_penalty": one_of(rng, 0.6, 0.0, 2.0)}
    )


def _positional_encoding(rng: Generator, regime: str) -> Call:
    return Call((int(rng.integers(0, 100)), int(rng.integers(1, 20))), {"positional_layout": regime})


def _learning_rate(rng: Generator, regime: str) -> Call:
    largest = {"first steps": 100, "to 10^7": 10**7, "far": 2**40}[regime]
    options = {"d_model": one_of(rng, 1, 512, 1024, int(rng.integers(1, 5000)))}
    options["warmup"] = one_of(rng, 1, 4000, int(rng.integers(1, largest)))
    near = [max(options["warmup"] + k, 1) for k in (-1, 0, 1)]
    return Call((np.concatenate([near, rng.integers(1, largest, 17)]),), options)


_ROWS: Final = ("normal", "large", "saturated", "spread", "offset", "tiny", "subnormal", "limit", "constant", "masked")
_PRODUCTS: Final = ("normal", "cancelling", "spread", "tiny", "subnormal", "limit", "constant", "zeros")
_ATTENTION: Final = ("normal", "large", "saturated", "cancelling", "spread", "tiny", "subnormal", "limit", "constant")
_STACK: Final = ("normal", "large", "spread", "tiny", "masked")


def _stack(*, memory: bool, stack: bool) -> Callable[[Generator, str], Call]:
    return lambda rng, regime: of_attention.layer(rng, regime, memory=memory, stack=stack)


PLANS: Final[Mapping[str, Plan]] = {
    "softmax": Plan(basic.softmax, _softmax, _ROWS),
    "log_softmax": Plan(basic.log_softmax, _softmax, _ROWS),
    "cross_entropy": Plan(basic.cross_entropy, _cross_entropy, (*_ROWS[:-1], "ignored")),
    "general_attention": Plan(attending.general_attention, of_attention.scores_and_value, (*_ATTENTION, "masked")),
    "attention": Plan(attending.attention, of_attention.attention, (*_ATTENTION, "masked", "causal")),
    "additive_attention": Plan(attending.additive_attention, of_attention.additive_attention, _ATTENTION),
    "bilinear_attention": Plan(attending.bilinear_attention, of_attention.bilinear_attention, _ATTENTION),
    "multi_head_attention": Plan(
        attending.multi_head_attention, of_attention.multi_head_attention, (*_ATTENTION, "masked", "causal"), 80, 12
    ),
    "feed_forward": Plan(basic.feed_forward, _feed_forward, _PRODUCTS),
    "feed_forward_as_convolutions": Plan(basic.feed_forward, _feed_forward, _PRODUCTS),
    # No zeros: the step along the imaginary axis sees no less than 2^-400 where a gradient is exactly 0, W is smaller.
    "gated_feed_forward": Plan(
        basic.gated_feed_forward, _gated_feed_forward, ("normal", "large", "spread", "tiny", "constant"), 80, 12
    ),
    "layer_norm": Plan(basic.layer_norm, _layer_norm, ("normal", "offset", *_PRODUCTS[2:])),
    "rms_norm": Plan(basic.rms_norm, _rms_norm, ("normal", "offset", *_PRODUCTS[2:])),
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
