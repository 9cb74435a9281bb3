"""What a person sees: the table, the failures as five facts, the list of adapters, the clauses."""

import dataclasses
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ...adapters import Listed
from ...adapters.contract import DTYPES
from ...adapters.foreign_text import visible
from ..components import CLAUSES, COMPONENTS
from ..judging.result import Result, lack_of_evidence
from ..terms.case import in_words
from ..terms.clause import Clause
from .ending import remarks
from .explaining import facts, replay_command, title
from .report import CONFORMS, NO_EVIDENCE, VIOLATES, Report

if TYPE_CHECKING:
    from ..claims.coverage import Covered

_VERDICTS: Final = {
    CONFORMS: ("conforms", "bold green"),
    VIOLATES: ("violates", "bold red"),
    NO_EVIDENCE: ("nothing could be checked", "bold yellow"),
}
_UNDECIDED: Final = ("no verdict", "bold yellow")
_BELOW: Final = "    "
_EVERY: Final = 10.0
"""Seconds between two lines of progress, where the screen cannot be drawn over."""


class Screen(Console):
    """A console that takes no text for markup."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Show texts as they are: brackets, colons and numbers mean nothing to it."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        if not self.width:  # COLUMNS=0, where nothing could be shown
            self.width = 80

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Print one line, which the terminal may wrap, of plain parts and of (text, style) pairs."""
        self.print(Text.assemble(*parts), soft_wrap=True)


