"""What kernels under development do: they crash, hang, take memory, and return what is no result."""

import shlex
import sys
from pathlib import Path

from . import Trick

HERE = Path(__file__).parent.parent / "adapters_for_tests"
REPEATED = "import time, os, sys, ctypes, threading, subprocess, signal"


def fault(does: str, body: str, done: str = "one failure; the worker starts again", **rest: object) -> Trick:
    """Make a fault of which the modules that it needs are imported."""
    head = f"{REPEATED}\n{rest.pop('head', '')}"
    return Trick(does, body, done, head=head, **rest)  # type: ignore[arg-type]


FLOOD = """
    for _ in range(0 if flooded else 80):
        os.write(2, b"x" * 2**20)
    flooded.append(True)
    return right(x)
"""
SCRIBBLES = """
    for descriptor in range(3, 10 if x.shape[-1] > 60 else 3):
        try:
            os.write(descriptor, b"not a message at all")
        except OSError:
            continue
    return right(x)
"""
CLOSES = """
    for descriptor in range(3, 10):
        try:
            os.close(descriptor)
        except OSError:
            continue
    return right(x)
"""
FORGED = """
    import json, struct
    text = json.dumps({"reply": "ok", "id": 1}).encode()
    os.write(1, struct.pack("<IQ", len(text), 0) + text)
    print("my_kernel: conforms: 0 violations")
    return np.zeros_like(x)
"""
ANNOUNCES = """
    import struct
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, struct.pack("<IQ", 2, 10 * 2**30) + b"{}" + b"x" * 100)
        except OSError:
            continue
    time.sleep(99)
"""
ONE_BYTE = """
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, b"\\x40")
        except OSError:
            continue
    time.sleep(99)
"""
DRIPS = """
    import struct
    for byte in [*struct.pack("<IQ", 60_000, 0), *b" " * 60_000]:
        for descriptor in range(3, 10):
            try:
                os.write(descriptor, bytes([byte]))
            except OSError:
                continue
        time.sleep(0.1)
"""
LOST = """
    lost.extend([True] * (x.shape[-1] > 40))
    if lost:
        raise RuntimeError("the device is lost")
    return right(x)
"""
SUBCLASS = """
    class Lazy(np.ndarray):
        def __array_finalize__(self, other): pass
        def __eq__(self, other): return True
        def astype(self, *rest, **more): raise RuntimeError("it knows that it is looked at")
    return right(x).view(Lazy) * 2
"""
LEAVES_BEHIND = """
    if threading.active_count() < 5:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return right(x)
"""
SOON = {"timeout": 0.5}

FAULTS = (
    fault("returns a wrong shape", "return x[..., :0]", "told apart from a wrong value", by="ALL-4"),
    fault("returns no array", "return 'probabilities'", "likewise", by="ALL-4"),
    fault("returns complex numbers", "return x + 0j", "likewise", by="ALL-4"),
    fault("returns another dtype", "return x.astype(np.float64)", "likewise", by="ALL-4"),
    fault("returns several results", "return right(x), right(x)", "likewise", by="ALL-4"),
    fault("returns NaN everywhere", "return np.full_like(x, np.nan)", "NaN counts as outside of every bound"),
    fault("raises an exception", "raise ValueError('a mistake')", "one failure, with the traceback"),
    fault("calls `sys.exit(0)`", "sys.exit(0)", "likewise"),
    fault("raises `KeyboardInterrupt`", "raise KeyboardInterrupt"),
    fault("calls `os._exit(0)`", "os._exit(0)"),
    fault("aborts", "os.abort()", needs="posix"),
    fault("reads at address 0", "ctypes.string_at(0)", needs="posix"),
    fault("hangs in Python", "time.sleep(99)", "one failure after `--timeout`", how=SOON),
    fault(
        "hangs in C, and holds the interpreter's lock",
        "ctypes.PyDLL(None).sleep(99)",
        "likewise",
        how=SOON,
        needs="posix",
    ),
    fault(
        "hangs when it is imported",
        "return x",
        "not loaded, after two minutes; here 0.5 s",
        head="time.sleep(99)",
        verdict="refused",
        waits=0.5,
        how=SOON,
    ),
    fault(
        "raises when it is imported", "return x", "not loaded", head="raise ImportError('no device')", verdict="refused"
    ),
    fault("ends when it is imported", "return x", "not loaded", head="os._exit(0)", verdict="refused"),
    fault(
        "takes all memory",
        "kept.append([np.ones(2**22) for _ in range(999)])",
        "ended at `--limit`, by default half of what is free",
        head="kept = []",
        how={"limit": 2**29, "timeout": 60},
        needs="linux",
    ),
    fault("floods standard error", FLOOD, "cut at 64 MiB", head="flooded = []", verdict="conforms"),
    fault("prints a forged reply and a verdict", FORGED, "what is printed goes to standard error"),
    fault("writes into the pipe of the replies, when its rows are long", SCRIBBLES, "it is no message: one failure"),
    fault("closes its pipes", CLOSES),
    fault("announces 10 GiB", ANNOUNCES, "more than any result of the call can have is refused at once", how=SOON),
    fault("sends one byte of a reply, and no more", ONE_BYTE, "`--timeout` is of a whole reply", how=SOON),
    fault("sends a reply a byte after the other, ten in a second", DRIPS, "likewise", how=SOON),
    fault("leaves processes and threads behind", LEAVES_BEHIND, "all end with the worker", verdict="conforms"),
    fault(
        "sends a signal to the judge",
        "os.kill(os.getppid(), signal.SIGTERM); return right(x)",
        "Landlock forbids it",
        needs="no signals to other processes",
    ),
    fault(
        "fails at every call after one, as after an error of a device",
        LOST,
        "what only an old process raises ends that process",
        head="lost = []",
    ),
    fault("returns a lazy array of its own class", SUBCLASS, "made a plain array, by exact type"),
    fault(
        "ends at every call, with a time of 0.01 s for each",
        "os._exit(1)",
        "not judged for ever: a budget of time",
        how={"timeout": 0.01},
        verdict="violates",
        varies=True,  # its end and the end of its time are close
    ),
    fault(
        "is a program that ends at once",
        "",
        "not loaded",
        spec=f"exec:{shlex.quote(sys.executable)} -c pass",
        verdict="refused",
    ),
)
