"""The clauses about the sizes of models, for every component that has them."""

import numpy as np

from ....adapters import Reply
from ....oracle.rounding.numerics import precision_classes
from ...terms.aggregates import FEWEST_ELEMENTS, aggregates
from ...terms.at_size import Part, sizes_of_models
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.comparison import Worst, place
from ...terms.component import REGISTERED, Component
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import Array
from ...terms.trial import Trial
from ...terms.verdict import DoesNotFit, Violation
from .gradients import within_bounds
from .values import with_fresh_values

_OUT_OF_MEMORY = ("memoryerror", "out of memory", "outofmemory", "allocate memory", "resource_exhausted", "bad_alloc")
"""What the messages of numpy, torch, JAX, CUDA and C++ have in common where memory has run out."""


def fitting(trial: Trial, reply: Reply) -> Reply:
    """Return the reply; `DoesNotFit` where the call has no room or time at a size that nobody has promised.

    A failing size is made small: what fails at a size of the small cases is a failure like theirs.
    """
    if not _is_small(trial.case) and (reason := _no_room_or_time(reply)):
        trial.subject.note_reply(reply)
        raise DoesNotFit(f"a case at the sizes of models does not fit: {reason}")
    return trial.answered(reply)


def _is_small(case: Case) -> bool:
    """Say whether the small cases of the component have such sizes."""
    component = REGISTERED[case.component]
    options = [option for each in component.factors.values() for option in each]
    largest = {name: max(each[name] for each in options if name in each) for name in sizes_of_models(component).sizes}
    return component.admissible(case) and all(case[name] <= size for name, size in largest.items())


def _no_room_or_time(reply: Reply) -> str:
    """Say how memory or time has run out; empty where it has not."""
    if reply.killed:
        return f"{reply.message}; this is what a system does that runs out of memory"
    last = reply.detail.splitlines()[-1:] if reply.status == "died" else []
    said = ": ".join([reply.message, *last])
    return said if reply.status == "timeout" or any(word in said.lower() for word in _OUT_OF_MEMORY) else ""


def _has_sizes_of_models(component: Component) -> bool:
    return component.at_size is not None


@clause(
    "ALL-12",
    None,
    "At the sizes of models, the rows that are looked at are within their bounds, and all others within their limits.",
    formula="|actual - y| <= W, on generic inputs <= S, in first, last and random rows and those at powers of two",
    source="the component's formula; the derivation is in docs/bounds.md",
    at_size=True,
    concerns=_has_sizes_of_models,
)
def value_at_size(trial: Trial) -> float:
    """Hold a part to its bounds, and all of the result to its limits."""
    actual = trial.results_of(fitting(trial, trial.ask()), trial.inputs)
    ratio = _within_limits(trial, actual["result"])
    worst, typical = _worst(trial, actual)
    ratio = max(ratio, require_within(worst, "the value is wrong"))
    if typical.ratio <= 1:
        return max(ratio, typical.ratio)
    if all(_worst(each, each.results())[1].ratio > 1 for each in with_fresh_values(trial)):
        require_within(typical, "the value is further off than rounding explains on random inputs")
    return ratio


def _small_enough(case: Case) -> Case | None:
    return case if sizes_of_models(REGISTERED[case.component]).differentiated(case) else None


@clause(
    "GRAD-8",
    None,
    "At the sizes of models, every gradient is within its bound.",
    formula="d sum(f(x) * g) / dx, |actual - expected| <= W; on generic inputs <= S",
    source="the component's formula, differentiated; the derivation is in docs/bounds.md",
    at_size=True,
    prepare=_small_enough,
    concerns=lambda component: component.at_size is not None and component.gradient is not None,
)
def gradient_at_size(trial: Trial) -> float:
    """Hold it to the bounds that it has at every size."""
    return within_bounds(trial, trial.gradients_of(fitting(trial, trial.ask_gradients())))


def _noisy(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give a plain case of each shape that is for it, in dtypes of more than one precision class."""
    plain = [component.plainest(dtype, seed).but(**shape) for shape in sizes_of_models(component).noisy]
    return plain if len(precision_classes(dtype)) > 1 else []


@clause(
    "ALL-14",
    None,
    "What is of the strictest precision class in small cases is of that class at the sizes of models.",
    formula="RMS(e / sigma) <= 1.15 + 4/sqrt(N) in the strictest class at every size, if it is in small cases",
    source="docs/bounds.md, aggregates; a formula does not change with its sizes",
    level="advisory",
    cases=_noisy,
    at_size=True,
    concerns=lambda component: component.at_size is not None and bool(component.at_size.noisy),
)
def one_class(trial: Trial) -> float:
    """Compare the noise at size with that of small cases, where the strictest class does not explain it."""
    noise = _noise(trial)
    skip_unless(noise > 0)
    if noise <= 1 or any(_noise(each) <= 1 for each in with_fresh_values(trial)):
        return min(noise, 1.0)
    small = _noise(Trial(trial.subject, trial.component, trial.case.but(**trial.component.large[0])))
    if small > 1:
        return 1.0  # it is of another class everywhere
    raise Violation(
        f"the errors are {noise:.3g} times what rounding in the strictest class explains, and {small:.3g} times in a "
        "small case, as if something were kept in fewer bits beyond a size",
        noise,
    )


def _part(trial: Trial) -> Part | None:
    """Choose what is looked at, where that is not all of the result."""
    choose = sizes_of_models(trial.component).part
    return choose(trial.case, trial.inputs, trial.conventions) if choose else None


def _noise(trial: Trial) -> float:
    """Compare the noise of the part that is looked at with its strictest limit; 0 where it is too small."""
    part = _part(trial)
    strictest = trial.subject.held(trial.dtype).classes[0][1]
    bound = trial.component.bounds(part.inputs if part else trial.inputs, strictest, trial.conventions)["result"]
    if bound.expected.size < FEWEST_ELEMENTS:
        return 0.0
    actual = trial.results_of(fitting(trial, trial.ask()), trial.inputs)["result"]
    found = aggregates(part.of(actual) if part else actual, bound, trial.dtype)
    return max((each.ratio for each in found if each.name == "noise"), default=0.0)


def _worst(trial: Trial, actual: dict[str, Array]) -> tuple[Worst, Worst]:
    """Compare the part that is looked at with W, and with S where the inputs are generic."""
    part = _part(trial)
    inputs = part.inputs if part else None
    of_part = {"result": part.of(actual["result"])} if part else actual

    def worst(*, statistical: bool) -> Worst:
        found = trial.judge(of_part, inputs, statistical=statistical)
        return part.placed(found, actual["result"].shape) if part and found.where else found

    within = worst(statistical=False)
    return within, worst(statistical=True) if trial.component.generic(trial.case) else within


def _within_limits(trial: Trial, actual: Array) -> float:
    """Require that every element is a number, and lies between its limits in the loosest class."""
    limits = sizes_of_models(trial.component).limits
    skip_unless(actual.size)
    if limits is None:
        return 0.0
    low, high = limits(trial.inputs, trial.numerics, trial.conventions)
    outside = ~((actual >= low) & (actual <= high)) & ~np.isnan(low)
    if outside.any():
        where = np.unravel_index(int(outside.argmax()), outside.shape)
        ends = " and ".join(f"{float(np.broadcast_to(each, outside.shape)[where]):.9g}" for each in (low, high))
        share = f"; {outside.sum()} of {outside.size} elements are outside"
        raise Violation(f"{place(tuple(map(int, where)))} is {actual[where]:.9g}, but lies between {ends}{share}")
    return 0.0
