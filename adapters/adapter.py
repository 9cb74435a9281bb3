"""What the judge can do with an implementation, wherever it runs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from .calling import Call, Reply
from .declaration import Offer
from .message import Array

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Adapter(Protocol):
    """An implementation that can be called, wherever it runs."""

    offer: Offer
    """What it is and has."""

    @property
    def holds(self) -> tuple[str, ...]:
        """What keeps it away from the judge; nothing does in a process that they share."""
        return ()

    @property
    def peak(self) -> int | None:
        """The most bytes of memory that a process of its own has had so far; None if there is none, or nobody knows."""
        return None

    def call(
        self,
        function: str,
        arrays: Mapping[str, Array],
        options: Mapping[str, object] = _NOTHING,
        *,
        dtype: str,
        layouts: Mapping[str, str] = _NOTHING,
        cotangent: Array | Mapping[str, Array] | None = None,
        wrt: Sequence[str] | None = None,
    ) -> Reply:
        """Call a component function once; with a cotangent, ask for the gradients of `sum(result * cotangent)`.

        Where there are several results, there is a cotangent of each.
        """
        cotangents = cotangent if isinstance(cotangent, Mapping) else {} if cotangent is None else {"result": cotangent}
        return self.sequence([Call(function, arrays, options, dtype, layouts, cotangents, wrt)])[0]

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call one after another; an array like the one before is the same object, overwritten in place."""

    def afresh(self) -> bool:
        """Forget all earlier calls, in a process of its own that begins anew; say whether that can be done."""
        return False

    def close(self) -> None:
        """End it."""
