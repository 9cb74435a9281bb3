"""`assay list`, `assay spec` and `assay compare`: adapters, clauses, and reports side by side."""

import argparse
from pathlib import Path

from ...adapters import available
from ...adapters.declaration import suggestion
from ...adapters.foreign_text import visible
from ..components import CLAUSES, COMPONENTS, clauses_of
from . import terminal
from .comparing import Changes, are_versions, changes
from .comparison_page import comparison_page
from .options import COMPARING, UsageError, add_options
from .report_files import check_files, write_asked
from .report_json import read_json

_MOST, _NAMED = 20, 5
"""Checks that are told one by one, and of which the names are told."""


def list_adapters(parsed: argparse.Namespace) -> int:
    """Show the adapters, and what each offers."""
    terminal.show_adapters(terminal.Screen(), available())
    return 0


def show_spec(parsed: argparse.Namespace) -> int:
    """Show one clause, those of a component, all, or what of the paper they judge."""
    if parsed.of and parsed.of not in {*CLAUSES, *COMPONENTS}:
        hint = suggestion(parsed.of, (*CLAUSES, *COMPONENTS)) or "; `assay spec` lists the clauses"
        raise UsageError(f"there is no clause and no component {parsed.of!r}{hint}")
    if parsed.coverage:
        if parsed.of:
            raise UsageError(f"--coverage is a table of all clauses; leave out {parsed.of}")
        # What the table is made from takes a tenth of a second to import, and few runs ask for it.
        from ..claims.coverage import covered

        terminal.show_coverage(terminal.Screen(), covered(available()))
        return 0
    if parsed.of in COMPONENTS:
        clauses = clauses_of(COMPONENTS[parsed.of])
    else:
        clauses = [CLAUSES[parsed.of]] if parsed.of else list(CLAUSES.values())
    terminal.show_clauses(terminal.Screen(), clauses)
    return 0


def add_what_is_compared(command: argparse.ArgumentParser) -> None:
    """Add what `assay compare` takes."""
    command.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json")
    command.add_argument("--html", type=Path, metavar="FILE", help="write them as one page")
    add_options(command.add_argument, {"worse-by": COMPARING["worse-by"]})


def compare_reports(parsed: argparse.Namespace) -> int:
    """Show reports side by side, and of two versions of one implementation what changed."""
    check_files({"--html": parsed.html})
    reports = [report for path in parsed.reports for report in read_json(path)]
    screen = terminal.Screen()
    terminal.show_comparison(screen, reports)
    if are_versions(reports):
        _show_changes(screen, changes(reports[0], reports[1], parsed.worse_by))
    if parsed.html:
        write_asked(parsed.html, comparison_page(reports, parsed.worse_by), "the page")
        screen.say(f"{visible(parsed.html)} is written")
    return 0


def _show_changes(screen: terminal.Screen, found: Changes) -> None:
    """Print what a new version broke and mended, and what else differs."""
    for word, old, new in found.about:
        screen.say((f"{word:15}", "dim"), f" {visible(old)} -> {visible(new)}")
    if found.without_causes:
        screen.say(("one of the reports fails, and tells no causes: checks are compared, and no causes", "yellow"))
    for style, word, causes in (
        ("red", "broke", found.broke),
        ("green", "mended", found.mended),
        ("yellow", "not judged", found.unseen),
    ):
        for each in causes:
            screen.say(
                (f"{word:15}", style), f" {visible(each['sentence'])} ({visible(', '.join(each['components']))})"
            )
    for each, said in found.stayed:
        screen.say(("in both        ", "yellow"), f" {visible(each['sentence'])}: {visible(said or 'as it was')}")
    for word, pairs in (("judged no more", found.lost), ("judged now", found.gained)):
        if pairs:
            named = ", ".join(" ".join(filter(None, pair)) for pair in pairs)
            screen.say((f"{word:15}", "yellow"), f" {visible(named, None)}")
    for sentence in found.worse[:_MOST]:
        screen.say(("worse          ", "red"), f" {visible(sentence)}")
    for style, word, checks in (("red", "worse", found.worse[_MOST:]), ("green", "passes now", found.better)):
        if checks:
            more = f" and {len(checks) - _NAMED} more; --html FILE has all" * (len(checks) > _NAMED)
            screen.say((f"{word:15}", style), f" {visible(', '.join(checks[:_NAMED]))}{more}")
    if found.same:
        screen.say("nothing got worse, and nothing was mended")
