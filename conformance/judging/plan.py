"""What a run judges: one line a clause, component and dtype, in the order of the documentation; and in which turn."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...adapters import Offer
from ..cases.profiles import Profile
from ..components import COMPONENTS, clauses_of
from ..terms.clause import Clause


@dataclass(frozen=True)
class Line:
    """One clause on one component in one dtype; the dtype is empty where the component takes no floats."""

    clause: Clause
    component: str
    dtype: str
    offered: bool
    waits: bool = False
    """Whether it only explains, and is judged once a required clause has failed in its component."""
    again: bool = False
    """Whether it is asked once more, at the end, with other values; what that shows is shown by the clause itself."""

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.clause.id}[{'-'.join(filter(None, (self.component, self.dtype, 'again' * self.again)))}]"


@dataclass(frozen=True)
class Selection:
    """What the user asked for; empty means everything."""

    components: Collection[str] = ()
    dtypes: Collection[str] = ()
    clauses: Collection[str] = ()


def plan(offer: Offer, selection: Selection, profile: Profile | None = None) -> Iterator[Line]:
    """Give every line, those of functions that are not offered among them; a clause that is named never waits."""
    explains = profile is None or profile.explains or bool(selection.clauses)
    for name, component in COMPONENTS.items():
        if selection.components and name not in selection.components:
            continue
        dtypes = [each for each in offer.dtypes if not selection.dtypes or each in selection.dtypes]
        for dtype in dtypes if component.has_dtype else [""]:
            for clause in clauses_of(component):
                if not selection.clauses or clause.id in selection.clauses:
                    waits = not explains and clause.role == "explains"
                    line = Line(clause, name, dtype, name in offer.functions, waits)
                    yield line
                    if profile is not None and profile.strict and clause.id in _AGAIN and line.offered:
                        yield replace(line, again=True)


def due(lines: Iterable[Line], failed: Collection[str]) -> list[Line]:
    """Give the lines that are judged or reported, those of components that have failed all of them."""
    return [line for line in lines if not line.waits or line.component in failed]


# What catches most comes first, followed by what looks at the same replies; what takes longest comes last.
_FIRST: Final = ("ALL-1", "ALL-4", "ALL-5", "GRAD-1", "GRAD-2")
_LAST: Final = ("ALL-2",)
_AGAIN: Final = ("ALL-1", "GRAD-1")


def in_turn(lines: Iterable[Line], *, hurried: bool = False) -> list[Line]:
    """Order the lines as they are judged, a component after another: what is wrong should show after few of them.

    Values and gradients in the first dtype, then whatever else shows there, then the same in the other dtypes, and the
    sizes of models after them. What only advises comes at the end: it makes no verdict, and most kernels fail some of
    it, which takes long to explain. What is asked again comes after everything else. In a hurry, no component waits
    for another: what catches most comes first in all of them.
    """
    every = list(lines)
    components = list(COMPONENTS)
    first = {line.component: line.dtype for line in reversed(every)}

    def turn(line: Line) -> tuple[bool, int, bool, bool, bool, bool]:
        clause, other = line.clause, line.dtype != first[line.component]
        return line.again, components.index(line.component), _advises(line), _late(line), other, clause.id not in _FIRST

    def hurried_turn(line: Line) -> tuple[bool, bool, bool, int, bool]:
        clause, other = line.clause.id, line.dtype != first[line.component]
        place = _FIRST.index(clause) if clause in _FIRST else len(_FIRST)
        return line.again, _advises(line), _late(line), place, other

    return sorted(every, key=hurried_turn if hurried else turn)


def _advises(line: Line) -> bool:
    return line.clause.level == "advisory"


def _late(line: Line) -> bool:
    return line.clause.at_size or line.clause.id in _LAST
