"""The pages of the reference that are made of the code: the command line, and what there is for Python."""

import argparse
import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import Final

from assay import oracle
from assay.adapters.contract import FUNCTIONS
from assay.conformance.interface.command_line import _parser
from assay.conformance.judging.result import Failure, Result

_JUDGE: Final = """
# Python: judge, tests, reports

[Judge from Python](../python.md) shows these in use. All are imported from `assay.conformance`.
"""
_CONTRACT: Final = """
# Python: the contract

What an adapter may hold is in [Write an adapter](../adapters.md#the-contract). The same contract is data in
`assay.adapters.contract`: `FUNCTIONS` has a row for each component, by its name, `CONVENTIONS` and `NUMERICS` say which
values a declaration may have, and `DTYPES` are the formats.
"""
_ORACLE: Final = """
# Python: the oracle

Every formula in float64, and how far from it a right implementation may be. It needs numpy alone. All functions are
imported from `assay.oracle`, as in `assay.oracle.attention(query, key, value, causal=True)`: a formula `x`, its
gradient `x_vjp`, and the bounds of both, `x_bound` and `x_vjp_bound`.
"""


def reference_pages() -> dict[str, str | bytes]:
    """Return the pages by where they are on the site."""
    report = ("verdict", "results", "failures", "warnings", "checked", "offer", "as_json")
    judge = (
        _named("conformance.interface.judge.judge"),
        _named("conformance.interface.own_tests.tests"),
        _named("conformance.interface.report.Report", report),
        *(_named(f"conformance.judging.result.{each.__name__}", _fields_of(each)) for each in (Result, Failure)),
        _named("conformance.exceptions"),
    )
    contract = (_named(f"adapters.contract.{name}") for name in ("function.Function", "functions", "declarations"))
    return {
        "reference/command-line.md": "\n".join(_command_line()),
        "reference/judge.md": _JUDGE + "".join(judge),
        "reference/oracle.md": _ORACLE + "".join(_oracle()),
        "reference/contract.md": _CONTRACT + "".join(contract),
    }


def _fields_of(what: type) -> list[str]:
    """List the fields of a dataclass, and what makes JSON of it."""
    return [each.name for each in dataclasses.fields(what)] + ["as_json"]


def _named(name: str, members: Iterable[str] = ()) -> str:
    """Name an object for mkdocstrings, which writes what it and its members say; all, if none is named."""
    options = f"    options:\n      members: {list(members)}\n" if members else ""
    return f"\n::: assay.{name}\n{options}"


def _oracle() -> Iterator[str]:
    """Yield every file of formulas, and of their bounds where these have one of their own."""
    for name in FUNCTIONS:
        of: dict[str, list[str]] = {f"assay.oracle.{name}": []}
        for each in (name, f"{name}_vjp", f"{name}_bound", f"{name}_vjp_bound"):
            if inspect.isfunction(function := getattr(oracle, each, None)):
                of.setdefault(function.__module__, []).append(each)
        for module, functions in of.items():
            yield _named(module.removeprefix("assay."), functions)
    for each in ("bound.Bound", "numerics.Numerics", "numerics.precision_classes"):
        yield _named(f"oracle.rounding.{each}")


def _command_line() -> Iterator[str]:
    """Yield what `assay --help` and the help of each command say, in Markdown."""
    yield "# Command line\n\nWhat `assay COMMAND --help` says of each command.\n"
    [commands] = (each for each in _parser()._actions if isinstance(each, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        yield f"## assay {name}\n\n{_sentence(parser.description)}\n"
        yield f"~~~ text\n{parser.format_usage().strip()}\n~~~\n"
        yield "| argument | what |\n|---|---|"
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction):
                yield f"| {_argument(action)} | {_cell(action.help)} |"
        yield ""


def _argument(action: argparse.Action) -> str:
    value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
    words = value if isinstance(value, str) else " ".join(value)
    return "`" + " ".join(filter(None, (", ".join(action.option_strings), words))).replace("|", "\\|") + "`"


def _cell(said: str | None) -> str:
    return (said or "").replace("|", "\\|").replace("<", "&lt;")


def _sentence(said: str | None) -> str:
    return said[0].upper() + said[1:] + "." if said else ""
