"""What a person sees: the table, the failures as five facts, the list of adapters, the clauses."""

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ...adapters import Listed
from ...adapters.contract import DTYPES
from ...adapters.foreign_text import visible
from ..components import COMPONENTS
from ..judging.result import Result
from ..terms.clause import Clause
from .comparing import names_of
from .explaining import facts, replay_command, title
from .report import Report
from .report_json import rows_of
from .tally import tally

if TYPE_CHECKING:
    from ..claims.coverage import Covered

_BELOW: Final = "    "


class Screen(Console):
    """A console that takes no text for markup."""

    def __init__(self, *, stderr: bool = False, quiet: bool = False) -> None:
        """Show texts as they are: brackets, colons and numbers mean nothing to it. A quiet one shows none."""
        super().__init__(stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)
        if not self.width:  # COLUMNS=0, where nothing could be shown
            self.width = 80

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Print one line, which the terminal may wrap, of plain parts and of (text, style) pairs."""
        self.print(Text.assemble(*parts), soft_wrap=True)


def show_report(screen: Screen, report: Report) -> None:
    """Print the table, then every failure, whole: what is asked for with -v."""
    screen.print(table_of(report))
    for result in report.failures:
        _show_failure(screen, report, result)
    for result in report.warnings:
        assert result.failure is not None
        where = f" {result.clause} {result.component} {result.dtype}: {visible(result.failure.message)}"
        screen.say("\n", ("advisory", "yellow"), where)
        screen.say(f"  {replay_command(report.opening, result)}")


def table_of(report: Report) -> Table:
    """Make the table of components and dtypes: what passes, with its largest error ratio, and what fails."""
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
    found = tally(results)
    if not found.done and not found.unseen:
        return Text("unsupported" if any(each.status == "unsupported" for each in results) else "", style="dim")
    several = ((found.allowed, "allowed to fail"), (found.vacuous, "vacuous"))
    beside = "".join(f", {number} {word}" for number, word in several if number)
    if found.failed:
        allowed = f", {found.allowed} allowed to" * bool(found.allowed)
        return Text(f"{found.failed} of {found.done} fail{allowed}", style="red")
    if found.unseen:
        return Text("no evidence", style="yellow")
    if not found.passed:
        return Text(beside.removeprefix(", "), style="yellow")
    counts, last = f"{found.passed} pass{beside}", found.precision_class
    return _Passed(
        f"{counts}, worst ratio {found.ratio:.2f}" + (f", precision class {last}" if last else ""),
        f"{counts}, {found.ratio:.2f}" + (f", class {last}" if last else ""),
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
    names = names_of(reports)
    every = [(name, row) for name, report in zip(names, reports, strict=True) for row in rows_of(report)]
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
    for name, report in zip(names, reports, strict=True):
        if "incomplete" in report:
            said = f"{name}: {report['checked']} of {report['expected']} checks were made"
            screen.say((visible(said), "yellow"))
