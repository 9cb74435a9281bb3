"""What comes of a check: exceptions that a clause or a trial raises, and the outcome that they are turned into.

A clause returns an error ratio or raises one of these exceptions; `checking.py` alone catches all of them.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from .comparison import Worst

How: TypeAlias = Literal["value", "nan", "infinity", "shape", "exception", "crash", "timeout"]
"""How a call fails: by what comes of it, or because nothing does."""


class Violation(Exception):
    """The implementation does not do what the clause requires: one sentence, the error ratio, and how it fails."""

    def __init__(
        self, message: str, ratio: float = float("inf"), how: How = "value", worst: "Worst | None" = None
    ) -> None:
        """Take the ratio as infinite where none can be given; the worst element, where arrays were compared."""
        super().__init__(message)
        self.ratio, self.how, self.worst = ratio, how, worst


class Unsupported(Exception):
    """The implementation chose not to do this; never a pass."""


class DoesNotFit(Unsupported):
    """There is no room or no time for a case of this size, which nobody has promised."""


class NotOffered(Unsupported):
    """What the clause is about is not there at all, so that no other case need be tried."""


class Inapplicable(Exception):
    """The clause has nothing to say of this case."""


@dataclass(frozen=True)
class Outcome:
    """What came of one clause on one case."""

    kind: Literal["pass", "fail", "unsupported", "unfit", "not-offered", "inapplicable"]
    ratio: float = 0.0
    """The error ratio, at most 1 of a pass; infinite where no number says how wrong it is."""
    reason: str = ""
    """The sentence of a failure, or why something is unsupported, not offered or not judged."""
    how: How = "value"
    """How it fails, where it does."""
    worst: "Worst | None" = field(default=None, compare=False, repr=False)
    """The element that is furthest off, of a failure in which arrays were compared."""

    @property
    def passed(self) -> bool:
        """Whether the clause was judged, and is kept."""
        return self.kind == "pass"

    @property
    def failed(self) -> bool:
        """Whether the clause was judged, and is violated."""
        return self.kind == "fail"
