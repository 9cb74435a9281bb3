"""The pytest plugin: one item a clause, component and dtype. `pytest --assay my_kernel.py` adds them to any suite.

`assay run` is the same items in a pytest session of its own (`running.py`). What is judged is found out once: by the
session, or by `assay run` before it. Under xdist the controller hands it on, and each worker opens the adapter itself.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from ...adapters import Adapter, AdapterError, Opening
from ...adapters.declaration import UserError
from ...adapters.foreign_text import visible
from ..cases.profiles import PROFILES, profile_with, seed_for
from ..components import CLAUSES
from ..judging.ahead import Begun
from ..judging.causes import causes_of
from ..judging.findings import Findings
from ..judging.judging import explain_line, judge_line
from ..judging.memory import budget_by_default
from ..judging.plan import Line, in_turn, plan
from ..judging.too_wide import check_declared
from ..terms.recent import RecentReplies
from .allowances import allow
from .allowed import Allowed, allowed_from, read_allowed
from .baseline import baseline_of, known_failures
from .collecting import adapter_from_root, asked_for, from_root, id_of, named_lines
from .explaining import failure_text
from .journal import Journal
from .listening import PROPERTY, Heard, Listener
from .locating import file_of, line_of
from .options import COMPARING, JUDGING, OPENING, UsageError, add_options, opening, selection
from .report_json import read_json
from .shapes import shapes_judged
from .sharding import lines_of
from .smoking import Wires


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
    name: str = ""
    """What the ids of its clauses begin with."""
    allowed: Sequence[Allowed] = ()
    """Known failures."""
    before: Mapping[str, Any] | None = None
    """The report of the baseline."""
    journal: str = ""
    """The folder in which processes note what they judge."""
    explained: bool = True
    """Whether what fails is explained where it is found; else whoever gathers the results does it, in one order."""

    def as_input(self) -> str:
        """Return what a worker of xdist needs, as JSON: that holds the name of a file which is no UTF-8, too."""
        lines = [(line.clause.id, line.component, line.dtype, line.again) for line in self.lines]
        allowed = [each.line for each in self.allowed]
        return json.dumps({**vars(self), "opening": vars(self.opening), "lines": lines, "allowed": allowed})

    @staticmethod
    def from_input(text: str) -> "Judged":
        """Return what `as_input` sent."""
        sent = json.loads(text)
        lines = [
            Line(CLAUSES[clause], component, dtype, offered=True, again=again)
            for clause, component, dtype, again in sent["lines"]
        ]
        allowed = [entry for line in sent["allowed"] for entry in allowed_from(line)]
        return Judged(**{**sent, "opening": Opening(**sent["opening"]), "lines": lines, "allowed": allowed})


JUDGED: Final = pytest.StashKey[list[Judged]]()
"""What this session judges."""

OPENED: Final = pytest.StashKey[dict[Opening, Adapter]]()
"""The adapters that this process has opened."""

RECENT: Final = pytest.StashKey[dict[Opening, RecentReplies]]()
"""What each of them has answered lately."""

BEGUN: Final = pytest.StashKey[dict[Opening, dict[Line, Begun]]]()
"""The lines of each that have been looked at ahead of their turn."""

FOUND: Final = pytest.StashKey[dict[Opening, Findings]]()
"""What was wrong with each of them so far."""

WIRES: Final = pytest.StashKey[dict[Opening, Wires]]()
"""What the smoke cases have shown of each of them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each of which begins with --assay."""
    group = parser.getgroup("assay", "conformance of a Transformer implementation")
    group.addoption(
        "--assay", metavar="ADAPTER", action="append", default=[], help="judge this adapter; may be repeated"
    )
    add_options(group.addoption, OPENING, "assay-")
    add_options(group.addoption, JUDGING, "assay-")
    add_options(group.addoption, COMPARING, "assay-")


def pytest_configure(config: pytest.Config) -> None:
    """Find out what there is to judge, unless somebody did."""
    config.addinivalue_line("markers", "assay: a clause that an adapter is judged by (--assay)")
    config.stash.setdefault(OPENED, {})
    config.stash.setdefault(RECENT, {})
    config.stash.setdefault(BEGUN, {})
    config.stash.setdefault(FOUND, {})
    config.stash.setdefault(WIRES, {})
    if (sent := getattr(config, "workerinput", {}).get("assay")) is not None:
        config.stash[JUDGED] = list(map(Judged.from_input, sent["judged"]))
        config.args[:] = sent["args"]
    elif JUDGED not in config.stash:
        config.stash[JUDGED] = judged = _asked_for(config)
        heard = [
            Heard(
                {f"{each.name}::{line.name}": line for line in each.lines},
                _opened(config, each.opening).offer,
                each.allowed,
                each.before,
            )
            for each in judged
        ]
        if heard:
            option = config.option
            config.pluginmanager.register(Listener(heard, option.assay_worse_by, strict=option.assay_strict))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand it on to a worker of xdist."""
    judged = [each.as_input() for each in node.config.stash[JUDGED]]
    node.workerinput["assay"] = {"judged": judged, "args": list(map(str, node.config.args))}


def _asked_for(config: pytest.Config) -> list[Judged]:
    """Open the adapters of the command line, and make a plan for each."""
    option = config.option
    option.assay_declare = option.assay_declare and from_root(config, option.assay_declare)
    specs = asked_for(config, [adapter_from_root(config, spec) for spec in dict.fromkeys(option.assay)])
    try:
        return _plans(config, [opening(spec, option, "assay_") for spec in specs])
    except UserError as error:
        raise pytest.UsageError(visible(error)) from None


