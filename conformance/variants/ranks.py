"""Functions that go along another axis than the last where there are more, or fewer, axes than usual."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import Array
from .catalogue import find, variant


def _moved(component: str, right: str, name: str, sentence: str, needs: str, axis: Callable[[int], int]) -> None:
    """Put a function into the catalogue that goes along the axis that is chosen by their number."""

    @variant(f"{component.replace('_', '-')}-{name}", component, sentence, needs=needs)
    def function(x: Any) -> Array:
        chosen = axis(np.ndim(x))
        return np.moveaxis(np.asarray(find(right).function(np.moveaxis(x, chosen, -1))), -1, chosen)


_moved(
    "softmax",
    "softmax-plain",
    "implicit-axis",
    "It goes along the first axis of one or three, and along the second of two, four and more.",
    "three axes or more",
    lambda axes: 0 if axes in (1, 3) else 1,
)
for _component, _right in (("softmax", "softmax-plain"), ("log_softmax", "log-softmax-through-maximum")):
    _moved(
        _component,
        _right,
        "fourth-axis-at-most",
        "Of five axes it goes along the fourth.",
        "five axes",
        lambda axes: min(axes, 4) - 1,
    )
