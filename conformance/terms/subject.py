"""The implementation under judgement, and what is known of it while a clause is judged."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ...adapters import Adapter, Reply
from ...adapters.contract import CONVENTIONS
from .case import Case


@dataclass
class Subject:
    """The implementation under judgement, and what has been learnt of it in this clause."""

    adapter: Adapter
    step: int = 0
    """The first precision class that has not failed yet, as a place in the ladder."""
    met: int = 0
    """The class that was needed: 0 until anything was compared with a bound."""
    declarations: str = ""
    """What was declared beyond the class's own, where that was needed."""
    lost: Literal["", "died", "timeout"] = ""
    """Whether the last call ended in a crash or a time-out."""
    conventions: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Complete the conventions with the defaults."""
        self.conventions = {name: values[0] for name, values in CONVENTIONS.items()} | dict(
            self.adapter.offer.conventions
        )

    def note_reply(self, reply: Reply) -> None:
        """Note whether a reply is the end of a process."""
        self.lost = reply.status if reply.status in ("died", "timeout") else ""


@dataclass
class _Recent:
    """The replies of one component in one dtype: those clauses that look at other sides of them follow each other."""

    of: tuple[str, str]
    replies: dict[tuple[Case, bool], Reply] = field(default_factory=dict)
    """By the case, and whether its gradients were asked for."""


_RECENT: Final[weakref.WeakKeyDictionary[Adapter, _Recent]] = weakref.WeakKeyDictionary()


def recent_replies(adapter: Adapter, component: str, dtype: str) -> dict[tuple[Case, bool], Reply]:
    """The replies of that component in that dtype, to be read and filled; those of any other are let go."""
    recent = _RECENT.get(adapter)
    if recent is None or recent.of != (component, dtype):
        recent = _RECENT[adapter] = _Recent((component, dtype))
    return recent.replies
