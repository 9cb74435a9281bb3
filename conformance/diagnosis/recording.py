"""What was asked of an implementation and what it answered, written down, so that the same can be put to another."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...adapters import Adapter, Call, Offer, Reply


@dataclass(frozen=True)
class Exchange:
    """What was asked, one call after another, and what was answered."""

    calls: tuple[Call, ...]
    replies: tuple[Reply, ...]


class Recorder(Adapter):
    """An implementation whose answers are written down; under another's offer, it is judged by what that declares."""

    def __init__(self, adapter: Adapter, offer: Offer | None = None) -> None:
        """Begin with nothing written down."""
        self._adapter, self.offer = adapter, offer or adapter.offer
        self.exchanges: list[Exchange] = []

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call, and write it down."""
        replies = self._adapter.sequence(calls)
        self.exchanges.append(Exchange(tuple(calls), tuple(replies)))
        return replies

    def close(self) -> None:
        """Leave the adapter open: whoever opened it ends it."""
