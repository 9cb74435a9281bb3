"""The clauses that only cross-entropy has."""

import numpy as np

from ...cases.values import hidden
from ...terms.clause import clause
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from .cases import chosen, counting, mean_over_all

_SOURCE = "paper, section 5.4; Szegedy et al. 2016, section 7"


def has_gradient(trial: Trial) -> bool:
    """Say whether the implementation offers one."""
    return "cross_entropy" in trial.offer.gradients


@clause(
    "CE-1",
    "cross_entropy",
    "The loss is the mean of what each token gives alone.",
    formula="loss(logits, targets) = mean over i of loss(logits_i, target_i)",
    why="It compares the loss with those of its tokens, each called for: it needs no expected value.",
    source=_SOURCE,
    prepare=mean_over_all,
)
def mean_of_tokens(trial: Trial) -> float:
    """Compare within the bound of the whole and the mean of the others."""
    tokens = trial.case["N"]
    skip_unless(1 < tokens <= 17)
    each = [chosen(trial.inputs, np.arange(tokens) == i) for i in range(tokens)]
    alone = np.mean([trial.call(one) for one in each], 0)
    allowance = trial.bound().worst + np.mean([trial.bound(one).worst for one in each], 0)
    return trial.require_same(trial.call(), alone, allowance, "the loss is not the mean of its tokens' losses")


@clause(
    "CE-2",
    "cross_entropy",
    "The losses of the tokens, not reduced, have the loss as their mean.",
    formula='loss = sum_i loss(reduction="none")_i / count',
    why="It compares the two reductions: a divisor that one of them has for itself is reported as such.",
    source=_SOURCE,
    prepare=lambda case: case.but(reduction="none", N=max(case["N"], 1)),
)
def reductions_agree(trial: Trial) -> float:
    """Compare over the targets that count; those that do not have no loss."""
    counts = counting(trial.inputs)
    losses, worst = trial.call(), trial.bound().worst
    claim = "a target that does not count has a loss"
    ratio = trial.require_bits(losses, np.zeros_like(losses), claim, ~counts)
    reduced = trial.inputs.but(reduction=None)
    allowance = trial.bound(reduced).worst + worst[counts].mean()
    claim = "the loss is not the mean of the losses that are not reduced"
    return max(ratio, trial.require_same(trial.call(reduced), losses[counts].mean(), allowance, claim))


@clause(
    "CE-3",
    "cross_entropy",
    "Without label smoothing the loss is minus the target's log-probability, and 0.0 is the default.",
    formula="loss(eps = 0) = -mean over i of log_softmax(logits_i)[targets_i]",
    why="It says that the loss is wrong before any smoothing, and compares 0.0 with none given.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(smoothing=0.0),
)
def smoothing_of_zero(trial: Trial) -> float:
    """Leave it out, and give it."""
    ratio = require_within(trial.judge(trial.call()), "without label smoothing the loss is wrong")
    given = trial.call(trial.inputs.but(label_smoothing=0.0))
    claim = "label_smoothing = 0.0 is another loss than none"
    return max(ratio, trial.require_same(given, trial.call(), 2 * trial.bound().worst, claim))


@clause(
    "CE-4",
    "cross_entropy",
    "The smoothed loss mixes those of the target and of every class, with the weights that are declared.",
    formula="loss(eps) = (1 - eps) loss(target) + eps/V sum_k loss(k), or eps/(V - 1) over the others, k != target",
    why="It mixes plain losses, each called for: only the weights of the mixture are the formula's.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(smoothing=case["smoothing"] or 0.1, V=min(max(case["V"], 3), 7)),
)
def smoothing_is_a_mixture(trial: Trial) -> float:
    """Call for each plain loss: of every token with its target, and with all classes in turn."""
    inputs, case = trial.inputs, trial.case
    eps, classes, targets = case["smoothing"], case["V"], trial.inputs.arrays["targets"]
    each = [inputs.but(label_smoothing=None, targets=(targets + k) % classes) for k in range(classes)]
    over_others = trial.conventions["smoothing_over"] == "others"
    share = eps / (classes - over_others)
    weights = np.full(classes, share)
    weights[0] = 1 - eps + (0 if over_others else share)
    mixture = weights @ [trial.call(one) for one in each]
    allowance = trial.bound().worst + weights @ [trial.bound(one).worst for one in each]
    claim = f"the loss is not smoothed with {eps} spread over {'the other classes' if over_others else 'all classes'}"
    return trial.require_same(trial.call(), mixture, allowance, claim)


