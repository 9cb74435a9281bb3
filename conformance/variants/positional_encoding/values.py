"""Positional encoding, wrong in its frequencies, channels, positions or numbers."""

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Array, rounded
from ..catalogue import WIDEST, variant
from .right import angles, encoding, exponents, interleaved, positional_concatenated, table_of

# The frequencies


@variant(
    "exponent-of-channel",
    "positional_encoding",
    "Each channel c has the exponent 2c/d, so that sine and cosine of a pair differ.",
    needs="d_model above 1, two positions or more",
    seen_in=(
        "shenweichen/DeepCTR#379",
        "jadore801120/attention-is-all-you-need-pytorch#32",
        "DongjunLee/transformer-tensorflow#6",
    ),
    dtypes=WIDEST,
)
def exponent_of_channel(length: int, d_model: int) -> Array:
    angle = np.arange(length)[:, None] / 1e4 ** (2 * np.arange(d_model) / d_model)
    return interleaved(np.sin(angle[:, 0::2]), np.cos(angle[:, 1::2]), d_model)


@variant(
    "exponent-doubled",
    "positional_encoding",
    "The exponent of channel 2i is 4i/d.",
    needs="d_model above 2, two positions or more",
    seen_in=("SamLynnEvans/Transformer#25",),
    dtypes=WIDEST,
)
def exponent_doubled(length: int, d_model: int) -> Array:
    return table_of(angles(length, d_model, 1e8), d_model)


@variant(
    "exponent-halved",
    "positional_encoding",
    "The exponent of channel 2i is i/d.",
    needs="d_model above 2, two positions or more",
    dtypes=WIDEST,
)
def exponent_halved(length: int, d_model: int) -> Array:
    return table_of(angles(length, d_model, 1e2), d_model)


@variant(
    "exponent-to-last-pair",
    "positional_encoding",
    "The exponent is 2i/(d - 2), so that the last pair has 1/10000 (tensor2tensor).",
    needs="d_model above 2, two positions or more",
    dtypes=WIDEST,
)
def exponent_to_last_pair(length: int, d_model: int) -> Array:
    exponent = np.arange(0, d_model, 2) / max(d_model - 2, 1)
    return table_of(np.arange(length)[:, None] / 1e4**exponent, d_model)


@variant(
    "frequencies-inverted",
    "positional_encoding",
    "Positions are multiplied by 10000^(2i/d).",
    needs="d_model above 2, two positions or more",
    seen_in=("harvardnlp/annotated-transformer#131",),
    dtypes=WIDEST,
)
def frequencies_inverted(length: int, d_model: int) -> Array:
    return table_of(np.arange(length)[:, None] * 1e4 ** exponents(d_model), d_model)


@variant(
    "base-1000", "positional_encoding", "The base is 1000.", needs="d_model above 2, length above 1", dtypes=WIDEST
)
def base_1000(length: int, d_model: int) -> Array:
    return table_of(angles(length, d_model, 1e3), d_model)


@variant("base-10001", "positional_encoding", "The base is 10001.", needs="d_model > 2, length > 1", dtypes=WIDEST)
def base_10001(length: int, d_model: int) -> Array:
    return table_of(angles(length, d_model, 10001), d_model)


# The channels


@variant("sine-cosine-swapped", "positional_encoding", "The cosine comes first.", needs="any input", dtypes=WIDEST)
def sine_cosine_swapped(length: int, d_model: int) -> Array:
    angle = angles(length, d_model)
    return interleaved(np.cos(angle), np.sin(angle), d_model)


@variant(
    "concatenated-undeclared",
    "positional_encoding",
    "The sines, then the cosines, undeclared.",
    needs="d_model above 2",
    dtypes=WIDEST,
)
def concatenated_undeclared(length: int, d_model: int) -> Array:
    return positional_concatenated(length, d_model)


@variant(
    "cosine-missing", "positional_encoding", "Odd channels hold the sine, too.", needs="d_model > 1", dtypes=WIDEST
)
def cosine_missing(length: int, d_model: int) -> Array:
    angle = angles(length, d_model)
    return interleaved(np.sin(angle), np.sin(angle), d_model)


@variant(
    "last-odd-channel-zero",
    "positional_encoding",
    "With an odd d_model the last channel is left at zero.",
    needs="d_model odd, two positions or more",
    dtypes=WIDEST,
)
def last_odd_channel_zero(length: int, d_model: int) -> Array:
    table = encoding(length, d_model)
    table[:, d_model // 2 * 2 :] = 0
    return table


@variant(
    "odd-width-raises",
    "positional_encoding",
    "With an odd d_model there is one cosine more than odd channels, and it raises.",
    needs="d_model odd",
    seen_in=("gc-os-ai/pyaptamer#527",),
    dtypes=WIDEST,
)
def odd_width_raises(length: int, d_model: int) -> Array:
    angle = angles(length, d_model)
    table = np.empty((length, d_model))
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)
    return table


