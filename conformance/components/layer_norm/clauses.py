"""The clauses that only layer normalisation has."""

import numpy as np

from ...terms.clause import clause
from ...terms.component import Array, Inputs
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from .cases import LAYER_NORM

SOURCE = "Ba, Kiros and Hinton 2016, section 3.1; paper, section 3.1"


def _rows(trial: Trial) -> Array:
    """Give x; the clause does not apply where it has no rows."""
    x = trial.inputs.arrays["x"]
    skip_unless(x.size)
    return x


def _epsilon(inputs: Inputs) -> float:
    return float(inputs.options.get("epsilon", LAYER_NORM.row.options["epsilon"]))


@clause(
    "LN-1",
    "layer_norm",
    "Adding a constant to a row changes nothing.",
    formula="LN(x + c) = LN(x)",
    why="It compares two calls: a mean that is not subtracted, or is too coarse, does not cancel the shift.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="integers"),
)
def shift_invariant(trial: Trial) -> float:
    """Take small integers, so that the sum is exact; compare within both bounds."""
    shifted = trial.inputs.but(x=_rows(trial) + 16.0)
    allowance = trial.bound().worst + trial.bound(shifted).worst
    return trial.require_same(trial.call(shifted), trial.call(), allowance, "a constant added to a row matters")


@clause(
    "LN-2",
    "layer_norm",
    "Scaling a row, and epsilon by its square, changes nothing.",
    formula="LN(8 x; 64 epsilon) = LN(x; epsilon)",
    why="It compares two calls: epsilon outside the root, or none, does not scale with the square of the row.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="narrow"),
)
def scale_invariant(trial: Trial) -> float:
    """Scale by a power of two, so that the product is exact; compare within both bounds."""
    scaled = trial.inputs.but(x=8 * _rows(trial), epsilon=64 * _epsilon(trial.inputs))
    skip_unless((rounded(scaled.arrays["x"], trial.dtype) == scaled.arrays["x"]).all())
    allowance = trial.bound().worst + trial.bound(scaled).worst
    claim = "a row 8 times as large, with epsilon 64 times as large, gives another result"
    return trial.require_same(trial.call(scaled), trial.call(), allowance, claim)


@clause(
    "LN-3",
    "layer_norm",
    "Without gain and bias, a row has the mean 0 and the mean square v / (v + epsilon), v divided by d.",
    formula="mean(z) = 0, mean(z^2) = v / (v + epsilon), v = sum((x - mu)^2) / d",
    why="It needs no expected value: a variance divided by d - 1, or a misplaced epsilon, is read off the row.",
    source=SOURCE,
    prepare=lambda case: case.but(affine="none"),
)
def moments(trial: Trial) -> float:
    """Compare within what the bounds of the elements let through."""
    x, worst = _rows(trial), trial.bound().worst
    skip_unless(trial.case["regime"] != "zero-gain")
    z = trial.call()
    # The mean of z is 0 but for the rounding of the oracle's own sums, which the bound of float64 has room for.
    zero = np.zeros(z.shape[:-1])
    ratio = trial.require_same(z.mean(-1), zero, worst.mean(-1), "the mean of a normalised row is not 0")
    v = x.var(-1)
    square = v / (v + _epsilon(trial.inputs))
    expected = trial.bound().expected
    with np.errstate(invalid="ignore"):  # 0 times a bound without limit: a row that cannot be judged
        allowance = (2 * np.abs(expected) * worst + worst**2).mean(-1)
    claim = "the mean square of a normalised row is not v / (v + epsilon) with v divided by d"
    return max(ratio, trial.require_same((z**2).mean(-1), square, allowance, claim))


@clause(
    "LN-4",
    "layer_norm",
    "Epsilon, as it is given, stands under the root.",
    formula="y = gain (x - mu) / sqrt(v + epsilon) + bias",
    why="It judges nothing but rows whose variance is about epsilon, and says so.",
    source="every framework: torch, JAX, TensorFlow, ONNX; the papers are silent",
    prepare=lambda case: case.but(regime="narrow"),
)
def epsilon_under_root(trial: Trial) -> float:
    """Take rows whose variance lies above, near and far below epsilon."""
    _rows(trial)
    worst = trial.judge(trial.call())
    given = f"epsilon {_epsilon(trial.inputs):g}"
    return require_within(
        worst, f"rows whose deviations are 0.1 to 1e-4 are wrong, where {given} under the root counts"
    )


