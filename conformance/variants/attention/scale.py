"""Attention, wrong in how often it is scaled, and to which base it is raised."""

import math
from dataclasses import replace

import numpy as np

from ..arithmetic import Array, largest
from ..catalogue import variant
from .right import Call, attend, divided, kernel, per_head, scores, visible


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


@variant(
    "attention-maximum-before-scale",
    "attention",
    "The maximum is that of the products before they are scaled: under a negative scale exp overflows.",
    needs="a negative scale, scores that differ by 88 or more",
)
@kernel
def attention_maximum_before_scale(call: Call) -> Array:
    sees, products = visible(call), scores(replace(call, scale=1.0))
    peak = largest(np.where(sees, products, -np.inf))
    exponent = (products - np.where(np.isneginf(peak), 0, peak)) * call.factor
    e = np.where(sees, np.exp(exponent.astype(call.query.dtype)), 0)
    return divided(e, e.sum(-1, keepdims=True)) @ per_head(call.value, call.shape[1])
