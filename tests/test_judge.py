"""Judge from Python: the page's examples, the same report as the command's, and every mistake as a `UserError`."""

import ast
import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RIGHT

from assay.conformance import Report, Result, UserError, exceptions, judge

ROOT = Path(__file__).parent.parent


def test_the_examples_of_the_page_are_so():
    page = ROOT / "docs" / "python.md"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert (failed, tried > 10) == (0, True)


def test_the_report_is_that_of_the_command(terminal):
    """Times and the words of the command aside: of a file in its own process, with the same seed."""
    file = terminal.write("mine.py", RIGHT)
    terminal.assay("run", file, "--component", "softmax", "--clause", "ALL-1,SM-1", "--seed", "3", "--json", "r.json")
    report = judge(file, components="softmax", clauses=("ALL-1", "SM-1"), seed=3)

    def timeless(data):
        made = {**data["made"], "repeat": []}
        return {**data, "made": made, "results": [{**each, "seconds": 0} for each in data["results"]]}

    assert isinstance(report, Report)
    assert all(isinstance(result, Result) for result in report.results)
    assert timeless(json.loads(json.dumps(report.as_json()))) == timeless(terminal.report("r.json"))


def test_it_prints_nothing(capsys):
    def softmax(x):
        raise ValueError

    assert judge(softmax, component="softmax", clauses="ALL-1").verdict == "violates"
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_importing_it_imports_nothing_heavy():
    code = "import sys, assay.conformance; print({'torch', 'numpy', 'rich', 'pytest'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("adapter", "options", "says"),
    [
        ("torhc", {}, "there is no adapter 'torhc'; did you mean 'torch'?"),
        ("exec:'", {}, "exec:' is no command"),
        (5, {}, "int offers no function of the contract"),
        (lambda x: x, {}, "is a bare function: say which component it is"),
        (lambda y: y, {"component": "attention"}, "does not accept the contract's call attention("),
        (lambda x: x, {"component": "softmax", "framework": "nunpy"}, "did you mean 'numpy'?"),
        (lambda x: x, {"component": "softmax", "dtypes": "float16"}, "does not take float16; its dtypes are float32"),
        (lambda x: x, {"component": "softmax", "dtypes": ["float61"]}, "there is no dtype 'float61'"),
        (lambda x: x, {"component": "softmax", "clauses": "SM-99"}, "there is no clause 'SM-99'"),
        (lambda x: x, {"components": "sofmax"}, "there is no component 'sofmax'; did you mean 'softmax'?"),
        (lambda x: x, {"component": "softmax", "profile": "quik"}, "there is no profile 'quik'; did you mean 'quick'?"),
        (
            lambda x: x,
            {"component": "softmax", "seed": -1},
            "seed must be a whole number, 0 or more, or 'random'",
        ),
        (lambda x: x, {"component": "softmax", "timeout": 0}, "timeout must be a number of seconds above 0, not 0"),
    ],
)
def test_a_mistake_in_the_call_is_one_sentence(adapter, options, says):
    with pytest.raises(UserError) as raised:
        judge(adapter, **options)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def exceptions_of_the_rooms():
    """List the name of every class whose bases are exceptions, as far as names tell."""
    files = [file for room in ("oracle", "adapters", "conformance") for file in sorted((ROOT / room).rglob("*.py"))]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    bases = {each.name: set(map(ast.unparse, each.bases)) for each in nodes if isinstance(each, ast.ClassDef)}
    found = {"Exception", "ValueError", "AssertionError"}
    for _ in range(3):  # classes derive from classes of other files
        found |= {name for name, of in bases.items() if of & found}
    return found - {"Exception", "ValueError", "AssertionError"}


def test_every_exception_is_on_the_page():
    names = exceptions_of_the_rooms()
    assert {"AdapterError", "Violation", "MessageError"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in exceptions.__doc__] == []


def test_a_mistake_of_the_user_has_one_root():
    """It is what the command catches."""
    for name in ("AdapterError", "AllowError", "CaseError", "UsageError"):
        assert issubclass(getattr(exceptions, name), UserError), name
    for name in ("SpecError", "Violation", "Unsupported", "Inapplicable", "ClauseViolated"):
        assert not issubclass(getattr(exceptions, name), UserError), name
    assert importlib.import_module("assay.adapters").AdapterError is exceptions.AdapterError
