"""Answers that take no computing: what an implementation must not pass with, and what evidence is measured against."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from ...oracle.rounding.numerics import Numerics
from .comparison import ratios
from .component import GENERIC, Component, Conventions, Inputs
from .rounding import Array
from .trial import Trial

_SHARPENED: Final = {
    "softmax": "x",
    "attention": "query",
    "additive_attention": "v",
    "bilinear_attention": "w",
    "multi_head_attention": "w_query",
}
"""The argument that scores are proportional to: multiplied by a large number, it makes of a softmax a hard maximum."""

_IDENTITIES: Final = ("dropout",)
"""Components whose result may be an argument as it is: in evaluation, dropout's is."""


def of_arguments(inputs: Inputs, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Give arguments as they are, and their means along each axis, that fit into the shape of the result, repeated."""
    for name, array in inputs.arrays.items():
        if array.dtype != np.float64 or "." in name or not array.size:
            continue
        means = ((f"a mean of {name}", array.mean(axis, keepdims=True)) for axis in range(array.ndim))
        for what, answer in ((f"{name} itself", array), *means):
            whole = answer.reshape((1,) * (len(shape) - answer.ndim) + answer.shape)
            if whole.ndim > len(shape) or any(due % size for size, due in zip(whole.shape, shape, strict=True)):
                continue
            for axis, due in enumerate(shape):
                whole = np.repeat(whole, due // whole.shape[axis], axis)
            yield what, whole


def of_other_scores(
    component: Component, inputs: Inputs, numerics: Numerics, conventions: Conventions
) -> Iterator[tuple[str, Array]]:
    """Give what a softmax makes of other scores."""
    if component.name not in _SHARPENED:
        return
    name = _SHARPENED[component.name]
    for what, factor in (("a hard maximum", 2.0**24), ("the result for twice the scores", 2.0)):
        sharp = inputs.but(**{name: inputs.arrays[name] * factor})
        yield what, component.bounds(sharp, numerics, conventions)["result"].expected


def _with_noise(right: Array) -> Array:
    """Add a quarter of the size of each row, up and down in turn."""
    sign = np.where(np.indices(right.shape).sum(0) % 2, 1, -1) if right.ndim else 1
    scale = np.sqrt(np.mean(np.square(right), -1 if right.ndim else None, keepdims=True))
    return np.asarray(right + sign * scale / 4)


def _mean(right: Array) -> Array:
    """Put the mean of each row in place of its numbers."""
    return np.broadcast_to(right.mean(-1, keepdims=True), right.shape) if right.ndim else right


SPOILT: Final[Mapping[str, Callable[[Array], Array]]] = {
    "zeros": np.zeros_like,
    "twice the right result": lambda right: 2 * right,
    "noise of a quarter of the result": _with_noise,
    "the mean of each row": _mean,
}
"""What the right result is spoilt to."""


def is_telling(trial: Trial) -> bool:
    """Say whether the right answer to a case that was passed takes computing.

    It does where values are random, and some row is neither zeros, nor its own mean, nor an argument or a mean of one,
    within the bound: of empty arrays, of one key and of equal scores every row is. Of a text and of other data, where
    nothing is empty. At the sizes of models it is asked only whether the bounds could have seen anything.
    """
    inputs, component, bound = trial.inputs, trial.component, trial.known_bound
    if component.gives_data:
        given = (*inputs.arrays.values(), *inputs.options.values())
        return all(len(each) > 0 for each in given if isinstance(each, str | list | tuple | np.ndarray))
    if trial.case.get("regime", GENERIC[0]) not in GENERIC:
        return False
    if bound is None:
        power = trial.power.as_json()
        return power is not None and power["informative"] > 0
    right = bound.expected
    if not right.size:
        return False
    answers = [np.zeros_like(right), *([_mean(right)] if right.ndim else [])]
    if component.name not in _IDENTITIES:
        answers += [answer for _, answer in of_arguments(inputs, right.shape)]
    row = -1 if right.ndim else None
    with np.errstate(all="ignore"):
        cheap = [np.all(ratios(each, bound, trial.dtype, statistical=False) <= 1, axis=row) for each in answers]
    return not np.all(np.any(cheap, axis=0))
