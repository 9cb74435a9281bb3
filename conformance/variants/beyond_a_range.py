"""Functions that cut an argument to what an inner format holds, and are right on all that lies within."""

from typing import Any, Final

import numpy as np

from .arithmetic import Array
from .catalogue import WIDE, find, variant

_CUT: Final = (
    ("attention", "attention-plain", "attention", ("query", "key", "value")),
    ("feed_forward", "feed-forward-plain", "feed-forward", ("x", "w_1", "b_1", "w_2")),
    ("gated_feed_forward", "gated-plain", "gated", ("x", "w_gate", "w_up", "w_down")),
    ("output_logits", "output-logits-plain", "output-logits", ("hidden", "weight")),
    ("embedding", "embedding-plain", "embedding", ("tokens", "weight")),
    ("layer_norm", "layer-norm-two-pass", "layer-norm", ("x", "gain", "bias")),
    ("rms_norm", "rms-norm-plain", "rms-norm", ("x", "gain")),
)
"""Component, its right function, the beginning of the names, and the arguments in their order."""


def _cutting(component: str, right: str, start: str, place: int, argument: str, limit: float) -> None:
    """Put a function into the catalogue that cuts its argument at that place."""

    @variant(
        f"{start}-{argument.replace('_', '-')}-cut-to-{limit:g}",
        component,
        f"What is larger than {limit:g} in {argument} is taken for {limit:g}.",
        needs=f"an entry of {argument} above {limit:g}",
        dtypes=WIDE if limit > 1000 else (*WIDE, "bfloat16"),
    )
    def function(*arrays: Any, **options: Any) -> Array:
        changed = list(arrays)
        cut = np.clip(np.asarray(changed[place], np.float64), -limit, limit)
        changed[place] = cut.astype(np.asarray(changed[place]).dtype)
        return np.asarray(find(right).function(*changed, **options))


for _component, _right, _start, _arguments in _CUT:
    for _place, _argument in enumerate(_arguments):
        for _limit in (448.0, 65504.0):
            # Whole numbers that name tokens are no values.
            if _argument != "tokens" and (_argument, _limit) != ("bias", 65504.0):
                _cutting(_component, _right, _start, _place, _argument, _limit)
