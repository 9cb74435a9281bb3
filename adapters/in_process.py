"""The same calls without a process, for debuggers: a breakpoint in the adapter works, a crash takes us along."""

from collections.abc import Sequence

from .adapter import Adapter
from .calling import Call, Reply, reply_from, request_of
from .finding import Found
from .host import Host
from .loading import Loaded, check


class InProcessAdapter(Adapter):
    """An adapter in this process: no time-out, no protection."""

    def __init__(self, loaded: Loaded) -> None:
        """Host it here."""
        self.offer = loaded.offer
        self._host = Host(loaded)

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call one after another; an array like the one before is the same object, overwritten in place."""
        return [
            reply_from(*self._host.answer(*request_of(call, reuse=number > 0))) for number, call in enumerate(calls)
        ]

    def close(self) -> None:
        """Nothing to end."""


def open_object(target: object, name: str) -> InProcessAdapter:
    """An adapter made of an object at hand, for tests."""
    return InProcessAdapter(check(Found(name, target, target)))
