"""Replies that several clauses look at: each case is put to the implementation once, and asked after by all of them."""

from collections.abc import Callable
from typing import Final

from ...adapters import Reply
from .case import Case
from .component import Component

MOST: Final = 2**28
"""Bytes of replies that are kept; what comes after them is asked for again."""


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

    def get(self, component: Component, dtype: str, case: Case, *, gradients: bool, ask: Callable[[], Reply]) -> Reply:
        """Return the reply that is kept, or ask and keep it."""
        if self._of != (component, dtype):
            self._of, self._replies, self._held = (component, dtype), {}, 0
        kept = self._replies.get((case, gradients))
        if kept is not None:
            return kept
        reply = ask()
        arrays = (*reply.results.values(), *reply.gradients.values())
        size = sum(array.nbytes for array in arrays) + len(repr(reply.data))
        if self._held + size < self._most:
            self._replies[case, gradients] = reply
            self._held += size
        return reply
