"""Clauses: the numbered requirements. Each is a function of a trial, with the words that a reader needs.

    @clause("SM-1", "softmax", "The probabilities of a row sum to one.", formula="sum_i softmax(x)_i = 1", source=...)
    def rows_sum_to_one(trial): ...

A clause returns its largest error ratio, or raises `Violation`. What holds for every component has the prefix ALL and
no component of its own.

A clause decides or explains. What decides is always judged: what alone catches a wrong variant, and what looks where
the comparison with a bound does not: at bits, at memory from call to call, at aggregates over a whole tensor, at inputs
beyond the covering set, at what a bound leaves room for. What explains says in its own words what is wrong with a
component that those have failed; the quick profile judges it only then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .case import Case

if TYPE_CHECKING:
    from .component import Component
    from .trial import Trial

Check: TypeAlias = "Callable[[Trial], float]"
Prepare: TypeAlias = Callable[[Case], Case | None]
Role: TypeAlias = Literal["decides", "explains"]


@dataclass(frozen=True)
class Clause:
    """One requirement."""

    id: str
    component: str | None
    """None: it applies to every component."""
    sentence: str
    formula: str
    source: str
    check: Check
    level: Literal["required", "advisory"]
    prepare: Prepare
    """The case that the clause makes of one that was drawn; None where it cannot use it."""
    cases: "Callable[[Component, str, int], Sequence[Case]] | None" = None
    """Cases of its own for (component, dtype, seed), in place of those drawn for all."""
    probes: "Callable[[Component, str], Sequence[Case]]" = lambda component, dtype: ()
    """Cases that are judged before those drawn for all, for (component, dtype): what it promises of them must not
    depend on the seed."""
    covering: bool = False
    """Whether it is judged on the whole covering set, or on some cases of it."""
    halved: bool = False
    """Whether its cases take so long that a quick run judges it on the first half of the covering set."""
    at_size: bool = False
    """Whether its cases are those at the sizes of models, in place of the many small ones."""
    concerns: "Callable[[Component], bool]" = lambda component: True
    """Of the clauses for all components: whether it says anything of this one."""
    why: str = ""
    """Why it is there, where it alone catches no wrong variant; empty where it does."""
    role: Role = "decides"
    """`explains`: in the quick profile it is judged only where a required clause has failed."""


REGISTERED: Final[dict[str, Clause]] = {}
"""The clauses whose files have been imported so far; `components` imports all of them."""


def clause(
    id: str,  # noqa: A002 (the field's word)
    component: str | None,
    sentence: str,
    *,
    formula: str,
    source: str,
    level: Literal["required", "advisory"] = "required",
    prepare: Prepare = lambda case: case,
    cases: "Callable[[Component, str, int], Sequence[Case]] | None" = None,
    probes: "Callable[[Component, str], Sequence[Case]]" = lambda component, dtype: (),
    covering: bool = False,
    halved: bool = False,
    at_size: bool = False,
    concerns: "Callable[[Component], bool]" = lambda component: True,
    why: str = "",
    role: Role | None = None,
) -> Callable[[Check], Check]:
    """Make a function a clause; without a role, one that says why it is there explains."""

    def register(check: Check) -> Check:
        if id in REGISTERED:
            raise ValueError(f"there are two clauses {id}: give one of them another number")
        REGISTERED[id] = Clause(
            id,
            component,
            sentence,
            formula,
            source,
            check,
            level,
            prepare,
            cases,
            probes,
            covering,
            halved,
            at_size,
            concerns,
            why,
            role or ("explains" if why else "decides"),
        )
        return check

    return register


def in_order(components: Sequence[str]) -> dict[str, Clause]:
    """Sort the clauses by id, whatever the order in which their files were imported."""

    def place(each: Clause) -> tuple[int, str, int]:
        prefix, _, number = each.id.partition("-")
        return components.index(each.component) if each.component else -1, prefix, int(number)

    return {each.id: each for each in sorted(REGISTERED.values(), key=place)}
