"""The contract between assay and an implementation, as tables: functions, conventions, numerics.

Everything here is data that both ends of the pipe read: loading checks an adapter against it, the worker
builds calls from it. What a function means numerically is not this file's business (that is the oracle's).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


class _Required:
    """The type of `REQUIRED`, for an option that the contract gives no default."""

    def __repr__(self) -> str:
        return "..."


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Function:
    """How one component function is called: `function(*arrays, [weights], *plain, **masks, **options)`."""

    name: str
    arrays: tuple[str, ...] = ()
    """Positional array arguments, in order."""
    integers: tuple[str, ...] = ()
    """Those of the arrays that hold int64."""
    weights: bool = False
    """Whether a mapping of named arrays follows the arrays (on the wire: tensors `weights.<key>`)."""
    plain: tuple[str, ...] = ()
    """Positional arguments that are no arrays: ints, texts, lists of pairs."""
    masks: tuple[str, ...] = ()
    """Optional boolean arrays, by keyword; left out, they are None."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further keywords with their defaults."""
    extensions: Mapping[str, object] = field(default_factory=dict)
    """Keywords that an implementation may lack: it is called with one only where it takes it, and with no default."""
    differentiable: bool = True
    """Whether it has a gradient with respect to its real arrays."""
    result: Literal["array", "data"] = "array"
    """`data`: lists, texts and numbers, which travel in the header of a message."""

    @property
    def positional(self) -> tuple[str, ...]:
        """The positional arguments, in order."""
        return self.arrays + (("weights",) if self.weights else ()) + self.plain

    @property
    def call(self) -> str:
        """The call as the documentation writes it."""
        keywords = [f"{mask}=None" for mask in self.masks]
        options = {**self.options, **self.extensions}
        keywords += [name if default is REQUIRED else f"{name}={default!r}" for name, default in options.items()]
        return f"{self.name}({', '.join([*self.positional, *(['*'] if keywords else []), *keywords])})"


_CAUSAL: Final = {"causal": False}
_HEADS: Final = {"heads": REQUIRED}
_ONE_MASK: Final = ("mask",)
_TWO_MASKS: Final = ("mask", "memory_mask")

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (
        Function("attention", ("query", "key", "value"), masks=("mask",), options={**_CAUSAL, "scale": None}),
        Function("softmax", ("x",)),
        Function("log_softmax", ("x",)),
        Function("additive_attention", ("query", "key", "value", "w_query", "w_key", "v")),
        Function("bilinear_attention", ("query", "key", "value", "w")),
        Function(
            "multi_head_attention",
            ("query", "key", "value", "w_query", "w_key", "w_value", "w_output"),
            masks=("mask",),
            options={**_HEADS, **_CAUSAL},
        ),
        Function("feed_forward", ("x", "w_1", "b_1", "w_2", "b_2")),
        Function("layer_norm", ("x", "gain", "bias"), options={"epsilon": 1e-5}),
        Function("encoder_layer", ("x",), weights=True, masks=_ONE_MASK, options=_HEADS),
        Function("decoder_layer", ("x", "memory"), weights=True, masks=_TWO_MASKS, options=_HEADS),
        Function("positional_encoding", plain=("length", "d_model"), differentiable=False),
        Function("embedding", ("tokens", "weight"), integers=("tokens",)),
        Function("output_logits", ("hidden", "weight")),
        Function("encoder", ("tokens",), ("tokens",), weights=True, masks=_ONE_MASK, options=_HEADS),
        Function("decoder", ("tokens", "memory"), ("tokens",), weights=True, masks=_TWO_MASKS, options=_HEADS),
        Function(
            "cross_entropy",
            ("logits", "targets"),
            integers=("targets",),
            options={"label_smoothing": 0.0},
            extensions={"reduction": "mean", "ignore_index": None},
        ),
        Function(
            "adam",
            ("parameters", "gradients"),
            options={"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
            differentiable=False,
        ),
        Function(
            "learning_rate",
            ("steps",),
            integers=("steps",),
            options={"d_model": REQUIRED, "warmup": REQUIRED},
            differentiable=False,
        ),
        Function("dropout", ("x",), options={"rate": REQUIRED, "training": False, "seed": 0}, differentiable=False),
        Function(
            "beam_search",
            ("log_probabilities",),
            options={
                **dict.fromkeys(("beam_size", "max_length", "start", "end"), REQUIRED),
                "length_penalty": 0.6,
            },
            differentiable=False,
            result="data",
        ),
        Function("tokenize", plain=("text", "merges"), differentiable=False, result="data"),
        Function("detokenize", plain=("tokens", "merges"), differentiable=False, result="data"),
        Function("learn_merges", plain=("text", "count"), differentiable=False, result="data"),
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
