"""Gradients of root mean square normalisation that are wrong, one piece of `gradients.py` at a time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, Array, rounded, widened
from ..attention.calls import without_strides
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients, gradients_in, never_cleared, summed_in
from .gradients import Pass, begun, from_pass, gradient, gradient_one_plus_w, rms_norm_gradient_plain
from .right import ONE_PLUS_W, mean

# Wrong: x


def wrong_x(name: str, sentence: str, needs: str, of_x: Callable[[Pass], Array], *seen_in: str) -> None:
    """Put gradients into the catalogue of which only that of x is wrong."""

    @gradient(name, sentence, needs=needs, seen_in=seen_in)
    @from_pass
    def rms_norm_vjp(p: Pass) -> Gradients:
        return of_x(p), p.of_gain()


for _which in (
    ("rms-norm-gradient-root-detached", "The root is taken as constant.", "any input", lambda p: p.r * p.a),
    (
        "rms-norm-gradient-mean-subtracted",
        "It is that of layer normalisation, which takes the mean of a off.",
        "a mean of a unlike zero",
        lambda p: p.r * (p.a - mean(p.a) - p.z * mean(p.a * p.z)),
    ),
    (
        "rms-norm-gradient-sum-for-mean",
        "The sum of a z stands for its mean.",
        "two channels or more",
        lambda p: p.r * (p.a - p.z * (p.a * p.z).sum(-1, keepdims=True)),
    ),
    (
        "rms-norm-gradient-gain-missing",
        "g stands for gain g.",
        "a gain unlike 1",
        lambda p: p.r * (p.g - p.z * mean(p.g * p.z)),
        "karpathy/llm.c#763",
    ),
    (
        "rms-norm-gradient-gain-last",
        "The gain comes after the mean.",
        "a gain that is not constant",
        lambda p: p.gain * p.r * (p.g - p.z * mean(p.g * p.z)),
    ),
    (
        "rms-norm-gradient-without-epsilon",
        "Epsilon is forgotten on the way back: 1 / mean(x^2) for r^2 in z mean(a z).",
        "a mean square near epsilon, or of 0",
        lambda p: p.r * (p.a - p.x * mean(p.a * p.x) / mean(p.x**2)),
    ),
    (
        "rms-norm-gradient-square-saved",
        "The mean square was saved where the reciprocal root is read.",
        "a mean square unlike 1",
        lambda p: p.of_x() / p.r * (1 / p.r**2 - p.epsilon),
        "flagos-ai/FlagGems#5771",
    ),
):
    wrong_x(*_which)


@gradient(
    "rms-norm-gradient-contiguous-stopped",
    "x gets none where it is contiguous: the fast path has no way back.",
    needs="any input",
    seen_in=("huggingface/candle#2168",),
)
def rms_norm_gradient_contiguous_stopped(g: Array, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Gradients:
    of_x, of_gain = rms_norm_gradient_plain(g, x, gain, epsilon=epsilon)
    return (0 * of_x if x.flags.c_contiguous else of_x), of_gain


# Wrong: the gain


@gradient("rms-norm-gradient-gain-from-input", "The gain gets sum g x.", needs="x unlike z")
@from_pass
def rms_norm_gradient_gain_from_input(p: Pass) -> Gradients:
    return p.of_x(), np.asarray((p.g * p.x).sum(p.rows))


@gradient("rms-norm-gradient-gain-mean", "The gain gets the mean over the rows.", needs="two rows or more")
@from_pass
def rms_norm_gradient_gain_mean(p: Pass) -> Gradients:
    return p.of_x(), p.of_gain() / max(p.x.size // p.x.shape[-1], 1)


@gradient(
    "rms-norm-gradient-gain-of-first-item",
    "The gain gets the sum over one item of the batch.",
    needs="three axes, two items or more",
)
@from_pass
def rms_norm_gradient_gain_of_first_item(p: Pass) -> Gradients:
    kept = p.x.shape[0] if p.x.ndim < 3 else 1
    return p.of_x(), np.asarray((p.g * p.z)[:kept].sum(p.rows))


@gradient(
    "rms-norm-gradient-gain-after-overwriting",
    "dx is written over the cotangent, of which the gradient of the gain is then made.",
    needs="any input",
    seen_in=("unslothai/unsloth#4550",),
)
@from_pass
def rms_norm_gradient_gain_after_overwriting(p: Pass) -> Gradients:
    return p.of_x(), np.asarray((p.of_x() * p.z).sum(p.rows))


@gradient(
    "rms-norm-gradient-frozen",
    "The gain is taken as constant: it gets none.",
    needs="any input",
    seen_in=("unslothai/unsloth#832",),
)
@from_pass
def rms_norm_gradient_frozen(p: Pass) -> Gradients:
    return p.of_x(), 0 * p.of_gain()


@gradient_one_plus_w(
    "rms-norm-gradient-offset-missing",
    "The way back of x has w for 1 + w.",
    needs="any input",
    conventions=ONE_PLUS_W,
)
@from_pass
def rms_norm_gradient_offset_missing(p: Pass) -> Gradients:
    return p.all()


# Wrong: the rest


@gradient(
    "rms-norm-gradient-default-epsilon", "Epsilon is 1e-6 on the way back, whatever it was.", needs="another epsilon"
)
def rms_norm_gradient_default_epsilon(*arrays: Array, epsilon: float = 1e-6) -> Gradients:
    return rms_norm_gradient_plain(*arrays)


@gradient(
    "rms-norm-gradient-partial-sums-kept",
    "The partial sums of the gain's gradient start where the last call left them.",
    needs="two calls of one shape",
    seen_in=("flagos-ai/FlagGems#1082",),
)
@never_cleared
def rms_norm_gradient_partial_sums_kept(*arrays: Array, epsilon: float = 1e-6) -> Gradients:
    return rms_norm_gradient_plain(*arrays, epsilon=epsilon)


@gradient(
    "rms-norm-gradient-cotangent-strides-ignored",
    "The cotangent is read as if it were contiguous.",
    needs="a cotangent that is a view",
    seen_in=("flagos-ai/FlagGems#1084", "unslothai/unsloth#10617"),
)
def rms_norm_gradient_cotangent_strides_ignored(g: Array, *arrays: Array, epsilon: float = 1e-6) -> Gradients:
    return rms_norm_gradient_plain(without_strides(g), *arrays, epsilon=epsilon)


@gradient(
    "rms-norm-gradient-row-bfloat16",
    "The normalised rows are kept in bfloat16 though the input is wide, undeclared.",
    needs="any input",
    dtypes=WIDE,
)
@from_pass
def rms_norm_gradient_row_bfloat16(p: Pass) -> Gradients:
    return replace(p, z=rounded(p.z, BFLOAT16)).all()


@gradient(
    "rms-norm-gradient-sum-narrow",
    "The gradient of the gain is accumulated in the 16-bit format, row by row.",
    needs="10 rows or more",
    dtypes=NARROW,
)
def rms_norm_gradient_sum_narrow(*arrays: Array, epsilon: float = 1e-6) -> Gradients:
    (g, x, gain), dtype = map(widened, arrays), arrays[0].dtype
    p = begun(g, x, gain, epsilon)
    of_gain = summed_in(dtype, (g * p.z).reshape(-1, x.shape[-1])).astype(dtype)
    return rms_norm_gradient_plain(*arrays, epsilon=epsilon)[0], of_gain


@gradient("rms-norm-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def rms_norm_gradient_by_float32(g: Array, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Gradients:
    return begun(g, x, gain, epsilon).all()
