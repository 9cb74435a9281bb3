"""The pytest plugin: one item a clause, component and dtype. `pytest --assay my_kernel.py` adds them to any suite.

`assay run` is the same items in a pytest session of its own (`running.py`). Under xdist each worker opens the adapter
for itself; what the adapter offers, and so what there is to judge, the controller finds out once and hands on.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from ...adapters import Adapter, AdapterError, Offer, open_adapter
from ...adapters.contract import DTYPES
from ..cases.profiles import PROFILES
from ..components import CLAUSES, COMPONENTS
from ..judging.judging import judge_clause
from ..judging.plan import Line, Selection, in_turn, plan
from ..judging.result import Result
from .arguments import listed, seconds, seed
from .explaining import facts, opening, title
from .foreign_text import visible

PROPERTY: Final = "assay"
"""The user property under which an item leaves its result, as JSON."""

OPENED: Final = pytest.StashKey[dict[str, Adapter]]()
"""The adapters that this process has opened, by what names them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option begins with --assay."""
    group = parser.getgroup("assay", "conformance of a Transformer implementation")
    group.addoption(
        "--assay", metavar="ADAPTER", action="append", default=[], help="judge this adapter; may be repeated"
    )
    group.addoption("--assay-as", metavar="COMPONENT", help="what a bare function is")
    group.addoption("--assay-framework", metavar="NAME", help="whose arrays a bare function takes")
    for option, known, form in (
        ("--assay-component", COMPONENTS, "NAME,..."),
        ("--assay-dtype", DTYPES, "NAME,..."),
        ("--assay-clause", CLAUSES, "ID,..."),
    ):
        what = option.removeprefix("--assay-")
        note = f"only these {what}s; may be repeated"
        group.addoption(option, action="extend", type=listed(what, known), metavar=form, default=[], help=note)
    group.addoption("--assay-profile", choices=list(PROFILES), default="quick", help="how many cases (default: quick)")
    group.addoption("--assay-seed", type=seed, default=0, help="the seed of all cases (default: 0)")
    group.addoption("--assay-timeout", type=seconds, default=60.0, help="seconds a call may take (default: 60)")
    group.addoption("--assay-in-process", action="store_true", help="no worker process, for debuggers")
    group.addoption("--assay-offers", help="what the adapters offer, as JSON: internal, from controller to workers")


def pytest_configure(config: pytest.Config) -> None:
    """Find out what the adapters offer, unless somebody did."""
    config.stash.setdefault(OPENED, {})
    option = config.option
    if option.assay and option.assay_offers is None:
        try:
            offers = {spec: dataclasses.asdict(_opened(config, spec).offer) for spec in option.assay}
        except AdapterError as error:
            raise pytest.UsageError(visible(error)) from None
        for dtype in option.assay_dtype:
            if not any(dtype in offer["dtypes"] for offer in offers.values()):
                raise pytest.UsageError(f"--assay-dtype: {visible(', '.join(offers))} does not take {dtype}")
        option.assay_offers = json.dumps(offers)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    opened = config.stash.get(OPENED, {})
    while opened:
        opened.popitem()[1].close()


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the clauses after whatever else there is."""
    option = config.option
    offers = json.loads(option.assay_offers or "{}")
    selection = Selection(option.assay_component, option.assay_dtype, option.assay_clause)
    for spec, offer in offers.items():
        prefix = f"{visible(spec)}::" if len(offers) > 1 else ""
        items += [
            ClauseItem.from_parent(session, name=prefix + line.name, spec=spec, line=line)
            for line in in_turn(plan(_offer(offer), selection))
            if line.offered
        ]


def pytest_report_header(config: pytest.Config) -> Iterator[str]:
    """Who is judged."""
    for spec, offer in json.loads(config.option.assay_offers or "{}").items():
        implementation = f"{offer['package']} {offer['version']} on {offer['device']}"
        yield f"assay: {visible(f'{spec} ({implementation})')}, seed {config.option.assay_seed}"


class ClauseViolated(AssertionError):
    """A required clause failed."""


class ClauseItem(pytest.Item):
    """One clause on one component in one dtype."""

    def __init__(self, *, spec: str, line: Line, **rest: Any) -> None:
        """Nothing is opened yet."""
        super().__init__(**rest)
        self.spec, self.line = spec, line

    def runtest(self) -> None:
        """Judge, leave the result, and fail, skip or pass by it."""
        option = self.config.option
        adapter = _opened(self.config, self.spec)
        profile = PROFILES[option.assay_profile]
        line = self.line
        result = judge_clause(adapter, line.clause, line.component, line.dtype, profile, option.assay_seed)
        self.user_properties.append((PROPERTY, json.dumps(result.as_json())))
        if result.status == "unsupported":
            pytest.skip(visible(result.reason or "unsupported"))
        if result.failure is not None:
            opened = opening(self.spec, option.assay_as, option.assay_framework)
            text = _failure_text(self.spec, opened, result)
            if line.clause.level == "advisory":
                pytest.xfail(text)
            raise ClauseViolated(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The facts, and no traceback through the judge."""
        if isinstance(excinfo.value, ClauseViolated):
            return str(excinfo.value)
        if isinstance(excinfo.value, AdapterError):
            return visible(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Where pytest says that it is."""
        return f"assay {visible(self.spec)}", None, self.line.name


def _failure_text(spec: str, opened: str, result: Result) -> str:
    """The five facts in plain text."""
    lines = [f"  {name:8} {visible(text)}" for name, text in facts(opened, result).items()]
    return "\n".join([visible(title(spec, result)), *lines])


def _opened(config: pytest.Config, spec: str) -> Adapter:
    opened, option = config.stash[OPENED], config.option
    if spec not in opened:
        opened[spec] = open_adapter(
            spec,
            component=option.assay_as,
            framework=option.assay_framework,
            timeout=option.assay_timeout,
            in_process=option.assay_in_process,
        )
    return opened[spec]


def _offer(data: dict[str, Any]) -> Offer:
    tuples = ("dtypes", "functions", "gradients", "layouts", "notes")
    fields: dict[str, Any] = {name: tuple(value) if name in tuples else value for name, value in data.items()}
    return Offer(**fields)
