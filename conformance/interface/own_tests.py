"""Clauses as tests in somebody's own file: `test_mine = assay.conformance.tests("attention", my_function)`."""

import functools
import inspect
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import pytest

from ...adapters import Adapter, Opening, open_object
from ...adapters.contract import DTYPES
from ...adapters.foreign_text import visible
from ..cases.profiles import PROFILES, profile_with, seed_for
from ..components import CLAUSES, COMPONENTS
from ..judging.findings import Findings
from ..judging.judging import judge_and_explain
from ..judging.memory import budget_by_default
from ..judging.plan import Line, Selection, in_turn, plan
from ..judging.too_wide import check_declared
from ..terms.recent import RecentReplies
from .explaining import failure_text
from .options import known_names

_DECLARED: Final = ("framework", "dtypes", "device", "conventions", "numerics", "layouts", "shapes", "sizes")


def tests(
    component: str,
    function: Callable[..., object],
    *,
    dtypes: str | Collection[str] = (),
    framework: str | None = None,
    conventions: Mapping[str, str] | None = None,
    clauses: str | Collection[str] = (),
    profile: str = "quick",
    seed: int | None = None,
) -> Callable[..., None]:
    """Return a test of pytest, with a parameter for each clause and dtype; `UserError`, one sentence, for a mistake.

    Args:
        component: what the function is.
        function: it runs in the process of the tests. What is not given here is read from the module that defines it,
            as in a file that `assay run` judges.
        dtypes: the formats that it takes.
        framework: whose arrays it takes.
        conventions: what it chooses where the formulas are silent.
        clauses: those that are judged, by their ids; all, if empty.
        profile: how many cases: `quick`, `strict`, `standard` or `exhaustive`.
        seed: of all cases.

    """
    known_names("component", (component,), COMPONENTS)
    known_names("profile", (profile,), PROFILES)
    given = {"dtypes": known_names("dtype", dtypes, DTYPES), "framework": framework, "conventions": conventions}
    module, name = inspect.getmodule(function), str(getattr(function, "__name__", component))
    declared = {each: given.get(each) or getattr(module, each, None) for each in (*_DECLARED, f"{component}_vjp")}
    found = {each: value for each, value in declared.items() if value is not None}
    adapter = open_object(types.SimpleNamespace(**found, **{component: function}), name)
    chosen = Selection((component,), (), known_names("clause", clauses, CLAUSES))
    lines = [line for line in plan(adapter.offer, chosen, PROFILES[profile]) if line.offered and not line.again]
    check_declared(adapter.offer, lines)
    return _test(adapter, in_turn(lines), Opening(name, component), profile, seed_for(profile, seed)[0])


def _test(adapter: Adapter, lines: Sequence[Line], opening: Opening, profile: str, seed: int) -> Callable[..., None]:
    recent, findings = RecentReplies(), Findings()
    # Nobody waits for the amount of free memory before a test is run.
    drawn = functools.cache(lambda: profile_with(profile, (), budget_by_default()))

    @pytest.mark.assay
    @pytest.mark.parametrize("line", lines, ids=lambda line: f"{line.clause.id}-{line.dtype}".removesuffix("-"))
    def test(line: Line) -> None:
        result = judge_and_explain(adapter, line, drawn(), seed, recent, findings)
        if result.status in ("unsupported", "vacuous"):
            pytest.skip(visible(result.reason or "unsupported"))
        if result.failure is not None:
            text = failure_text(opening, result)
            if line.clause.level == "advisory":
                pytest.xfail(text)
            pytest.fail(text, pytrace=False)

    return test
