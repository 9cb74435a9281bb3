"""The implementation under judgement, and what a clause has learnt of it."""

from collections.abc import Callable, Mapping
from typing import Literal

from ...adapters import Adapter, Reply
from ...adapters.contract import CONVENTIONS
from ...oracle.rounding.numerics import Numerics
from .held import Found, Held
from .recent import RecentReplies


class Subject:
    """One implementation before one clause: its conventions, and the precision class that is left of each dtype."""

    def __init__(
        self,
        adapter: Adapter,
        recent: RecentReplies | None = None,
        conventions: Mapping[str, str] | None = None,
    ) -> None:
        """Begin with nothing learnt; `recent` is shared with other clauses, `conventions` replaces those declared."""
        self.adapter = adapter
        self.recent = RecentReplies() if recent is None else recent
        self.conventions = completed(adapter.offer.conventions) if conventions is None else conventions
        self.lost: Literal["", "died", "timeout", "broken"] = ""
        """Whether the last call ended in a crash, a time-out or what is no message."""
        self.withdrawn = 0
        """How many calls it refused although it had answered them before."""
        self._held: dict[str, Held] = {}

    def note_reply(self, reply: Reply) -> None:
        """Note whether a reply is the end of a process."""
        self.lost = reply.status if reply.status in ("died", "timeout") else "broken" if reply.ended else ""

    def held(self, dtype: str) -> Held:
        """Say to which numerics the implementation is held in a dtype."""
        if dtype not in self._held:
            offer = self.adapter.offer
            self._held[dtype] = Held.to(dtype, offer.numerics.get(dtype, {}), offer.precision_class)
        return self._held[dtype]

    def hold(self, dtype: str, attempt: Callable[[Numerics], Found], passes: Callable[[Found], bool]) -> Found:
        """Try in the strictest class that is left, and rule out those that fail, as `Held.strictest` does."""
        found, self._held[dtype] = self.held(dtype).strictest(attempt, passes)
        return found

    @property
    def met(self) -> int:
        """The loosest class that was needed in any dtype; 0 until anything was compared with a bound."""
        return max((each.met for each in self._held.values()), default=0)

    @property
    def cut(self) -> bool:
        """Whether anything was compared in the last class that is accepted where there are further ones."""
        return any(each.cut and each.compared for each in self._held.values())

    @property
    def took(self) -> str:
        """What was declared beyond the class's own, where that was needed."""
        return next((each.took for each in self._held.values() if each.took), "")


def completed(conventions: Mapping[str, str]) -> dict[str, str]:
    """Complete declared conventions with the defaults."""
    return {name: values[0] for name, values in CONVENTIONS.items()} | dict(conventions)
