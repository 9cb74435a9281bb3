"""Where an adapter stands: its file, and the line of a function in it, for whoever points at it."""

import ast
import functools
import os
import re
from pathlib import Path
from typing import Final

_FILE: Final = re.compile(r"(?P<path>.+\.py)(?P<inside>(?::[\w.]+)?)", re.DOTALL)


def file_of(spec: str) -> tuple[str, str] | None:
    """Split the name of an adapter into a path and what stands after it; None if it is no file."""
    found = _FILE.fullmatch(spec)
    return (found["path"], found["inside"]) if found else None


def line_of(path: Path, function: str) -> int:
    """Return the line in which a file defines a function, by whatever statement; 1 if none is seen to."""
    for node in _statements(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [each.id for each in node.targets if isinstance(each, ast.Name)]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [each.asname or each.name for each in node.names]
        else:
            continue
        if function in names:
            return node.lineno
    return 1


@functools.lru_cache(8)
def _statements(path: Path) -> list[ast.stmt]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def place_of(spec: str, function: str) -> tuple[str, int] | None:
    """Return file and line of an adapter's function, the file as systems of continuous integration name it.

    That is from the top of the checkout: from $GITHUB_WORKSPACE, or else from the working directory.
    """
    file = file_of(spec)
    if file is None:
        return None
    path = Path(file[0]).absolute()
    top = Path(os.environ.get("GITHUB_WORKSPACE") or ".").absolute()
    inside = path.relative_to(top) if path.is_relative_to(top) else path
    return inside.as_posix(), line_of(path, function)
