"""The one loop: the cases of a clause, put to one implementation or to many, and what comes of them."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..cases.drawing import cases_of
from ..cases.profiles import Profile
from ..components import clauses_of
from ..terms.at_size import sizes_of_models
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.power import Power
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome
from .coverage import Coverage, counts
from .measured import Measured
from .memory import too_large
from .shrinking import plainer_accepted_case

Sizes: TypeAlias = dict[str, int]
"""Of a case, by their names."""

_NUMBERS: Final = re.compile(r"[\d.,]+")
_OF_A_KIND: Final = 2
"""Failing cases of a clause that are kept of those that fail in the same words; at the sizes of models, one is."""
_LARGE: Final = 1000
"""The size beyond which no further case is tried of what has failed a clause."""
_IN_A_ROW: Final = 8
"""Cases that fail one after another before a clause is left: what passes between them would have been seen."""


@dataclass
class Tried:
    """One implementation before one clause: what has come of its cases so far."""

    clause: Clause
    component: Component
    subject: Subject
    memory: int | None = None
    """The bytes that a case at sizes of models may need."""
    most_failing: int = 1
    """How many cases may fail before the clause is left."""
    examples: int = 0
    """How many cases were judged."""
    largest: float = 0.0
    """The largest error ratio of those that passed."""
    dtype: str = ""
    """The format of the result, of a component without floating-point arguments."""
    refused: list[str] = field(default_factory=list)
    """Why cases were not supported."""
    unfit: list[tuple[Sizes, str]] = field(default_factory=list)
    """The sizes of cases that had no room or no time, and why."""
    reached: Sizes = field(default_factory=dict)
    """The largest of each size among the cases that passed, of a clause about sizes of models."""
    power: Power = field(default_factory=Power)
    """How much the cases that passed could have seen."""
    failing: list[tuple[Case, Outcome]] = field(default_factory=list)
    """Cases that failed, and how, the first of them first; a few of each kind."""
    coverage: Coverage | None = None
    """How much of what was asked is answered, of a clause whose cases count."""
    measured: Measured | None = None
    """How close errors come to their bounds, of such a clause."""
    _over: bool = False
    _failed: int = 0
    _in_a_row: int = 0
    _fatal: list[Sizes] = field(default_factory=list)
    _cases: set[Case] = field(default_factory=set)
    _resets: Sequence[str] = ()

    @property
    def over(self) -> bool:
        """Whether no further case need be tried."""
        return self._over

    @property
    def failure(self) -> tuple[Case, Outcome] | None:
        """The first case that failed, and how."""
        return self.failing[0] if self.failing else None

    def take(self, case: Case) -> None:
        """Check the clause on a case; where that is refused, on a plainer one.

        Sizes that have cost the process its life are not tried again, and no larger ones: each attempt would take as
        long. What fails already is spared the largest cases: it may be slow as well as wrong.
        """
        if self.failing and not self.clause.at_size and _is_large(case):
            return
        sizes = self._sizes_of(case)
        if sizes and any(all(size <= sizes[name] for name, size in fatal.items()) for fatal in self._fatal):
            self.unfit.append((sizes, "these sizes, or smaller ones, have run out of time or memory before"))
            return
        if sizes and (reason := too_large(case, self.memory)):
            self.unfit.append((sizes, reason))
            return
        outcome = self._check(case)
        if outcome.kind == "unsupported":
            self.refused.append(outcome.reason)
            plainer, self._resets = plainer_accepted_case(self.clause, self.component, self.subject, case, self._resets)
            if plainer is not None:
                self._check(plainer, plainer=True)
        elif outcome.kind == "unfit":
            self.unfit.append((sizes, outcome.reason))
            self._fatal += [sizes] if sizes and self.subject.lost else []

    def _sizes_of(self, case: Case) -> Sizes:
        """Give the sizes of a case, of a clause about sizes of models."""
        return {name: case[name] for name in sizes_of_models(self.component).sizes} if self.clause.at_size else {}

    def _check(self, case: Case, *, plainer: bool = False) -> Outcome:
        """Check, and add up what comes of it; of a case that was judged before, nothing does."""
        if case in self._cases:
            return Outcome("inapplicable")
        self._cases.add(case)
        trial = Trial(self.subject, self.component, case)
        outcome = check(self.clause, trial)
        if self.coverage is not None:
            self.coverage.take(trial, outcome, plainer=plainer)
        if self.measured is not None:
            self.measured.take(trial, outcome)
        if outcome.kind == "not-offered":
            self.refused.append(outcome.reason)
            self._over = True
        elif outcome.failed:
            self._fail(case, outcome)
        elif outcome.passed:
            self._in_a_row = 0
            self.largest = max(self.largest, outcome.ratio)
            self.power.add(trial.power)
            for name, size in self._sizes_of(case).items():
                self.reached[name] = max(size, self.reached.get(name, 0))
        if outcome.passed or outcome.failed:
            self.examples += 1
            self.dtype = self.dtype or trial.dtype
        return outcome

    def _fail(self, case: Case, outcome: Outcome) -> None:
        """Keep a failing case; go on, since one cause must not hide another, until enough have failed."""
        self._failed, self._in_a_row = self._failed + 1, self._in_a_row + 1
        alike = sum(_words(each) == _words(outcome) for _, each in self.failing)
        if alike < (1 if self.clause.at_size else _OF_A_KIND):
            self.failing.append((case, outcome))
        most = self._failed == self.most_failing or self._in_a_row == _IN_A_ROW
        self._over = most or bool(self.subject.lost)


def _is_large(case: Case) -> bool:
    return any(isinstance(value, int) and value > _LARGE for name, value in case.items() if name != "seed")


def _words(outcome: Outcome) -> tuple[str, str]:
    """Give how a case fails, and what is said of it before the numbers."""
    said = outcome.reason if outcome.how == "exception" else outcome.reason.partition(": ")[0]
    return outcome.how, _NUMBERS.sub("", said)


@dataclass
class Trying:
    """The cases of a clause on their way to some implementations; it can be left, and gone on with."""

    each: list[Tried]
    """What has come of them so far, of each implementation."""
    cases: Iterator[Case]
    """Those that are left."""
    note: Callable[[Tried], object] = lambda tried: None
    """Hears of each case that was judged."""

    def go_on(self, count: int | None = None) -> list[Tried]:
        """Put so many more cases to every implementation, or all, one case after another, until enough have failed."""
        for case in itertools.islice(self.cases, count):
            left = [one for one in self.each if not one.over]
            if not left:
                break
            for one in left:
                one.take(case)
                self.note(one)
        return self.each


def trying(
    clause: Clause,
    component: Component,
    dtype: str,
    profile: Profile,
    seed: int,
    subjects: Sequence[Subject],
    most_failing: int = 1,
) -> Trying:
    """Begin to put the cases of a clause to every implementation."""
    counted = counts(clause, clauses_of(component))
    each = [Tried(clause, component, subject, profile.memory, most_failing) for subject in subjects]
    for one in each if counted else ():
        one.coverage, one.measured = Coverage(component), Measured(component, clause.at_size)
    return Trying(each, cases_of(clause, component, dtype, profile, seed))
