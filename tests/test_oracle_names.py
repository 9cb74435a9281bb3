"""The names of the oracle: found at run time, and written down for type checkers."""

import ast
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

from assay import oracle
from assay.adapters.contract import FUNCTIONS

SOURCE = Path(oracle.__file__)


def written_down():
    """List the names that a type checker sees."""
    return {
        alias.asname
        for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def line_of(function):
    """Write the line that makes a function known to a type checker."""
    return (
        f"from .{function.__module__.removeprefix('assay.oracle.')} import {function.__name__} as {function.__name__}"
    )


def test_every_function_is_written_down_for_type_checkers():
    functions = {name: each for name, each in vars(oracle).items() if inspect.isfunction(each) and name[0] != "_"}
    assert set(FUNCTIONS) <= set(functions)
    missing = [line_of(each) for name, each in functions.items() if name not in written_down()]
    assert not missing, "under TYPE_CHECKING in oracle/__init__.py: " + "; ".join(missing)
    assert [name for name in written_down() - {None} if not callable(getattr(oracle, name))] == []


def test_every_function_shows_its_keywords():
    """And a bound takes those of its formula, but for a seed, which a bound does not depend on."""
    for name in FUNCTIONS:
        keywords = set(inspect.signature(getattr(oracle, name)).parameters)
        for each in (f"{name}_vjp", f"{name}_bound", f"{name}_vjp_bound"):
            if inspect.isfunction(function := getattr(oracle, each, None)):
                parameters = inspect.signature(function).parameters
                assert not [one for one in parameters.values() if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
                assert keywords - {"seed", "rows"} <= set(parameters), each
                assert ("numerics" in parameters) == each.endswith("bound")


def test_a_function_in_a_new_file_is_found_without_being_listed(tmp_path):
    """And a file that has none adds nothing; a name of a function is never that of its file."""
    package = tmp_path / "assay"
    for room in ("oracle", "adapters"):
        shutil.copytree(
            SOURCE.parent.parent / room, package / room, ignore=shutil.ignore_patterns("library", "bridges")
        )
    (package / "oracle" / "cube.py").write_text(
        "def cube(x): return x**3\ndef cube_vjp(g, x): return 3 * g * x**2\ndef more(): ..."
    )
    (package / "oracle" / "cube_bound.py").write_text("from .cube import more\ndef cube_bound(x): return 0")
    code = f"""
import sys, types
assay = types.ModuleType("assay")
assay.__path__ = [{str(package)!r}]
sys.modules["assay"] = assay
from assay import oracle
assert oracle.cube(2) == 8 and oracle.cube_vjp(1, 2) == 12 and oracle.cube_bound(2) == 0
assert not hasattr(oracle, "more") and not hasattr(oracle, "cube_vjp_bound")
assert callable(oracle.attention_bound) and callable(oracle.softmax)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