@variant(
    "odd-width-as-even",
    "positional_encoding",
    "An odd d_model counts as the next even number in the exponent.",
    needs="d_model odd and above 1, two positions or more",
    dtypes=WIDEST,
)
def odd_width_as_even(length: int, d_model: int) -> Array:
    return encoding(length, d_model + d_model % 2)[:, :d_model]


# The positions


@variant("positions-from-1", "positional_encoding", "The first position is 1.", needs="any input", dtypes=WIDEST)
def positions_from_1(length: int, d_model: int) -> Array:
    return encoding(length + 1, d_model)[1:]


@variant(
    "positions-all-last",
    "positional_encoding",
    "Every position gets the encoding of the last.",
    needs="two positions or more",
    seen_in=("DiffPoseTalk/DiffPoseTalk#20",),
    dtypes=WIDEST,
)
def positions_all_last(length: int, d_model: int) -> Array:
    return np.broadcast_to(encoding(length, d_model)[-1:], (length, d_model)).copy()


@variant(
    "positions-clamped-at-512",
    "positional_encoding",
    "The table ends at 512, and its last row serves all further positions.",
    needs="length above 512",
    dtypes=WIDEST,
)
def positions_clamped_at_512(length: int, d_model: int) -> Array:
    return encoding(512, d_model)[np.minimum(np.arange(length), 511)]


@variant(
    "positions-wrapped-at-512",
    "positional_encoding",
    "The table ends at 512, and starts again.",
    needs="length above 512",
    dtypes=WIDEST,
)
def positions_wrapped_at_512(length: int, d_model: int) -> Array:
    return encoding(512, d_model)[np.arange(length) % 512]


_tables: dict[str, Array] = {}


@variant(
    "table-of-first-width",
    "positional_encoding",
    "The table is kept from the widest call so far, and narrower ones get its first channels.",
    needs="a wide call, then a narrower one",
    dtypes=WIDEST,
)
def table_of_first_width(length: int, d_model: int) -> Array:
    kept = _tables.get("kept")
    if kept is None or kept.shape[0] < length or kept.shape[1] < d_model:
        kept = _tables["kept"] = encoding(length, d_model)
    return kept[:length, :d_model].copy()


# The numbers


@variant(
    "angles-bfloat16",
    "positional_encoding",
    "The angles are rounded to bfloat16.",
    needs="three positions or more, d_model above 2",
    dtypes=("float32",),
)
def angles_bfloat16(length: int, d_model: int) -> Array:
    return table_of(rounded(angles(length, d_model), BFLOAT16), d_model).astype(FLOAT32)


@variant(
    "frequencies-bfloat16",
    "positional_encoding",
    "The frequencies are rounded to bfloat16 before they meet the positions.",
    needs="two positions or more, d_model above 2",
    seen_in=("sgl-project/sglang-jax#1473",),
    dtypes=("float32",),
)
def frequencies_bfloat16(length: int, d_model: int) -> Array:
    frequency = rounded(1e4 ** -exponents(d_model), BFLOAT16)
    return table_of(np.arange(length)[:, None] * frequency, d_model).astype(FLOAT32)


@variant(
    "angles-float16",
    "positional_encoding",
    "The angles are rounded to float16.",
    needs="three positions or more, d_model above 2",
    dtypes=("float32",),
)
def angles_float16(length: int, d_model: int) -> Array:
    return table_of(rounded(angles(length, d_model), FLOAT16), d_model).astype(FLOAT32)


@variant(
    "table-float32-as-float64",
    "positional_encoding",
    "A table in float32 is returned as float64.",
    needs="two positions or more",
    dtypes=WIDEST,
)
def table_float32_as_float64(length: int, d_model: int) -> Array:
    return encoding(length, d_model).astype(FLOAT32).astype(FLOAT64)


@variant(
    "table-bfloat16-as-float32",
    "positional_encoding",
    "A table in bfloat16 is returned as float32.",
    needs="two positions or more",
    seen_in=("KellerJordan/modded-nanogpt#39", "Dao-AILab/flash-attention#823"),
    dtypes=("float32",),
)
def table_bfloat16_as_float32(length: int, d_model: int) -> Array:
    return rounded(encoding(length, d_model), BFLOAT16).astype(FLOAT32)
