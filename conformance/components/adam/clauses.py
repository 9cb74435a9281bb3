"""The clauses that only Adam has."""

import numpy as np

from ....oracle.rounding.numerics import SIXTEEN_BITS
from ...terms.case import Case, Value
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import Violation
from ..every.at_size import fitting

_ALGORITHM = "Kingma and Ba 2015, algorithm 1; paper, section 5.3"
_DECAY = "Loshchilov and Hutter 2019, algorithm 2"
_OTHER_EPSILON = {"outside": "hat", "hat": "outside"}


def _contiguous(case: Case, **changes: Value) -> Case:
    """Make the arrays contiguous, so that a layout which is not understood shows as such."""
    return case.but(layout="contiguous", **changes)


def _wrong_step(trial: Trial, actual: Array, claim: str) -> float:
    """Judge a trajectory; the claim is completed by the first step that is wrong."""
    worst = trial.judge(actual)
    if worst.ratio > 1:
        bound = trial.bound()
        with np.errstate(invalid="ignore"):
            right = (np.abs(actual - bound.expected) <= bound.worst) | ~np.isfinite(bound.worst)
        first = int(np.argmin(right.all(-1))) + 1
        claim = f"{claim}, first at step {first}"
    return require_within(worst, claim)


@clause(
    "ADAM-1",
    "adam",
    "The first step has the size of the learning rate, whatever the gradient's.",
    formula="p_1 - p_0 = -learning_rate g / (|g| + epsilon)",
    why="It says that the very first step is wrong, which bias correction and epsilon alone decide.",
    source=_ALGORITHM,
    prepare=lambda case: _contiguous(case, T=1, start="zero"),
    probes=lambda component, dtype: [component.plainest(dtype, seed=1)],
)
def first_step(trial: Trial) -> float:
    """Start from parameters of zero, so that nothing hides the step."""
    skip_unless(trial.case["n"] > 0)
    return require_within(trial.judge(trial.call()), "the first step is not learning_rate g / (|g| + epsilon)")


@clause(
    "ADAM-2",
    "adam",
    "Under a constant gradient every step has the size of the first: both moments are corrected for their bias.",
    formula="g_t = g: m^ = g, v^ = g^2 and p_t - p_(t-1) = -learning_rate g / (|g| + epsilon), t = 1, 2, 3 ...",
    why="It says that the bias correction is wrong, and from which step on.",
    source=_ALGORITHM,
    prepare=lambda case: _contiguous(
        case, T=max(case["T"], 3), start="zero", regime="constant", weight_decay="default"
    ),
)
def bias_correction(trial: Trial) -> float:
    """Start from parameters of zero."""
    skip_unless(trial.case["n"] > 0)
    return _wrong_step(trial, trial.call(), "under a constant gradient the steps are not all alike")


def _epsilons(component: Component, dtype: str, seed: int) -> list[Case]:
    plain = component.plainest(dtype, seed).but(start="zero")
    found = []
    for steps in (1, 2, 5):
        for regime, epsilon in (
            ("small", "default"),
            ("small", 1e-4),
            ("smaller", 1e-4),
            ("normal", 0.1),
            ("zero", 0.1),
        ):
            found.append(plain.but(T=steps, n=17, regime=regime, epsilon=epsilon))
    return found


@clause(
    "ADAM-3",
    "adam",
    "Epsilon is added where `adam_epsilon` says: to the corrected root of the second moment, or before its correction.",
    formula="m^ / (sqrt(v^) + epsilon);   `hat`: m^ / (sqrt(v^) + epsilon / sqrt(1 - beta_2^t))",
    why="It says at which of its two places epsilon is added, where that decides the step.",
    source="Kingma and Ba 2015, algorithm 1; `hat` is the efficient form at the end of section 2",
    prepare=lambda case: case if case["epsilon"] == 0.1 or case["regime"] in ("small", "smaller") else None,
    cases=_epsilons,
)
def epsilon_in_its_place(trial: Trial) -> float:
    """Take gradients of about epsilon, from parameters of zero; name the other form where it fits."""
    actual = trial.call()
    worst = trial.judge(actual)
    if worst.ratio > 1:
        declared = trial.conventions["adam_epsilon"]
        other = _OTHER_EPSILON[declared]
        bound = trial.bound(conventions={**trial.conventions, "adam_epsilon": other})
        if (np.abs(actual - bound.expected) <= bound.worst).all():
            raise Violation(
                f"epsilon is added as adam_epsilon = {other!r} has it, but {declared!r} is declared: {worst.sentence}",
                worst.ratio,
            )
    return require_within(worst, "with gradients of about epsilon, or a large epsilon, the steps are wrong")


