"""Functions that cut an argument to what an inner format holds, and are right on all that lies within."""

from typing import Any, Final

import numpy as np

from .arithmetic import Array, without_softcap
from .catalogue import WIDE, find, variant

_OF_VALUES: Final = (
    ("attention", "attention-plain", "attention", ("query", "key", "value")),
    ("feed_forward", "feed-forward-plain", "feed-forward", ("x", "w_1", "b_1", "w_2")),
    ("gated_feed_forward", "gated-plain", "gated", ("x", "w_gate", "w_up", "w_down")),
    ("output_logits", "output-logits-plain", "output-logits", ("hidden", "weight")),
    ("embedding", "embedding-plain", "embedding", ("tokens", "weight")),
    ("layer_norm", "layer-norm-two-pass", "layer-norm", ("x", "gain", "bias")),
    ("rms_norm", "rms-norm-plain", "rms-norm", ("x", "gain")),
)
"""Component, its right function, the beginning of the names, and the arguments in their order."""


def _cut(array: Array, limit: float) -> Array:
    """Take the nearest number within the limit."""
    return np.clip(np.asarray(array, np.float64), -limit, limit).astype(array.dtype)


def _cutting(component: str, right: str, start: str, place: int, argument: str, limit: float) -> None:
    """Put a function into the catalogue that cuts its argument at that place."""

    def function(*arrays: Any, **options: Any) -> Array:
        changed = list(arrays)
        changed[place] = _cut(np.asarray(changed[place]), limit)
        return np.asarray(find(right).function(*changed, **options))

    variant(
        f"{start}-{argument.replace('_', '-')}-cut-to-{limit:g}".replace("+", ""),
        component,
        f"What is larger than {limit:g} in {argument} is taken for {limit:g}.",
        needs=f"an entry of {argument} above {limit:g}",
        dtypes=WIDE if limit == 65504 else (*WIDE, "bfloat16"),
    )(without_softcap(component, function))


for _component, _right, _start, _arguments in _OF_VALUES:
    for _place, _argument in enumerate(_arguments):
        for _limit in (448.0, 65504.0):
            # Whole numbers that name tokens are no values.
            if _argument != "tokens" and (_argument, _limit) != ("bias", 65504.0):
                _cutting(_component, _right, _start, _place, _argument, _limit)

for _component, _right, _start, _place, _argument in (
    ("attention", "attention-plain", "attention", 2, "value"),
    ("feed_forward", "feed-forward-plain", "feed-forward", 0, "x"),
    ("layer_norm", "layer-norm-two-pass", "layer-norm", 1, "gain"),
):
    _cutting(_component, _right, _start, _place, _argument, 1e19)


# Gradients

_OF_GRADIENTS: Final = (
    ("attention", "attention-gradient-plain", ("query", "key", "value")),
    ("feed_forward", "feed-forward-gradient-plain", ("x", "w_1", "b_1", "w_2", "b_2")),
    ("layer_norm", "layer-norm-gradient-plain", ("x", "gain", "bias")),
)
"""Component, its right gradients, and the arguments in their order."""


def _cutting_gradients(component: str, right: str, place: int, whose: str, limit: float) -> None:
    """Put gradients into the catalogue of which one, or the cotangent, is cut."""

    def vjp(cotangent: Array, *arrays: Any, **options: Any) -> tuple[Array, ...]:
        of_right = find(right).vjp
        assert of_right is not None
        found = list(of_right(_cut(cotangent, limit) if place < 0 else cotangent, *arrays, **options))
        if place >= 0:
            found[place] = _cut(found[place], limit)
        return tuple(found)

    def forward(*arrays: Any, **options: Any) -> Any:
        return find(right).function(*arrays, **options)

    of = whose if place < 0 else f"gradient of {whose}"
    variant(
        f"{component.replace('_', '-')}-gradient-{whose.replace('_', '-')}-cut-to-{limit:g}",
        component,
        f"What is larger than {limit:g} in the {of} is taken for {limit:g}.",
        needs=f"an entry of the {of} above {limit:g}",
        dtypes=(*WIDE, "bfloat16"),
        vjp=vjp,
    )(without_softcap(component, forward))


for _component, _right, _names in _OF_GRADIENTS:
    for _place, _argument in enumerate(("cotangent", *_names), -1):
        _cutting_gradients(_component, _right, _place, _argument, 65504.0)
