"""What was asked of an implementation and what it answered, written down, so that the same can be put to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ..adapters import Adapter, Call, Offer, Reply
from .comparison import Array

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Exchange:
    """What was asked at once, and what was answered."""

    calls: tuple[Call, ...]
    replies: tuple[Reply, ...]
    in_sequence: bool

    def put_to(self, adapter: Adapter) -> Sequence[Reply]:
        """The answers of another implementation."""
        if self.in_sequence:
            return adapter.sequence(self.calls)
        return [_call(adapter, call) for call in self.calls]


class Recorder:
    """An implementation whose answers are written down; under another's offer, it is judged by what that declares."""

    def __init__(self, adapter: Adapter, offer: Offer | None = None) -> None:
        """Nothing is written down yet."""
        self._adapter, self.offer = adapter, offer or adapter.offer
        self.exchanges: list[Exchange] = []

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
        """Call, and write it down."""
        call = Call(function, arrays, options, dtype, layouts, cotangent, wrt)
        reply = _call(self._adapter, call)
        self.exchanges.append(Exchange((call,), (reply,), in_sequence=False))
        return reply

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Likewise."""
        replies = self._adapter.sequence(calls)
        self.exchanges.append(Exchange(tuple(calls), tuple(replies), in_sequence=True))
        return replies

    def close(self) -> None:
        """It is not ours to end."""


def _call(adapter: Adapter, call: Call) -> Reply:
    return adapter.call(
        call.function,
        call.arrays,
        call.options,
        dtype=call.dtype,
        layouts=call.layouts,
        cotangent=call.cotangent,
        wrt=call.wrt,
    )