class Ticker:
    """Progress: a bar on a terminal, a line now and then elsewhere. On standard error, so that a pipe stays clean."""

    def __init__(self, judged: str, total: int) -> None:
        """Begin with nothing shown."""
        self._console = Screen(stderr=True)
        self._name, self._total, self._done, self._failed = visible(judged), total, 0, 0
        self._last = time.monotonic()
        name = TextColumn("{task.description}", markup=False)
        columns = (name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task(f"judging {self._name}", total=total)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress while the run goes on."""
        if not self._console.is_terminal:
            yield
            return
        with self._progress:
            yield

    def heard(self, result: Result) -> None:
        """Count one more result."""
        self._done += 1
        self._failed += result.status == "fail"
        # What explains a failure comes on top.
        self._total = max(self._total, self._done)
        if self._console.is_terminal:
            what = f"judging {self._name}" + (f", {self._failed} failed" if self._failed else "")
            self._progress.update(self._task, advance=1, total=self._total, description=what)
        elif time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            failed = f", {self._failed} failed" if self._failed else ""
            said = f"{self._name}: {self._done} of {self._total} clauses judged{failed}"
            self._console.say(said)


def show_report(screen: Screen, report: Report) -> None:
    """Print the table, then every failure, then what else should be known."""
    screen.print(_table(report))
    for result in report.failures:
        _show_failure(screen, report, result)
    for result in report.warnings:
        assert result.failure is not None
        where = f" {result.clause} {result.component} {result.dtype}: {visible(result.failure.message)}"
        screen.say("\n", ("advisory", "yellow"), where)
        screen.say(f"  {replay_command(report.opening, result)}")
    for result in report.results if report.shapes else ():
        if CLAUSES[result.clause].at_size and result.reason and result.status != "not-offered":
            screen.say(f"{result.clause} {result.component} {result.dtype}: {visible(result.reason)}")
    for note in report.offer.notes:
        screen.say((f"note: {visible(note)}", "dim"))
    for sentence in remarks(report):
        screen.say((sentence, "yellow"))
    _show_verdict(screen, report)


def _show_verdict(screen: Screen, report: Report) -> None:
    implementation = " ".join(filter(None, (report.offer.package, report.offer.version)))
    where = f" ({implementation} on {report.offer.device})" if implementation else ""
    advisory = sum(each.level == "advisory" and each.status in ("pass", "fail", "allowed") for each in report.results)
    beside = f"; {advisory} advisory ones, which the table leaves out" if advisory else ""
    counts = [f"{report.checked} of {len(report.due)} checks made (of a clause in a dtype each{beside})"]
    for word, status in (
        ("not offered", "not-offered"),
        ("unsupported", "unsupported"),
        ("allowed to fail", "allowed"),
        ("vacuous", "vacuous"),
    ):
        count = sum(result.status == status for result in report.results)
        counts += [f"{count} {word}"] if count else []
    sizes = ", few sizes" if report.offer.sizes == "few" else ""
    sizes += f", and the sizes {' and '.join(map(in_words, report.shapes))}" if report.shapes else ""
    sizes += f", nothing beyond precision class {report.offer.precision_class}" * (report.offer.precision_class < 3)
    sizes += ", with the judge's declarations" * (report.offer.declared_by == "judge")
    late = ", drawn after it was loaded" if report.late else ""
    incomplete = "; the run was interrupted" if report.interrupted else ""
    said = _UNDECIDED if report.interrupted and not report.failures else _VERDICTS[report.verdict]
    if said == _VERDICTS[NO_EVIDENCE] and any(result.status == "allowed" for result in report.results):
        said = ("nothing but failures that are allowed", "bold yellow")
    screen.say(
        f"\n{visible(report.offer.name + where)}: ",
        said,
        f"{_limits(report)}{_unseen(report)}: {len(report.failures)} violations, {len(report.warnings)} advisory; "
        f"{', '.join(counts)}{incomplete}. Profile {report.profile}{sizes}, seed {report.seed}{late}.",
    )


def _limits(report: Report) -> str:
    """Name the largest sizes that were judged, of each component that had no room or no time for larger ones."""
    each = (
        f"{component} to {', '.join(f'{name} = {size:,}' for name, size in sizes.items())}"
        if sizes
        else f"{component}, but not at every size"
        for component, sizes in report.limits.items()
    )
    return "".join(f"; {one}" for one in each)


def _unseen(report: Report) -> str:
    """Name the components of which there is no evidence in a dtype, and say why."""
    each = ((" in ".join(filter(None, pair)), why) for pair, why in report.unseen.items())
    return "".join(f"; no evidence of {what}: {why}" for what, why in each)


def _table(report: Report) -> Table:
    table = Table(title=None, header_style="bold")
    results = report.results
    judged = [result for result in results if result.status != "not-offered"]
    # Texts have no dtype; neither has what was never judged.
    dtypes = [dtype for dtype in (*DTYPES, "") if any(result.dtype == dtype for result in judged or results)]
    table.add_column("component")
    for dtype in dtypes:
        table.add_column(dtype or "no dtype")
    for component in dict.fromkeys(result.component for result in results):
        cells = {
            dtype: [each for each in results if (each.component, each.dtype) == (component, dtype)] for dtype in dtypes
        }
        if any(each.status != "not-offered" for cell in cells.values() for each in cell):
            table.add_row(component, *(_cell(cells[dtype]) for dtype in dtypes))
    return table


def _cell(results: Sequence[Result]) -> RenderableType:
    """Show passes, the largest error ratio and the precision class; or how many clauses fail, or that none could."""
    done = [each for each in results if each.status in ("pass", "fail", "allowed") and each.level == "required"]
    unseen = lack_of_evidence(results)
    if not done and not unseen:
        return Text("unsupported" if any(each.status == "unsupported" for each in results) else "", style="dim")
    failed = sum(each.status == "fail" for each in done)
    allowed = sum(each.status == "allowed" for each in done)
    vacuous = sum(each.status == "vacuous" and each.level == "required" for each in results)
    beside = "".join(f", {n} {word}" for n, word in ((allowed, "allowed to fail"), (vacuous, "vacuous")) if n)
    if failed:
        return Text(f"{failed} of {len(done)} fail" + f", {allowed} allowed to" * bool(allowed), style="red")
    if unseen:
        return Text("no evidence", style="yellow")
    passed = [each for each in done if each.status == "pass"]
    if not passed:
        return Text(beside.removeprefix(", "), style="yellow")
    ratio = max(each.worst_ratio or 0.0 for each in passed)
    number = max((each.precision_class or 0 for each in passed), default=0)
    counts = f"{len(passed)} pass{beside}"
    return _Passed(
        f"{counts}, worst ratio {ratio:.2f}" + (f", precision class {number}" if number else ""),
        f"{counts}, {ratio:.2f}" + (f", class {number}" if number else ""),
    )


@dataclasses.dataclass(frozen=True)
class _Passed:
    """A cell in whole words, or in fewer where the screen is too narrow for them."""

    words: str
    fewer: str

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(len(self.fewer), len(self.words))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield Text(self.words if len(self.words) <= options.max_width else self.fewer, style="green")


def _show_failure(screen: Screen, report: Report, result: Result) -> None:
    screen.say((f"\n{visible(title(report.opening.spec, result))}", "bold red"))
    for name, text in facts(report.opening, result).items():
        screen.say("  ", (f"{name:8}", "dim"), f" {text}")


def show_adapters(screen: Screen, adapters: Sequence[Listed]) -> None:
    """Print name and version, or the command that installs it, on a line to be copied; below that, what it offers."""
    for each in adapters:
        version = f"{each.package} {each.version}".strip() if each.installed else f"not installed: {each.install}"
        device = f" on {each.device}" if each.device not in ("", "cpu") else ""
        conventions = ", ".join(f"{name} = {value}" for name, value in each.conventions.items())
        offers = ", ".join(each.functions) or f"known when opened ({each.source})"
        screen.say((visible(each.name), "bold"), f"  {visible(version + device)}")
        for text in filter(None, (", ".join(each.dtypes), offers, conventions)):
            below = textwrap.fill(visible(text), screen.width, initial_indent=_BELOW, subsequent_indent=_BELOW)
            screen.say((below, "dim"))


def show_clauses(screen: Screen, clauses: Sequence[Clause]) -> None:
    """Print the sentence, formula and source of each, and why it is there."""
    for clause in clauses:
        level = (" (advisory)", "yellow") if clause.level == "advisory" else ""
        screen.say((clause.id, "bold"), "  ", (clause.component or "every component", "dim"), level)
        for text in filter(None, (clause.sentence, clause.formula, clause.source, clause.why)):
            screen.say(textwrap.indent(text, _BELOW))


def show_coverage(screen: Screen, rows: Sequence["Covered"]) -> None:
    """Print what the notes say, down; oracle functions, clauses, the verdict on a claim, and adapters across."""
    from ..claims.coverage import ranges  # as the command imports it: with the first use

    table = Table(header_style="bold", show_lines=True)
    for heading in ("notes", "what they say", "oracle", "clauses", "claim", "adapters"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            row.number,
            row.says,
            "\n".join(row.functions),
            ", ".join(ranges(row.clauses)),
            row.verdict,
            "\n".join(row.adapters),
        )
    screen.print(table)


def show_comparison(screen: Screen, reports: Sequence[Mapping[str, Any]]) -> None:
    """Print components and implementations down, dtypes across: failures, or the largest error ratio."""
    known = [field.name for field in dataclasses.fields(Result) if field.name != "failure"]
    every = [
        (_named(report), Result(**{name: each[name] for name in known if name in each}))
        for report in reports
        for each in report["results"]
    ]
    judged = [(adapter, row) for adapter, row in every if row.status not in ("not-offered", "unsupported")]
    dtypes = [dtype for dtype in (*DTYPES, "") if any(row.dtype == dtype for _, row in judged)]
    table = Table(header_style="bold")
    table.add_column("adapter", no_wrap=True)
    for dtype in dtypes:
        table.add_column(dtype or "no dtype", min_width=len("bfloat16"))
    for component in (each for each in COMPONENTS if any(row.component == each for _, row in judged)):
        adapters = list(dict.fromkeys(adapter for adapter, row in judged if row.component == component))
        table.add_row(Text(component, style="bold"))
        for name in adapters:
            rows = [row for adapter, row in every if (adapter, row.component) == (name, component)]
            cells = [[row for row in rows if row.dtype == dtype] for dtype in dtypes]
            shown = (_cell(cell) if cell else "" for cell in cells)
            table.add_row(visible(name), *shown, end_section=name == adapters[-1])
    screen.print(table)
    for report in reports:
        if "incomplete" in report:
            said = f"{_named(report)}: {report['checked']} of {report['expected']} checks were made"
            screen.say((visible(said), "yellow"))


def _named(report: Mapping[str, Any]) -> str:
    """Name the adapter of a report; half a run must not look whole."""
    name: str = report["adapter"]
    return f"{name} (interrupted)" if "incomplete" in report else name