def _plans(config: pytest.Config, openings: Sequence[Opening]) -> list[Judged]:
    option = config.option
    offers = [_opened(config, each).offer for each in openings]
    for dtype in option.assay_dtype:
        if openings and not any(dtype in offer.dtypes for offer in offers):
            names = ", ".join(option.assay)
            raise UsageError(f"--assay-dtype: {names} does not take {dtype}")
    chosen = selection(option, "assay_")
    profile = dataclasses.replace(PROFILES[option.assay_profile], explains=True)
    whole = [[line for line in plan(offer, chosen, profile) if line.offered] for offer in offers]
    for each in zip(offers, whole, strict=True):
        check_declared(*each)
    try:
        shapes = [shapes_judged(option.assay_shape, *each) for each in zip(offers, whole, strict=True)]
    except UserError as error:
        raise UsageError(f"--assay-shape: {error}") from None
    plans = [lines_of(option.assay_shard, lines) for lines in whole]
    path = option.assay_allow
    allowed = read_allowed(Path(from_root(config, path)), "--assay-allow") if path and openings else []
    baseline = read_json(Path(from_root(config, option.assay_baseline))) if option.assay_baseline and openings else []
    before = [baseline_of(baseline, each.name, option.assay_baseline) if baseline else None for each in offers]
    memory = budget_by_default() if option.assay_memory is None else option.assay_memory
    seed, _ = seed_for(option.assay_profile, option.assay_seed)
    named = named_lines(config, [each.spec for each in openings], plans)
    return [
        Judged(each, in_turn(lines), option.assay_profile, seed, own, memory, id_of(config, each.spec), allowed, old)
        for each, lines, own, all_lines, old in zip(openings, named, shapes, plans, before, strict=True)
        if lines or not all_lines
    ]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    opened = config.stash.get(OPENED, {})
    while opened:
        opened.popitem()[1].close()


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the clauses after whatever else there is."""
    for judged in config.stash[JUDGED]:
        collector = AdapterCollector.from_parent(session, name=judged.name, nodeid=judged.name, judged=judged)
        collected = collector.collect()
        # What pytest counts is what is reported as collected.
        session.ihook.pytest_collectreport(report=pytest.CollectReport(collector.nodeid, "passed", None, collected))
        items += [each for each in collected if isinstance(each, pytest.Item)]


def pytest_report_header(config: pytest.Config) -> Iterator[str]:
    """Say who is judged."""
    for judged in config.stash[JUDGED]:
        offer = _opened(config, judged.opening).offer
        implementation = f"{judged.opening.spec} ({offer.package} {offer.version} on {offer.device})"
        yield f"assay: {visible(implementation)}, seed {judged.seed}"


class ClauseViolated(AssertionError):
    """A required clause failed."""


class AdapterCollector(pytest.Collector):
    """One adapter, of which each clause is a test."""

    def __init__(self, *, judged: Judged, **rest: Any) -> None:
        """Begin with what is judged."""
        super().__init__(**rest)
        self.judged = judged

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """Return the clauses in turn."""
        each = [(line.name, line) for line in self.judged.lines]
        return [ClauseItem.from_parent(self, name=name, judged=self.judged, line=line) for name, line in each]


class ClauseItem(pytest.Item):
    """One clause on one component in one dtype."""

    def __init__(self, *, judged: Judged, line: Line, **rest: Any) -> None:
        """Begin with nothing opened."""
        super().__init__(**rest)
        self.judged, self.line = judged, line
        self.add_marker("assay")

    def runtest(self) -> None:
        """Judge, leave the result, and fail, skip or pass by it."""
        judged, line = self.judged, self.line
        processes = getattr(self.config, "workerinput", {}).get("workercount", 1)
        memory = None if judged.memory is None else judged.memory // processes
        adapter, profile = _opened(self.config, judged.opening), profile_with(judged.profile, judged.shapes, memory)
        recent = self.config.stash[RECENT].setdefault(judged.opening, RecentReplies())
        wires = self.config.stash[WIRES].setdefault(judged.opening, Wires())
        smoked = judged.explained and not self.config.option.assay_go_on
        crossed = wires.of(line.component, judged, adapter) if smoked else {}
        if crossed and line not in crossed:
            pytest.skip(f"not judged, since a wire is wrong: {', '.join(each.name for each in crossed)} says which")
        begun = self.config.stash[BEGUN].get(judged.opening, {}).pop(line, None)
        note = Journal(judged.journal, line).note
        result = crossed.get(line) or judge_line(adapter, line, profile, judged.seed, recent, begun, note)
        if judged.explained and not crossed:
            findings = self.config.stash[FOUND].setdefault(judged.opening, Findings())
            result = explain_line(adapter, line, profile, judged.seed, result, findings)
        allow([result], judged.allowed, causes_of([result]) if judged.allowed else ())
        self.user_properties.append((PROPERTY, json.dumps(result.as_json())))
        if result.status in ("unsupported", "vacuous"):
            pytest.skip(visible(result.reason or "unsupported"))
        if result.failure is not None:
            text = failure_text(judged.opening, result)
            if result.status == "allowed":
                pytest.xfail(f"allowed: {visible(result.reason or 'no reason is given')}\n{text}")
            if (result.clause, result.component, result.dtype) in known_failures(judged.before):
                pytest.xfail(f"as in the baseline: {text}")
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
        """Return where pytest says that it is: at the function, which it counts from 0."""
        file = file_of(self.judged.opening.spec)
        if file is None:
            return self.judged.name, None, self.line.name
        path = self.config.invocation_params.dir / file[0]
        return visible(path), line_of(path, self.line.component) - 1, self.line.name


def _opened(config: pytest.Config, wanted: Opening) -> Adapter:
    opened = config.stash[OPENED]
    if wanted not in opened:
        opened[wanted] = wanted.open()
    return opened[wanted]