@clause(
    "CE-5",
    "cross_entropy",
    "Neither the order of the tokens matters, nor that of the classes.",
    formula="loss(P logits, P targets) = loss(logits, targets), loss(logits Q, Q^-1 targets) = loss(logits, targets)",
    why="It compares three calls: a class, or a part of the batch, with a role of its own depends on the order.",
    source=_SOURCE,
    prepare=mean_over_all,
)
def permutes(trial: Trial) -> float:
    """Compare within both bounds."""
    logits, targets = trial.inputs.arrays["logits"], trial.inputs.arrays["targets"]
    whole, allowance = trial.call(), 2 * trial.bound().worst
    order = trial.generator("tokens").permutation(len(targets))
    tokens = trial.inputs.but(logits=logits[order], targets=targets[order])
    ratio = trial.require_same(trial.call(tokens), whole, allowance, "the order of the tokens matters")
    order = trial.generator("classes").permutation(logits.shape[1])
    classes = trial.inputs.but(logits=np.ascontiguousarray(logits[:, order]), targets=np.argsort(order)[targets])
    return max(ratio, trial.require_same(trial.call(classes), whole, allowance, "the order of the classes matters"))


@clause(
    "CE-6",
    "cross_entropy",
    "Every class can be a target, the first and the last among them.",
    formula="loss(logits, k) = log sum exp(logits) - logits[k], k = 0 ... V - 1",
    why="It names the class whose loss is wrong, at either end of the vocabulary.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(regime="normal", layout="contiguous"),
)
def ends_of_the_vocabulary(trial: Trial) -> float:
    """Make all targets 0, then V - 1."""
    ratio = 0.0
    for target in (0, trial.case["V"] - 1):
        inputs = trial.inputs.but(targets=np.full(trial.case["N"], target))
        ratio = max(
            ratio, require_within(trial.judge(trial.call(inputs), inputs), f"the loss of class {target} is wrong")
        )
    return ratio


@clause(
    "CE-7",
    "cross_entropy",
    "The gradient of a token sums to zero over the classes.",
    formula="sum_k d loss / d logits[i, k] = (sum_k p_k - sum_k q_k) g / count = 0",
    why="It needs no expected gradient: probabilities, or targets, that are not all there leave a sum.",
    source=_SOURCE,
)
def gradient_sums_to_zero(trial: Trial) -> float:
    """Compare within the sum of the elements' bounds."""
    gradient, worst = trial.gradients()["logits"], trial.gradient_bounds()["logits"].worst
    skip_unless(gradient.size)
    total = gradient.sum(-1)
    return trial.require_same(total, np.zeros_like(total), worst.sum(-1), "the gradient of a token has a sum")


@clause(
    "CE-8",
    "cross_entropy",
    "A certain and right prediction has neither loss nor gradient, and a certain and wrong one has the whole gap.",
    formula="softmax(logits) = one_hot(k): loss(k) = 0, d logits = 0; loss(j) = logits[k] - logits[j]",
    why="It says that a certain prediction has a loss or a gradient, as one of clipped probabilities has.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(regime="saturated", smoothing=0.0, V=max(case["V"], 2)),
)
def certain_predictions(trial: Trial) -> float:
    """Compare within the bounds; no exponential but that of 0 is left."""
    ratio = require_within(trial.judge(trial.call()), "the loss of a certain and right prediction is wrong")
    wrong = trial.inputs.but(targets=(trial.inputs.arrays["targets"] + 1) % trial.case["V"])
    ratio = max(
        ratio,
        require_within(trial.judge(trial.call(wrong), wrong), "the loss of a certain and wrong prediction is wrong"),
    )
    if not has_gradient(trial):
        return ratio
    claim = "a certain and right prediction has a gradient"
    return max(ratio, require_within(trial.judge_gradients(trial.gradients()), claim))


