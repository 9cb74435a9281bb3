"""The clauses on cross-entropy's targets: those that do not count, and those that are no class."""

import numpy as np

from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.requirements import skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .cases import IGNORED, chosen, counting, mean_over_all
from .clauses import has_gradient

_SOURCE = "the contract: a target of ignore_index does not count"


def _ignoring(case: Case) -> Case:
    """Let some targets not count."""
    return mean_over_all(case).but(
        ignored="some" if case["ignored"] == "none" else case["ignored"], N=max(case["N"], 2)
    )


def _each_ignored(component: Component, dtype: str) -> list[Case]:
    """Give batches of which some targets do not count: those of no class, and those of class 0."""
    plain = component.plainest(dtype, seed=15)
    return [plain.but(N=8, V=5, ignored=kind) for kind in ("some", "padding")]


@clause(
    "CE-15",
    "cross_entropy",
    "A batch of which some targets do not count has the loss of the batch without them.",
    formula="loss(logits, targets, ignore_index) = loss(logits[counts], targets[counts]), the smoothing included",
    why="It compares a batch with itself without its ignored targets: a divisor that counts them is named.",
    source=_SOURCE,
    prepare=_ignoring,
    probes=_each_ignored,
)
def ignored_targets_do_not_count(trial: Trial) -> float:
    """Compare within both bounds."""
    counts = counting(trial.inputs)
    skip_unless(not counts.all())
    rest = chosen(trial.inputs, counts).but(ignore_index=None)
    allowance = trial.bound().worst + trial.bound(rest).worst
    return trial.require_same(trial.call(), trial.call(rest), allowance, "targets that do not count change the loss")


@clause(
    "CE-16",
    "cross_entropy",
    "The logits of a target that does not count do not matter, and their gradient is zero.",
    formula="d loss / d logits_i = 0 where targets_i = ignore_index",
    role="decides",
    why="It says that ignored logits matter or get a gradient, and wants that to be zero, not small.",
    source=_SOURCE,
    prepare=_ignoring,
    probes=_each_ignored,
)
def ignored_logits_do_not_matter(trial: Trial) -> float:
    """Put others in their place, and compare bit for bit; look at a gradient where one is offered."""
    counts = counting(trial.inputs)
    skip_unless(not counts.all())
    others = rounded(30 * trial.generator("others").standard_normal(trial.inputs.arrays["logits"].shape), trial.dtype)
    logits = np.where(counts[:, None], trial.inputs.arrays["logits"], others)
    claim = "the logits of a target that does not count change the loss"
    changed = trial.call(trial.inputs.but(logits=logits))
    ratio = trial.require_same(changed, trial.call(), 2 * trial.bound().worst, claim)
    if not has_gradient(trial):
        return ratio
    gradient = trial.gradients()["logits"]
    claim = "the logits of a target that does not count have a gradient"
    away = np.broadcast_to(~counts[:, None], gradient.shape)
    return max(ratio, trial.require_bits(gradient, np.zeros_like(gradient), claim, away))


@clause(
    "CE-17",
    "cross_entropy",
    "The loss of a batch in which no target counts is NaN or 0, and its gradient, too.",
    formula="0/0",
    why="It states what the formula leaves open, NaN or 0, and finds a loss of nothing that is neither.",
    source="the formula has no value; libraries give NaN or 0",
    level="advisory",
    prepare=_ignoring,
)
def nothing_counts(trial: Trial) -> float:
    """Ignore all of the same targets."""
    targets = np.full_like(trial.inputs.arrays["targets"], IGNORED)
    inputs = trial.inputs.but(targets=targets, ignore_index=IGNORED)
    loss = float(trial.call(inputs))
    if not np.isnan(loss) and loss != 0:
        raise Violation(f"no target counts, and the loss is {loss:.9g}")
    if not has_gradient(trial):
        return 0.0
    gradient = trial.gradients(inputs, np.asarray(1.0))["logits"]
    if not (np.isnan(gradient) | (gradient == 0)).all():
        raise Violation("no target counts, and there is a gradient")
    return 0.0
