"""Coverage: how much of what it was asked an implementation has answered, and whether that is evidence at all.

One that refuses all but the easiest cases has shown nothing. What counts are telling cases, those whose right answer
takes computing (`cheap_answers.py`), among the values at small sizes and at those of models: `FEWEST` of them must have
been answered, or the component has no evidence in the dtype. And what was answered once may not be refused later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..terms.case import Case
from ..terms.cheap_answers import is_telling
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.trial import Trial
from ..terms.verdict import Outcome

FEWEST: Final = 2
"""Telling cases that must have been answered: the narrowest built-in kernel, which decodes, answers two in 512 MiB."""

_REASONS: Final = 8
"""Reasons of refusals that are kept."""


def counts(clause: Clause, every: Sequence[Clause]) -> bool:
    """Say whether a clause's cases count: those of the first of a component that is judged on all, and at size."""
    if clause.id.startswith("GRAD"):
        return False
    return clause.at_size or clause is next((each for each in every if each.covering), None)


@dataclass
class Coverage:
    """What one clause has asked, and what was answered."""

    component: Component
    asked: int = 0
    answered: int = 0
    plainer: int = 0
    """Plainer cases that were answered in place of others."""
    telling: int = 0
    """How many of the answered ones are telling; nobody counts beyond `FEWEST`."""
    refused: dict[str, int] = field(default_factory=dict)
    """Why cases were refused, and how many."""
    _options: dict[str, tuple[set[Any], set[Any]]] = field(default_factory=dict)

    def take(self, trial: Trial, outcome: Outcome, *, plainer: bool) -> None:
        """Count a case."""
        if outcome.kind not in ("pass", "fail", "unsupported"):
            return
        answered = outcome.kind != "unsupported"
        self.asked += not plainer
        self.answered += answered and not plainer
        self.plainer += answered and plainer
        if outcome.passed and self.telling < FEWEST:
            self.telling += is_telling(trial)
        if not answered and (len(self.refused) < _REASONS or outcome.reason in self.refused):
            self.refused[outcome.reason] = self.refused.get(outcome.reason, 0) + 1
        self._take_options(trial.case, answered=answered)

    def _take_options(self, case: Case, *, answered: bool) -> None:
        values = dict(case.parameters)
        for name, options in self.component.factors.items():
            option = tuple(values[each] for each in options[0])
            all_of_them, of_answered = self._options.setdefault(name, (set(), set()))
            all_of_them.add(option)
            if answered:
                of_answered.add(option)

    def as_json(self) -> dict[str, Any]:
        """Give the numbers, and those of the options of each factor that not all were answered of."""
        numbers = {"asked": self.asked, "answered": self.answered, "plainer": self.plainer, "telling": self.telling}
        options = {
            name: {"asked": len(asked), "answered": len(answered)}
            for name, (asked, answered) in self._options.items()
            if len(answered) < len(asked)
        }
        return numbers | ({"options": options} if options else {}) | ({"refused": self.refused} if self.refused else {})


def joined(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what the clauses of a component have asked in a dtype; options are those of the first."""
    names = ("asked", "answered", "plainer", "telling")
    found: dict[str, Any] = {name: sum(each[name] for each in several) for name in names}
    found["telling"] = min(found["telling"], FEWEST)
    refused: dict[str, int] = {}
    for each in several:
        for reason, number in each.get("refused", {}).items():
            refused[reason] = refused.get(reason, 0) + number
    if several and several[0].get("options"):
        found["options"] = several[0]["options"]
    return found | ({"refused": refused} if refused else {})
