"""Gradients of attention of which one is missing: an argument gets zeros."""

from collections.abc import Callable

from ..arithmetic import Array
from ..gradients import Gradients
from .gradients import attention_gradient, backward, gradient
from .right import Call


def _without(argument: int) -> Callable[[Call, Array], Gradients]:
    def some(call: Call, g: Array) -> Gradients:
        return tuple(0 * each if k == argument else each for k, each in enumerate(backward(call, g)))

    return some


for _place, _name in enumerate(("query", "key", "value")):
    gradient(
        f"attention-gradient-{_name}-none",
        f"The {_name} gets no gradient.",
        needs="any input",
    )(attention_gradient(_without(_place)))
