"""Adam, wrong in how it counts its steps over many of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import BFLOAT16, rounded
from ..catalogue import DTYPES, NARROW, variant
from .right import State, advance, descend, narrow, optimiser, ratio


def _counting(name: str, sentence: str, count: Callable[[int], int], needs: str, **fields: Any) -> None:
    """Put an optimiser into the catalogue whose bias correction is that of another step.

    In 16 bits there are two: one that keeps its state in float32, and one that does not.
    """

    def step(s: State) -> None:
        advance(s)
        descend(s, ratio(replace(s, t=count(s.t))))

    fields = {"dtypes": DTYPES, **fields}
    variant(f"adam-counter-{name}", "adam", sentence, needs=needs, **fields)(optimiser(step))
    if set(NARROW) <= set(fields["dtypes"]):
        words = f"{sentence[:-1]}, and the state is stored in 16 bits."
        variant(
            f"adam-narrow-counter-{name}", "adam", words, needs=needs, **{**fields, "dtypes": NARROW, "seen_in": ()}
        )(narrow(step))


_counting("stops-at-40", "The counter of steps stops at 40.", lambda t: min(t, 40), "more than 40 steps")
_counting(
    "stops-at-256",
    "The counter of steps is a bfloat16 number, and stops at 256.",
    lambda t: min(t, 256),
    "more than 256 steps",
    seen_in=("pytorch/ao#4915",),
)
_counting(
    "stops-at-2048",
    "The counter of steps is a float16 number, and stops at 2,048.",
    lambda t: min(t, 2048),
    "more than 2,048 steps",
)
_counting(
    "stops-at-32767",
    "The counter of steps has 16 bits with a sign, and stops at 32,767.",
    lambda t: min(t, 32767),
    "more than 32,767 steps, and a beta_2 whose correction is not over by then",
    dtypes=("float32",),
)
_counting(
    "wraps-at-65536",
    "The counter of steps has 16 bits, and begins again after 65,535.",
    lambda t: t % 65536 or 1,
    "more than 65,535 steps",
    dtypes=("float32",),
)
_counting(
    "in-bfloat16",
    "The counter of steps is a bfloat16 number that is made anew in each step: beyond 256 it is rounded.",
    lambda t: int(rounded(np.asarray(t, np.float32), BFLOAT16)),
    "more than 256 steps, and a step that bfloat16 does not hold",
    dtypes=("float64", "float32"),
)


@variant(
    "adam-correction-over-after-100",
    "adam",
    "The bias correction is left out from step 100 on, as if it were over for every beta.",
    needs="more than 100 steps, and a beta_2 whose correction is not over by then",
)
@optimiser
def adam_correction_over_after_100(s: State) -> None:
    advance(s)
    descend(s, ratio(s) if s.t < 100 else s.m / (np.sqrt(s.v) + s.epsilon))


@variant(
    "adam-correction-frozen-at-100",
    "adam",
    "The bias correction is frozen from step 100 on.",
    needs="more than 100 steps, and a beta_2 whose correction is not over by then",
)
@optimiser
def adam_correction_frozen_at_100(s: State) -> None:
    advance(s)
    descend(s, ratio(replace(s, t=min(s.t, 100))))
