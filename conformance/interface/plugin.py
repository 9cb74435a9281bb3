"""The pytest plugin: one item a clause, component and dtype. `pytest --assay my_kernel.py` adds them to any suite.

`assay run` is the same items in a pytest session of its own (`running.py`). What is judged is found out once: by the
session, or by `assay run` before it. Under xdist the controller hands it on, and each worker opens the adapter itself.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from ...adapters import Adapter, AdapterError, Opening
from ...adapters.declaration import UserError
from ...adapters.foreign_text import visible
from ..cases.profiles import PROFILES, profile_with, seed_for
from ..components import CLAUSES
from ..judging.judging import judge_line
from ..judging.memory import budget_by_default
from ..judging.plan import Line, in_turn, plan
from ..judging.result import Result
from ..judging.too_wide import check_declared
from ..terms.recent import RecentReplies
from .explaining import facts, title
from .options import JUDGING, OPENING, add_options, opening, selection
from .shapes import shapes_judged

PROPERTY: Final = "assay"
"""The user property under which an item leaves its result, as JSON."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """One adapter of a session, and what is judged of it."""

    opening: Opening
    lines: Sequence[Line]
    profile: str
    seed: int
    shapes: Sequence[Mapping[str, int]] = ()
    """Sizes of the user's own."""
    memory: int | None = None
    """The bytes that cases at the sizes of models may need, in all processes of the session together."""

    def as_input(self) -> str:
        """Return what a worker of xdist needs, as JSON: that holds the name of a file which is no UTF-8, too."""
        lines = [(line.clause.id, line.component, line.dtype, line.again) for line in self.lines]
        return json.dumps({**vars(self), "opening": vars(self.opening), "lines": lines})

    @staticmethod
    def from_input(text: str) -> "Judged":
        """Return what `as_input` sent."""
        sent = json.loads(text)
        lines = [
            Line(CLAUSES[clause], component, dtype, offered=True, again=again)
            for clause, component, dtype, again in sent["lines"]
        ]
        return Judged(**{**sent, "opening": Opening(**sent["opening"]), "lines": lines})


JUDGED: Final = pytest.StashKey[list[Judged]]()
"""What this session judges."""

OPENED: Final = pytest.StashKey[dict[Opening, Adapter]]()
"""The adapters that this process has opened."""

RECENT: Final = pytest.StashKey[dict[Opening, RecentReplies]]()
"""What each of them has answered lately."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each of which begins with --assay."""
    group = parser.getgroup("assay", "conformance of a Transformer implementation")
    group.addoption(
        "--assay", metavar="ADAPTER", action="append", default=[], help="judge this adapter; may be repeated"
    )
    add_options(group.addoption, OPENING, "assay-")
    add_options(group.addoption, JUDGING, "assay-")


def pytest_configure(config: pytest.Config) -> None:
    """Find out what there is to judge, unless somebody did."""
    config.stash.setdefault(OPENED, {})
    config.stash.setdefault(RECENT, {})
    if JUDGED not in config.stash:
        sent = getattr(config, "workerinput", {}).get("assay")
        config.stash[JUDGED] = _asked_for(config) if sent is None else list(map(Judged.from_input, sent))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand it on to a worker of xdist."""
    node.workerinput["assay"] = [judged.as_input() for judged in node.config.stash[JUDGED]]


def _asked_for(config: pytest.Config) -> list[Judged]:
    """Open the adapters of the command line, and make a plan for each."""
    option = config.option
    openings = [opening(spec, option, "assay_") for spec in dict.fromkeys(option.assay)]
    try:
        offers = [_opened(config, each).offer for each in openings]
    except UserError as error:
        raise pytest.UsageError(visible(error)) from None
    for dtype in option.assay_dtype:
        if openings and not any(dtype in offer.dtypes for offer in offers):
            names = visible(", ".join(option.assay))
            raise pytest.UsageError(f"--assay-dtype: {names} does not take {dtype}")
    chosen = selection(option, "assay_")
    profile = dataclasses.replace(PROFILES[option.assay_profile], explains=True)
    plans = [[line for line in plan(offer, chosen, profile) if line.offered] for offer in offers]
    seed, _ = seed_for(option.assay_profile, option.assay_seed)
    try:
        for each in zip(offers, plans, strict=True):
            check_declared(*each)
    except UserError as error:
        raise pytest.UsageError(visible(error)) from None
    try:
        shapes = [shapes_judged(option.assay_shape, *each) for each in zip(offers, plans, strict=True)]
    except UserError as error:
        raise pytest.UsageError(f"--assay-shape: {visible(error)}") from None
    memory = budget_by_default() if option.assay_memory is None else option.assay_memory
    return [
        Judged(each, lines, option.assay_profile, seed, own, memory)
        for each, lines, own in zip(openings, plans, shapes, strict=True)
    ]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    opened = config.stash.get(OPENED, {})
    while opened:
        opened.popitem()[1].close()


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the clauses after whatever else there is."""
    several = len(config.stash[JUDGED]) > 1
    for judged in config.stash[JUDGED]:
        prefix = f"{visible(judged.opening.spec)}::" if several else ""
        items += [
            ClauseItem.from_parent(session, name=prefix + line.name, judged=judged, line=line)
            for line in in_turn(judged.lines)
        ]


def pytest_report_header(config: pytest.Config) -> Iterator[str]:
    """Say who is judged."""
    for judged in config.stash[JUDGED]:
        offer = _opened(config, judged.opening).offer
        implementation = f"{judged.opening.spec} ({offer.package} {offer.version} on {offer.device})"
        yield f"assay: {visible(implementation)}, seed {judged.seed}"


class ClauseViolated(AssertionError):
    """A required clause failed."""


class ClauseItem(pytest.Item):
    """One clause on one component in one dtype."""

    def __init__(self, *, judged: Judged, line: Line, **rest: Any) -> None:
        """Begin with nothing opened."""
        super().__init__(**rest)
        self.judged, self.line = judged, line

    def runtest(self) -> None:
        """Judge, leave the result, and fail, skip or pass by it."""
        judged, line = self.judged, self.line
        processes = getattr(self.config, "workerinput", {}).get("workercount", 1)
        memory = None if judged.memory is None else judged.memory // processes
        adapter, profile = _opened(self.config, judged.opening), profile_with(judged.profile, judged.shapes, memory)
        recent = self.config.stash[RECENT].setdefault(judged.opening, RecentReplies())
        result = judge_line(adapter, line, profile, judged.seed, recent)
        self.user_properties.append((PROPERTY, json.dumps(result.as_json())))
        if result.status in ("unsupported", "vacuous"):
            pytest.skip(visible(result.reason or "unsupported"))
        if result.failure is not None:
            text = _failure_text(judged.opening, result)
            if line.clause.level == "advisory":
                pytest.xfail(text)
            raise ClauseViolated(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the facts, and no traceback through the judge."""
        if isinstance(excinfo.value, ClauseViolated):
            return str(excinfo.value)
        if isinstance(excinfo.value, AdapterError):
            return visible(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Return where pytest says that it is."""
        return f"assay {visible(self.judged.opening.spec)}", None, self.line.name


def _failure_text(opened: Opening, result: Result) -> str:
    """Return the five facts in plain text."""
    lines = [f"  {name:8} {text}" for name, text in facts(opened, result).items()]
    return "\n".join([visible(title(opened.spec, result)), *lines])


def _opened(config: pytest.Config, wanted: Opening) -> Adapter:
    opened = config.stash[OPENED]
    if wanted not in opened:
        opened[wanted] = wanted.open()
    return opened[wanted]