@clause(
    "ADAM-4",
    "adam",
    "Coordinates are independent: each moves as it would alone.",
    formula="adam(p, g)[i] = adam(p[i], g[i])",
    why="It compares a coordinate alone with itself among others: a norm over all, or a lost tail, is named.",
    source=_ALGORITHM,
    prepare=_contiguous,
)
def coordinates_independent(trial: Trial) -> float:
    """Compare the first and the last alone, then all in reverse, within both bounds."""
    n = trial.case["n"]
    skip_unless(n > 1 and trial.case["T"] > 0)
    parameters, gradients = trial.inputs.arrays["parameters"], trial.inputs.arrays["gradients"]
    whole, worst = trial.call(), trial.bound().worst
    ratio = 0.0
    for i in (0, n - 1):
        alone = trial.inputs.but(parameters=parameters[i : i + 1].copy(), gradients=gradients[:, i : i + 1].copy())
        claim = f"coordinate {i} of {n} moves otherwise alone"
        ratio = max(ratio, trial.require_same(trial.call(alone), whole[:, i : i + 1], 2 * worst[:, i : i + 1], claim))
    reverse = trial.inputs.but(parameters=parameters[::-1].copy(), gradients=gradients[:, ::-1].copy())
    claim = "in reverse order the coordinates move otherwise"
    return max(ratio, trial.require_same(trial.call(reverse), whole[:, ::-1], 2 * worst[:, ::-1], claim))


@clause(
    "ADAM-5",
    "adam",
    "The scale of the gradients drops out, but for epsilon.",
    formula="adam(p, 16 g; 16 epsilon) = adam(p, g; epsilon)",
    why="It states what Adam claims, that the scale of gradients drops out; clipping and narrow moments break it.",
    source='Kingma and Ba 2015, section 2.1: "invariant to the scale of the gradients"',
    prepare=lambda case: _contiguous(case, start="zero"),
)
def scale_drops_out(trial: Trial) -> float:
    """Scale by a power of two, which is exact at least for gradients of moderate size; compare within both bounds."""
    gradients = trial.inputs.arrays["gradients"]
    epsilon = trial.inputs.options.get("epsilon", trial.component.row.options["epsilon"])
    skip_unless(gradients.size and trial.case["regime"] not in ("large", "tiny", "smaller", "growing"))
    scaled = trial.inputs.but(gradients=16 * gradients, epsilon=16 * epsilon)
    allowance = trial.bound().worst + trial.bound(scaled).worst
    claim = "gradients 16 times as large, with epsilon 16 times as large, move the parameters otherwise"
    return trial.require_same(trial.call(scaled), trial.call(), allowance, claim)


@clause(
    "ADAM-6",
    "adam",
    "Without gradients and without decay, the parameters stay exactly what they are.",
    formula="g = 0, weight_decay = 0: p_t = p_0",
    role="decides",
    why="It is exact, and names the 0/0 of an epsilon that float16 rounds to 0.",
    source=f"{_ALGORITHM}: 0 / (0 + epsilon) = 0",
    prepare=lambda case: _contiguous(case, regime="zero", weight_decay="default"),
)
def at_rest(trial: Trial) -> float:
    """Compare bit for bit, whatever epsilon: one that is stored where it becomes 0 gives 0/0."""
    actual = trial.call()
    still = np.broadcast_to(trial.inputs.arrays["parameters"], actual.shape)
    return trial.require_bits(actual, still, "gradients of zero move the parameters")


@clause(
    "ADAM-7",
    "adam",
    "A learning rate of 0 leaves the parameters exactly what they are.",
    formula="learning_rate = 0: p_t = p_0",
    role="decides",
    why="It is exact: with a rate of 0 nothing moves, neither by decay nor by a moment that overflows.",
    source=_ALGORITHM,
    prepare=lambda case: _contiguous(case, learning_rate=0.0),
)
def rate_of_zero(trial: Trial) -> float:
    """Compare bit for bit, wherever the step itself is finite."""
    actual = trial.call()
    still = np.broadcast_to(trial.inputs.arrays["parameters"], actual.shape)
    finite = np.isfinite(trial.bound().worst)
    return trial.require_bits(actual, still, "a learning rate of 0 moves the parameters", finite)


