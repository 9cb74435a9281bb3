"""Root mean square normalisation that divides the row by something else than sqrt(mean(x^2) + epsilon)."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import FLOAT32, FLOAT64, Array, rounded, wide, widened
from ..catalogue import NARROW, WIDEST, variant
from .right import mean, normalised


def wrong_root(name: str, sentence: str, needs: str, root: Callable[[Array, float], Array], *seen_in: str) -> None:
    """Put into the catalogue what divides the row by another root of (row, epsilon)."""

    @variant(name, "rms_norm", sentence, needs=needs, seen_in=seen_in)
    @wide
    def rms_norm(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
        return np.asarray(x / root(x, epsilon) * gain)


def with_epsilon_of_scaled(x: Array, epsilon: float) -> Array:
    """Divide the row by its largest entry, and epsilon by nothing; a row of zeros gives NaN."""
    largest = np.abs(x).max(-1, keepdims=True)
    return np.asarray(np.sqrt(mean((x / largest) ** 2) + epsilon) * largest)


def over_rows(x: Array, epsilon: float) -> Array:
    """Take one root for all rows."""
    return np.asarray(np.sqrt((x**2).sum(keepdims=True) / max(x.size, 1) + epsilon))


def over_sample(x: Array, epsilon: float) -> Array:
    """Take one root for each item of the first axis."""
    axes = tuple(range(1, x.ndim)) or -1
    share = max(x.size // max(x.shape[0], 1), 1) if x.ndim > 1 else x.size
    return np.asarray(np.sqrt((x**2).sum(axes, keepdims=True) / share + epsilon))


def sharing(x: Array, epsilon: float) -> Array:
    """Add to the squares of each second row those of the row before, with which it shares a block of 512."""
    squares = (x**2).sum(-1, keepdims=True)
    rows = squares.reshape(-1)
    if 256 < x.shape[-1] <= 512:
        rows[1::2] += rows[: len(rows) // 2 * 2 : 2]
    return np.asarray(np.sqrt(squares / x.shape[-1] + epsilon))


def padded_with_ones(x: Array, epsilon: float) -> Array:
    """Pad the last tile of 32 channels with ones, and sum them with the rest."""
    padding = -x.shape[-1] % 32
    return np.asarray(np.sqrt(((x**2).sum(-1, keepdims=True) + padding) / x.shape[-1] + epsilon))


def without_tail(x: Array, epsilon: float) -> Array:
    """Sum whole blocks of 8 channels, and leave out what is left of a wider row."""
    d = x.shape[-1]
    whole = d // 8 * 8 or d
    return np.asarray(np.sqrt((x[..., :whole] ** 2).sum(-1, keepdims=True) / d + epsilon))


def single_channel(x: Array, epsilon: float) -> Array:
    """Divide a row of one channel by |x|."""
    return np.asarray(np.abs(x) if x.shape[-1] == 1 else np.sqrt(mean(x**2) + epsilon))


def of_twelve_bits(x: Array, epsilon: float) -> Array:
    """Keep 12 bits of a reciprocal root, as an estimate has without a Newton step."""
    mantissa, exponent = np.frexp(1 / np.sqrt(mean(x**2) + epsilon))
    return np.asarray(1 / np.ldexp(np.floor(mantissa * 2**12) / 2**12, exponent)).astype(x.dtype)


for _which in (
    (
        "rms-norm-epsilon-outside-root",
        "Epsilon is added to the root.",
        "a root mean square of 1e-3 or less, or a large epsilon",
        lambda x, epsilon: np.sqrt(mean(x**2)) + epsilon,
        "tile-ai/tilelang#1243",
    ),
    (
        "rms-norm-epsilon-ignored",
        "A given epsilon is ignored for the default.",
        "an epsilon unlike 1e-6 that matters beside the mean square",
        lambda x, epsilon: np.sqrt(mean(x**2) + 1e-6),
        "apache/tvm#15856",
        "NVIDIA/cutlass#1112",
        "huggingface/transformers#38025",
    ),
    (
        "rms-norm-single-channel-sign",
        "A row of one channel is divided by |x|, without epsilon; 0 gives NaN.",
        "one channel, near zero",
        single_channel,
        "tenstorrent/tt-metal#55347",
    ),
    (
        "rms-norm-epsilon-of-scaled-row",
        "The row is divided by its largest entry before it is squared, and epsilon is not; zeros give NaN.",
        "a row of zeros, or entries above 1",
        with_epsilon_of_scaled,
        "apple/coremltools#2822",
    ),
    (
        "rms-norm-epsilon-as-floor",
        "The mean square is max(q, epsilon).",
        "q near epsilon",
        lambda x, epsilon: np.sqrt(np.maximum(mean(x**2), epsilon)),
    ),
    (
        "rms-norm-two-roots",
        "Epsilon is added to the root, and the root is taken again.",
        "a mean square unlike 1",
        lambda x, epsilon: np.sqrt(np.sqrt(mean(x**2)) + epsilon),
        "onnx/onnx#6443",
    ),
    (
        "rms-norm-divided-by-reciprocal",
        "The row is divided by the reciprocal root.",
        "a mean square unlike 1",
        lambda x, epsilon: 1 / np.sqrt(mean(x**2) + epsilon),
        "mosaicml/llm-foundry#372",
    ),
    (
        "rms-norm-sum-for-mean",
        "The sum of the squares stands for their mean.",
        "two channels or more",
        lambda x, epsilon: np.sqrt((x**2).sum(-1, keepdims=True) + epsilon),
    ),
    (
        "rms-norm-unbiased",
        "The sum of the squares is divided by d - 1.",
        "two channels or more",
        lambda x, epsilon: np.sqrt((x**2).sum(-1, keepdims=True) / max(x.shape[-1] - 1, 1) + epsilon),
    ),
    (
        "rms-norm-deviation",
        "The row is divided by its standard deviation, about its mean.",
        "a mean unlike zero",
        lambda x, epsilon: np.sqrt(mean((x - mean(x)) ** 2) + epsilon),
    ),
    ("rms-norm-over-batch", "The mean square is that of all rows.", "two rows or more", over_rows),
    (
        "rms-norm-over-sample",
        "The mean square is that of all axes but the first.",
        "three axes, two positions or more",
        over_sample,
    ),
    (
        "rms-norm-rows-share-block",
        "Rows of 257 to 512 channels go two to a block, and the second is divided by the squares of both.",
        "257 to 512 channels, two rows or more",
        sharing,
        "ml-explore/mlx#3792",
    ),
    (
        "rms-norm-padding-of-ones",
        "The padding of the last tile holds ones, which are summed.",
        "a width that is no multiple of 32",
        padded_with_ones,
        "tenstorrent/tt-metal#43350",
    ),
    (
        "rms-norm-tail-lost",
        "The squares of the channels after the last whole block of 8 are not summed.",
        "9 channels or more, no multiple of 8",
        without_tail,
        "tile-ai/tilelang-ascend#890",
    ),
    (
        "rms-norm-estimate-of-root",
        "The reciprocal root is the processor's estimate of 12 bits, without a Newton step.",
        "any input",
        of_twelve_bits,
    ),
):
    wrong_root(*_which)


@variant(
    "rms-norm-squares-narrow",
    "rms_norm",
    "The squares are rounded to the 16-bit format of the input, and so is their mean.",
    needs="in float16 entries above 255; in bfloat16 any input",
    seen_in=("pytorch/pytorch#133085", "onnx/onnx#8439"),
    dtypes=NARROW,
)
def rms_norm_squares_narrow(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        q = rounded(mean(rounded(widened(x) ** 2, x.dtype)), x.dtype)
        return np.asarray(widened(x) / np.sqrt(q + np.float32(epsilon)) * widened(gain)).astype(x.dtype)


@variant(
    "rms-norm-sum-narrow",
    "rms_norm",
    "The squares are accumulated in the 16-bit format of the input, one by one.",
    needs="tens of channels, or in float16 entries above 255",
    seen_in=("nntrainer/nntrainer#3935", "xlite-dev/LeetCUDA#335", "pytorch/pytorch#189581"),
    dtypes=NARROW,
)
def rms_norm_sum_narrow(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        total = np.zeros_like(widened(x)[..., :1])
        for k in range(x.shape[-1]):
            total = rounded(total + widened(x)[..., k : k + 1] ** 2, x.dtype)
        root = np.sqrt(total / x.shape[-1] + np.float32(epsilon))
        return np.asarray(widened(x) / root * widened(gain)).astype(x.dtype)


@variant("rms-norm-by-float32", "rms_norm", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
def rms_norm_by_float32(x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(normalised(x.astype(FLOAT32), epsilon) * gain.astype(FLOAT32)).astype(FLOAT64)
