"""Root mean square normalisation whose root is right, and whose row, gain or format is not."""

import numpy as np

from ..arithmetic import BFLOAT16, Array, rounded, wide, widened
from ..catalogue import NARROW, WIDE, variant
from .right import BEFORE, ONE_PLUS_W, cast_before, mean, normalised

# Wrong: the row


@variant(
    "rms-norm-mean-subtracted",
    "rms_norm",
    "The mean is subtracted: it is layer normalisation.",
    needs="a mean unlike zero",
    seen_in=("sonos/tract#2749",),
)
@wide
def rms_norm_mean_subtracted(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x - mean(x), epsilon) * gain


@variant(
    "rms-norm-stride-of-row-ignored",
    "rms_norm",
    "The squares are read with the strides of the row, what is divided by their root without.",
    needs="a row whose channels do not lie side by side",
    seen_in=("ModelTC/LightLLM#1467",),
)
def rms_norm_stride_of_row_ignored(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        root = np.sqrt(mean(widened(x) ** 2) + epsilon)
        side_by_side = np.lib.stride_tricks.as_strided(x, strides=(*x.strides[:-1], x.itemsize))
        return np.asarray(widened(side_by_side) / root * widened(gain)).astype(x.dtype)


@variant(
    "rms-norm-next-row-overwritten",
    "rms_norm",
    "Channels go two at a time, so that a row of odd width ends in the next one, whose first channel it overwrites.",
    needs="an odd width, two rows or more",
    seen_in=("ROCm/aiter#5044",),
)
@wide
def rms_norm_next_row_overwritten(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    y = np.asarray(normalised(x, epsilon) * gain)
    if x.shape[-1] % 2 and x.size:
        rows, roots = x.reshape(-1, x.shape[-1]), np.sqrt(mean(x**2) + epsilon).reshape(-1)
        y.reshape(rows.shape)[1:, 0] = rows[1:, 0] / roots[:-1] * gain[0]
    return y


# Wrong: the gain


@variant("rms-norm-gain-missing", "rms_norm", "The gain is missing.", needs="a gain unlike 1")
@wide
def rms_norm_gain_missing(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x, epsilon)


@variant(
    "rms-norm-gain-of-first-channel",
    "rms_norm",
    "The gain of channel 0 serves all.",
    needs="a gain that varies",
    seen_in=("Samsung/ONE#14218",),
)
@wide
def rms_norm_gain_of_first_channel(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x, epsilon) * gain[:1]


@variant("rms-norm-gain-inside", "rms_norm", "The gain multiplies x before the mean square.", needs="a gain unlike 1")
@wide
def rms_norm_gain_inside(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x * gain, epsilon)


@variant(
    "rms-norm-offset-missing",
    "rms_norm",
    "The gain is w where 1 + w is declared.",
    needs="any input",
    seen_in=("linkedin/Liger-Kernel#74", "pytorch/executorch#19901", "tenstorrent/tt-metal#22800"),
    conventions=ONE_PLUS_W,
)
@wide
def rms_norm_offset_missing(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x, epsilon) * gain


@variant(
    "rms-norm-offset-twice",
    "rms_norm",
    "The gain is 2 + w where 1 + w is declared: it is added when weights are loaded, and again.",
    needs="any input",
    conventions=ONE_PLUS_W,
)
@wide
def rms_norm_offset_twice(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return np.asarray(normalised(x, epsilon) * (2 + gain))


@variant("rms-norm-offset-undeclared", "rms_norm", "The gain is 1 + w, undeclared.", needs="any input")
@wide
def rms_norm_offset_undeclared(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return np.asarray(normalised(x, epsilon) * (1 + gain))


# Wrong: the format


@variant(
    "rms-norm-offset-narrow",
    "rms_norm",
    "1 + w is rounded to the 16-bit format of w.",
    needs="w with digits below those of 1",
    seen_in=("linkedin/Liger-Kernel#1462", "vllm-project/vllm#29810"),
    conventions=ONE_PLUS_W,
    dtypes=NARROW,
)
def rms_norm_offset_narrow(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(normalised(widened(x), epsilon) * rounded(1 + widened(gain), x.dtype)).astype(x.dtype)


@variant(
    "rms-norm-cast-before-undeclared",
    "rms_norm",
    "The row is rounded to the input's format before the product with the gain, undeclared.",
    needs="any input",
    seen_in=("vllm-project/vllm#42325",),
    dtypes=NARROW,
)
def rms_norm_cast_before_undeclared(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return cast_before(x, widened(gain), epsilon)


@variant(
    "rms-norm-cast-after-undeclared",
    "rms_norm",
    "Only the product with the gain is rounded, where the row is declared to be rounded before.",
    needs="any input",
    seen_in=("vllm-project/vllm#42325",),
    conventions=BEFORE,
    dtypes=NARROW,
)
@wide
def rms_norm_cast_after_undeclared(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return normalised(x, epsilon) * gain


@variant(
    "rms-norm-row-bfloat16",
    "rms_norm",
    "The row of a wide input is rounded to bfloat16 before the gain, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def rms_norm_row_bfloat16(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    return rounded(normalised(x, epsilon), BFLOAT16) * gain