@clause(
    "ADAM-8",
    "adam",
    "The weight decay is decoupled: it takes learning_rate weight_decay p from p, apart from the moments.",
    formula="g = 0: p_t = (1 - learning_rate weight_decay)^t p_0; else p_1 has -learning_rate weight_decay p_0 more",
    why="It takes the decay by itself, without gradients and as a difference, and says that it is not decoupled.",
    source=_DECAY,
    prepare=lambda case: _contiguous(
        case, start="normal", learning_rate=0.3, weight_decay=0.5, epsilon=1e-4, T=max(case["T"], 1)
    ),
)
def decoupled_decay(trial: Trial) -> float:
    """Take gradients of zero; then look at the difference that the decay makes to the first step."""
    skip_unless(trial.case["n"] > 0)
    resting = trial.inputs.but(gradients=np.zeros_like(trial.inputs.arrays["gradients"]))
    worst = trial.judge(trial.call(resting), resting)
    ratio = require_within(
        worst, "without gradients the parameters do not shrink by 1 - learning_rate weight_decay a step"
    )
    one = trial.inputs.but(gradients=trial.inputs.arrays["gradients"][:1].copy())
    without = one.but(weight_decay=0.0)
    difference = trial.call(one) - trial.call(without)
    due = np.broadcast_to(-0.3 * 0.5 * one.arrays["parameters"], difference.shape)
    allowance = trial.bound(one).worst + trial.bound(without).worst
    claim = "the decay changes the first step by something else than -learning_rate weight_decay p"
    return max(ratio, trial.require_same(difference, due, allowance, claim))


_BEYOND_16_BITS = 65_600
"""Steps; more than a counter of 16 bits has."""


def _long(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give trajectories that a bound can tell something of in the dtype.

    Forgetting: in each step the parameters lose 7/8 to the decay, and with that what storing them has cost. Late: all
    gradients are zero but the last, so that the state is exact until then, and the last step tells to a few roundings
    which step the implementation takes it for; beta_2 is such that the bias correction is far from over.
    """
    plain = component.plainest(dtype, seed).but(T=1000, n=4)
    late = plain.but(T=3000, n=17, start="zero", regime="last-only", beta_1=0.9, beta_2=0.9999, epsilon=1e-4)
    found = [plain.but(learning_rate=0.25, weight_decay=3.5, beta_1=0.5, beta_2=0.9, epsilon=1e-4), late]
    if dtype not in SIXTEEN_BITS:
        found += [plain.but(start="zero", regime="small", beta_1=0.9, beta_2=0.98), plain.but(weight_decay=0.01)]
    # In one format: a loop of so many steps takes an implementation seconds.
    return [*found, late.but(T=_BEYOND_16_BITS, n=1, beta_2=0.99999)] if dtype == "float32" else found


@clause(
    "ADAM-9",
    "adam",
    "A trajectory of thousands of steps is right at every step, and in float32 one of 65,600.",
    formula="p_1 ... p_T",
    source=_ALGORITHM,
    cases=_long,
)
def long_trajectory(trial: Trial) -> float:
    """Judge a long run: errors of the state add up in the bound as they may in the implementation."""
    reply = fitting(trial, trial.ask())
    return _wrong_step(trial, trial.results_of(reply, trial.inputs)["result"], "the trajectory is wrong")


@clause(
    "ADAM-10",
    "adam",
    "A step does not depend on later gradients.",
    formula="p_1 ... p_k of T steps are those of k steps",
    why="It compares two lengths: a step that looks at all of the gradients first, as for a norm, is named.",
    source=_ALGORITHM,
    prepare=lambda case: _contiguous(case, T=max(case["T"], 2)),
)
def later_gradients(trial: Trial) -> float:
    """Leave out half of the steps, and compare within both bounds."""
    skip_unless(trial.case["n"] > 0)
    half = trial.case["T"] // 2
    shorter = trial.inputs.but(gradients=trial.inputs.arrays["gradients"][:half].copy())
    allowance = 2 * trial.bound().worst[:half]
    claim = f"the first {half} of {trial.case['T']} steps are others than where no more follow"
    return trial.require_same(trial.call()[:half], trial.call(shorter), allowance, claim)
