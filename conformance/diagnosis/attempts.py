"""A failure tried again as if its implementation declared something: the failing cases, and further ones."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...adapters import Adapter
from ..components import CLAUSES
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.held import Held
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .recording import Answers

Declared = Mapping[str, Any]
"""Conventions and fields of the numerics, with values."""


class Attempts:
    """The failing cases of a clause, and whether they would be kept under what would be declared.

    The implementation is asked once for each answer.
    """

    def __init__(
        self, adapter: Adapter, clause: Clause, component: Component, failing: Sequence[Case], *, backward: bool
    ) -> None:
        """Ask for nothing yet; `backward` says whether gradients are in question."""
        self.clause, self.component, self.failing, self.backward = clause, component, failing, backward
        self.answers = Answers(adapter)

    @property
    def values(self) -> list[Clause]:
        """The failing clause, and the one about the values: a declaration may leave open what the clause asks."""
        return self._and([] if self.component.gives_data else ["ALL-1"])

    @property
    def clauses(self) -> list[Clause]:
        """Those, and where gradients are in question the one about these."""
        return self._and([each.id for each in self.values] + (["GRAD-1"] if self.backward else []))

    def _and(self, names: Sequence[str]) -> list[Clause]:
        return list(dict.fromkeys([self.clause, *(CLAUSES[name] for name in names)]))

    def outcome(self, clause: Clause, case: Case, declared: Declared, other: Adapter | None = None) -> Outcome:
        """Check a clause on a case as if this were declared, too; by the implementation, or by another."""
        answers = self.answers if other is None else Answers(other).under(self.answers.offer)
        return check(clause, Trial(_InLastClass(answers.declaring(declared)), self.component, case))

    def keep(self, declared: Declared, clauses: Sequence[Clause], cases: Sequence[Case]) -> bool:
        """Say whether none of the clauses fails in any of the cases as if this were declared."""
        return not any(self.outcome(*each, declared).failed for each in self.prepared(clauses, cases))

    def would_pass(self, declared: Declared, other: Adapter | None = None) -> bool:
        """Say whether the clause is kept in the failing cases; by the implementation, or by another."""
        return all(self.outcome(self.clause, case, declared, other).passed for case in self.failing)

    def prepared(self, clauses: Sequence[Clause], cases: Sequence[Case]) -> Iterator[tuple[Clause, Case]]:
        """Pair each clause with what it makes of each case; one that has its own cases takes no others."""
        for case, clause in itertools.product(cases, clauses):
            if case in self.failing and clause is self.clause:
                yield clause, case
            elif clause.cases is None:
                prepared = clause.prepare(case)
                if prepared is not None and self.component.admissible(prepared):
                    yield clause, prepared


class _InLastClass(Subject):
    """An implementation that is held to all that it may do, and to nothing stricter first."""

    def held(self, dtype: str) -> Held:
        """Rule out every class but the last."""
        held = super().held(dtype)
        return replace(held, ruled_out=len(held.classes) - 1)
