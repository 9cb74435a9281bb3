"""Where an implementation is put: what it reaches for there it does not get, and nothing of it is left behind."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from assay.adapters import AdapterError, open_adapter, process
from assay.adapters.client import WorkerAdapter
from assay.adapters.confinement import SEALED
from assay.adapters.guard import FORBIDDEN

REACHING = str(Path(__file__).parent / "adapters_for_tests" / "reaching.py")
X = {"x": np.zeros((1, 2))}


def asked(adapter):
    """Call it once."""
    return adapter.call("softmax", X, dtype="float32")


def opened(folder, program):
    """Open the adapter that a program is, and close it in the end."""
    file = folder / "mine.py"
    file.write_text(program, encoding="utf-8")
    return contextlib.closing(open_adapter(str(file)))


def answers(adapter, sizes):
    """Say what comes of a row of each size."""
    return [adapter.call("softmax", {"x": np.zeros((1, size))}, dtype="float32").status for size in sizes]


def reached(name, **how):
    """Let one of the adapters reach out, and return what it says it got; with what holds there."""
    with contextlib.closing(open_adapter(f"{REACHING}:{name}", **how)) as adapter:
        reply = asked(adapter)
        assert reply.status == "error", reply
        return json.loads(reply.message.removeprefix("ValueError: ")), adapter.holds


def where(holds, promise):
    """Skip where the system does not grant it: docs/sandbox.md says where."""
    if promise not in holds:
        pytest.skip(f"this system does not grant: {promise}")


@pytest.mark.parametrize("name", ["the_oracle_by_name", "the_suite_by_name", "the_oracle_by_path"])
def test_what_asks_for_the_judges_answers_is_told_so(name):
    with contextlib.closing(open_adapter(f"{REACHING}:{name}")) as adapter:
        reply = asked(adapter)

    assert reply.status == "malformed"
    assert reply.message.startswith("it tried to ")
    assert reply.message.endswith(FORBIDDEN)


@pytest.mark.parametrize(
    "program",
    [
        "import assay.oracle",
        "from assay.oracle import softmax",
        "try:\n    import assay.conformance\nexcept ImportError: pass",
    ],
)
def test_an_adapter_that_imports_them_is_not_loaded(tmp_path, program):
    file = tmp_path / "mine.py"
    file.write_text(f"{program}\n\ndef softmax(x):\n    return x\n", encoding="utf-8")

    with pytest.raises(AdapterError, match=FORBIDDEN):
        open_adapter(str(file))


def test_its_environment_does_not_tell_and_its_temporary_folder_is_its_own(monkeypatch):
    monkeypatch.setenv("ASSAY_SECRET", "1")
    (telling, others, folder), _ = reached("the_environment")

    assert (telling, others) == ([], True)
    assert not Path(folder).exists()  # it has gone with the worker


def test_sealed_it_reaches_no_network_and_writes_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("LEFT", str(tmp_path))
    assert reached("the_network")[0] == "reached"
    assert reached("the_home")[0][0] == str(tmp_path)
    (tmp_path / "left_behind").unlink()
    try:
        found, holds = reached("the_network", sandbox=True)
    except AdapterError as error:
        pytest.skip(str(error))

    assert set(SEALED) <= set(holds)
    assert found.startswith(("PermissionError", "OSError"))
    assert len(reached("the_home", sandbox=True)[0]) == 1
    assert not list(tmp_path.iterdir())


def test_what_is_sealed_must_have_a_process():
    with pytest.raises(AdapterError, match="leave out --in-process"):
        open_adapter(f"{REACHING}:the_home", sandbox=True, in_process=True)


def gone(pid, within=10.0):
    """Wait for a process to end; say whether it has."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # it has ended, and nobody here has asked how
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process may leave the session")
def test_what_it_leaves_behind_ends_with_it():
    pid, holds = reached("another_session")
    where(holds, "the judge's files cannot be read")

    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_outlives_a_judge_that_is_killed():
    program = (
        "import os, sys, assay.adapters as a\n"
        f"adapter = a.open_adapter({REACHING!r} + ':the_home')\n"
        "print(adapter._process._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    judge = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with judge:
        worker = int(judge.stdout.readline())
        os.kill(worker, 19)  # SIGSTOP: it can do nothing for itself, as one that hangs in native code
        judge.kill()

    assert gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="nobody says how much memory a process has")
