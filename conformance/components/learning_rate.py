"""The learning rate with warm-up: its cases, and the clauses that only it has.

Its only array are whole numbers, so it has no dtype: the rates are judged in the format in which they come.
"""

from typing import Any

import numpy as np

from ..cases.values import generator_of
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import Array, Component, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.trial import Trial
from ..terms.verdict import Violation

_SOURCE = "paper, section 5.3, equation 3"

_WARMUPS = (4, 1, 2, 3, 10, 100, 1000, 4000)
_WIDTHS = (512, 1, 2, 3, 4, 64, 100, 768, 1024, 12288)
_MOMENTS = ("first", "one", "peak", "rising", "falling", "both", "unsorted", "repeated", "late", "far", "none")


def _make(case: Case) -> Inputs:
    steps = np.asarray(_steps(case), np.int64)
    return Inputs({"steps": steps}, {"d_model": case["d_model"], "warmup": case["warmup"]})


def _steps(case: Case) -> Any:
    moment, warmup, generator = case["moment"], case["warmup"], generator_of(case, case["moment"])
    # LambdaLR and its like get to a step only by way of every one before it.
    last = min(3 * warmup, warmup + 400) + 20
    if moment == "first":
        return [1, 2, 3, 4, 5]
    if moment == "peak":
        return [step for step in (warmup - 1, warmup, warmup + 1, warmup + 2) if step > 0]
    if moment == "rising":
        return np.sort(generator.integers(1, warmup + 1, 7))
    if moment == "falling":
        return np.sort(generator.integers(warmup, last, 7))
    if moment == "both":
        return 1 + (last - 1) * np.arange(9) // 8
    if moment == "repeated":
        return np.repeat(generator.integers(1, last, 2), 3)
    if moment == "late":
        # Odd numbers that a 16-bit format does not hold.
        return 2 * generator.integers(1025, 2500, 4) + 1
    if moment == "far":
        return [65535, 65537, 100000, 999999, 10**6]
    return generator.integers(1, last, {"one": 1, "unsorted": 8, "none": 0}[moment])


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    """Give other schedules, so that one which is kept from one call to the next shows."""
    given = _make(case)
    return {
        "warmup": (given, given.but(warmup=case["warmup"] + 2)),
        "d_model": (given, given.but(d_model=3 * case["d_model"])),
    }


LEARNING_RATE: Component = register(
    Component(
        name="learning_rate",
        formula="d_model^-0.5 min(step^-0.5, step warmup^-1.5)",
        source="paper, section 5.3, equation 3",
        factors={
            "moment": factor("moment", *_MOMENTS),
            "warmup": factor("warmup", *_WARMUPS),
            "width": factor("d_model", *_WIDTHS),
            "layout": factor("layout", "contiguous", "sliced", "strided"),
        },
        inputs=_make,
        against=("warmup", "d_model"),
        item=lambda inputs, b: inputs.but(steps=inputs.arrays["steps"][b : b + 1]),
        # Powers of the same numbers are no sample: their errors are the same in every step.
        generic=lambda case: False,
        admissible=lambda case: case["warmup"] > 0 and case["d_model"] > 0,
        variations=_variations,
    )
)


def _at(trial: Trial, *steps: int, **options: int) -> tuple[Array, Array]:
    """Call for the rates of some steps, and give their bounds."""
    inputs = trial.inputs.but(steps=np.array(steps, np.int64), **options)
    rates = trial.call(inputs)
    return rates, trial.bound(inputs).worst


@clause(
    "LR-1",
    "learning_rate",
    "The peak is at the update number `warmup`, and is (d_model warmup)^-1/2.",
    formula="lrate(warmup) = (d_model warmup)^-0.5 >= lrate(step)",
    why="It names the peak: where it stands, and how high it is.",
    source=_SOURCE,
)
def peak(trial: Trial) -> float:
    """Compare with the updates beside it, which are lower by more than the bounds."""
    warmup, d_model = trial.case["warmup"], trial.case["d_model"]
    steps = [step for step in (warmup - 1, warmup, warmup + 1) if step > 0]
    rates, worst = _at(trial, *steps)
    at = steps.index(warmup)
    due = np.array([(d_model * warmup) ** -0.5])
    # The bound of float64 has room for the rounding of this power.
    claim = f"the peak, at update {warmup}, has another height than (d_model warmup)^-1/2"
    ratio = trial.require_same(rates[at : at + 1], due, worst[at : at + 1], claim)
    for k, step in enumerate(steps):
        if rates[k] - worst[k] > rates[at] + worst[at]:
            raise Violation(
                f"update {step} has the rate {rates[k]:.9g}, above {rates[at]:.9g} of update {warmup}, the peak"
            )
    return ratio


