"""Layer normalisation with wrong values: the variance, epsilon, gain and bias, the axes, the numbers."""

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, FLOAT64, Array, rounded, wide, widened
from ..catalogue import NARROW, WIDE, WIDEST, variant
from .right import mean, norm, one_pass

# The variance and epsilon


@variant("layer-norm-unbiased", "layer_norm", "The variance is divided by d - 1.", needs="d above 1")
@wide
def layer_norm_unbiased(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    d = x.shape[-1]
    centred = x - mean(x)
    with np.errstate(invalid="ignore"):  # of one channel it is 0/0
        variance = (centred**2).sum(-1, keepdims=True) / np.asarray(d - 1, x.dtype)
        return np.asarray(gain * (centred / np.sqrt(variance + epsilon)) + bias)


@variant(
    "layer-norm-annotated",
    "layer_norm",
    "Epsilon is added to the standard deviation over d - 1, as in the Annotated Transformer.",
    needs="d above 1",
)
@wide
def layer_norm_annotated(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    d = x.shape[-1]
    centred = x - mean(x)
    with np.errstate(invalid="ignore"):  # of one channel it is 0/0
        variance = (centred**2).sum(-1, keepdims=True) / np.asarray(d - 1, x.dtype)
        return np.asarray(gain * (centred / (np.sqrt(variance) + epsilon)) + bias)


@variant(
    "layer-norm-tail-lost",
    "layer_norm",
    "The channels after the last whole block of 8 are left out of the statistics.",
    needs="9 channels or more, no multiple of 8",
)
@wide
def layer_norm_tail_lost(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    d = x.shape[-1]
    whole = x[..., : d // 8 * 8 or d]
    variance = mean((whole - mean(whole)) ** 2)
    return np.asarray(gain * ((x - mean(whole)) / np.sqrt(variance + epsilon)) + bias)


@variant(
    "epsilon-outside-root",
    "layer_norm",
    "Epsilon is added to the standard deviation.",
    needs="a standard deviation of 0.1 or less, or a large epsilon",
    seen_in=("pyg-team/pytorch_geometric#2917",),
)
@wide
def epsilon_outside_root(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    centred = x - mean(x)
    return gain * (centred / (np.sqrt(mean(centred**2)) + epsilon)) + bias


@variant(
    "epsilon-ignored",
    "layer_norm",
    "A given epsilon is ignored for the default.",
    needs="an epsilon unlike 1e-5 that matters beside the variance",
    seen_in=("keras-team/keras-hub#642",),
)
@wide
def epsilon_ignored(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, 1e-5)


@variant(
    "epsilon-zero",
    "layer_norm",
    "There is no epsilon.",
    needs="a constant row, or a standard deviation of 0.1 or less",
    seen_in=("VeriSilicon/TIM-VX#589",),
)
@wide
def epsilon_zero(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, 0)


@variant("epsilon-as-floor", "layer_norm", "The variance is max(variance, epsilon).", needs="a variance near epsilon")
@wide
def epsilon_as_floor(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    centred = x - mean(x)
    return gain * (centred / np.sqrt(np.maximum(mean(centred**2), epsilon))) + bias


@variant(
    "variance-one-pass",
    "layer_norm",
    "The variance is mean(x^2) - mean(x)^2, undeclared.",
    needs="a mean 100 times the standard deviation or more (float64: 1e6 times)",
    seen_in=(
        "pytorch/pytorch#51102",
        "tracel-ai/burn#5607",
        "ml-explore/mlx#2238",
        "microsoft/onnxruntime#28463",
    ),
)
@wide
def variance_one_pass(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return one_pass(x, gain, bias, epsilon)


@variant("mean-not-subtracted", "layer_norm", "The mean is not subtracted (RMS norm).", needs="a mean unlike zero")
@wide
def mean_not_subtracted(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return gain * (x / np.sqrt(mean(x**2) + epsilon)) + bias


@variant("variance-about-zero", "layer_norm", "The variance is mean(x^2).", needs="a mean unlike zero")
@wide
def variance_about_zero(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return gain * ((x - mean(x)) / np.sqrt(mean(x**2) + epsilon)) + bias


@variant("root-missing", "layer_norm", "It is divided by the variance, not by its root.", needs="a variance unlike 1")
@wide
def root_missing(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    centred = x - mean(x)
    return gain * (centred / (mean(centred**2) + epsilon)) + bias


# Gain and bias


@variant("gain-missing", "layer_norm", "The gain is missing.", needs="a gain unlike 1")
@wide
def gain_missing(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, np.ones_like(gain), bias, epsilon)


@variant("bias-missing", "layer_norm", "The bias is missing.", needs="a bias unlike 0")
@wide
def bias_missing(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, np.zeros_like(bias), epsilon)


@variant(
    "gain-plus-one",
    "layer_norm",
    "The gain is 1 + g.",
    needs="any input",
    seen_in=("linkedin/Liger-Kernel#74",),
)
@wide
def gain_plus_one(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, 1 + gain, bias, epsilon)


@variant("bias-before-gain", "layer_norm", "The bias is added before the gain.", needs="a gain unlike 1, a bias")
@wide
def bias_before_gain(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, gain * bias, epsilon)


@variant("gain-and-bias-exchanged", "layer_norm", "Gain and bias are exchanged.", needs="a gain unlike the bias")
@wide
def gain_and_bias_exchanged(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, bias, gain, epsilon)


@variant("gain-of-first-channel", "layer_norm", "The gain of channel 0 serves all.", needs="a gain that varies")
@wide
def gain_of_first_channel(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain[:1], bias, epsilon)


# The axes


@variant(
    "normalised-over-positions",
    "layer_norm",
    "The statistics run over the axis before the last.",
    needs="two axes or more",
)
@wide
def normalised_over_positions(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, epsilon, axis=max(-2, -x.ndim))


@variant(
    "normalised-over-sample",
    "layer_norm",
    "The statistics run over all axes but the first.",
    needs="three axes, two positions or more",
)
@wide
def normalised_over_sample(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, epsilon, axis=tuple(range(1, x.ndim)) or -1)


@variant("normalised-over-batch", "layer_norm", "The statistics run over all axes.", needs="two rows or more")
@wide
def normalised_over_batch(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x, gain, bias, epsilon, axis=tuple(range(x.ndim)))


# The numbers


@variant(
    "statistics-narrow",
    "layer_norm",
    "Mean and variance are rounded to the 16-bit format of the input.",
    needs="a mean of 1 or more beside the standard deviation",
    seen_in=("ROCm/AMDMIGraphX#2891",),
    dtypes=NARROW,
)
def statistics_narrow(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    y, g, b = map(widened, (x, gain, bias))
    centred = y - rounded(mean(y), x.dtype)
    scaled = centred / np.sqrt(rounded(mean(centred**2), x.dtype) + np.float32(epsilon))
    return np.asarray(g * scaled + b).astype(x.dtype)


@variant(
    "normalised-rounded-before-gain",
    "layer_norm",
    "The normalised values are rounded to bfloat16 before the gain, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@wide
def normalised_rounded_before_gain(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    normalised = norm(x, np.ones_like(gain), np.zeros_like(bias), epsilon)
    return gain * rounded(normalised, BFLOAT16) + bias


@variant("layer-norm-by-float32", "layer_norm", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
def layer_norm_by_float32(x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    return norm(x.astype(FLOAT32), gain.astype(FLOAT32), bias.astype(FLOAT32), epsilon).astype(FLOAT64)
