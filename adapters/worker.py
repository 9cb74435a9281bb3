"""`python -m assay.adapters.worker [--as NAME] [--framework NAME] [--shared REQUESTS,REPLIES] ADAPTER`.

It hosts one adapter behind two pipes, and memory that it shares with the judge where it was given two descriptors.

It holds no oracle, no bound and no answer, and seeds nothing; the judge is at the other end. See `message.py` for
what is said.
"""

import argparse
import dataclasses
import os
import sys
from typing import IO

from .declaration import AdapterError
from .global_state import notes_on_changes, state
from .guard import FORBIDDEN, guard
from .host import Host
from .loading import load
from .message import PROTOCOL, EndOfMessages, read_message, write_message
from .shared_memory import Blocks


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Move the pipes to the judge to descriptors of their own, and return them.

    What an implementation prints, from Python or from C, goes to standard error from here on, and what it reads from
    standard input is empty, so neither can disturb the conversation.
    """
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def serve(adapter: str, component: str | None, framework: str | None, shared: Blocks) -> None:
    """Say what the adapter offers, then answer until the judge closes the pipe."""
    requests, replies = private_pipes()
    for descriptor in shared.descriptors:
        os.set_inheritable(descriptor, False)
    sys.dont_write_bytecode = True  # leave no __pycache__ beside a user's file
    tried, before = guard(adapter), state()
    try:
        loaded, refusal = load(adapter, component, framework), ""
    except AdapterError as error:
        loaded, refusal = None, str(error)
    if tried:
        refusal = f"{adapter} {tried[0]}: {FORBIDDEN}"
    if loaded is None or refusal:
        write_message(replies, {"reply": "refused", "message": refusal}, {})
        return
    offer = dataclasses.asdict(loaded.offer)
    offer["notes"] = [*offer["notes"], *notes_on_changes(before, state())]
    write_message(replies, {"reply": "offer", "protocol": PROTOCOL, **offer}, {})
    host = Host(loaded)
    while True:
        try:
            request, tensors = read_message(requests, shared=shared.requests)
        except EndOfMessages:
            return
        reply, results = host.answer(request, tensors)
        if tried:
            reply, results = {"reply": "malformed", "message": f"it {tried[0]}: {FORBIDDEN}"}, {}
            tried.clear()
        sys.stdout.flush()  # so that what was printed during a call stands in order with what crashed after it
        write_message(replies, {**reply, "id": request["id"]}, results, shared.replies)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m assay.adapters.worker", description=__doc__)
    parser.add_argument("adapter")
    parser.add_argument("--as", dest="component")
    parser.add_argument("--framework")
    parser.add_argument("--shared", default="")
    arguments = parser.parse_args()
    serve(arguments.adapter, arguments.component, arguments.framework, Blocks.inherited(arguments.shared))


if __name__ == "__main__":
    main()
