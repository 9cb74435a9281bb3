"""To which numerics an implementation is held: the strictest precision class that nothing has ruled out yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...oracle.rounding.numerics import Numerics, precision_classes

Found = TypeVar("Found")


@dataclass(frozen=True)
class Held:
    """The precision classes of one dtype, and how many of them a clause has ruled out so far."""

    classes: tuple[tuple[int, Numerics], ...]
    """(class, numerics) from strict to loose."""
    declared: str = ""
    """What the adapter declares for the dtype, in words."""
    ruled_out: int = 0
    """How many classes have failed, from the strictest on; this only grows."""
    compared: bool = False
    """Whether anything has been compared with a bound."""
    cut: bool = False
    """Whether there are further classes, which nobody accepts."""

    @classmethod
    def to(cls, dtype: str, declared: Mapping[str, Any], last: int = 3) -> "Held":
        """Begin with every class that the declaration leaves, up to the last that is accepted."""
        every = precision_classes(dtype, declared)
        classes = tuple(each for each in every if each[0] <= last)
        words = ", ".join(f"{name} = {value}" for name, value in taken(dtype, declared, last).items())
        return cls(classes, words, cut=len(classes) < len(every))

    def strictest(self, attempt: Callable[[Numerics], Found], passes: Callable[[Found], bool]) -> tuple[Found, "Held"]:
        """Return what the attempt gives in the first class in which it passes, else in the last; and what that says."""
        last = len(self.classes) - 1
        for place in range(self.ruled_out, len(self.classes)):
            found = attempt(self.classes[place][1])
            if place == last or passes(found):
                return found, replace(self, ruled_out=place, compared=True)
        raise AssertionError("there is always a class left")

    @property
    def loosest(self) -> Numerics:
        """The numerics of the last class: all that the implementation may do."""
        return self.classes[-1][1]

    @property
    def met(self) -> int:
        """The class that was needed; 0 until anything was compared with a bound."""
        return self.classes[self.ruled_out][0] if self.compared else 0

    @property
    def took(self) -> str:
        """What was declared beyond the class's own, where that was needed."""
        return self.declared if self.compared and self.ruled_out == len(self.classes) - 1 else ""


def taken(dtype: str, declared: Mapping[str, Any], last: int) -> dict[str, Any]:
    """Select what of a declaration is taken where that class is the last that is accepted."""
    loosest = [numerics for number, numerics in precision_classes(dtype, declared) if number <= last][-1]
    return {name: value for name, value in declared.items() if getattr(loosest, name) == value}
