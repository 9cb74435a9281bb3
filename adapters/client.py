"""An adapter in a worker process, as the judge sees it: a reply comes whatever happens."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .adapter import Adapter
from .calling import Call as Call
from .calling import Reply as Reply
from .calling import most_of, reply_from, request_of, status_of
from .confinement import SEALED, hidden_from
from .declaration import AdapterError as AdapterError
from .declaration import Offer as Offer
from .declaration import check_text, choices, offer_from_header
from .foreign_text import visible
from .memory import free
from .message import PROTOCOL
from .process import Failure, Process
from .shared_memory import Blocks

# Importing a framework takes seconds on a good day, a minute on a cold disk. A program's start counts as a call.
_LONGEST_START: Final = 120.0

_DOUBTS: Final = 20
"""How many errors are looked at in a new process."""

_PATIENCE: Final = 10
"""How often the time that a call may take is spent on calls that crash or hang, and the starts after them, in all."""


class WorkerAdapter(Adapter):
    """An adapter in a process of its own, started again at the next call after it has failed."""

    def __init__(
        self, command: Sequence[str], spec: str, timeout: float, *, sealed: bool = False, limit: int | None = None
    ) -> None:
        """Start the program and take its offer."""
        self._command, self._spec, self._timeout, self._sealed = command, spec, timeout, sealed
        left = free()
        self._limit = limit if limit is not None or left is None else left // 2
        self._sent, self._peak, self._lost = 0, 0, 0.0
        self._answered, self._last_error = False, ""
        self._certain: set[str] = set()
        """Errors that a new process has raised, too."""
        self._of_a_state: set[str] = set()
        """Errors that a new process has not."""
        self._process: Process | None
        try:
            self._process, handshake = self._start()
        except Failure as failure:
            last = [visible(line) for line in failure.detail.splitlines()[-1:]]
            raise AdapterError(": ".join([f"{spec} did not start: {failure.message}", *last])) from None
        self.offer = offer_from_header({"name": spec, "device": "cpu", **handshake}, spec)
        self._holds = self._process.holds
        if sealed and (lacking := [each for each in SEALED if each not in self._holds]):
            self.close()
            raise AdapterError(f"--sandbox cannot be had here: this system does not grant {choices(lacking)}")

    @property
    def _is_program(self) -> bool:
        """Whether it is a program that somebody else has written, and not assay's own around an adapter."""
        return self._spec.startswith("exec:")

    @property
    def holds(self) -> tuple[str, ...]:
        """What keeps it away from the judge."""
        return self._holds

    @property
    def peak(self) -> int | None:
        """The most bytes of memory that any of its processes has had so far."""
        if self._process is not None:
            self._peak = max(self._peak, self._process.peak or 0)
        return self._peak or None

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call one after another; an array like the one before is the same object, overwritten in place."""
        return [self._exchange(call, reuse=number > 0) for number, call in enumerate(calls)]

    def afresh(self) -> bool:
        """End the process: the next call has one that knows of no other."""
        self._renew()
        return True

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _exchange(self, call: Call, reuse: bool) -> Reply:
        header, tensors = request_of(call, reuse)
        if self._lost > _PATIENCE * self._timeout:
            return Reply("unsupported", message=f"not judged: it has crashed or hung for {self._lost:.0f} s in all")
        self._sent += 1
        began = time.monotonic()
        try:
            if self._process is None:
                self._process, _ = self._start()
            reply = self._process.exchange({**header, "id": self._sent}, tensors, self._timeout, most_of(call))
        except Failure as failure:
            self._process = None
            self._lost += time.monotonic() - began
            status = status_of(failure.status)
            return Reply(status, message=failure.message, detail=failure.detail, killed=failure.killed, ended=True)
        except AdapterError as error:  # it started once, but does not start again
            return Reply("died", message=str(error))
        return self._settled(reply_from(*reply), call)

    def _settled(self, reply: Reply, call: Call) -> Reply:
        """Give a reply that hangs on no state: an error that comes twice, where calls were answered before, is doubted.

        After an error of a device every call fails, whatever it asks for. A new process tells: what only an old one
        raises ends that one, each time.
        """
        self._answered = self._answered or reply.status == "ok"
        again = reply.status == "error" and reply.message == self._last_error
        self._last_error = reply.message if reply.status == "error" else ""
        known = self._certain | self._of_a_state
        if again and self._answered and reply.message not in known and len(known) < _DOUBTS:
            self._renew()
            fresh = self._exchange(call, reuse=False)
            (self._certain if fresh.message == reply.message else self._of_a_state).add(reply.message)
            return fresh
        if self._last_error in self._of_a_state:
            self._renew()
        return reply

    def _renew(self) -> None:
        """End the process; the next call starts another."""
        self._answered = False
        self.close()

    def _start(self) -> tuple[Process, Mapping[str, Any]]:
        shared = Blocks() if self._is_program else Blocks.new()
        told = [] if self._is_program else ["--shared", shared.words, "--", self._spec]
        try:
            process = Process(
                [*self._command, *told],
                called="the program" if self._is_program else "the worker",
                hidden=hidden_from(self._spec),
                sealed=self._sealed,
                limit=self._limit,
                shared=shared,
            )
        except OSError as error:
            raise AdapterError(f"{self._spec} cannot be run: {error.strerror}: {self._command[0]}") from None
        try:
            handshake, _ = process.receive(self._timeout if self._is_program else max(self._timeout, _LONGEST_START))
            self._check(handshake)
        except Failure as failure:
            if self._is_program and failure.status == "timeout":
                failure.message += "; assay waits for the offer: the program speaks first"
            raise
        except BaseException:  # an interruption among them: nothing that was started stays
            process.stop()
            raise
        return process, handshake

    def _check(self, handshake: Mapping[str, Any]) -> None:
        """Refuse what is no offer."""
        if handshake.get("reply") == "refused":
            reason = handshake.get("message") or f"{self._spec} refused, and gave no reason"
            raise AdapterError(check_text(reason, "'message' of the refusal", self._spec))
        if handshake.get("reply") != "offer" or handshake.get("protocol") != PROTOCOL:
            raise AdapterError(f"{self._spec} does not speak assay's protocol {PROTOCOL}: it said {handshake!r:.200}")
