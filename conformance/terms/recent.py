"""Replies that several clauses look at: each case is made and put to the implementation once, and looked at by all."""

from collections.abc import Callable
from typing import Final

from ...adapters import Reply
from .case import Case
from .component import Component
from .inputs import Inputs

MOST: Final = 2**28
"""Bytes of replies and arguments that are kept; what comes after them is asked for again."""


class RecentReplies:
    """The replies of one implementation to cases of one component in one dtype; another component or dtype ends them.

    ALL-1, ALL-4 and ALL-5 follow each other (`plan.py`) and ask for the same replies, and so do GRAD-1 and GRAD-2.
    Whoever judges has one of these for each implementation, for as long as that is judged.
    """

    def __init__(self, most: int = MOST) -> None:
        """Begin empty; with `most` 0 nothing is kept."""
        self._most, self._held = most, 0
        self._of: tuple[Component, str] | None = None
        self._replies: dict[tuple[Case, bool], Reply] = {}
        self._inputs: dict[Case, Inputs] = {}
        self._answered: dict[tuple[str, object], set[Case]] = {}

    def get(
        self,
        component: Component,
        dtype: str,
        case: Case,
        *,
        gradients: bool,
        ask: Callable[[], Reply],
        inputs: Callable[[], Inputs],
    ) -> Reply:
        """Return the reply that is kept, or ask and keep it, and the arguments with it."""
        if self._of != (component, dtype):
            self._of, self._replies, self._inputs, self._held = (component, dtype), {}, {}, 0
        kept = self._replies.get((case, gradients))
        if kept is not None:
            return kept
        reply, given = ask(), inputs()
        arrays = (*reply.results.values(), *reply.gradients.values(), *given.arrays.values())
        size = sum(array.nbytes for array in arrays) + len(repr(reply.data))
        if self._held + size < self._most:
            self._replies[case, gradients], self._inputs[case] = reply, given
            self._held += size
        return reply

    def note(self, case: Case, *, answered: bool) -> bool:
        """Say whether the call of a case was answered before, and note whether it is now."""
        of = case.component, case.get("dtype")
        if of not in self._answered:
            self._answered = {of: set()}
        before = case in self._answered[of]
        if answered:
            self._answered[of].add(case)
        return before

    def inputs(self, component: Component, case: Case) -> Inputs | None:
        """Return the arguments of a case of the component that are kept, if they are."""
        return self._inputs.get(case) if self._of and self._of[0] is component else None
