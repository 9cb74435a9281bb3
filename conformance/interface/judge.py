"""Judge from Python: `judge(adapter)` returns the report that `assay run` would write."""

import contextlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...adapters import Adapter, Offer, Opening, accepted, declarations, open_object
from ...adapters.contract import DTYPES
from ...adapters.declaration import check_shapes
from ..cases.profiles import PROFILES, RANDOM, profile_with, seed_for
from ..components import CLAUSES, COMPONENTS
from ..judging.findings import Findings
from ..judging.judging import judge_and_explain
from ..judging.memory import budget_by_default
from ..judging.plan import Line, Selection, plan
from ..judging.result import Result
from ..judging.too_wide import check_declared
from ..terms.recent import RecentReplies
from .options import LONGEST_WAIT, UsageError, check_dtypes, known_names
from .report import Report
from .shapes import shapes_judged
from .smoking import smoke_first


def judge(
    adapter: str | object,
    *,
    component: str | None = None,
    framework: str | None = None,
    components: str | Collection[str] = (),
    dtypes: str | Collection[str] = (),
    clauses: str | Collection[str] = (),
    shapes: Sequence[Mapping[str, int]] = (),
    memory: int | None = None,
    profile: str = "quick",
    seed: int | str | None = None,
    timeout: float = Opening.timeout,
    in_process: bool = False,
    sandbox: bool = False,
    limit: int | None = None,
    precision_class: int = Opening.precision_class,
    declare: str | Mapping[str, object] | None = None,
    go_on: bool = False,
    heard: Callable[[Result], object] | None = None,
) -> Report:
    """Judge an implementation and return the report; `UserError`, one sentence, for a mistake in the call.

    Args:
        adapter: what `assay run` takes, as a string; or a module, or any object with functions of the contract's
            names; or one function, with `component` to say which it is.
        component: what a bare function is; nothing else is judged then.
        framework: whose arrays a bare function takes; numpy, if it says nothing.
        components: those that are judged; all that are offered, if empty.
        dtypes: those that are judged; all that the adapter takes, if empty.
        clauses: those that are judged, by their ids; all, if empty.
        shapes: sizes of your own, such as `{"L_q": 1, "L_k": 4096}`, judged beside those that are drawn.
        memory: the bytes that a case at the sizes of models may need; a quarter of what is free, if it is None.
        profile: how many cases: `quick`, `strict`, `standard` or `exhaustive`.
        seed: of all cases; the same seed gives the same report. `"random"`, and strict by itself, draws one.
        timeout: the seconds that a call in a worker process may take.
        in_process: whether an adapter that is named by a string runs in this process, too; an object always does.
        sandbox: whether it has no network, and can write to no folder but its own.
        limit: the bytes of memory beyond which its process is ended; half of what is free, if it is None.
        precision_class: the last that is accepted: 1, 2, or 3, which is whatever is declared.
        declare: conventions and numerics in place of what the adapter declares, or a file with them.
        go_on: whether it is judged even where easy cases show that the adapter is wired wrongly.
        heard: called with each result as it comes.

    """
    selection = _selection(components or component or (), dtypes, clauses)
    known_names("profile", (profile,), PROFILES)
    asked, budget = check_shapes(shapes, "judge"), budget_by_default() if memory is None else _bytes("memory", memory)
    _check_numbers(seed, timeout, precision_class)
    file, declared = declare if isinstance(declare, str) else None, declarations(declare)
    most = None if limit is None else _bytes("limit", limit)
    in_process = in_process or not isinstance(adapter, str)
    opening = Opening(_name(adapter), component, framework, timeout, in_process, sandbox, most, precision_class, file)
    with contextlib.closing(_opened(adapter, opening, declared)) as opened:
        lines, own = _planned(opened.offer, selection, profile, asked)
        drawn, late = seed_for(profile, seed)
        report = Report(opening, opened.offer, profile, drawn, lines, own, memory=budget, holds=opened.holds, late=late)
        if go_on or not smoke_first(report, opened):
            _judge_lines(opened, report, heard)
    return report


def _selection(
    components: str | Collection[str], dtypes: str | Collection[str], clauses: str | Collection[str]
) -> Selection:
    return Selection(
        known_names("component", components, COMPONENTS),
        known_names("dtype", dtypes, DTYPES),
        known_names("clause", clauses, CLAUSES),
    )


def _planned(
    offer: Offer, selection: Selection, profile: str, shapes: Sequence[Mapping[str, int]]
) -> tuple[list[Line], list[Mapping[str, int]]]:
    """Plan what is selected, if it can be judged, and choose the sizes of the user's own that are."""
    check_dtypes(selection.dtypes, offer)
    lines = list(plan(offer, selection, PROFILES[profile]))
    check_declared(offer, lines)
    return lines, shapes_judged(shapes, offer, lines)


def _judge_lines(adapter: Adapter, report: Report, heard: Callable[[Result], object] | None) -> None:
    drawn = profile_with(report.profile, report.shapes, report.memory)
    recent, findings = RecentReplies(), Findings()
    while left := report.left:  # a second time for what explains the failures of the first
        for line in left:
            result = judge_and_explain(adapter, line, drawn, report.seed, recent, findings)
            report.add(line, result)
            if heard is not None:
                heard(result)


def _check_numbers(seed: int | str | None, timeout: float, precision_class: int) -> None:
    if seed is not None and seed != RANDOM and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise UsageError(f"seed must be a whole number, 0 or more, or {RANDOM!r}, not {seed!r:.200}")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST_WAIT:
        raise UsageError(f"timeout must be a number of seconds above 0, not {timeout!r:.200}")
    if isinstance(precision_class, bool) or precision_class not in (1, 2, 3):
        raise UsageError(f"precision_class must be 1, 2 or 3, not {precision_class!r:.200}")


def _bytes(name: str, size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"{name} must be a whole number of bytes above 0, not {size!r:.200}")
    return size


def _opened(adapter: str | object, opening: Opening, declared: Mapping[str, Any] | None) -> Adapter:
    if isinstance(adapter, str):
        opened = opening.open()
    else:
        opened = open_object(adapter, opening.spec, opening.component, opening.framework)
    opened.offer = accepted(opened.offer, declared, opening.precision_class)
    return opened


def _name(adapter: str | object) -> str:
    """Return what a report calls an object."""
    if isinstance(adapter, str):
        return adapter
    name = str(getattr(adapter, "__name__", type(adapter).__name__))
    module = inspect.getmodule(adapter)
    known = module is not None and getattr(module, name, None) is adapter
    return f"{module.__name__}:{name}" if module is not None and known else name
