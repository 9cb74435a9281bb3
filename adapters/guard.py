"""The guard in the process of an implementation: what asks for the judge's answers is refused them, and told so.

It holds on every system, for what is written in Python. What calls the system by itself meets the empty folders of
`confinement/`, where the system grants them.
"""

import os
import sys
from typing import Any, Final

from .confinement import HIDDEN

FORBIDDEN: Final = "the formulas and bounds of the judge are out of an implementation's reach"
"""Why an implementation that asks for them is refused."""

_PACKAGES: Final = ("assay.oracle", "assay.conformance")


class _Finder:
    """Finds the judge's packages before anybody else does, and refuses them."""

    def __init__(self, tried: list[str]) -> None:
        """Note each attempt in a list."""
        self._tried = tried

    def find_spec(self, name: str, *_: object) -> None:
        """Find nothing, or raise."""
        if any(name == each or name.startswith(f"{each}.") for each in _PACKAGES):
            self._tried.append(f"tried to import {name}")
            raise ImportError(f"{name} cannot be imported here: {FORBIDDEN}")


def guard() -> list[str]:
    """Refuse the packages and folders of the judge from here on; return the list to which each attempt is added."""
    tried: list[str] = []
    folders = tuple({each + os.sep for folder in HIDDEN for each in (folder, os.path.realpath(folder))})

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], bytes) else arguments[0]
        # Asking the file system for links takes a second over the imports of a framework.
        if isinstance(path, str) and os.path.abspath(path).startswith(folders):  # noqa: PTH100
            tried.append(f"tried to read {path}")
            raise PermissionError(f"{path} cannot be read here: {FORBIDDEN}")

    sys.addaudithook(look)  # nothing in Python takes one away again
    sys.meta_path.insert(0, _Finder(tried))
    return tried