@clause(
    "LN-5",
    "layer_norm",
    "A constant row gives the bias, and so does a row of one channel.",
    formula="x - mu = 0: y = bias",
    why="It names the constant row, where nothing but the rounding of the mean is left to divide.",
    source=SOURCE,
    prepare=lambda case: case if case["d"] == 1 else case.but(regime="constant"),
)
def constant_row(trial: Trial) -> float:
    """Compare within the bound: the mean of a constant is rounded, and the rest of it divided by sqrt(epsilon)."""
    _rows(trial)
    return require_within(trial.judge(trial.call()), "a constant row does not give the bias")


@clause(
    "LN-6",
    "layer_norm",
    "The gain multiplies the normalised row, each channel by its own, and the bias is added after.",
    formula="LN(x; gain, bias) = gain LN(x; 1, 0) + bias",
    why="It takes gain and bias apart: powers of two are an exact factor, and a gain of zero leaves the bias.",
    source=SOURCE,
)
def gain_and_bias(trial: Trial) -> float:
    """Take gains that are powers of two; then a bias behind a gain of zero, bit for bit."""
    x = _rows(trial)
    d = x.shape[-1]
    generator = trial.generator("gain")
    gain = np.ldexp(generator.choice([-1.0, 1.0], d), generator.integers(-3, 4, d))
    plain = trial.inputs.but(gain=np.ones(d), bias=np.zeros(d))
    scaled = plain.but(gain=gain)
    allowance = trial.bound(scaled).worst + np.abs(gain) * trial.bound(plain).worst
    claim = "the gain is no factor of the normalised row, channel by channel"
    ratio = trial.require_same(trial.call(scaled), gain * trial.call(plain), allowance, claim)
    bias = rounded(generator.standard_normal(d), trial.dtype)
    skip_unless(np.isfinite(trial.bound(plain).worst).all())
    only = trial.call(plain.but(gain=np.zeros(d), bias=bias))
    claim = "with a gain of zero the result is not the bias"
    return max(ratio, trial.require_bits(only, np.broadcast_to(bias, x.shape), claim))


@clause(
    "LN-8",
    "layer_norm",
    "Permuting the channels, with their gains and biases, permutes the result.",
    formula="LN(P x; P gain, P bias) = P LN(x; gain, bias)",
    why="It compares two calls: a gain or a bias of another channel does not move with its own.",
    source=SOURCE,
)
def channels_permuted(trial: Trial) -> float:
    """Compare within both bounds."""
    x = _rows(trial)
    skip_unless(x.shape[-1] > 1)
    order = trial.generator("order").permutation(x.shape[-1])
    permuted = trial.inputs.but(**{name: array[..., order].copy() for name, array in trial.inputs.arrays.items()})
    allowance = 2 * trial.bound().worst[..., order]
    claim = "permuting the channels does not permute the result"
    return trial.require_same(trial.call(permuted), trial.call()[..., order], allowance, claim)


@clause(
    "LN-9",
    "layer_norm",
    "The gradient of a row sums to zero: adding a constant to a row changes nothing.",
    formula="sum_j dx_j = 0",
    why="It needs no expected gradient: a mean taken for a constant leaves a sum.",
    source="Ba, Kiros and Hinton 2016, section 3.1, differentiated",
)
def gradient_sums_to_zero(trial: Trial) -> float:
    """Compare within the sum of the elements' bounds."""
    skip_unless(trial.cotangent.size)
    dx, worst = trial.gradients()["x"], trial.gradient_bounds()["x"].worst
    claim = "the gradient of a row does not sum to zero"
    finite = np.asarray(np.isfinite(dx).all(-1))  # what overflows is left to GRAD-1
    total = np.where(finite[..., None], dx, 0).sum(-1)
    return trial.require_same(total, np.zeros_like(total), worst.sum(-1), claim)
