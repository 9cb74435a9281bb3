"""The clauses that hold for every component, each written once."""

from collections.abc import Mapping

import numpy as np

from ....oracle.rounding.bound import Bound
from ...terms.calls import the
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import REGISTERED, Component, Inputs
from ...terms.requirements import require_within, skip_unless
from ...terms.trial import Trial, of_result
from ...terms.verdict import Inapplicable, Unsupported, Violation

_FRESH_SEEDS = 3
"""A violation of a statistical bound counts only if so many further draws of the values show it again."""


def with_fresh_values(trial: Trial) -> list[Trial]:
    """Give the same case with other values."""
    seed = trial.case["seed"]
    return [Trial(trial.subject, trial.component, trial.case.but(seed=seed + k)) for k in range(1, _FRESH_SEEDS + 1)]


@clause(
    "ALL-1",
    None,
    "Every element is within its rounding bound: the worst case on any input, the statistical bound on random ones.",
    formula="|actual - y| <= W; on generic inputs |actual - y| <= S = min(W, 6 sigma + coherent + half an ulp)",
    source="the component's formula; the derivation is in docs/bounds.md",
    covering=True,
)
def value(trial: Trial) -> float:
    """Hold it to W everywhere, and to S on generic inputs, where a violation must show again with fresh values."""
    actual = trial.results_of(trial.recent_reply(), trial.inputs)
    ratio = require_within(trial.judge(actual), "the value is wrong")
    if not trial.component.generic(trial.case):
        return ratio
    worst = trial.judge(actual, statistical=True)
    if worst.ratio <= 1:
        return max(ratio, worst.ratio)
    if all(each.judge(each.results(), statistical=True).ratio > 1 for each in with_fresh_values(trial)):
        require_within(worst, "the value is further off than rounding explains on random inputs")
    return ratio


def _variations(trial: Trial) -> Mapping[str, tuple[Inputs, Inputs]]:
    """Give the options, each as a call without and with it; a component need not have any."""
    return trial.component.variations(trial.case) if trial.component.variations else {}


