"""The command `assay`. Whatever the user gets wrong is one sentence on standard error and exit status 2."""

import argparse
import contextlib
import importlib.metadata
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from ...adapters import Adapter
from ...adapters.declaration import UserError
from ...adapters.foreign_text import visible, visible_lines
from ..cases.profiles import PROFILES, seed_for
from ..judging.memory import budget_by_default
from ..judging.plan import plan
from ..judging.result import Result
from ..judging.too_wide import check_declared
from . import terminal
from .allowed import Allowed, read_allowed
from .baseline import baseline_of
from .claiming import read_claim
from .each.options import add_what_each_takes, is_each
from .ending import exit_status
from .evidence import gather
from .github import tell_github
from .html_page import add_what_is_drawn, write_page
from .merging import merged
from .options import (
    COMPARING,
    JUDGING,
    OPENING,
    UsageError,
    add_options,
    check_dtypes,
    opening,
    seconds,
    selection,
    workers,
)
from .outputs import OUTPUTS, files_of, write_outputs
from .properties import add_what_is_shown, show_properties
from .repeating import words_of
from .replaying import add_what_is_replayed, replay
from .report import USAGE, Report
from .report_files import Saving, check_files
from .report_json import json_text, read_json
from .resuming import resume
from .running import run
from .shapes import shapes_judged
from .sharding import lines_of, part_of_report
from .showing import add_what_is_compared, compare_reports, list_adapters, show_spec
from .skeleton import add_arguments, write_skeleton
from .smoking import smoke_first
from .summary import show_summary
from .surroundings import complain, open_streams, signals_heard
from .ticker import Ticker
from .verifying import add_what_is_claimed, add_what_is_verified, asked_by, show_verified, write_claim

_INTERRUPTED: Final = 130
"""Before or after a run; in a run, what was judged counts."""
_INTERNAL: Final = 70
"""The judge itself failed: neither a verdict nor the user's mistake (EX_SOFTWARE of sysexits)."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Parse, do, exit."""
    open_streams()
    parsed = _parser().parse_args(arguments)
    try:
        with signals_heard():
            sys.exit(parsed.command(parsed))
    except UserError as error:
        complain(visible(error))
        sys.exit(USAGE)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay", description="Does a Transformer implementation compute what the formulas say?", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"assay {importlib.metadata.version('assay')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: Callable[[argparse.Namespace], int], description: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=description, description=description, allow_abbrev=False)
        made.set_defaults(command=do)
        return made

    judge = command("run", _run, "judge adapters; 0 conforms, 1 violates a clause, 2 usage, 3 nothing could be checked")
    judge.add_argument("adapter", nargs="*", metavar="ADAPTER", help="a name, a file, a module or exec:COMMAND (torch)")
    add_options(judge.add_argument, OPENING)
    add_options(judge.add_argument, JUDGING)
    judge.add_argument("-v", dest="verbose", action="store_true", help="show every check and every violation")
    judge.add_argument("-x", dest="first", action="store_true", help="stop at the first cause")
    judge.add_argument("--time", type=seconds, metavar="S", help="spend so many seconds, on what catches most first")
    judge.add_argument("-n", dest="workers", type=workers, default="0", metavar="WORKERS", help="a number, or auto")
    add_what_each_takes(judge)
    for option, output in OUTPUTS.items():
        judge.add_argument(option, type=Path, metavar="FILE", help=output.says)
    judge.add_argument("--resume", type=Path, metavar="REPORT", help="go on where an interrupted run of it stopped")
    add_options(judge.add_argument, COMPARING)

    command("list", list_adapters, "the adapters here, what each offers, and why one is unavailable")

    spec = command("spec", show_spec, "the clauses: what each one checks, its formula and its source")
    spec.add_argument("of", nargs="?", metavar="ID|COMPONENT", help="one clause, or those of one component (all)")
    spec.add_argument(
        "--coverage", action="store_true", help="what of the paper is judged, by which clauses, and on which adapters"
    )

    add_what_is_replayed(command("replay", _replay, "run one case again from its line"))

    join = command("merge", _merge, "join the reports of all parts of a run (--shard) into that of the whole")
    join.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    for option, output in OUTPUTS.items():
        join.add_argument(option, type=Path, metavar="FILE", help=output.says)

    begin = command("init", write_skeleton, "write the skeleton of an adapter of a function, and a workflow of GitHub")
    add_arguments(begin)

    add_what_is_drawn(command("html", write_page, "make a page of a report"))

    add_what_is_shown(command("properties", show_properties, "numerical properties, or a kernel's errors, drawn"))

    make = "make of a report a small file that anybody can check by repeating the run"
    add_what_is_claimed(command("claim", _claim, make))
    add_what_is_verified(command("verify", _verify, "repeat the run of a claim; 0 if it holds, 1 if it does not"))

    add_what_is_compared(command("compare", compare_reports, "reports side by side; of two versions, what changed"))
    return parser


