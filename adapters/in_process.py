"""The same calls without a process, for debuggers: a breakpoint in the adapter works, a crash takes us along."""

import inspect
from collections.abc import Sequence

from .adapter import Adapter
from .calling import Call, Reply, reply_from, request_of
from .declaration import check_function
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
        """End nothing: there is no process to end."""


def open_object(
    target: object, name: str, component: str | None = None, framework: str | None = None
) -> InProcessAdapter:
    """Open an object at hand; a bare function, which `component` names, has its declarations in its module."""
    if component is not None:
        check_function(component, name)
    module = target if component is None else inspect.getmodule(target)
    return InProcessAdapter(check(Found(name, target, module), component, framework))
