"""Gradients of layer normalisation that are wrong, one piece of `gradients.py` at a time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import BFLOAT16, FLOAT32, Array, rounded, widened
from ..catalogue import NARROW, WIDE, WIDEST
from ..gradients import Gradients, first_row, gradients_in, never_cleared, summed_in
from .gradients import Pass, begun, from_pass, gradient, layer_norm_gradient_plain
from .right import mean

# Wrong: x


def wrong_x(name: str, sentence: str, needs: str, of_x: Callable[[Pass], Array], *seen_in: str) -> None:
    """Put gradients into the catalogue of which only that of x is wrong."""

    @gradient(name, sentence, needs=needs, seen_in=seen_in)
    @from_pass
    def layer_norm_vjp(p: Pass) -> Gradients:
        return of_x(p), p.of_gain(), p.of_bias()


def unbiased(p: Pass) -> Array:
    """1 / (d - 1) for the mean of a z."""
    over = max(p.x.shape[-1] - 1, 1)
    return np.asarray(p.r * (p.a - mean(p.a) - p.z * (p.a * p.z).sum(-1, keepdims=True) / over))


def without_epsilon(p: Pass) -> Array:
    """Divide by sqrt(variance), which gives NaN where that is 0."""
    c = p.x - mean(p.x)
    r = 1 / np.sqrt(mean(c**2))
    return np.asarray(r * (p.a - mean(p.a) - c * r * mean(p.a * c * r)))


def through_deviation(p: Pass) -> Array:
    """Go back through the root of the variance, whose derivative at zero is infinite."""
    c = p.x - mean(p.x)
    deviation = np.sqrt(mean(c**2))
    of_c = p.a * p.r - c / deviation * p.r**2 * deviation * mean(p.a * p.z)
    return np.asarray(of_c - mean(of_c))


def with_rows_of_batch(p: Pass) -> Array:
    """Make as many rows as the first axis is long, each as wide as the rest."""
    rows = p.x.shape[0] if p.x.ndim > 1 else 1
    a, z = (each.reshape(rows, each.size // max(rows, 1)) for each in (p.a, p.z))
    return np.asarray(p.r * (a - mean(a) - z * mean(a * z)).reshape(p.x.shape))


for _which in (
    (
        "layer-norm-gradient-mean-detached",
        "The mean is taken as constant.",
        "two channels or more",
        lambda p: p.r * (p.a - p.z * mean(p.a * p.z)),
    ),
    (
        "layer-norm-gradient-variance-detached",
        "The variance is taken as constant.",
        "two channels or more",
        lambda p: p.r * (p.a - mean(p.a)),
    ),
    (
        "layer-norm-gradient-statistics-detached",
        "Mean and variance are taken as constant.",
        "two channels or more",
        lambda p: p.r * p.a,
    ),
    ("layer-norm-gradient-unbiased", "The mean of a z is over d - 1.", "two channels or more", unbiased),
    (
        "layer-norm-gradient-gain-missing",
        "g stands for gain g.",
        "a gain unlike 1",
        lambda p: p.r * (p.g - mean(p.g) - p.z * mean(p.g * p.z)),
    ),
    (
        "layer-norm-gradient-gain-last",
        "The gain comes after the means.",
        "a gain that is not constant",
        lambda p: p.gain * p.r * (p.g - mean(p.g) - p.z * mean(p.g * p.z)),
    ),
    (
        "layer-norm-gradient-without-epsilon",
        "Epsilon is forgotten on the way back.",
        "a variance near epsilon, or of 0",
        without_epsilon,
    ),
    (
        "layer-norm-gradient-of-deviation",
        "The way goes through the root of the variance, whose derivative at 0 is infinite.",
        "a constant row",
        through_deviation,
        "pyg-team/pytorch_geometric#2917",
    ),
    (
        "layer-norm-gradient-variance-saved",
        "The variance was saved where 1 / sqrt(variance + epsilon) is read.",
        "a variance unlike 1",
        lambda p: p.of_x() / p.r * (1 / p.r**2 - p.epsilon),
        "flagos-ai/FlagGems#5771",
    ),
    (
        "layer-norm-gradient-two-axes",
        "Rows are counted along the first axis alone.",
        "three axes or more, B and L above 1",
        with_rows_of_batch,
        "flagos-ai/FlagGems#5392",
    ),
    (
        "layer-norm-gradient-stopped",
        "x gets none: the fast path has no way back.",
        "two channels or more",
        lambda p: np.zeros_like(p.x),
        "huggingface/candle#2168",
    ),
):
    wrong_x(*_which)


# Wrong: gain and bias


@gradient("layer-norm-gradient-gain-from-input", "The gain gets sum g x.", needs="x unlike z")
@from_pass
def layer_norm_gradient_gain_from_input(p: Pass) -> Gradients:
    return p.of_x(), np.asarray((p.g * p.x).sum(p.rows)), p.of_bias()


@gradient("layer-norm-gradient-bias-of-last-row", "The bias gets g of the last row.", needs="two rows or more")
@from_pass
def layer_norm_gradient_bias_of_last_row(p: Pass) -> Gradients:
    return p.of_x(), p.of_gain(), p.g.reshape(-1, p.g.shape[-1])[-1:].sum(0)


@gradient("layer-norm-gradient-gain-mean", "The gain gets the mean over the rows.", needs="two rows or more")
@from_pass
def layer_norm_gradient_gain_mean(p: Pass) -> Gradients:
    return p.of_x(), p.of_gain() / max(p.x.size // p.x.shape[-1], 1), p.of_bias()


@gradient(
    "layer-norm-gradient-rows-lost",
    "Gain and bias are summed over blocks of 2 rows, and an odd one is lost.",
    needs="an odd number of rows",
    seen_in=("BobMcDear/attorch#18",),
)
@from_pass
def layer_norm_gradient_rows_lost(p: Pass) -> Gradients:
    d = p.x.shape[-1]
    kept = p.x.size // d // 2 * 2
    return p.of_x(), *(each.reshape(-1, d)[:kept].sum(0) for each in (p.g * p.z, p.g))


@gradient(
    "layer-norm-gradient-gain-bias-swapped",
    "The gradients of gain and bias are exchanged.",
    needs="any input",
    seen_in=("Oneflow-Inc/oneflow#6149",),
)
@from_pass
def layer_norm_gradient_gain_bias_swapped(p: Pass) -> Gradients:
    return p.of_x(), p.of_bias(), p.of_gain()


@gradient(
    "layer-norm-gradient-frozen",
    "Gain and bias are taken as constant: they get none.",
    needs="any input",
    seen_in=("harvard-edge/cs249r_book#1504",),
)
@from_pass
def layer_norm_gradient_frozen(p: Pass) -> Gradients:
    return p.of_x(), 0 * p.of_gain(), 0 * p.of_bias()


@gradient("layer-norm-gradient-gain-none", "The gain gets no gradient.", needs="any input")
@from_pass
def layer_norm_gradient_gain_none(p: Pass) -> Gradients:
    return p.of_x(), 0 * p.of_gain(), p.of_bias()


@gradient("layer-norm-gradient-bias-none", "The bias gets no gradient.", needs="any input")
@from_pass
def layer_norm_gradient_bias_none(p: Pass) -> Gradients:
    return p.of_x(), p.of_gain(), 0 * p.of_bias()


_chance = np.random.default_rng(0)


@gradient(
    "layer-norm-gradient-race",
    "Rows add their parts to the gradient of the gain all at once, and any part may be lost.",
    needs="two rows or more; what is lost changes from call to call",
    seen_in=("linkedin/Liger-Kernel#182",),
)
@from_pass
def layer_norm_gradient_race(p: Pass) -> Gradients:
    kept = _chance.random(p.x.shape[:-1])[..., None] < 0.5
    return p.of_x(), (p.g * p.z * kept).sum(p.rows), p.of_bias()


@gradient(
    "layer-norm-gradient-gain-float32",
    "Gain and bias of 16 bit get float32 gradients.",
    needs="16-bit input",
    dtypes=NARROW,
)
def layer_norm_gradient_gain_float32(*arrays: Array, epsilon: float = 1e-5) -> Gradients:
    of_x, *others = layer_norm_gradient_plain(*arrays, epsilon=epsilon)
    return of_x, *(each.astype(FLOAT32) for each in others)


# Wrong: the rest


@gradient("layer-norm-gradient-default-epsilon", "Epsilon is 1e-5 on the way back, whatever it was.", needs="another")
def layer_norm_gradient_default_epsilon(*arrays: Array, epsilon: float = 1e-5) -> Gradients:
    return layer_norm_gradient_plain(*arrays)


@gradient("layer-norm-gradient-of-first-row", "The cotangent of the first row stands for all.", needs="two rows")
def layer_norm_gradient_of_first_row(g: Array, *arrays: Array, epsilon: float = 1e-5) -> Gradients:
    return layer_norm_gradient_plain(first_row(g), *arrays, epsilon=epsilon)


@gradient("layer-norm-gradient-never-cleared", "Gradients add up from call to call.", needs="two calls of one shape")
@never_cleared
def layer_norm_gradient_never_cleared(*arrays: Array, epsilon: float = 1e-5) -> Gradients:
    return layer_norm_gradient_plain(*arrays, epsilon=epsilon)


# Wrong: the numbers


@gradient(
    "layer-norm-gradient-saved-bfloat16",
    "The normalised rows are kept in bfloat16 though the input is wide, undeclared.",
    needs="two channels or more",
    dtypes=WIDE,
)
@from_pass
def layer_norm_gradient_saved_bfloat16(p: Pass) -> Gradients:
    return replace(p, z=rounded(p.z, BFLOAT16)).all()


@gradient(
    "layer-norm-gradient-statistics-narrow",
    "The mean is rounded to the 16-bit format of the input before it is taken off.",
    needs="a mean that is large beside the deviation",
    dtypes=NARROW,
)
def layer_norm_gradient_statistics_narrow(*arrays: Array, epsilon: float = 1e-5) -> Gradients:
    (g, x, gain, _), dtype = map(widened, arrays), arrays[0].dtype
    with np.errstate(all="ignore"):
        p = begun(g, x, gain, epsilon)
        found = replace(p, z=(x - rounded(mean(x), dtype)) * p.r).all()
        return tuple(each.astype(dtype) for each in found)


@gradient(
    "layer-norm-gradient-sum-narrow",
    "The gradients of gain and bias are accumulated in the 16-bit format, row by row.",
    needs="10 rows or more",
    dtypes=NARROW,
)
def layer_norm_gradient_sum_narrow(*arrays: Array, epsilon: float = 1e-5) -> Gradients:
    (g, x, gain, _), dtype = map(widened, arrays), arrays[0].dtype
    p = begun(g, x, gain, epsilon)
    terms = (each.reshape(-1, x.shape[-1]) for each in (g * p.z, g))
    return (
        layer_norm_gradient_plain(*arrays, epsilon=epsilon)[0],
        *(summed_in(dtype, each).astype(dtype) for each in terms),
    )


@gradient("layer-norm-gradient-by-float32", "float64 is computed in float32.", needs="any input", dtypes=WIDEST)
@gradients_in(FLOAT32)
def layer_norm_gradient_by_float32(g: Array, x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Gradients:
    return begun(g, x, gain, epsilon).all()
