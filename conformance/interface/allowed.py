"""Known failures, which an implementation may list: `SDPA-15 attention bfloat16` a line."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ...adapters.contract import DTYPES
from ...adapters.declaration import UserError
from ..components import COMPONENTS
from ..judging.result import Result
from .reading import read_text


class AllowError(UserError, ValueError):
    """A line of an allow file that names no clause: one sentence."""


@dataclass(frozen=True)
class Allowed:
    """One known failure: `SDPA-15 attention bfloat16`; a star stands for any component or dtype."""

    clause: str
    component: str = "*"
    dtype: str = "*"

    def covers(self, result: Result) -> bool:
        """Say whether the entry speaks of this result."""
        pairs = ((self.clause, result.clause), (self.component, result.component), (self.dtype, result.dtype))
        return all(pattern in ("*", value) for pattern, value in pairs)

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.clause} {self.component} {self.dtype}"


def read_allowed(path: Path, known: Collection[str]) -> list[Allowed]:
    """Read the known failures of a file: `CLAUSE [COMPONENT [DTYPE]]` a line, # begins a comment."""
    allowed = []
    text = read_text(path, f"--allow {path} cannot be read")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        each = Allowed(*words[:3])
        right = (each.clause in known, each.component in ("*", *COMPONENTS), each.dtype in ("*", *DTYPES))
        if len(words) > 3 or not all(right):
            raise AllowError(
                f"{path}, line {number}: {line.strip()!r:.200} should be CLAUSE [COMPONENT [DTYPE]], with a clause "
                "that `assay spec` lists, and a star for any component or dtype"
            )
        allowed.append(each)
    return allowed
