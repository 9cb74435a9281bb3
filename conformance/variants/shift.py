"""What does not take the maximum of logits off first, and does not declare it: a common offset is rounded with them.

x - (m + log l) loses what is small beside m, and so does x log2(e) - m log2(e). Each is right where it is declared, as
`shift = "rounded"`.
"""

import numpy as np

from .arithmetic import Array, largest, wide
from .catalogue import ROUNDED_SHIFT, WIDE, variant
from .cross_entropy.right import cross_entropy_fused, cross_entropy_of_logits, cross_entropy_plain, vjp_of_log_sum_exp
from .log_softmax.right import log_softmax_base_two, log_softmax_kept, log_softmax_merged
from .softmax.right import softmax_base_two

_NEEDS = "logits whose maximum is large beside their differences"

variant(
    "log-softmax-of-log-sum-exp",
    "log_softmax",
    "It is x - lse, undeclared: lse = max + log(sum) is rounded where the maximum is large.",
    needs=_NEEDS,
    seen_in=("pytorch/pytorch#38839", "ml-explore/mlx#4169"),
)(log_softmax_kept)

variant(
    "log-softmax-scaled-first",
    "log_softmax",
    "Entries are multiplied by log2(e) before their maximum is taken off, undeclared.",
    needs=_NEEDS,
    dtypes=WIDE,
)(log_softmax_base_two)

variant(
    "log-softmax-of-merged-log-sum-exps",
    "log_softmax",
    "Halves are merged by their log-sum-exps, which are rounded where the maximum is large, undeclared.",
    needs=_NEEDS,
)(log_softmax_merged)

variant(
    "cross-entropy-of-log-sum-exp",
    "cross_entropy",
    "It is lse - x[target], undeclared: lse = max + log(sum) is rounded where the maximum is large.",
    needs=_NEEDS,
    seen_in=("pytorch/pytorch#11752",),
    dtypes=WIDE,
)(cross_entropy_of_logits)

variant(
    "cross-entropy-of-running-log-sum-exp",
    "cross_entropy",
    "Tiles of 16 classes with a running maximum, then lse - x[target], undeclared.",
    needs=_NEEDS,
    dtypes=WIDE,
)(cross_entropy_fused)

variant(
    "cross-entropy-gradient-of-log-sum-exp",
    "cross_entropy",
    "The gradient makes the probabilities again as exp(x - lse), undeclared.",
    needs=_NEEDS,
    dtypes=WIDE,
    vjp=vjp_of_log_sum_exp,
)(cross_entropy_plain)

variant(
    "softmax-scaled-first",
    "softmax",
    "Entries are multiplied by log2(e) before their maximum is taken off, undeclared.",
    needs=_NEEDS,
    dtypes=WIDE,
)(softmax_base_two)


@wide
def _of_log_sum_exp(x: Array) -> Array:
    m = largest(x)
    return np.asarray(np.exp(x - (m + np.log(np.exp(x - m).sum(-1, keepdims=True)))))


variant(
    "softmax-of-log-sum-exp",
    "softmax",
    "It is exp(x - lse), undeclared: lse = max + log(sum) is rounded where the maximum is large.",
    needs=_NEEDS,
    dtypes=WIDE,
)(_of_log_sum_exp)

variant(
    "softmax-of-log-sum-exp-declared",
    "softmax",
    "The same, declared.",
    wrong=False,
    numerics=ROUNDED_SHIFT,
)(_of_log_sum_exp)
