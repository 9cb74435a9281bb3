"""What an adapter may declare, and the values that it may take: dtypes, sizes, conventions, numerics."""

from collections.abc import Mapping
from typing import Final

DTYPES: Final = ("float64", "float32", "bfloat16", "float16")

FORMATS: Final = (*DTYPES, "tensorfloat32", "float8_e4m3", "float8_e5m2")
"""What a part of a computation may be rounded to: some are formats of arithmetic units only."""

SIZES: Final = ("all", "few")
"""The pools that the sizes of cases come from, the default first."""

# The first value of each is the default.
CONVENTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "causal_alignment": ("top-left", "bottom-right"),
    "masked_row": ("zero", "nan", "mean"),
    "rms_gain": ("w", "one_plus_w"),
    "rms_cast": ("after", "before"),
    "positional_layout": ("interleaved", "concatenated"),
    "adam_epsilon": ("outside", "hat"),
    "smoothing_over": ("all", "others"),
    "beam_stop": ("exhaust", "first_full"),
    "beam_ends": ("beam", "twice"),
    "gelu_form": ("erf", "tanh"),
    "relu_at_zero": ("zero", "half", "one"),
}

LARGEST_NUMBER: Final = 2**53
"""The most that a number in `NUMERICS` may be: so many units in the last place are all of a number of float64."""

# A field takes one of the values listed, or a number of the type given, above 0 and at most `LARGEST_NUMBER`.
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
    "shift": ("exact", "rounded"),
    "exp_error": float,
    "block": int,
    "gradient_chunks": int,
}

RENAMED: Final[Mapping[str, str]] = {"exp_ulp": "exp_error"}
"""Fields of `NUMERICS` by the name that they had in the last release, which is taken for this one: the same numbers."""
