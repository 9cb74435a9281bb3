"""Attention, wrong in how often it is scaled, and to which base it is raised."""

import math
from dataclasses import replace

from ..arithmetic import Array
from ..catalogue import variant
from .right import Call, attend, kernel


@variant(
    "scale-twice",
    "attention",
    "The scale is applied twice, to the queries and to the scores.",
    needs="a scale unlike 1",
)
@kernel
def scale_twice(call: Call) -> Array:
    return attend(replace(call, scale=call.factor**2))


@variant(
    "attention-powers-of-two",
    "attention",
    "The weights are powers of two: exp2 without the factor log2(e).",
    needs="scores that differ",
)
@kernel
def attention_powers_of_two(call: Call) -> Array:
    return attend(replace(call, scale=call.factor * math.log(2)))
