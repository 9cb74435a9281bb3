"""The same calls without a process, for debuggers: a breakpoint in the adapter works, a crash takes us along."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from .calling import Call, Reply, reply_from, request_of
from .finding import Found
from .host import Host
from .loading import Loaded, check
from .message import Array

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class InProcessAdapter:
    """An adapter in this process: no time-out, no protection."""

    def __init__(self, loaded: Loaded) -> None:
        """Host it here."""
        self.offer = loaded.offer
        self._host = Host(loaded)

    def call(
        self,
        function: str,
        arrays: Mapping[str, Array],
        options: Mapping[str, object] = _NOTHING,
        *,
        dtype: str,
        layouts: Mapping[str, str] = _NOTHING,
        cotangent: Array | None = None,
        wrt: Sequence[str] | None = None,
    ) -> Reply:
        """Call a component function once; with a cotangent, ask for the gradients of `sum(result * cotangent)`."""
        call = Call(function, arrays, options, dtype, layouts, cotangent, wrt)
        return reply_from(*self._host.answer(*request_of(call, reuse=False)))

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
