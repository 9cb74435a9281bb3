"""Adapters that reach for what is not theirs: each raises what it got, as JSON, which the judge's side can read."""

import ctypes
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import assay.adapters

ROOMS = Path(assay.adapters.__file__).parent.parent
EVERY = {}


def reaches(attempt):
    """Make an adapter of an attempt: whatever it returns, or raises, is what its softmax raises."""

    class Reaching:
        @staticmethod
        def softmax(x):
            try:
                got = attempt()
            except Exception as error:
                got = f"{type(error).__name__}: {error}"
            raise ValueError(json.dumps(got))

    EVERY[attempt.__name__] = Reaching
    return Reaching


@reaches
def the_oracle_by_name():
    """By its name in Python."""
    return importlib.import_module("assay.oracle.softmax").__name__


@reaches
def the_suite_by_name():
    """By its name in Python, and by a second one."""
    import assay.conformance

    return assay.conformance.__name__


@reaches
def the_oracle_by_path():
    """By its file."""
    spec = importlib.util.spec_from_file_location("another", ROOMS / "oracle" / "softmax.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.__name__


@reaches
def the_folder():
    """List what another program sees there."""
    done = subprocess.run(["/bin/ls", ROOMS / "oracle", ROOMS / "conformance"], capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line.endswith(".py")]


@reaches
def the_packages():
    """Write into what the judge is made of."""
    done = []
    for folder in (ROOMS / "adapters", Path(np.__file__).parent):
        try:
            (folder / "left_behind").touch()
            (folder / "left_behind").unlink()
            done.append(str(folder))
        except OSError:
            continue
    return done


@reaches
def the_mounts():
    """Take away what covers the oracle."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.umount2(os.fsencode(ROOMS / "oracle"), 2)


@reaches
def the_memory_of_the_parent():
    """Read the judge's memory."""
    with Path(f"/proc/{os.getppid()}/mem").open("rb"):
        return "open"


@reaches
def the_descriptors():
    """Count what is open: three streams, two pipes, two blocks of memory."""
    return len(list(Path("/proc/self/fd").iterdir())) - 1


@reaches
def the_shared_memory():
    """Make the memory smaller through which large tensors cross: whoever reads what is gone is ended by the system."""
    for link in map(Path, map("/proc/self/fd/{}".format, range(3, 256))):
        if link.exists() and "memfd:assay" in str(link.readlink()):  # grown first, so that there is something to take
            os.ftruncate(int(link.name), 2**20)
            os.ftruncate(int(link.name), 0)
    return "nothing there, or made smaller"


@reaches
def the_environment():
    """Tell the variables that only a judge sets, and the folder for temporary files."""
    telling = [name for name in os.environ if name.startswith(("PYTEST", "ASSAY", "COV"))]
    return [telling, "PATH" in os.environ, tempfile.gettempdir()]


@reaches
def another_session():
    """Leave a program behind that belongs to nobody."""
    program = "import os, time; os.setsid(); time.sleep(600)"
    return subprocess.Popen([sys.executable, "-c", program], env={}, start_new_session=True).pid


@reaches
def the_network():
    """Open a connection to this machine; refused is as good as accepted."""
    try:
        socket.create_connection(("127.0.0.1", 9), 1).close()
    except ConnectionRefusedError:
        return "reached"
    return "reached"


@reaches
def the_home():
    """Write to the home folder and beside this file, and to the folder for temporary files."""
    done = []
    for folder in (os.environ.get("LEFT", "~"), tempfile.gettempdir()):
        try:
            Path(folder, "left_behind").expanduser().touch()
            done.append(folder)
        except OSError:
            continue
    return done


@reaches
def much_memory():
    """Take memory until something stops it."""
    taken = []
    while True:
        taken.append(np.ones(2**24))


@reaches
def its_own_end():
    """End as a program is ended from outside."""
    os.kill(os.getpid(), signal.SIGTERM)


globals().update(EVERY)
