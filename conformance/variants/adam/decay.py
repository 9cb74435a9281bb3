"""Adam, wrong around its step: the decay of the parameters, what becomes of a gradient, the learning rate."""

import numpy as np

from ..arithmetic import BFLOAT16, Array, rounded, widened
from ..catalogue import WIDE, variant
from .right import State, advance, algorithm_1, optimiser, ratio

# The decay


@variant(
    "adam-decay-in-gradient",
    "adam",
    "The decay is added to the gradient (L2), not decoupled.",
    needs="weight decay",
)
@optimiser
def adam_decay_in_gradient(s: State) -> None:
    s.g = s.g + s.weight_decay * s.p
    advance(s)
    s.p = s.p - s.learning_rate * ratio(s)


@variant("adam-decay-ignored", "adam", "The weight decay is ignored.", needs="weight decay, parameters unlike zero")
@optimiser
def adam_decay_ignored(s: State) -> None:
    s.weight_decay = 0
    algorithm_1(s)


@variant(
    "adam-decay-without-rate",
    "adam",
    "The decay is not multiplied by the learning rate.",
    needs="weight decay, parameters unlike zero",
)
@optimiser
def adam_decay_without_rate(s: State) -> None:
    advance(s)
    s.p = s.p - s.learning_rate * ratio(s) - s.weight_decay * s.p


@variant(
    "adam-decay-needs-gradient",
    "adam",
    "Parameters whose gradient is zero do not decay.",
    needs="weight decay, a zero gradient, parameters unlike zero",
)
@optimiser
def adam_decay_needs_gradient(s: State) -> None:
    before, at_rest = s.p, s.g == 0
    algorithm_1(s)
    s.p = np.where(at_rest, s.p + s.learning_rate * s.weight_decay * before, s.p)


@variant(
    "adam-decay-gates-update",
    "adam",
    "Without weight decay the parameters stay as they are: the branch for it returns too early.",
    needs="a weight decay of 0",
    seen_in=("PaddlePaddle/PaddleCustomDevice#1202",),
)
@optimiser
def adam_decay_gates_update(s: State) -> None:
    before = s.p
    algorithm_1(s)
    s.p = s.p if s.weight_decay else before


@variant(
    "adam-decay-in-denominator",
    "adam",
    "The decay stands in the denominator, beside epsilon.",
    needs="weight decay, parameters unlike zero",
    seen_in=("joennlae/tensorli#1",),
)
@optimiser
def adam_decay_in_denominator(s: State) -> None:
    advance(s)
    root = np.sqrt(s.v / (1 - s.beta_2**s.t))
    s.p = s.p - s.learning_rate * (s.m / (1 - s.beta_1**s.t)) / (root + s.epsilon + s.weight_decay * s.p)


@variant("adam-decay-grows", "adam", "The decay has the wrong sign.", needs="weight decay, parameters unlike zero")
@optimiser
def adam_decay_grows(s: State) -> None:
    advance(s)
    s.p = s.p - s.learning_rate * (ratio(s) - s.weight_decay * s.p)


@variant(
    "adam-decay-after-update",
    "adam",
    "The decay is taken from the parameters after the update.",
    needs="a large learning rate and weight decay",
    seen_in=("huggingface/transformers#14539",),
)
@optimiser
def adam_decay_after_update(s: State) -> None:
    advance(s)
    s.p = s.p - s.learning_rate * ratio(s)
    s.p = s.p - s.learning_rate * s.weight_decay * s.p


@variant(
    "adam-decay-of-step-size",
    "adam",
    "The decay is multiplied by the step size that holds the bias correction, learning_rate / (1 - beta_1^t).",
    needs="weight decay, beta_1 above 0, parameters unlike zero, early steps",
    seen_in=("egg-west/AdamW-pytorch#1",),
)
@optimiser
def adam_decay_of_step_size(s: State) -> None:
    advance(s)
    decay = s.learning_rate / (1 - s.beta_1**s.t) * s.weight_decay
    s.p = s.p - s.learning_rate * ratio(s) - decay * s.p


# The gradient


@variant(
    "adam-zero-gradient-skipped",
    "adam",
    "Where the gradient is zero, neither moments nor parameters change.",
    needs="a zero gradient after one that is not",
)
@optimiser
def adam_zero_gradient_skipped(s: State) -> None:
    p, m, v, at_rest = s.p, s.m, s.v, s.g == 0
    algorithm_1(s)
    s.p, s.m, s.v = np.where(at_rest, p, s.p), np.where(at_rest, m, s.m), np.where(at_rest, v, s.v)


@variant("adam-gradient-clipped", "adam", "Gradients are clipped to 1.", needs="a gradient above 1, two steps")
@optimiser
def adam_gradient_clipped(s: State) -> None:
    s.g = np.clip(s.g, -1, 1)
    algorithm_1(s)


@variant(
    "adam-norm-clipped",
    "adam",
    "The gradient is scaled to norm 1 at most, so that coordinates depend on each other.",
    needs="a gradient whose norm is above 1, two steps of unlike norms",
)
@optimiser
def adam_norm_clipped(s: State) -> None:
    s.g = s.g / np.maximum(np.sqrt((s.g**2).sum()), 1)
    algorithm_1(s)


@variant(
    "adam-tail-not-updated",
    "adam",
    "Parameters go 4 at a time, and the rest does not move.",
    needs="n not a multiple of 4",
)
@optimiser
def adam_tail_not_updated(s: State) -> None:
    rest, before = slice(s.p.shape[0] // 4 * 4, None), s.p
    algorithm_1(s)
    s.p[rest] = before[rest]


@variant(
    "adam-zero-rate-nan",
    "adam",
    "The denominator is divided by the learning rate, so that 0 gives NaN.",
    needs="learning rate 0",
    seen_in=("pytorch/pytorch#186444",),
)
@optimiser
def adam_zero_rate_nan(s: State) -> None:
    algorithm_1(s)
    s.p = s.p + (0 if s.learning_rate else np.nan)


# With 16-bit parameters in the range of 1 the learning rate's error is far below a unit of the result.
@variant(
    "adam-rate-bfloat16",
    "adam",
    "The learning rate is rounded to bfloat16.",
    needs="a learning rate that bfloat16 does not have",
    dtypes=WIDE,
)
@optimiser
def adam_rate_bfloat16(s: State) -> None:
    s.learning_rate = rounded(np.asarray(s.learning_rate), BFLOAT16).item()
    algorithm_1(s)


@variant(
    "adam-norm-of-all-steps",
    "adam",
    "Gradients are divided by the norm over all steps, those that are still to come among them.",
    needs="two steps or more",
)
def adam_norm_of_all_steps(parameters: Array, gradients: Array, **options: float) -> Array:
    wide_gradients = widened(gradients)
    norm = np.sqrt((wide_gradients**2).sum())
    # Adam's update is nearly the same for every size of gradients; it is epsilon that shows it, and the rounding.
    scaled = (wide_gradients / np.where(norm > 1, norm, 1)).astype(gradients.dtype)
    return np.asarray(optimiser(algorithm_1)(parameters, scaled, **options))
