"""The pytest plugin: one item a clause, component and dtype. `pytest --assay my_kernel.py` runs them in anybody's suite.

`assay run` is the same items in a pytest session of its own (`running.py`). Under xdist each worker opens the adapter
for itself; what the adapter offers, and so what there is to judge, the controller finds out once and hands on.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from ..adapters import Adapter, AdapterError, Offer, open_adapter
from .judging import Result, judge_clause
from .plan import Line, Selection, plan
from .profiles import PROFILES

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
    group.addoption("--assay-component", metavar="NAME,...", default="", help="only these components")
    group.addoption("--assay-dtype", metavar="NAME,...", default="", help="only these dtypes")
    group.addoption("--assay-clause", metavar="ID,...", default="", help="only these clauses")
    group.addoption("--assay-profile", choices=list(PROFILES), default="quick", help="how many cases (default: quick)")
    group.addoption("--assay-seed", type=int, default=0, help="the seed of all cases (default: 0)")
    group.addoption("--assay-timeout", type=float, default=60.0, help="seconds a call may take (default: 60)")
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
            raise pytest.UsageError(str(error)) from None
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
    selection = Selection(_names(option.assay_component), _names(option.assay_dtype), _names(option.assay_clause))
    for spec, offer in offers.items():
        prefix = f"{spec}::" if len(offers) > 1 else ""
        for line in plan(_offer(offer), selection):
            if line.offered:
                items.append(ClauseItem.from_parent(session, name=prefix + line.name, spec=spec, line=line))


def pytest_report_header(config: pytest.Config) -> Iterator[str]:
    """Who is judged."""
    for spec, offer in json.loads(config.option.assay_offers or "{}").items():
        yield f"assay: {spec} ({offer['package']} {offer['version']} on {offer['device']}), seed {config.option.assay_seed}"


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
            pytest.skip(result.reason or "unsupported")
        if result.failure is not None:
            text = failure_text(result, line)
            if line.clause.level == "advisory":
                pytest.xfail(text)
            raise ClauseViolated(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The facts, and no traceback through the judge."""
        if isinstance(excinfo.value, ClauseViolated | AdapterError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Where pytest says that it is."""
        return f"assay {self.spec}", None, self.line.name


def failure_text(result: Result, line: Line) -> str:
    """The five facts of a failure in plain text."""
    assert result.failure is not None
    return "\n".join(
        (
            f"{result.component} in {result.dtype or 'its own format'} violates {result.clause}: {line.clause.sentence}",
            f"  formula  {line.clause.formula}",
            f"  source   {line.clause.source}",
            f"  found    {result.failure.message}",
            f"  case     assay replay '{result.failure.case}'",
        )
    )


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _offer(data: dict[str, Any]) -> Offer:
    tuples = ("dtypes", "functions", "gradients", "layouts", "notes")
    return Offer(**{name: tuple(value) if name in tuples else value for name, value in data.items()})
