"""The guard in the process of an implementation: what asks for the judge's answers is refused them, and told so.

It holds on every system, for what is written in Python. What calls the system by itself meets the empty folders of
`confinement/`, where the system grants them.
"""

import os
import sys
from pathlib import Path
from typing import Any, Final

from .confinement import hidden_from

FORBIDDEN: Final = "the formulas and bounds of the judge are out of an implementation's reach"
"""Why an implementation that asks for them is refused."""


class _Finder:
    """Finds the judge's packages before anybody else does, and refuses them."""

    def __init__(self, packages: list[str], tried: list[str]) -> None:
        """Note each attempt in a list."""
        self._packages, self._tried = packages, tried

    def find_spec(self, name: str, *_: object) -> None:
        """Find nothing, or raise."""
        if any(name == each or name.startswith(f"{each}.") for each in self._packages):
            self._tried.append(f"tried to import {name}")
            raise ImportError(f"{name} cannot be imported here: {FORBIDDEN}")


def guard(spec: str) -> list[str]:
    """Refuse an implementation the judge's packages and folders; return the list to which each attempt is added."""
    tried: list[str] = []
    hidden = hidden_from(spec)
    packages = [f"assay.{Path(folder).name}" for folder in hidden]
    folders = tuple({each + os.sep for folder in hidden for each in (folder, os.path.realpath(folder))})

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], bytes) else arguments[0]
        # Asking the file system for links takes a second over the imports of a framework.
        if isinstance(path, str) and os.path.abspath(path).startswith(folders):  # noqa: PTH100
            tried.append(f"tried to read {path}")
            raise PermissionError(f"{path} cannot be read here: {FORBIDDEN}")

    sys.addaudithook(look)  # nothing in Python takes one away again
    sys.meta_path.insert(0, _Finder(packages, tried))
    return tried
