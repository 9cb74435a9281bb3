"""Adam's bias correction and the two places of epsilon (section 5.3, and Kingma and Ba 2015); the learning rate.

constant gradient g, no correction:  step t is  learning_rate (1 - beta_1^t) / sqrt(1 - beta_2^t)
first step, epsilon outside:         learning_rate |g| / (|g| + epsilon)
first step, epsilon in the hat:      learning_rate |g| / (|g| + epsilon / sqrt(1 - beta_2))
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ...oracle.adam import adam
from ...oracle.learning_rate import learning_rate
from ..terms.rounding import Array
from .kinds import Colour, Plot, Series, Shown, Table, Topic, figure, found

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.98, 1e-9
"""The paper's, but for the rate."""
STEPS: Final = 300

SCHEDULES: Final[tuple[tuple[int, int, Colour], ...]] = (
    (512, 4000, "blue"),
    (1024, 4000, "green"),
    (512, 8000, "orange"),
)
"""d_model and warm-up; the first is the paper's base model."""
_LAST: Final = 100_000


def moved(gradients: Array, place: str) -> Array:
    """Give how far each step moves each parameter, in learning rates: (T, n)."""
    options = {"beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON, "adam_epsilon": place}
    p = adam(np.zeros(gradients.shape[1]), gradients, learning_rate=RATE, **options)  # type: ignore[arg-type]
    return np.abs(np.diff(p, axis=0, prepend=0)) / RATE


def uncorrected(gradients: Array) -> Array:
    """Give the same of Adam whose moments are taken as they are."""
    m, v = np.zeros((2, gradients.shape[1]))
    steps = []
    for g in gradients:
        m, v = BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g**2
        steps.append(np.abs(m) / (np.sqrt(v) + EPSILON))
    return np.array(steps)


def _measure_adam(seed: int) -> Shown:
    constant = np.ones((STEPS, 1))
    right, without = (each[:, 0] for each in (moved(constant, "outside"), uncorrected(constant)))
    sizes = 10.0 ** np.arange(-12, -3.75, 0.25)
    first = {place: moved(sizes[None], place)[0] for place in ("outside", "hat")}
    half = {place: float(np.interp(0.5, each, np.log10(sizes))) for place, each in first.items()}
    peak = int(np.argmax(without))
    near = int(np.argmax(np.abs(without[peak:] - 1) < 0.05)) + peak + 1
    sentences = [
        (
            f"On a constant gradient every corrected step is {figure(float(right[0]))} learning rate long, from the "
            f"first to the last of {STEPS} (they differ by {figure(float(np.ptp(right)))}). Without the correction "
            f"the first is {figure(float(without[0]))}, the longest {figure(float(without[peak]))} at step "
            f"{peak + 1}, and it takes {near} steps until it is within 5 % of 1."
        ),
        (
            f"Where epsilon = {EPSILON:g} stands matters for small gradients: outside of the correction (algorithm 1) "
            f"the first step is half as long as it should be at |g| = {figure(10 ** half['outside'])}, before it (the "
            f"efficient form, `hat`) at {figure(10 ** half['hat'])}: {figure(10 ** (half['hat'] - half['outside']))} "
            f"times as large, and 1/sqrt(1 - beta_2) by the formula is {figure(float((1 - BETA_2) ** -0.5))}."
        ),
        f"beta_1 = {BETA_1}, beta_2 = {BETA_2}, float64.",
    ]
    rows = [
        [str(t), figure(float(right[t - 1])), figure(float(without[t - 1]))] for t in (1, 2, 5, 10, 20, 50, 100, STEPS)
    ]
    table = Table("length of a step on a constant gradient, in learning rates", ("step", "corrected", "not"), rows)
    return found(sentences, [table], _adam_plots(right, without, sizes, first))


def _adam_plots(right: Array, without: Array, sizes: Array, first: dict[str, Array]) -> Sequence[Plot]:
    steps = list(range(1, STEPS + 1))
    return [
        Plot(
            "adam-correction",
            "Adam on a constant gradient: the length of a step",
            "Corrected, it is one learning rate from the first step on; without, it overshoots and comes back slowly.",
            "step",
            "learning rates",
            [
                Series("with bias correction", steps, list(right), "blue"),
                Series("without", steps, list(without), "red"),
            ],
            x_log=True,
        ),
        Plot(
            "adam-epsilon",
            "Adam's first step, by the place of epsilon",
            "With epsilon before the correction, gradients several times as large move as little.",
            "size of the gradient",
            "learning rates",
            [
                Series("epsilon outside: algorithm 1", list(sizes), list(first["outside"]), "blue"),
                Series("epsilon before the correction: hat", list(sizes), list(first["hat"]), "orange"),
            ],
            x_log=True,
        ),
    ]


def _measure_rate(seed: int) -> Shown:
    steps = np.unique(np.round(np.geomspace(1, _LAST, 200)).astype(np.int64))
    rates = {(d, w): learning_rate(steps, d_model=d, warmup=w) for d, w, _ in SCHEDULES}
    d_model, warmup, _ = SCHEDULES[0]
    around = np.array([1, warmup - 1, warmup, warmup + 1, 10 * warmup, _LAST])
    at = learning_rate(around, d_model=d_model, warmup=warmup)
    sentences = [
        (
            f"For d_model = {d_model} and {warmup} steps of warm-up the rate rises in a line from "
            f"{figure(float(at[0]))} to {figure(float(at[2]))} at step {warmup}, its largest, and falls with "
            f"1/sqrt(step): {figure(float(at[4]))} at step {around[4]}, {figure(float(at[5]))} at {_LAST}."
        ),
        "Twice the width makes every rate smaller by sqrt(2); twice the warm-up, the largest, and later.",
    ]
    rows = []
    for d, w, _ in SCHEDULES:
        of = learning_rate(np.array([1, w, _LAST]), d_model=d, warmup=w)
        rows.append([str(d), str(w), *(figure(float(each)) for each in of)])
    table = Table("learning rate", ("d_model", "warm-up", "step 1", "at warm-up", f"step {_LAST}"), rows)
    series = [Series(f"d_model {d}, warm-up {w}", list(steps), list(rates[d, w]), colour) for d, w, colour in SCHEDULES]
    plot = Plot(
        "learning-rate",
        "Learning rate with warm-up",
        sentences[0],
        "step",
        "learning rate",
        series,
        x_log=True,
        y_log=True,
    )
    return found(sentences, [table], [plot])


ADAM: Final = Topic("adam", "Adam's bias correction, and the place of epsilon", "paper, section 5.3", _measure_adam)
LEARNING_RATE: Final = Topic("learning-rate", "The learning rate with warm-up", "paper, section 5.3", _measure_rate)
