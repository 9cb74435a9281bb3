"""The judge's side: open an adapter, call it, get a reply whatever happens.

    with contextlib.closing(open_adapter("torch")) as adapter:
        reply = adapter.call("softmax", {"x": values}, dtype="float32")

Mistakes of the caller raise; what the implementation does, never.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from .calling import Call as Call
from .calling import Reply as Reply
from .calling import reply_from, request_of, status_of
from .declaration import AdapterError as AdapterError
from .declaration import Offer as Offer
from .declaration import offer_from_header
from .message import PROTOCOL, Array
from .process import Failure, Process

# Importing a framework takes seconds on a good day, a minute on a cold disk.
_LONGEST_START: Final = 120.0
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Adapter(Protocol):
    """An implementation that can be called, wherever it runs."""

    offer: Offer
    """What it is and has."""

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
        return self.sequence([Call(function, arrays, options, dtype, layouts, cotangent, wrt)])[0]

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call one after another; an array like the one before is the same object, overwritten in place."""

    def close(self) -> None:
        """End it."""


def open_adapter(
    spec: str,
    *,
    component: str | None = None,
    framework: str | None = None,
    timeout: float = 60.0,
    in_process: bool = False,
) -> Adapter:
    """Open the adapter that `spec` names; `AdapterError`, one sentence, if it cannot be."""
    if spec.startswith("exec:"):
        if in_process or component or framework:
            raise AdapterError(f"{spec} is another program: --in-process, --as and --framework cannot apply to it")
        # On Windows a backslash belongs to the path.
        command = shlex.split(spec.removeprefix("exec:"), posix=sys.platform != "win32")
        if not command:
            raise AdapterError("exec: needs a command, for example exec:./my_program")
        return WorkerAdapter(command, spec, timeout)
    if in_process:
        from .in_process import InProcessAdapter
        from .loading import load

        return InProcessAdapter(load(spec, component, framework))
    # -P: the folder where the judge stands, which may hold a torch.py, is not on the worker's path.
    command = [sys.executable, "-P", "-m", f"{__package__}.worker", spec]
    command += ["--as", component] if component else []
    command += ["--framework", framework] if framework else []
    return WorkerAdapter(command, spec, timeout)


class WorkerAdapter(Adapter):
    """An adapter in a process of its own, started again at the next call after it has failed."""

    def __init__(self, command: Sequence[str], spec: str, timeout: float) -> None:
        """Start the program and take its offer."""
        self._command, self._spec, self._timeout = command, spec, timeout
        self._sent = 0
        self._process: Process | None
        try:
            self._process, handshake = self._start()
        except Failure as failure:
            last = failure.detail.splitlines()[-1:]
            raise AdapterError(": ".join([f"{spec} did not start: {failure.message}", *last])) from None
        self.offer = offer_from_header({"name": spec, **handshake}, spec)

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call one after another; an array like the one before is the same object, overwritten in place."""
        return [self._exchange(call, reuse=number > 0) for number, call in enumerate(calls)]

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _exchange(self, call: Call, reuse: bool) -> Reply:
        header, tensors = request_of(call, reuse)
        self._sent += 1
        try:
            if self._process is None:
                self._process, _ = self._start()
            reply = self._process.exchange({**header, "id": self._sent}, tensors, self._timeout)
        except Failure as failure:
            self._process = None
            return Reply(status_of(failure.status), message=failure.message, detail=failure.detail)
        except AdapterError as error:  # it started once, but does not start again
            return Reply("died", message=str(error))
        return reply_from(*reply)

    def _start(self) -> tuple[Process, Mapping[str, Any]]:
        try:
            process = Process(self._command)
        except OSError as error:
            raise AdapterError(f"{self._spec} cannot be run: {error.strerror}: {self._command[0]}") from None
        handshake, _ = process.receive(max(self._timeout, _LONGEST_START))
        if handshake.get("reply") == "refused":
            process.stop()
            raise AdapterError(str(handshake.get("message")))
        if handshake.get("reply") != "offer" or handshake.get("protocol") != PROTOCOL:
            process.stop()
            raise AdapterError(f"{self._spec} does not speak assay's protocol {PROTOCOL}: it said {handshake!r:.200}")
        return process, handshake
