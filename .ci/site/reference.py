"""The pages of the reference that are made of the code: the command line, and what there is for Python."""

import argparse
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from assay.adapters.contract import FUNCTIONS
from assay.conformance.interface.command_line import _parser

_JUDGE: Final = """
# Python: judge, tests, reports

[Judge from Python](../python.md) shows these in use. All are imported from `assay.conformance`.
"""
_CONTRACT: Final = """
# Python: the contract

What an adapter may hold is in [Write an adapter](../adapters.md#the-contract); this is the same contract as data.
"""
_OF_JUDGE: Final = (
    "conformance.interface.judge.judge",
    "conformance.interface.own_tests.tests",
    "conformance.interface.report.Report",
    "conformance.judging.result.Result",
    "conformance.judging.result.Failure",
    "conformance.exceptions",
)
_OF_CONTRACT: Final = tuple(
    f"adapters.contract.{name}" for name in ("function.Function", "functions", "declarations", "weights")
)


def reference_pages() -> dict[str, str | bytes]:
    """Return the pages by where they are on the site."""
    return {
        "reference/command-line.md": "\n".join(_command_line()),
        "reference/judge.md": _JUDGE + _each(_OF_JUDGE),
        "reference/oracle.md": "\n".join(_oracle()),
        "reference/contract.md": _CONTRACT + _each(_OF_CONTRACT),
    }


def _each(names: Iterable[str]) -> str:
    """Name objects for mkdocstrings, which writes what their docstrings say."""
    return "".join(f"\n::: assay.{name}\n" for name in names)


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
                yield f"| {_named(action)} | {_cell(action.help)} |"
        yield ""


def _named(action: argparse.Action) -> str:
    value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
    words = value if isinstance(value, str) else " ".join(value)
    return "`" + " ".join(filter(None, (", ".join(action.option_strings), words))).replace("|", "\\|") + "`"


def _cell(said: str | None) -> str:
    return (said or "").replace("|", "\\|").replace("<", "&lt;")


def _sentence(said: str | None) -> str:
    return said[0].upper() + said[1:] + "." if said else ""


def _oracle() -> Iterator[str]:
    """Yield a page of every file of formulas."""
    yield textwrap.dedent(
        """\
        # Python: the oracle

        Every formula in float64, and how far from it a right implementation may be. It needs numpy alone. All functions
        are imported from `assay.oracle`, as in `assay.oracle.attention(query, key, value, causal=True)`: a formula `x`,
        its gradient `x_vjp`, and the bounds of both, `x_bound` and `x_vjp_bound`.
        """
    )
    yield _each(f"oracle.{name}" for name in FUNCTIONS)
    yield _each(
        f"oracle.rounding.{name}" for name in ("bound.Bound", "numerics.Numerics", "numerics.precision_classes")
    )
