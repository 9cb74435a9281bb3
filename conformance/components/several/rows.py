"""What holds of the rows of softmax and of log-softmax alike."""

import numpy as np

from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.requirements import skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ..log_softmax import SOURCE as LOG_SOFTMAX
from ..softmax import SOURCE as SOFTMAX


@clause(
    "SM-2",
    "softmax",
    "Adding a constant to a row changes nothing.",
    formula="softmax(x + c) = softmax(x)",
    why="It compares two calls: padding that counts as a logit of 0 does not shift with the row.",
    source=SOFTMAX,
)
@clause(
    "LSM-2",
    "log_softmax",
    "Adding a constant to a row changes nothing.",
    formula="log_softmax(x + c) = log_softmax(x)",
    why="It compares two calls: a floor under the logits does not shift with them.",
    source=LOG_SOFTMAX,
)
def shift_invariant(trial: Trial) -> float:
    """Shift by a power of two, and compare the rows in which the sums are exact."""
    skip_unless(trial.inputs.arrays["x"].size)
    x = trial.inputs.arrays["x"].reshape(-1, trial.case["n"])
    shifted = rounded(x + 16.0, trial.dtype)
    rows = (shifted - 16.0 == x).all(-1)
    skip_unless(rows.any())
    one, other = Inputs({"x": x[rows]}), Inputs({"x": shifted[rows]})
    allowance = trial.bound(one).worst + trial.bound(other).worst
    return trial.require_same(trial.call(other), trial.call(one), allowance, "a constant added to a row matters")


@clause(
    "SM-3",
    "softmax",
    "Permuting the entries permutes the probabilities.",
    formula="softmax(P x) = P softmax(x)",
    why="It compares two calls: a sum in too narrow a format depends on the order of its terms.",
    source=SOFTMAX,
)
@clause(
    "LSM-3",
    "log_softmax",
    "Permuting the entries permutes the log-probabilities.",
    formula="log_softmax(P x) = P log_softmax(x)",
    why="It compares two calls: a sum that loses its tail, or its low digits, depends on the order.",
    source=LOG_SOFTMAX,
)
def permutes(trial: Trial) -> float:
    """Take the entries in another order, and compare within both bounds."""
    x = trial.inputs.arrays["x"]
    skip_unless(x.size and x.shape[-1] > 1)
    order = trial.generator("order").permutation(x.shape[-1])
    permuted = trial.call(Inputs({"x": np.ascontiguousarray(x[..., order])}))
    allowance = 2 * trial.bound().worst[..., order]
    return trial.require_same(permuted, trial.call()[..., order], allowance, "permuting the entries matters")
