"""The clauses about far memory: elements whose offsets do not fit into 32 bits, of elements or of bytes.

The arrays are small, and all of them lie far along one axis in turn; `adapters/far.py` says how. The implementation is
compared with itself, so that what it makes of near memory is left to the other clauses.
"""

from ....adapters import FAR
from ...cases.coincidences import coinciding_cases
from ...cases.drawing import covering_cases
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component
from ...terms.trial import Trial
from ...terms.verdict import Inapplicable, NotOffered
from .gradients import require_same_gradients

_SOURCE = "an array is its values, wherever they lie"


def _far_cases(component: Component, dtype: str, seed: int) -> list[Case]:
    """Give a case for each axis and direction: sizes that differ, so that no axis stands for another, and a mask."""
    plain = component.plainest(dtype)
    every = coinciding_cases(component, dtype, seed) or covering_cases(component, dtype, seed)
    sized = max(every, key=lambda case: sum(type(size) is int and size > 1 for size in case.values()))
    known = [option[name] for options in component.factors.values() for option in options for name in option]
    masks = {"mask": "random"} if "mask" in plain and "random" in known else {}
    case = sized.but(**masks, **{name: plain[name] for name in ("regime",) if name in plain})
    shapes = [array.shape for array in component.make(case).arrays.values()]
    axes = {axis for shape in shapes for axis in range(1, len(shape) + 1) if shape[-axis] > 1}
    return [case.but(layout=layout) for layout in FAR if int(layout.rpartition("-")[2]) in axes]


def _has_layouts(component: Component) -> bool:
    return "layout" in component.parameters and not component.gives_data


def _require_far(trial: Trial) -> None:
    """Skip what the framework has no strides for, if it has those of other cases; raise `NotOffered` if it has none."""
    offered = trial.offer.layouts
    if not any(layout in offered for layout in FAR):
        framework = trial.offer.framework
        where = f"{framework} on {trial.offer.device} has" if framework else "the program offers"
        raise NotOffered(f"far memory is not judged: {where} no arrays at huge strides")
    if trial.case["layout"] in FAR and trial.case["layout"] not in offered:
        raise Inapplicable


@clause(
    "ALL-15",
    None,
    "Elements that lie 2^31 elements or 2^32 bytes apart are read like others.",
    formula="f(view of x) = f(x), within both roundings",
    source=_SOURCE,
    cases=_far_cases,
    concerns=_has_layouts,
)
def far_memory(trial: Trial) -> float:
    """Compare with the same values, contiguous."""
    _require_far(trial)
    claim = f"the layout {trial.case['layout']!r} changes the result"
    return trial.require_same_results(trial.results(), trial.results(layout="contiguous"), claim)


@clause(
    "GRAD-11",
    None,
    "The gradients do not depend on how far apart the elements of the arguments lie.",
    formula="vjp at a view of x = vjp at x, within both roundings",
    source=_SOURCE,
    cases=_far_cases,
    concerns=lambda component: _has_layouts(component) and component.gradient is not None,
)
def gradients_in_far_memory(trial: Trial) -> float:
    """Compare with those at the same values, contiguous."""
    _require_far(trial)
    claim = f"the layout {trial.case['layout']!r} changes a gradient"
    return require_same_gradients(trial, trial.gradients(), trial.gradients(layout="contiguous"), claim)
