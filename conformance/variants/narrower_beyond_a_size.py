"""Functions that keep what is inside in float32 up to a size, and in the 16-bit format of the input beyond it.

Each format alone is allowed, and within its bounds at every size; what is told is the change from one to the other.
"""

import numpy as np

from .arithmetic import Array, rounded, widened
from .attention.right import Call, kernel, per_head, scores, softmax, visible
from .catalogue import NARROW, variant
from .feed_forward.right import relu
from .gated_feed_forward.right import FUNCTIONS

for _limit in (512, 4096):

    @variant(
        f"attention-probabilities-narrow-beyond-{_limit}",
        "attention",
        f"Beyond {_limit} keys, the probabilities are rounded to the input's format before they meet the values.",
        needs=f"more than {_limit} keys, and the noise of many elements",
        dtypes=NARROW,
    )
    @kernel
    def attention_probabilities_narrow_beyond(call: Call, limit: int = _limit) -> Array:
        p = softmax(scores(call), visible(call))
        return (rounded(p, call.dtype) if call.shape[3] > limit else p) @ per_head(call.value, call.shape[1])


@variant(
    "feed-forward-hidden-narrow-beyond-1024",
    "feed_forward",
    "Beyond 1,024 hidden units, they are stored in the input's format.",
    needs="more than 1,024 hidden units, and the noise of many elements",
    dtypes=NARROW,
)
def feed_forward_hidden_narrow_beyond_1024(x: Array, *weights: Array) -> Array:
    y, w_1, b_1, w_2, b_2 = map(widened, (x, *weights))
    hidden = relu(y @ w_1 + b_1)
    return np.asarray((rounded(hidden, x.dtype) if len(w_2) > 1024 else hidden) @ w_2 + b_2).astype(x.dtype)


@variant(
    "gated-hidden-narrow-beyond-1024",
    "gated_feed_forward",
    "Beyond 1,024 hidden units, what is gated is stored in the input's format.",
    needs="more than 1,024 hidden units, and the noise of many elements",
    dtypes=NARROW,
)
def gated_hidden_narrow_beyond_1024(x: Array, *weights: Array, activation: str = "swiglu") -> Array:
    y, w_gate, w_up, w_down = map(widened, (x, *weights))
    with np.errstate(all="ignore"):
        hidden = FUNCTIONS[activation](y @ w_gate) * (y @ w_up)
        return np.asarray((rounded(hidden, x.dtype) if len(w_down) > 1024 else hidden) @ w_down).astype(x.dtype)