@clause(
    "LR-2",
    "learning_rate",
    "During the warm-up the rate grows in proportion to the update's number, from update 1.",
    formula="lrate(step) = step lrate(1),   step <= warmup",
    why="It compares the warm-up with its own first step: a rise that is not in proportion is reported as such.",
    source=_SOURCE,
)
def rises(trial: Trial) -> float:
    """Look at a third of the warm-up, and at all of it."""
    warmup = trial.case["warmup"]
    skip_unless(warmup > 1)
    steps = sorted({1, 2, -(-warmup // 3), warmup})
    rates, worst = _at(trial, *steps)
    times = np.array(steps, float)
    claim = f"of the updates {steps} within the warm-up, one has not its number times the rate of update 1"
    return trial.require_same(rates, times * rates[0], worst + times * worst[0], claim)


@clause(
    "LR-3",
    "learning_rate",
    "After the warm-up the rate falls with the inverse square root of the update's number.",
    formula="lrate(4 step) = lrate(step) / 2,   step >= warmup",
    why="It compares steps after the warm-up: a decay that begins afresh, or stands still, is reported as such.",
    source=_SOURCE,
)
def falls(trial: Trial) -> float:
    """Start from the peak, and from a little later."""
    steps = [trial.case["warmup"], trial.case["warmup"] + 3]
    rates, worst = _at(trial, *steps, *(4 * step for step in steps))
    claim = f"updates {[4 * step for step in steps]} have not half the rates of updates {steps}"
    return trial.require_same(rates[2:], rates[:2] / 2, worst[2:] + worst[:2] / 2, claim)


@clause(
    "LR-4",
    "learning_rate",
    "The rate is in proportion to the inverse square root of d_model.",
    formula="lrate(4 d_model) = lrate(d_model) / 2",
    why="It compares two widths: a d_model that is left out, or that raises the rate, is reported as such.",
    source=_SOURCE,
)
def falls_with_width(trial: Trial) -> float:
    """Compare at the steps of the case."""
    wider = trial.inputs.but(d_model=4 * trial.case["d_model"])
    rates, half = trial.call(), trial.call(wider)
    allowance = trial.bound(wider).worst + trial.bound().worst / 2
    return trial.require_same(half, rates / 2, allowance, "with 4 d_model the rates are not half as large")


@clause(
    "LR-5",
    "learning_rate",
    "The first update is number 1: it has a rate above zero, that of step 1.",
    formula="lrate(1) = d_model^-0.5 min(1, warmup^-1.5)",
    why="It names a count that begins at 0 or 2: the neighbours' rates are recognised.",
    source="paper, section 5.3: step_num; a step 0 would not move",
    prepare=lambda case: case.but(moment="first"),
)
def first_update(trial: Trial) -> float:
    """Judge the first updates; where they are those of other numbers, say which."""
    rates = trial.call()
    worst = trial.judge(rates)
    for shift in (-1, 1):
        counted = trial.inputs.but(steps=np.maximum(trial.inputs.arrays["steps"] + shift, 1))
        if worst.ratio > 1 and trial.judge(rates[1:], counted.but(steps=counted.arrays["steps"][1:])).ratio <= 1:
            found = f"update 2 has the rate that is due at update {2 + shift}"
            raise Violation(f"{found}: {worst.sentence}", worst.ratio, worst.how)
    return require_within(worst, "the first updates have other rates")


@clause(
    "LR-6",
    "learning_rate",
    "A step has its rate wherever it stands among the steps.",
    formula="lrate is a function of one step",
    why="It gives the steps in another order: a schedule that counts its calls has rates by place.",
    source=_SOURCE,
    prepare=lambda case: case.but(moment="unsorted"),
)
def any_order(trial: Trial) -> float:
    """Give the steps in reverse, and each twice; compare within both bounds."""
    steps = trial.inputs.arrays["steps"]
    again = trial.inputs.but(steps=np.repeat(steps[::-1], 2))
    in_order = np.repeat(trial.call()[::-1], 2)
    allowance = 2 * np.repeat(trial.bound().worst[::-1], 2)
    return trial.require_same(trial.call(again), in_order, allowance, "the order of the steps changes their rates")
