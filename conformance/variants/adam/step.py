"""Adam, wrong in its step: the bias correction, epsilon, the moments."""

from dataclasses import replace

import numpy as np

from ..arithmetic import FLOAT16, Array, rounded
from ..catalogue import variant
from .right import State, adam_epsilon_hat_declared, advance, algorithm_1, descend, optimiser, ratio

# The bias correction


@variant(
    "adam-uncorrected",
    "adam",
    "The moments are not corrected for their bias.",
    needs="any gradient",
    seen_in=("ml-explore/mlx#1640",),
)
@optimiser
def adam_uncorrected(s: State) -> None:
    advance(s)
    descend(s, s.m / (np.sqrt(s.v) + s.epsilon))


@variant("adam-m-uncorrected", "adam", "The first moment is not corrected.", needs="any gradient")
@optimiser
def adam_m_uncorrected(s: State) -> None:
    advance(s)
    descend(s, ratio(s) * (1 - s.beta_1**s.t))


@variant("adam-v-uncorrected", "adam", "The second moment is not corrected.", needs="any gradient")
@optimiser
def adam_v_uncorrected(s: State) -> None:
    advance(s)
    descend(s, s.m / (1 - s.beta_1**s.t) / (np.sqrt(s.v) + s.epsilon))


def corrected_at(s: State, t: int) -> Array:
    """Compute the ratio with the bias correction of another step."""
    return ratio(replace(s, t=t))


@variant("adam-step-from-0", "adam", "From the second step on, the correction is that of t - 1.", needs="two steps")
@optimiser
def adam_step_from_0(s: State) -> None:
    advance(s)
    descend(s, corrected_at(s, max(s.t - 1, 1)))


@variant(
    "adam-step-twice",
    "adam",
    "The step count starts at 2.",
    needs="any gradient",
)
@optimiser
def adam_step_twice(s: State) -> None:
    advance(s)
    descend(s, corrected_at(s, s.t + 1))


@variant(
    "adam-step-by-two",
    "adam",
    "Each step counts as two, as if the parameters had two formats and each advanced the count.",
    needs="any gradient",
    seen_in=("deepspeedai/DeepSpeed#8471",),
)
@optimiser
def adam_step_by_two(s: State) -> None:
    advance(s)
    descend(s, corrected_at(s, 2 * s.t))


@variant(
    "adam-step-not-counted",
    "adam",
    "The correction is that of the first step throughout.",
    needs="two steps",
    seen_in=("NVIDIA/TransformerEngine#3318",),
)
@optimiser
def adam_step_not_counted(s: State) -> None:
    advance(s)
    descend(s, corrected_at(s, 1))


@variant(
    "adam-corrects-in-place",
    "adam",
    "The corrected first moment is what the next step starts from.",
    needs="two steps",
    seen_in=("frgfm/holocron#1",),
)
@optimiser
def adam_corrects_in_place(s: State) -> None:
    algorithm_1(s)
    s.m = s.m / (1 - s.beta_1**s.t)


# Epsilon


@variant("adam-epsilon-inside-root", "adam", "Epsilon is added under the root.", needs="gradients of 1e-4 or less")
@optimiser
def adam_epsilon_inside_root(s: State) -> None:
    advance(s)
    descend(s, s.m / (1 - s.beta_1**s.t) / np.sqrt(s.v / (1 - s.beta_2**s.t) + s.epsilon))


variant(
    "adam-epsilon-hat",
    "adam",
    "Epsilon is added before the bias correction, undeclared.",
    needs="gradients near epsilon, or a large epsilon, in the first steps",
    seen_in=("pytorch/pytorch#22628", "pytorch/pytorch#104857"),
)(adam_epsilon_hat_declared)


@variant("adam-epsilon-ignored", "adam", "A given epsilon is ignored for the default.", needs="an epsilon that matters")
@optimiser
def adam_epsilon_ignored(s: State) -> None:
    advance(s)
    descend(s, ratio(replace(s, epsilon=1e-8)))


@variant(
    "adam-epsilon-vanishes",
    "adam",
    "Epsilon is held in float16, where 1e-8 is 0, so that a zero gradient gives 0/0.",
    needs="a zero gradient from the first step",
)
@optimiser
def adam_epsilon_vanishes(s: State) -> None:
    advance(s)
    descend(s, ratio(replace(s, epsilon=float(np.float16(s.epsilon)))))