def test_what_takes_too_much_memory_is_ended():
    with contextlib.closing(open_adapter(f"{REACHING}:much_memory", limit=2**29)) as adapter:
        reply = asked(adapter)

    assert (reply.status, reply.killed) == ("died", True)
    assert "512 MiB are allowed (--limit)" in reply.message


def test_what_ends_again_and_again_is_not_judged_for_ever():
    with contextlib.closing(open_adapter(f"{REACHING}:its_own_end", timeout=0.01)) as adapter:
        replies = [asked(adapter) for _ in range(20)]

    assert replies[0].status in ("died", "timeout")
    assert replies[-1].status == "unsupported"
    assert replies[-1].message.startswith("not judged: it has crashed or hung for ")


def as_nobody(command):
    """Run a command as the user who has no rights."""
    return subprocess.run(command, user=65534, group=65534, cwd="/", capture_output=True, text=True, timeout=60)


def may_run(program, *arguments):
    """Say whether nobody may run a program, and read what it is given."""
    try:
        return as_nobody([program, *(arguments or ["--version"])]).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_without_privileges_it_holds_as_well():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import subprocess\n"
        "import confinement; folder = confinement.hidden_from('')[0]\n"
        "made = confinement.Confined(['/bin/ls', folder], [folder], True, subprocess.DEVNULL)\n"
        "print(made.process.communicate()[0].decode().split(), *made.holds, sep=';'); made.end()\n"
    )
    folder = Path(sys.modules["assay.adapters"].__file__).parent
    python = next((each for each in (sys._base_executable, "/usr/bin/python3") if may_run(each)), None)
    if python is None or not may_run("/bin/ls", str(folder / "confinement" / "enter.py")):
        pytest.skip("nobody may not run Python, or read these files")
    done = as_nobody([python, "-c", program, str(folder)])
    assert done.returncode == 0, done.stderr

    seen, *holds = done.stdout.strip().split(";")
    where(holds, SEALED[0])
    assert seen == "[]"
    assert set(SEALED) <= set(holds)


def test_a_program_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(AdapterError, match="cannot be run: No such file or directory"):
        WorkerAdapter(["./no-such-program"], "exec:./no-such-program", 1.0)


def test_where_no_thread_can_be_started_nothing_stays(monkeypatch):
    started = []
    monkeypatch.setattr(process, "_first_to_go", started.append)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(AdapterError, match="cannot be run: can't start new thread"):
        open_adapter(f"{REACHING}:the_home")

    assert gone(*started)


def refuse(thread):
    """Start no thread, as a system that has no more."""
    raise RuntimeError("can't start new thread")


def test_its_own_variants_are_judged_like_any_other():
    with contextlib.closing(open_adapter("assay.conformance.variants:softmax_plain")) as adapter:
        assert asked(adapter).status == "ok"


def test_a_state_in_which_every_call_fails_ends_with_the_process(tmp_path):
    program = (
        "import numpy as np\nlost = False\n\ndef softmax(x):\n    global lost\n    lost = lost or x.size == 5\n"
        "    if lost:\n        raise RuntimeError('the device is lost')\n    return x\n"
    )
    with opened(tmp_path, program) as adapter:
        statuses = answers(adapter, [2, 5, 2, 2, 5, 5, 2])

    # The error itself is told each time; what follows from it is not.
    assert statuses == ["ok", "error", "ok", "ok", "error", "error", "ok"]


def test_an_error_that_hangs_on_no_state_is_told_each_time(tmp_path):
    program = "def softmax(x):\n    if x.size > 2:\n        raise RuntimeError('too large')\n    return x\n"
    with opened(tmp_path, program) as adapter:
        assert answers(adapter, [2, 5, 5, 2, 5, 5]) == ["ok", "error", "error", "ok", "error", "error"]


@pytest.mark.skipif(os.name != "posix", reason="a file that is open cannot be cut there")
def test_a_flood_of_output_does_not_fill_the_disk(tmp_path):
    program = (
        "import os, time\n\ndef softmax(x):\n    for _ in range(80):\n        os.write(2, b'x' * 2**20)\n"
        "        time.sleep(0.003)\n    time.sleep(0.2)\n    return x\n"
    )
    with opened(tmp_path, program) as adapter:
        assert asked(adapter).status == "ok"
        assert os.fstat(adapter._process._errors.fileno()).st_size < 2**26
