"""What holds alike where a vocabulary has a matrix or a class for each symbol: that it is read anew, and kept to."""

from typing import Final

import numpy as np

from ...terms.clause import clause
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from ...terms.verdict import Violation
from ..cross_entropy.cases import mean_over_all
from ..embedding import stepped

_INDEX: Final = {
    "embedding": ("tokens", "token {} of a vocabulary of {}"),
    "cross_entropy": ("targets", "target {} of {} classes"),
}
"""The array that numbers the symbols, and what one of them is called."""


@clause(
    "EMB-4",
    "embedding",
    "The matrix that is given is read at every call: an update of it in place is seen.",
    formula="y of W' after y of W, where W' is W after an optimizer's step",
    role="decides",
    why="It updates the matrix in place, as an optimizer does, and says that the old one is still read.",
    source='paper, section 3.4: "we share the same weight matrix between the two embedding layers and the linear map"',
)
@clause(
    "LOGIT-4",
    "output_logits",
    "The matrix that is given is read at every call: an update of it in place is seen.",
    formula="logits(h; W') after logits(h; W), where W' is W after an optimizer's step",
    role="decides",
    why="It updates the matrix in place, as training does where it is tied, and looks at the logits after it.",
    source='paper, section 3.4: "we share the same weight matrix"',
)
def reads_it_again(trial: Trial) -> float:
    """Call again when the array of the matrix holds a second one."""
    skip_unless(trial.bound().expected.size and trial.case["V"] > 1)
    updated = stepped(trial)
    first, second = trial.sequence([trial.inputs, updated])
    old, new = trial.bound(), trial.bound(updated)
    with np.errstate(invalid="ignore"):
        moved = np.abs(new.expected - old.expected) > new.worst + old.worst
    if (moved & np.isfinite(second)).any() and np.array_equal(second, first):
        raise Violation("an update of the matrix in place is not seen: the result is that of before")
    claim = "after an update of the matrix in place, the result is another than of the same matrix afresh"
    return trial.require_same(second, trial.call(updated), 2 * new.worst, claim)


@clause(
    "EMB-6",
    "embedding",
    "A token outside the vocabulary is refused.",
    formula="tokens in 0 ... V - 1",
    source="the formula has no row for any other; what is read instead is another token's, or no memory of ours",
    level="advisory",
    prepare=lambda case: case.but(layout="contiguous"),
)
@clause(
    "CE-18",
    "cross_entropy",
    "A target that is no class is refused.",
    formula="targets in 0 ... V - 1",
    source="the formula has no logit for any other; what is read instead is another class's, or no memory of ours",
    level="advisory",
    prepare=lambda case: mean_over_all(case).but(layout="contiguous"),
)
def outside_the_vocabulary(trial: Trial) -> float:
    """Give V and -1. On processors only: the assertion of a graphics card would end every later call as well."""
    name, words = _INDEX[trial.component.name]
    indices, vocabulary = trial.inputs.arrays[name], trial.case["V"]
    skip_unless(indices.size and trial.offer.device == "cpu")
    for strange in (vocabulary, -1):
        outside = indices.copy()
        outside.flat[0] = strange
        given = trial.inputs.but(**{name: outside})
        reply = trial.ask(given)
        what = words.format(strange, vocabulary)
        if reply.status == "ok":
            raise Violation(f"{what} is taken without an error")
        if reply.status not in ("error", "unsupported"):
            raise Violation(f"{what} does not end in an error: {reply.message}")
    return 0.0
