"""The inputs of the certificate, those of attention and of layers: how a case of each is drawn in a regime."""

from typing import Any

from arbitrary_precision_draws import Array, Call, Generator, draw, one_of, sizes, weight


def scores_and_value(rng: Generator, regime: str) -> Call:
    """Draw scores and values, of attention in general."""
    queries, keys, d_v = sizes(rng, 3)
    visible = rng.random((queries, keys)) < 0.6 if regime == "masked" else None
    options = {"visible": visible, "masked_row": one_of(rng, "zero", "nan", "mean")}
    return Call((draw(rng, regime, queries, keys), _values(rng, regime, keys, d_v)), options)


def _values(rng: Generator, regime: str, *shape: int) -> Array:
    """Draw values; a regime of large scores is a matter of queries and keys."""
    return draw(rng, regime if regime in ("tiny", "spread", "constant", "limit", "subnormal") else "normal", *shape)


def _queries_and_keys(rng: Generator, regime: str, query: tuple[int, ...], key: tuple[int, ...]) -> tuple[Array, Array]:
    """Draw queries of the regime, and keys if it cancels; only values go to the limits of the format."""
    regime = "normal" if regime in ("limit", "subnormal") else regime
    return draw(rng, regime, *query), weight(rng, regime, *key)


def attention(rng: Generator, regime: str) -> Call:
    """Draw a call of attention, with grouped heads."""
    batch, groups, per_group, queries, keys, d_k, d_v = (int(rng.integers(1, n)) for n in (3, 3, 3, 5, 6, 4, 4))
    heads = groups * per_group
    query, key = _queries_and_keys(rng, regime, (batch, heads, queries, 2 * d_k), (batch, groups, keys, 2 * d_k))
    options: dict[str, Any] = {"scale": one_of(rng, None, None, 0.3, -1.0), "causal": regime == "causal"}
    options["causal_alignment"] = one_of(rng, "top-left", "bottom-right")
    options["masked_row"] = one_of(rng, "zero", "nan", "mean")
    if regime == "masked" or (regime != "causal" and rng.random() < 0.3):
        shape = (one_of(rng, 1, batch), one_of(rng, 1, heads), one_of(rng, 1, queries), keys)
        options["mask"] = rng.random(shape) < 0.6
    value = _values(rng, regime, batch, groups, keys, d_v)
    options["softcap"] = one_of(rng, None, None, 1.0, 50.0)
    return Call((query, key, value), options)


def additive_attention(rng: Generator, regime: str) -> Call:
    """Draw a call of additive attention."""
    batch, queries, keys, d_q, d_k, d_v, d_a = sizes(rng, 7, 3)
    query, key = _queries_and_keys(rng, regime, (batch, queries, 2 * d_q), (batch, keys, 2 * d_k))
    matrices = weight(rng, regime, 2 * d_q, d_a, along=0), weight(rng, regime, 2 * d_k, d_a, along=0)
    v = draw(rng, "saturated" if regime == "saturated" else "normal", d_a)
    return Call((query, key, _values(rng, regime, batch, keys, d_v), *matrices, v))


def bilinear_attention(rng: Generator, regime: str) -> Call:
    """Draw a call of bilinear attention."""
    batch, queries, keys, d_q, d_k, d_v = sizes(rng, 6, 3)
    query, key = _queries_and_keys(rng, regime, (batch, queries, 2 * d_q), (batch, keys, d_k))
    value, w = _values(rng, regime, batch, keys, d_v), weight(rng, regime, 2 * d_q, d_k, along=0)
    return Call((query, key, value, w))


def multi_head_attention(rng: Generator, regime: str) -> Call:
    """Draw a call of multi-head attention."""
    batch, heads, d_k, d_v = (int(rng.integers(1, 3)) for _ in range(4))
    queries, keys = sizes(rng, 2, 3)
    d_model = 2 * int(rng.integers(1, 3))
    query, key = _queries_and_keys(rng, regime, (batch, queries, d_model), (batch, keys, d_model))
    shapes = (d_model, heads * d_k), (d_model, heads * d_k), (d_model, heads * d_v), (heads * d_v, d_model)
    options: dict[str, Any] = {"heads": heads, "causal": regime == "causal"}
    if regime == "masked":
        options["mask"] = rng.random((batch, one_of(rng, 1, heads), queries, keys)) < 0.6
    weights = [weight(rng, regime, *shape, along=0) for shape in shapes]
    return Call((query, key, _values(rng, regime, batch, keys, d_model), *weights), options)


def _weights(rng: Generator, heads: int, d_model: int, attentions: tuple[str, ...]) -> dict[str, Array]:
    """Draw the weights of one layer."""
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


def layer(rng: Generator, regime: str, *, memory: bool, stack: bool) -> Call:
    """Draw a layer of encoder or decoder, or a stack of them."""
    batch, heads = (int(rng.integers(1, 3)) for _ in range(2))
    length, other = sizes(rng, 2, 3)
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
        options["mask"] = rng.random((batch, one_of(rng, 1, heads), length, length)) < 0.6
        if memory:
            options["memory_mask"] = rng.random((batch, 1, one_of(rng, 1, length), other)) < 0.6
    arguments = (x, rng.standard_normal((batch, other, d_model))) if memory else (x,)
    return Call((*arguments, weights), options)