@clause(
    "CE-9",
    "cross_entropy",
    "The loss of a batch is the mean of its parts', each weighted with its number of tokens.",
    formula="(a + b) loss(whole) = a loss(first a) + b loss(last b)",
    why="It splits a batch into unequal parts, as accumulated gradients do: a mean of means is no mean.",
    source="the mean is over tokens: parts of a batch hold unequal numbers",
    prepare=lambda case: mean_over_all(case).but(N=max(case["N"], 3)),
)
def parts_of_a_batch(trial: Trial) -> float:
    """Cut two parts, as unequal as the number of tokens lets them be."""
    tokens = trial.case["N"]
    first = np.arange(tokens) < max(tokens // 4, 1)
    parts = [chosen(trial.inputs, rows) for rows in (first, ~first)]
    shares = [first.mean(), 1 - first.mean()]
    joined = np.dot(shares, [trial.call(part) for part in parts])
    allowance = trial.bound().worst + np.dot(shares, [trial.bound(part).worst for part in parts])
    claim = "the loss of a batch is not the mean of its parts', weighted with their tokens"
    return trial.require_same(trial.call(), joined, allowance, claim)


@clause(
    "CE-10",
    "cross_entropy",
    "Adding a constant to a row of logits changes nothing.",
    formula="loss(logits + c) = loss(logits)",
    why="It compares two calls: a softmax over the wrong axis, or none at all, does not cancel a shift.",
    source=_SOURCE,
    prepare=mean_over_all,
)
def shift_invariant(trial: Trial) -> float:
    """Add a power of two, another for each row; only rows in which the sums are exact count."""
    logits = trial.inputs.arrays["logits"]
    constants = np.ldexp(1.0, np.arange(len(logits)) % 5)[:, None]
    shifted = rounded(logits + constants, trial.dtype)
    rows = (shifted - constants == logits).all(-1)
    skip_unless(rows.any())
    one = chosen(trial.inputs, rows)
    other = one.but(logits=shifted[rows])
    allowance = trial.bound(one).worst + trial.bound(other).worst
    return trial.require_same(trial.call(other), trial.call(one), allowance, "a constant added to a row matters")


@clause(
    "CE-11",
    "cross_entropy",
    "The loss of logits of any size is finite where the format has it.",
    formula="loss = log sum exp(logits) - logits[target], not -log(exp(logits[target]) / sum exp(logits))",
    why="It names large logits, where the logarithm of a clipped or vanished probability ends.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(regime="limit", smoothing=0.0),
)
def finite_where_probabilities_vanish(trial: Trial) -> float:
    """Look where exp overflows, and where the target's probability underflows."""
    return require_within(trial.judge(trial.call()), "the loss of large logits is wrong")


@clause(
    "CE-12",
    "cross_entropy",
    "A class whose logit is -inf is out of the vocabulary: the loss is that without it, and it has no gradient.",
    formula="logits[i, k] = -inf, k not the target: exp(-inf) = 0",
    why="It compares a vocabulary with what is left of it, and wants no gradient at all at the rest.",
    source="IEEE 754 arithmetic along the formula",
    prepare=lambda case: mean_over_all(case).but(regime="masked", smoothing=0.0, V=max(case["V"], 5)),
)
def masked_classes(trial: Trial) -> float:
    """Compare the first token with and without its masked classes."""
    inputs = chosen(trial.inputs, np.arange(trial.case["N"]) == 0)
    logits, target = inputs.arrays["logits"], inputs.arrays["targets"]
    seen = logits[0] > hidden(trial.dtype)
    inputs = inputs.but(logits=np.where(seen, logits, -np.inf))
    rest = inputs.but(logits=logits[:, seen], targets=np.cumsum(seen)[target] - 1)
    allowance = trial.bound(inputs).worst + trial.bound(rest).worst
    claim = "masked classes change the loss"
    ratio = trial.require_same(trial.call(inputs), trial.call(rest), allowance, claim)
    if not has_gradient(trial):
        return ratio
    gradient = trial.gradients(inputs, np.asarray(1.0))["logits"]
    claim = "a masked class has a gradient"
    return max(ratio, trial.require_bits(gradient, np.zeros_like(gradient), claim, ~seen[None]))


@clause(
    "CE-13",
    "cross_entropy",
    "Equal logits have the loss log V, whatever the target and the smoothing.",
    formula="softmax(logits)_k = 1/V: loss = log V",
    role="decides",
    why="It has one due number, log V, up to V = 32001 and with every smoothing.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(regime="zero"),
    cases=lambda component, dtype, seed: [
        component.plainest(dtype, seed).but(V=size, smoothing=eps)
        for size in (2, 3, 5, 17, 129, 1000, 32001)
        for eps in (0.0, 0.1, 1.0)
    ],
)
def equal_logits(trial: Trial) -> float:
    """Go up to the size of a real vocabulary: the sum over it is beyond the largest number of float16."""
    return require_within(trial.judge(trial.call()), "the loss of equal logits is not log V")


@clause(
    "CE-14",
    "cross_entropy",
    "A token repeated has the loss of that token alone, however often.",
    formula="loss((x, x, ..., x), (k, k, ..., k)) = loss(x, k)",
    role="decides",
    why="It adds up 2048 equal losses, more than a sum in bfloat16 can tell apart.",
    source=_SOURCE,
    prepare=lambda case: mean_over_all(case).but(N=2048, V=max(case["V"] % 30, 2), layout="contiguous"),
)
def repeated_token(trial: Trial) -> float:
    """Repeat it 2048 times: more than a sum in 16 bits can tell apart."""
    one = chosen(trial.inputs, np.arange(trial.case["N"]) == 0)
    logits, targets = one.arrays["logits"], one.arrays["targets"]
    many = one.but(logits=np.repeat(logits, 2048, 0), targets=np.repeat(targets, 2048))
    allowance = trial.bound(many).worst + trial.bound(one).worst
    return trial.require_same(trial.call(many), trial.call(one), allowance, "a token repeated has another loss")
