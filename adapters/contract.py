"""The contract between assay and an implementation, as tables: functions, conventions, numerics.

Everything here is data that both ends of the pipe read: loading checks an adapter against it, the worker
builds calls from it. What a function means numerically is not this file's business (that is the oracle's).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class _Required:
    """The type of `REQUIRED`, for an option that the contract gives no default."""

    def __repr__(self) -> str:
        return "..."


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Function:
    """How one component function is called: `function(*arrays, [weights], *plain, **masks, **options)`.

    Axes are words, one for each axis: the same word is the same size. `...` first stands for any further axes.
    """

    name: str
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Positional array arguments, in order, with their axes."""
    results: Mapping[str, str] = field(default_factory=dict)
    """The arrays that it gives, with their axes; the first is `result`. Empty where it gives data."""
    integers: tuple[str, ...] = ()
    """Those of the arrays that hold int64."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """What a mapping of named arrays holds that follows the arrays (on the wire: tensors `weights.<key>`), with the
    axes; `layers.*.` stands for each layer."""
    plain: tuple[str, ...] = ()
    """Positional arguments that are no arrays: ints, texts, lists of pairs."""
    masks: Mapping[str, str] = field(default_factory=dict)
    """Optional boolean arrays, by keyword, with the axes to which they are broadcast; left out, they are None."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further keywords with their defaults."""
    extensions: Mapping[str, object] = field(default_factory=dict)
    """Keywords that an implementation may lack: it is called with one only where it takes it, and with no default."""
    conventions: tuple[str, ...] = ()
    """The conventions on which the result depends."""
    differentiable: bool = True
    """Whether it has a gradient with respect to its real arrays."""

    @property
    def gives_data(self) -> bool:
        """Whether it gives lists, texts or numbers, which travel in the header of a message."""
        return not self.results

    @property
    def real(self) -> tuple[str, ...]:
        """The arrays that hold real numbers: those that may have a gradient."""
        return tuple(name for name in self.arrays if name not in self.integers)

    @property
    def positional(self) -> tuple[str, ...]:
        """The positional arguments, in order."""
        return (*self.arrays, *(("weights",) if self.weights else ()), *self.plain)

    @property
    def call(self) -> str:
        """The call as the documentation writes it."""
        keywords = [f"{mask}=None" for mask in self.masks]
        options = {**self.options, **self.extensions}
        keywords += [name if default is REQUIRED else f"{name}={default!r}" for name, default in options.items()]
        return f"{self.name}({', '.join([*self.positional, *(['*'] if keywords else []), *keywords])})"


def _attention_weights(name: str) -> dict[str, str]:
    """The four matrices of a layer's attention; queries and keys have one width."""
    scored, mixed = f"{name}_key_width", f"{name}_value_width"
    return {
        f"{name}.w_query": f"d_model {scored}",
        f"{name}.w_key": f"d_model {scored}",
        f"{name}.w_value": f"d_model {mixed}",
        f"{name}.w_output": f"{mixed} d_model",
    }


def _norm_weights(name: str) -> dict[str, str]:
    return {f"{name}_norm.gain": "d_model", f"{name}_norm.bias": "d_model"}


_FEED_FORWARD: Final = {
    "feed_forward.w_1": "d_model d_ff",
    "feed_forward.b_1": "d_ff",
    "feed_forward.w_2": "d_ff d_model",
    "feed_forward.b_2": "d_model",
}
_SELF: Final = {**_attention_weights("self_attention"), **_norm_weights("self_attention")}
_CROSS: Final = {**_attention_weights("cross_attention"), **_norm_weights("cross_attention")}
ENCODER_LAYER: Final[Mapping[str, str]] = {**_SELF, **_FEED_FORWARD, **_norm_weights("feed_forward")}
DECODER_LAYER: Final[Mapping[str, str]] = {**_SELF, **_CROSS, **_FEED_FORWARD, **_norm_weights("feed_forward")}


def _stack(layer: Mapping[str, str]) -> dict[str, str]:
    return {"embedding": "V d_model", **{f"layers.*.{name}": axes for name, axes in layer.items()}}


_CAUSAL: Final = {"causal": False}
_HEADS: Final = {"heads": REQUIRED}
_SELF_MASK: Final = {"mask": "B heads L L"}
_TWO_MASKS: Final = {"mask": "B heads L L", "memory_mask": "B heads L L_m"}
_EVERY: Final = {"result": "... n"}

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (
        Function(
            "attention",
            {"query": "B H L_q d_k", "key": "B H_kv L_k d_k", "value": "B H_kv L_k d_v"},
            {"result": "B H L_q d_v"},
            masks={"mask": "B H L_q L_k"},
            options={**_CAUSAL, "scale": None},
            conventions=("causal_alignment", "masked_row"),
        ),
        Function("softmax", {"x": "... n"}, _EVERY),
        Function("log_softmax", {"x": "... n"}, _EVERY),
        Function(
            "additive_attention",
            {
                "query": "B L_q d_q",
                "key": "B L_k d_key",
                "value": "B L_k d_v",
                "w_query": "d_q d_a",
                "w_key": "d_key d_a",
                "v": "d_a",
            },
            {"result": "B L_q d_v"},
            conventions=("masked_row",),
        ),
        Function(
            "bilinear_attention",
            {"query": "B L_q d_q", "key": "B L_k d_key", "value": "B L_k d_v", "w": "d_q d_key"},
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
        ),
        Function(
            "layer_norm", {"x": "... d", "gain": "d", "bias": "d"}, {"result": "... d"}, options={"epsilon": 1e-5}
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
            weights=_stack(ENCODER_LAYER),
            masks=_SELF_MASK,
            options=_HEADS,
            conventions=("masked_row", "positional_layout"),
        ),
        Function(
            "decoder",
            {"tokens": "B L", "memory": "B L_m d_model"},
            {"result": "B L V"},
            integers=("tokens",),
            weights=_stack(DECODER_LAYER),
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
            {"x": "... n"},
            _EVERY,
            options={"rate": REQUIRED, "training": False, "seed": 0},
            differentiable=False,
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

DTYPES: Final = ("float64", "float32", "bfloat16", "float16")

FORMATS: Final = (*DTYPES, "tensorfloat32", "float8_e4m3", "float8_e5m2")
"""What a part of a computation may be rounded to: some are formats of arithmetic units only."""

SIZES: Final = ("all", "few")
"""The pools that the sizes of cases come from, the default first."""

# The first value of each is the default.
CONVENTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "causal_alignment": ("top-left", "bottom-right"),
    "masked_row": ("zero", "nan", "mean"),
    "positional_layout": ("interleaved", "concatenated"),
    "adam_epsilon": ("outside", "hat"),
    "smoothing_over": ("all", "others"),
    "beam_stop": ("exhaust", "first_full"),
    "beam_ends": ("beam", "twice"),
}

# A field takes one of the values listed, or a number of the type given, not below the smallest.
NUMERICS: Final[Mapping[str, tuple[str, ...] | type[int] | type[float]]] = {
    "accumulate": FORMATS,
    "output": FORMATS,
    "operands": FORMATS,
    "probabilities": FORMATS,
    "scores": FORMATS,
    "hidden": FORMATS,
    "statistics": FORMATS,
    "rounding": ("nearest", "toward-zero"),
    "variance": ("two-pass", "one-pass"),
    "exp_ulp": float,
    "block": int,
    "gradient_chunks": int,
}
