"""The rows of the contract: every component function, in the order in which reports and pages list them."""

from collections.abc import Mapping
from typing import Final

from .function import REQUIRED, Function
from .weights import DECODER_LAYER, ENCODER_LAYER, stack

_CAUSAL: Final = {"causal": False}
_HEADS: Final = {"heads": REQUIRED}
_SELF_MASK: Final = {"mask": "B heads L L"}
_TWO_MASKS: Final = {"mask": "B heads L L", "memory_mask": "B heads L L_m"}

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (
        Function(
            "attention",
            {"query": "B H L_q d_k", "key": "B H_kv L_k d_k", "value": "B H_kv L_k d_v"},
            {"result": "B H L_q d_v"},
            masks={"mask": "B H L_q L_k"},
            options={**_CAUSAL, "scale": None},
            extensions={"softcap": None},
            conventions=("causal_alignment", "masked_row"),
        ),
        Function("softmax", {"x": "... n"}, {"result": "... n"}),
        Function("log_softmax", {"x": "... n"}, {"result": "... n"}),
        Function(
            "additive_attention",
            {
                "query": "B L_q d_q",
                "key": "B L_k d_k",
                "value": "B L_k d_v",
                "w_query": "d_q d_a",
                "w_key": "d_k d_a",
                "v": "d_a",
            },
            {"result": "B L_q d_v"},
            conventions=("masked_row",),
        ),
        Function(
            "bilinear_attention",
            {"query": "B L_q d_q", "key": "B L_k d_k", "value": "B L_k d_v", "w": "d_q d_k"},
            {"result": "B L_q d_v"},
            conventions=("masked_row",),
        ),
        Function(
            "multi_head_attention",
            {
                "query": "B L_q d_model",
                "key": "B L_k d_model",
                "value": "B L_k d_model",
                "w_query": "d_model hd_k",
                "w_key": "d_model hd_k",
                "w_value": "d_model hd_v",
                "w_output": "hd_v d_model",
            },
            {"result": "B L_q d_model"},
            masks={"mask": "B heads L_q L_k"},
            options={**_HEADS, **_CAUSAL},
            conventions=("causal_alignment", "masked_row"),
        ),
        Function(
            "feed_forward",
            {"x": "B L d_model", "w_1": "d_model d_ff", "b_1": "d_ff", "w_2": "d_ff d_model", "b_2": "d_model"},
            {"result": "B L d_model"},
            conventions=("relu_at_zero",),
        ),
        Function(
            "gated_feed_forward",
            {"x": "B L d_model", "w_gate": "d_model d_ff", "w_up": "d_model d_ff", "w_down": "d_ff d_model"},
            {"result": "B L d_model"},
            options={"activation": "swiglu"},
            conventions=("gelu_form", "relu_at_zero"),
        ),
        Function(
            "layer_norm", {"x": "... d", "gain": "d", "bias": "d"}, {"result": "... d"}, options={"epsilon": 1e-5}
        ),
        Function(
            "rms_norm",
            {"x": "... d", "gain": "d"},
            {"result": "... d"},
            options={"epsilon": 1e-6},
            conventions=("rms_gain", "rms_cast"),
        ),
        Function(
            "encoder_layer",
            {"x": "B L d_model"},
            {"result": "B L d_model"},
            weights=ENCODER_LAYER,
            masks=_SELF_MASK,
            options=_HEADS,
            conventions=("masked_row",),
        ),
        Function(
            "decoder_layer",
            {"x": "B L d_model", "memory": "B L_m d_model"},
            {"result": "B L d_model"},
            weights=DECODER_LAYER,
            masks=_TWO_MASKS,
            options=_HEADS,
            conventions=("masked_row",),
        ),
        Function(
            "positional_encoding",
            results={"result": "length d_model"},
            plain=("length", "d_model"),
            conventions=("positional_layout",),
            differentiable=False,
        ),
        Function(
            "embedding", {"tokens": "B L", "weight": "V d_model"}, {"result": "B L d_model"}, integers=("tokens",)
        ),
        Function("output_logits", {"hidden": "B L d_model", "weight": "V d_model"}, {"result": "B L V"}),
        Function(
            "encoder",
            {"tokens": "B L"},
            {"result": "B L d_model"},
            integers=("tokens",),
            weights=stack(ENCODER_LAYER),
            masks=_SELF_MASK,
            options=_HEADS,
            conventions=("masked_row", "positional_layout"),
        ),
        Function(
            "decoder",
            {"tokens": "B L", "memory": "B L_m d_model"},
            {"result": "B L V"},
            integers=("tokens",),
            weights=stack(DECODER_LAYER),
            masks=_TWO_MASKS,
            options=_HEADS,
            conventions=("masked_row", "positional_layout"),
        ),
        Function(
            "cross_entropy",
            {"logits": "N V", "targets": "N"},
            {"result": ""},
            integers=("targets",),
            options={"label_smoothing": 0.0},
            extensions={"reduction": "mean", "ignore_index": None},
            conventions=("smoothing_over",),
        ),
        Function(
            "adam",
            {"parameters": "n", "gradients": "T n"},
            {"result": "T n"},
            options={"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
            conventions=("adam_epsilon",),
            differentiable=False,
        ),
        Function(
            "learning_rate",
            {"steps": "T"},
            {"result": "T"},
            integers=("steps",),
            options={"d_model": REQUIRED, "warmup": REQUIRED},
            differentiable=False,
        ),
        Function(
            "dropout",
            {"x": "..."},
            {"result": "..."},
            options={"rate": REQUIRED, "training": False, "seed": 0},
        ),
        Function(
            "beam_search",
            {"log_probabilities": "V V"},
            options={
                **dict.fromkeys(("beam_size", "max_length", "start", "end"), REQUIRED),
                "length_penalty": 0.6,
            },
            conventions=("beam_stop", "beam_ends"),
            differentiable=False,
        ),
        Function("tokenize", plain=("text", "merges"), differentiable=False),
        Function("detokenize", plain=("tokens", "merges"), differentiable=False),
        Function("learn_merges", plain=("text", "count"), differentiable=False),
    )
}

AXES: Final[Mapping[str, str]] = {
    "B": "batch item",
    "H": "head",
    "H_kv": "KV head",
    "L": "position",
    "L_k": "key",
    "L_m": "memory position",
    "L_q": "query",
    "T": "step",
    "V": "token",
    "d": "channel",
    "d_a": "hidden unit",
    "d_ff": "hidden unit",
    "d_k": "channel",
    "d_model": "channel",
    "d_q": "channel",
    "d_v": "channel",
    "length": "position",
    "n": "parameter",
}
"""What an index along an axis is called; any other axis, by its own word."""