def _run(parsed: argparse.Namespace) -> int:
    if is_each(parsed):
        from .each.command import judge_each

        return judge_each(parsed)
    screen = terminal.Screen()
    if parsed.in_process and parsed.workers != "0":
        raise UsageError("--in-process is for one process; leave out -n")
    files = files_of(parsed)
    check_files(files)
    allowed = read_allowed(Path(parsed.allow)) if parsed.allow else []
    saved = read_json(parsed.resume) if parsed.resume else []
    baseline = read_json(Path(parsed.baseline)) if parsed.baseline else []
    budget = _budget(parsed)
    reports: list[Report] = []
    refused: dict[str, str] = {}
    errors: list[str] = []
    unwritten: list[str] = []
    for spec in parsed.adapter or ["torch"]:
        try:
            report, wrong = _judged(spec, parsed, allowed, budget, saved, baseline, reports)
        except UserError as error:
            # What the others have shown, and will show, is kept.
            refused[spec] = visible(error)
            complain(refused[spec])
            continue
        reports.append(report)
        errors += wrong
        # The files before the screen: whatever becomes of that, they are there.
        unwritten = write_outputs(files, reports, refused)
        if parsed.verbose:
            terminal.show_report(screen, report)
        show_summary(screen, report, verbose=parsed.verbose)
        if report.interrupted:
            break
    if reports and refused:
        unwritten = write_outputs(files, reports, refused)
    for sentence in unwritten:
        complain(sentence)
    tell_github(reports, refused)
    if errors:
        return _failed(errors)
    if refused or unwritten:
        return USAGE
    return exit_status(reports, strict=parsed.strict)


def _judged(
    spec: str,
    parsed: argparse.Namespace,
    allowed: Sequence[Allowed],
    budget: int | None,
    saved: Sequence[Mapping[str, Any]],
    baseline: Sequence[Mapping[str, Any]],
    others: Sequence[Report],
) -> tuple[Report, list[str]]:
    """Judge one adapter after others; return its report, and what went wrong with the judge itself."""
    how = opening(spec, parsed)
    with contextlib.closing(how.open()) as adapter:
        check_dtypes(parsed.dtype, adapter.offer)
        lines = list(plan(adapter.offer, selection(parsed), PROFILES[parsed.profile]))
        check_declared(adapter.offer, lines)
        shapes = shapes_judged(parsed.shape, adapter.offer, lines)
        seed, late = seed_for(parsed.profile, parsed.seed)
        report = Report(
            how,
            adapter.offer,
            parsed.profile,
            seed,
            lines_of(parsed.shard, lines),
            shapes,
            allowed,
            budget,
            holds=adapter.holds,
            late=late,
            before=baseline_of(baseline, adapter.offer.name, parsed.baseline) if parsed.baseline else None,
            factor=parsed.worse_by,
            words=words_of(spec, parsed, seed),
            part=part_of_report(parsed.shard, lines, adapter.offer),
        )
        if parsed.resume:
            resume(report, saved, parsed.resume, alone=len(parsed.adapter) < 2)
        saving = Saving(parsed.json, lambda: json_text([*others, report]))
        report.seconds = parsed.time
        go_on = parsed.go_on or bool(parsed.write_allow)
        wrong = _judge(report, adapter, parsed.workers, saving, first=parsed.first, go_on=go_on)
        report.allow_causes()
        if parsed.html and not report.interrupted:
            gather(report, adapter)
        return report, wrong


def _budget(parsed: argparse.Namespace) -> int | None:
    """Return the bytes that cases at the sizes of models may need."""
    budget: int | None = parsed.memory
    return budget_by_default() if budget is None else budget


def _judge(report: Report, adapter: Adapter, workers: str, saving: Saving, *, first: bool, go_on: bool) -> list[str]:
    """Run, with progress; the report holds what was done even if the user stops it."""
    ticker = Ticker(report.opening, report.offer.name, report.left)

    def heard(result: Result) -> None:
        ticker.heard(result)
        saving.heard()

    try:
        with ticker.shown():
            stops = not go_on and smoke_first(report, adapter)
            return [] if stops else run(report, adapter, heard, workers, ticker.found, ticker.follow, first=first)
    except KeyboardInterrupt:
        report.interrupted = True
        return []


def _replay(parsed: argparse.Namespace) -> int:
    check_files({"--save": parsed.save})
    how = opening(parsed.adapter, parsed)
    with contextlib.closing(how.open()) as adapter:
        script_for = how if parsed.script else None
        return replay(terminal.Screen(), adapter, parsed.case, parsed.clause, _budget(parsed), parsed.save, script_for)


def _merge(parsed: argparse.Namespace) -> int:
    files = files_of(parsed)
    check_files(files)
    reports = merged(parsed.reports)
    unwritten = write_outputs(files, reports, {})
    screen = terminal.Screen()
    for report in reports:
        show_summary(screen, report)
    for sentence in unwritten:
        complain(sentence)
    tell_github(reports, {})
    return USAGE if unwritten else exit_status(reports, strict=False)


def _claim(parsed: argparse.Namespace) -> int:
    return write_claim(parsed.report, parsed.out)


def _verify(parsed: argparse.Namespace) -> int:
    check_files({"--json": parsed.json})
    claim = read_claim(parsed.claim)
    asked = asked_by(claim, parsed, _parser().parse_args(["run", "--go-on"]))
    report, errors = _judged(asked.adapter, asked, [], _budget(asked), [], [], [])
    unwritten = write_outputs({"--json": parsed.json}, [report], {})
    for sentence in unwritten:
        complain(sentence)
    if errors:
        return _failed(errors)
    status = show_verified(terminal.Screen(), claim, report, parsed.worse_by)
    return USAGE if unwritten else status


def _failed(errors: Sequence[str]) -> int:
    complain(f"the judge itself failed, please report it:\n{visible_lines(errors[0], 20_000)}")
    return _INTERNAL


if __name__ == "__main__":
    main()