@variant(
    "adam-epsilon-not-in-tail",
    "adam",
    "Epsilon is added 4 parameters at a time, and the rest has none.",
    needs="n not a multiple of 4, a zero gradient from the first step",
    seen_in=("pytorch/pytorch#119885",),
)
@optimiser
def adam_epsilon_not_in_tail(s: State) -> None:
    advance(s)
    whole = np.arange(s.p.size) < s.p.size // 4 * 4
    descend(s, np.where(whole, ratio(s), ratio(replace(s, epsilon=0))))


# The moments


@variant(
    "adam-first-gradient-whole",
    "adam",
    "The moments begin as the first gradient and its square, without the factors 1 - beta.",
    needs="any gradient",
    seen_in=("PennyLaneAI/pennylane#1929",),
)
@optimiser
def adam_first_gradient_whole(s: State) -> None:
    if s.t == 1:
        s.m, s.v = s.g, s.g**2
    else:
        advance(s)
    descend(s, ratio(s))


@variant("adam-beta-1-ignored", "adam", "A given beta_1 is ignored for 0.9.", needs="another beta_1, two steps")
@optimiser
def adam_beta_1_ignored(s: State) -> None:
    s.beta_1 = 0.9
    algorithm_1(s)


@variant("adam-beta-2-ignored", "adam", "A given beta_2 is ignored for 0.999.", needs="another beta_2, two steps")
@optimiser
def adam_beta_2_ignored(s: State) -> None:
    s.beta_2 = 0.999
    algorithm_1(s)


@variant("adam-betas-swapped", "adam", "beta_1 and beta_2 are swapped.", needs="two steps of unlike gradients")
@optimiser
def adam_betas_swapped(s: State) -> None:
    swapped = replace(s, beta_1=s.beta_2, beta_2=s.beta_1)
    algorithm_1(swapped)
    s.p, s.m, s.v = swapped.p, swapped.m, swapped.v


@variant(
    "adam-a-step-late", "adam", "The parameters that are given are those of before the step.", needs="any gradient"
)
@optimiser
def adam_a_step_late(s: State) -> None:
    if s.t > 1:
        descend(s, ratio(replace(s, t=s.t - 1)))
    advance(s)


@variant("adam-moment-of-before", "adam", "The update uses the first moment of the step before.", needs="any gradient")
@optimiser
def adam_moment_of_before(s: State) -> None:
    before = s.m
    advance(s)
    descend(s, ratio(replace(s, m=before)))


@variant(
    "adam-without-momentum",
    "adam",
    "The update is along the gradient, not the first moment (RMSProp).",
    needs="two steps of unlike gradients",
)
@optimiser
def adam_without_momentum(s: State) -> None:
    advance(s)
    descend(s, s.g / (np.sqrt(s.v / (1 - s.beta_2**s.t)) + s.epsilon))


@variant(
    "adam-root-missing", "adam", "It is divided by the second moment, not by its root.", needs="a gradient unlike 1"
)
@optimiser
def adam_root_missing(s: State) -> None:
    advance(s)
    descend(s, s.m / (1 - s.beta_1**s.t) / (s.v / (1 - s.beta_2**s.t) + s.epsilon))


@variant("adam-largest-v", "adam", "The second moment never falls (AMSGrad), undeclared.", needs="shrinking gradients")
@optimiser
def adam_largest_v(s: State) -> None:
    before = s.v
    advance(s)
    s.v = np.maximum(s.v, before)
    descend(s, ratio(s))


@variant("adam-ascends", "adam", "The update is along the gradient, not against it.", needs="any gradient")
@optimiser
def adam_ascends(s: State) -> None:
    advance(s)
    descend(s, -ratio(s))


@variant("adam-sign", "adam", "The update is the sign of the first moment.", needs="two steps of unlike gradients")
@optimiser
def adam_sign(s: State) -> None:
    advance(s)
    descend(s, np.sign(s.m))


# The square of a float16 below 2.4e-4 is zero in it. For float16 input this is class 2: a state in the input's format.
@variant(
    "adam-state-float16",
    "adam",
    "The moments are stored in float16.",
    needs="gradients below 2e-4 or above 256",
    dtypes=("float64", "float32", "bfloat16"),
)
@optimiser
def adam_state_float16(s: State) -> None:
    advance(s)
    s.m, s.v = rounded(s.m, FLOAT16), rounded(s.v, FLOAT16)
    descend(s, ratio(s))
