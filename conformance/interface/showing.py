"""`assay list`, `assay spec` and `assay compare`: adapters, clauses, and reports side by side."""

import argparse

from ...adapters import available
from ...adapters.declaration import suggestion
from ..components import CLAUSES, COMPONENTS, clauses_of
from . import terminal
from .options import UsageError
from .report_json import read_json


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


def compare_reports(parsed: argparse.Namespace) -> int:
    """Show reports side by side."""
    reports = [report for path in parsed.reports for report in read_json(path)]
    terminal.show_comparison(terminal.Screen(), reports)
    return 0