def _large(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give cases of the size that aggregates need, one for each set of large parameters."""
    plain = component.plainest(dtype, seed)
    return [plain.but(**option) for option in component.large]


@clause(
    "ALL-2",
    None,
    "Over a whole tensor the errors have no bias, no gain and no more noise than rounding makes.",
    formula="RMS(e / sigma) <= 1.15 + 4/sqrt(N); self-normalised t of bias, gain and each direction <= 7",
    role="decides",
    why="It judges whole tensors of thousands of elements, where a bias far below one element's bound adds up.",
    source="docs/bounds.md, aggregates",
    cases=_large,
    concerns=lambda component: bool(component.large),
)
def aggregates(trial: Trial) -> float:
    """Judge the aggregates; one outside its limit must be so again with fresh values."""
    skip_unless(trial.component.generic(trial.case))
    found = trial.aggregates(trial.results())
    skip_unless(found)
    suspect = {each.name: each for each in found if each.ratio > 1}
    for fresh in with_fresh_values(trial) if suspect else ():
        outside = {each.name for each in fresh.aggregates(fresh.results()) if each.ratio > 1}
        suspect = {name: each for name, each in suspect.items() if name in outside}
    if suspect:
        each = max(suspect.values(), key=lambda one: one.ratio)
        raise Violation(
            f"the errors are systematic: {each.name} is {each.value:.3g}, rounding gives at most {each.limit:.3g}",
            each.ratio,
        )
    return max((each.ratio for each in found if each.ratio <= 1), default=0.0)


@clause(
    "ALL-3",
    None,
    "Where the right answer is representable and every order of operations reaches it, it is reached bit for bit.",
    formula="actual = y",
    role="decides",
    why="It is exact, where the bound allows for roundings that do not happen on such numbers.",
    source="the component's formula, on small integers, one-hot and uniform weights, zeros",
    covering=True,
    prepare=lambda case: case if _has_exact_values(case) else None,
    concerns=lambda component: component.exact is not None,
)
def exact(trial: Trial) -> float:
    """Compare bit for bit, in the elements that the component calls exact."""
    if not trial.component.has_dtype:
        trial.reply()  # the bound depends on the format in which its result comes
    bounds = trial.bounds()
    found = trial.component.exact_elements(trial.case, trial.inputs, bounds, trial.conventions)
    chosen = {name: each for name, each in found.items() if not bounds[name].or_nan}
    skip_unless(chosen)
    actual, claim = trial.results(), "the exact answer is not reached"
    return max(
        trial.require_bits(actual[name], bounds[name].expected, of_result(claim, name), each)
        for name, each in chosen.items()
    )


def _has_exact_values(case: Case) -> bool:
    return "regime" not in case or case["regime"] in REGISTERED[case.component].exact_regimes


@clause(
    "ALL-4",
    None,
    "The result has the shape of the formula and the dtype of its arguments.",
    formula="shape and dtype as in the contract",
    source="the contract",
    covering=True,
)
def shape_and_dtype(trial: Trial) -> float:
    """Compare with the dtype of the arguments, where there are any that have one."""
    reply = trial.recent_reply()
    trial.results_of(reply, trial.inputs)  # their shapes
    for name, dtype in reply.dtypes.items() if trial.component.has_dtype else ():
        if dtype != trial.dtype:
            raise Violation(f"{the(name)} is {dtype}, but its arguments are {trial.dtype}")
    return 0.0


@clause(
    "ALL-5",
    None,
    "The arguments are left as they were, with what lies around them in memory, and the result shares none of it.",
    formula="none",
    source="the contract",
    covering=True,
    concerns=lambda component: component.has_dtype,
)
def arguments_untouched(trial: Trial) -> float:
    """Ask what the worker saw."""
    reply = trial.recent_reply()
    if reply.touched:
        raise Violation(f"the call changed its argument {', '.join(reply.touched)}")
    if reply.aliased:
        raise Violation(f"the result shares memory with the argument {', '.join(reply.aliased)}")
    return 0.0


@clause(
    "ALL-6",
    None,
    "The same call gives the same bits.",
    formula="f(x) = f(x)",
    role="decides",
    why="It says that two answers to one call differ; each of them alone may be within the bound.",
    source="a formula is a function",
)
def deterministic(trial: Trial) -> float:
    """Call three times."""
    first = trial.results()
    return max(
        trial.require_bits(actual, first[name], f"a second call gives another {name}")
        for _ in range(2)
        for name, actual in trial.results().items()
    )


@clause(
    "ALL-7",
    None,
    "A call does not depend on the calls before it.",
    formula="f(x) after f(x') = f(x)",
    role="decides",
    why="It calls again on the same arrays, overwritten in place, and after each option; ALL-1 makes new ones.",
    source="a formula has no memory",
)
def no_memory(trial: Trial) -> float:
    """Call after others with other values in the same arrays, and with each option."""
    case = trial.case
    other = trial.component.make(case.but(seed=case["seed"] + 1))
    with_options = [given for _, given in _variations(trial).values()]
    alone = trial.results()
    try:
        after = trial.last_results([other, *with_options, trial.inputs])
    except Unsupported:  # one of the options
        after = trial.last_results([other, trial.inputs])
    return trial.require_same_results(after, alone, "after other calls the result is another")


@clause(
    "ALL-8",
    None,
    "The same values in another memory layout give the same result.",
    formula="f(view of x) = f(x), within both roundings",
    why="It blames the layout, since the same values are right in another; ALL-1 only says that they are wrong.",
    source="an array is its values",
    prepare=lambda case: case if case["layout"] != "contiguous" else None,
    concerns=lambda component: "layout" in component.parameters,
)
def layouts(trial: Trial) -> float:
    """Compare with the same values, contiguous."""
    claim = f"the layout {trial.case['layout']!r} changes the result"
    return trial.require_same_results(trial.results(), trial.results(layout="contiguous"), claim)


def _padded(component: Component, dtype: str) -> list[Case]:
    """Give two items of which one ends earlier: alone, it is the longest."""
    plain = component.plainest(dtype, seed=9)
    return [plain.but(B=2, mask="padding-right")] if "mask" in plain else []


@clause(
    "ALL-9",
    None,
    "Each item of a batch, computed alone, gives what it gives in the batch.",
    formula="f(x)[b] = f(x[b])",
    why="It compares the implementation with itself, and says that the items of a batch mix.",
    source="the formulas have no batch axis",
    probes=_padded,
    concerns=lambda component: component.item is not None,
)
def batch_items_alone(trial: Trial) -> float:
    """Call for every item."""
    item = trial.component.item
    if item is None:
        raise Inapplicable
    whole, ratio = trial.results(), 0.0
    items = len(whole["result"])
    skip_unless(items > 1)
    for b in range(items):
        here = slice(b, b + 1)
        of_item = {name: each[here] for name, each in whole.items()}
        alone = trial.results(item(trial.inputs, b))
        claim = f"item {b} of the batch differs alone"
        ratio = max(ratio, trial.require_same_results(alone, of_item, claim, here))
    return ratio


@clause(
    "ALL-10",
    None,
    "Every option that is accepted changes the result where the formula says that it does.",
    formula="f(x, option) != f(x)",
    why="It names the option that is accepted and ignored; ALL-1 shows the wrong values that come of it.",
    source="the contract",
    concerns=lambda component: component.variations is not None and component.has_dtype,
)
def options_matter(trial: Trial) -> float:
    """Try each option whose effect is far above rounding."""
    refused, tried = None, False
    for name, (without, with_it) in _variations(trial).items():
        try:
            one, other = trial.results(without), trial.results(with_it)
        except Unsupported as reason:
            refused = reason
            continue
        tried = True
        same = all(np.array_equal(each, other[name], equal_nan=True) for name, each in one.items())
        if same and _apart(trial.bounds(without), trial.bounds(with_it)):
            raise Violation(f"{name} is accepted and has no effect")
    if refused and not tried:
        raise refused
    skip_unless(tried)
    return 0.0


def _apart(one: Mapping[str, Bound], other: Mapping[str, Bound]) -> bool:
    """Say whether two right answers must differ: by more than both bounds, in some element."""
    with np.errstate(invalid="ignore"):
        return any(
            bool((np.abs(a.expected - b.expected) > a.worst + b.worst).any())
            for a, b in ((each, other[name]) for name, each in one.items())
        )
