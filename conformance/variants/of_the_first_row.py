"""Functions that look at the first row to decide how they compute: right where all rows are alike."""

from typing import Any, Final

import numpy as np

from .arithmetic import Array, without_softcap
from .catalogue import find, variant

_DECIDED: Final = (
    ("attention", "attention-plain", 0, "query"),
    ("attention", "attention-plain", 1, "key"),
    ("attention", "attention-plain", 2, "value"),
    ("softmax", "softmax-plain", 0, "x"),
    ("log_softmax", "log-softmax-through-maximum", 0, "x"),
    ("cross_entropy", "cross-entropy-through-maximum", 0, "logits"),
    ("feed_forward", "feed-forward-plain", 0, "x"),
    ("gated_feed_forward", "gated-plain", 0, "x"),
    ("layer_norm", "layer-norm-two-pass", 0, "x"),
    ("rms_norm", "rms-norm-plain", 0, "x"),
    ("output_logits", "output-logits-plain", 0, "hidden"),
)
"""Component, its right function, and the place and the name of the argument that is looked at."""


def _first_row_decides(component: str, right: str, place: int, argument: str) -> None:
    """Put a function into the catalogue that cuts what is large, if the first row is not."""

    def function(*arrays: Any, **options: Any) -> Array:
        changed = list(arrays)
        given = np.asarray(changed[place])
        rows = given.reshape(-1, given.shape[-1]) if given.size else np.zeros((1, 1))
        if np.all(np.abs(rows[0].astype(np.float64)) <= 8):
            changed[place] = np.clip(given.astype(np.float64), -64, 64).astype(given.dtype)
        return np.asarray(find(right).function(*changed, **options))

    variant(
        f"{component.replace('_', '-')}-range-of-first-row-of-{argument}",
        component,
        f"If no number in the first row of {argument} is beyond 8, all of it is cut to 64.",
        needs=f"a number of {argument} beyond 64, and a first row within 8",
    )(without_softcap(component, function))


for _each in _DECIDED:
    _first_row_decides(*_each)
